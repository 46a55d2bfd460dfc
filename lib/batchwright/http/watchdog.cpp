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
    if (m_open.empty()) {
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
  while (!m_open.empty() && (interrupted || m_open.begin()->first <= now)) {
    m_open.begin()->second->shut(interrupted ? Reason::interrupted : Reason::deadline);
    m_open.erase(m_open.begin());
  }
  return m_open.empty() ? now + look_every : std::min(now + look_every, m_open.begin()->first);
}

Watchdog::Watch::Watch(Watchdog& dog, int socket, Deadline deadline) : m_dog(dog), m_socket(socket)
{
  const std::lock_guard lock{m_dog.m_mutex};
  m_place = m_dog.m_open.emplace(deadline, this);
  // With others watched, the thread looks soon anyway; waking it for each exchange would cost more than the exchange.
  if (m_dog.m_open.size() == 1) m_dog.m_changed.notify_one();
}

Watchdog::Watch::~Watch()
{
  const std::lock_guard lock{m_dog.m_mutex};
  if (m_reason == Reason::none) m_dog.m_open.erase(m_place);
}

void Watchdog::Watch::shut(Reason reason)
{
  m_reason = reason;
  // Not close(): the number stays taken until the owner lets go of it. Both sides wake up with an error or an end.
  ::shutdown(m_socket, SHUT_RDWR);
}

} // namespace batchwright::http
