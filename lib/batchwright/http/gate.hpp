// Lets so many in at a time. Handshakes are work for both sides: thousands that begin at once would each take longer
// than a handshake may, and all that work would be for nothing.
#pragma once

#include <batchwright/base/interrupt.hpp>
#include <batchwright/http/watchdog.hpp>

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace batchwright::http {

/// Safe from many threads.
class Gate {
public:
  /// `interrupt` outlives the gate.
  Gate(std::size_t places, const Interrupt& interrupt) : m_free(places), m_interrupt(interrupt) {}

  /// A place inside, as long as it lives.
  class Pass {
  public:
    /// Waits for one. Throws Broken where the deadline comes first, or the user asked twice to stop.
    Pass(Gate& gate, Deadline deadline) : m_gate(gate) { m_gate.enter(deadline); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass() { m_gate.leave(); }

  private:
    Gate& m_gate;
  };

private:
  void enter(Deadline deadline);
  void leave();

  std::mutex m_mutex;
  std::condition_variable m_left;
  std::size_t m_free;
  const Interrupt& m_interrupt;
};

} // namespace batchwright::http
