#include <batchwright/emulator/http_faults.hpp>
#include <batchwright/emulator/reply.hpp>

namespace batchwright::emulator {

const HttpFault* HttpFaults::strike(std::string_view method, std::string_view path)
{
  const std::lock_guard lock{m_mutex};
  const HttpFault* struck = nullptr;
  for (std::size_t i = 0; i < m_rules.size(); ++i) {
    const auto& rule = m_rules[i];
    if (!rule.method.empty() && rule.method != method) continue;
    if (!rule.path.empty() && !path_matches(rule.path, path)) continue;
    const auto count = ++m_counts[i];
    if (!struck && rule.calls.picks(count)) struck = &rule;
  }
  return struck;
}

} // namespace batchwright::emulator
