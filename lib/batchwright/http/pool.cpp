#include <batchwright/http/pool.hpp>

#include <time.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace batchwright::http {
namespace {

// The shortest keep-alive times of common servers are 2 and 5 seconds.
constexpr std::chrono::milliseconds fresh_enough_to_post{1'500};

} // namespace

Uptime uptime()
{
  // The steady clock stands still while the machine sleeps.
  timespec time = {};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

std::unique_ptr<Connection> Pool::take(Method method)
{
  std::vector<Idle> old;
  const std::lock_guard lock{m_mutex};
  const auto now = m_now();
  old = take_old(now);
  while (!m_idle.empty()) {
    if (method == Method::post && now - m_idle.back().since > fresh_enough_to_post) return nullptr;
    auto last = std::move(m_idle.back());
    m_idle.pop_back();
    if (!last.connection->has_news()) return std::move(last.connection);
    old.push_back(std::move(last));
  }
  return nullptr;
}

void Pool::put(std::unique_ptr<Connection> connection)
{
  std::vector<Idle> old;
  const std::lock_guard lock{m_mutex};
  const auto now = m_now();
  m_idle.push_back({std::move(connection), now});
  old = take_old(now);
}

std::vector<Pool::Idle> Pool::take_old(Uptime now)
{
  const auto is_young = [now](const Idle& idle) { return now - idle.since <= longest_idle; };
  const auto surplus = static_cast<std::ptrdiff_t>(m_idle.size() - std::min(m_idle.size(), m_most_idle));
  const auto first_kept = std::find_if(m_idle.begin() + surplus, m_idle.end(), is_young);
  std::vector<Idle> old{std::make_move_iterator(m_idle.begin()), std::make_move_iterator(first_kept)};
  m_idle.erase(m_idle.begin(), first_kept);
  return old;
}

} // namespace batchwright::http
