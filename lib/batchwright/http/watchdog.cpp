#include <batchwright/http/watchdog.hpp>

#include <sys/socket.h>

#include <algorithm>

namespace batchwright::http {
namespace {

// An interrupt cannot wake the thread (a signal handler may only count), so it is asked this often.
constexpr std::chrono::milliseconds look_every{100};

} // namespace

Watchdog::Watchdog(const Interrupt& interrupt) : m_interrupt(interrupt), m_thread([this] { run(); }) {}

Watchdog::~Watchdog()
{
  {
    const std::lock_guard lock{m_mutex};
    m_ending = true;
  }
  m_changed.notify_one();
  m_thread.join();
}

void Watchdog::run()
{
  std::unique_lock lock{m_mutex};
  while (!m_ending) {
    if (m_entries.empty()) {
      m_changed.wait(lock);
    } else {
      m_changed.wait_until(lock, look());
    }
  }
}

Deadline Watchdog::look()
{
  const auto now = std::chrono::steady_clock::now();
  const bool interrupted = m_interrupt.count() > 1;
  auto next = now + look_every;
  for (auto& entry : m_entries) {
    if (entry.reason != Reason::none) continue;
    if (interrupted || entry.deadline <= now) {
      entry.reason = interrupted ? Reason::interrupted : Reason::deadline;
      // Not close(): the number stays taken until the owner lets go of it. Both sides wake up with an error or an end.
      ::shutdown(entry.socket, SHUT_RDWR);
    } else {
      next = std::min(next, entry.deadline);
    }
  }
  return next;
}

Watchdog::Watch::Watch(Watchdog& dog, int socket, Deadline deadline) : m_dog(dog)
{
  const std::lock_guard lock{m_dog.m_mutex};
  m_entry = m_dog.m_entries.insert(m_dog.m_entries.end(), Entry{socket, deadline});
  // With others watched, the thread looks soon anyway; waking it for each exchange would cost more than the exchange.
  if (m_dog.m_entries.size() == 1) m_dog.m_changed.notify_one();
}

Watchdog::Watch::~Watch()
{
  const std::lock_guard lock{m_dog.m_mutex};
  m_dog.m_entries.erase(m_entry);
}

Watchdog::Reason Watchdog::Watch::reason() const
{
  const std::lock_guard lock{m_dog.m_mutex};
  return m_entry->reason;
}

} // namespace batchwright::http
