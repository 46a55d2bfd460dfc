#include <batchwright/http/connection.hpp>
#include <batchwright/http/gate.hpp>

#include <algorithm>
#include <chrono>

namespace batchwright::http {

void Gate::enter(Deadline deadline)
{
  // An interrupt wakes nobody. It ends those inside, though, whose going wakes the first who waits, and that one the
  // next; only where nobody goes is it asked this often: for thousands, more often costs more than what they wait for.
  constexpr std::chrono::milliseconds look_every{1'000};
  std::unique_lock lock{m_mutex};
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    if (m_interrupt.count() > 1) {
      m_left.notify_one();
      throw Broken{Broken::How::failed, "interrupted"};
    }
    if (m_free > 0) break;
    if (now >= deadline) throw Broken{Broken::How::timed_out, "its turn to connect did not come in time"};
    m_left.wait_until(lock, std::min(deadline, now + look_every));
  }
  --m_free;
}

void Gate::leave()
{
  {
    const std::lock_guard lock{m_mutex};
    ++m_free;
  }
  m_left.notify_one();
}

} // namespace batchwright::http
