#include <batchwright/http/pool.hpp>

#include <utility>

namespace batchwright::http {
namespace {

// The shortest keep-alive times of common servers are 2 and 5 seconds.
constexpr std::chrono::milliseconds fresh_enough_to_post{1'500};

} // namespace

std::unique_ptr<Connection> Pool::take(Method method)
{
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock{m_mutex};
  while (!m_idle.empty()) {
    if (method == Method::post && now - m_idle.back().since > fresh_enough_to_post) return nullptr;
    auto connection = std::move(m_idle.back().connection);
    m_idle.pop_back();
    if (!connection->has_news()) return connection;
  }
  return nullptr;
}

void Pool::put(std::unique_ptr<Connection> connection)
{
  const std::lock_guard lock{m_mutex};
  m_idle.push_back({std::move(connection), std::chrono::steady_clock::now()});
}

} // namespace batchwright::http
