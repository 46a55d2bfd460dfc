// Ends exchanges that last too long. Sockets have a timeout between two signs of life, but none for the whole, and a
// server that drips a byte a second would never end. One thread looks after all exchanges and shuts the sockets of
// those past their deadline, or of all once the user asked twice to stop; whoever waits on such a socket then wakes up.
#pragma once

#include <batchwright/base/interrupt.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
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

    Reason reason() const;

  private:
    friend class Watchdog;
    struct Entry {
      int socket = -1;
      Deadline deadline = {};
      Reason reason = Reason::none;
    };
    Watchdog& m_dog;
    std::list<Entry>::iterator m_entry;
  };

private:
  void run();
  /// Shuts what is due; the moment to look again.
  Deadline look();

  const Interrupt& m_interrupt;
  mutable std::mutex m_mutex;
  std::condition_variable m_changed;
  std::list<Watch::Entry> m_entries;
  bool m_ending = false;
  std::thread m_thread;
};

} // namespace batchwright::http
