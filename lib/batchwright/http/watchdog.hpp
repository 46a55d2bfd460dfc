// Ends exchanges that last too long. Sockets have a timeout between two signs of life, but none for the whole, and a
// server that drips a byte a second would never end. One thread looks after all exchanges and shuts the sockets of
// those past their deadline, or of all once the user asked twice to stop; whoever waits on such a socket then wakes up.
#pragma once

#include <batchwright/base/interrupt.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

namespace batchwright::http {

using Deadline = std::chrono::steady_clock::time_point;

class Watchdog {
public:
  /// Why a socket was shut.
  enum class Reason : std::uint8_t {
    none,
    deadline,
    interrupted
  };

  /// `interrupt` outlives the watchdog.
  explicit Watchdog(const Interrupt& interrupt);
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog();

  /// Looks after one socket as long as it lives. It must go before the socket is closed: the number may then belong to
  /// another file.
  class Watch {
  public:
    Watch(Watchdog& dog, int socket, Deadline deadline);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

    Reason reason() const noexcept { return m_reason; }

  private:
    friend class Watchdog;
    void shut(Reason reason);

    Watchdog& m_dog;
    const int m_socket;
    std::atomic<Reason> m_reason{Reason::none};
    std::multimap<Deadline, Watch*>::iterator m_place;
  };

private:
  void run();
  /// Shuts what is due; the moment to look again.
  Deadline look();

  const Interrupt& m_interrupt;
  std::mutex m_mutex;
  std::condition_variable m_changed;
  std::multimap<Deadline, Watch*> m_open; // those not shut: with thousands, only the first are looked at
  bool m_ending = false;
  std::thread m_thread;
};

} // namespace batchwright::http
