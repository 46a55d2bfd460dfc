#include <batchwright/requests/repeated_ids.hpp>

#include <algorithm>

namespace batchwright::requests {

std::vector<RepeatedIds::Pair> RepeatedIds::pairs()
{
  std::sort(m_seen.begin(), m_seen.end());
  std::vector<Pair> found;
  const Seen* first = nullptr;
  for (const auto& seen : m_seen) {
    if (first != nullptr && first->high == seen.high && first->low == seen.low)
      found.push_back({seen.line, first->line});
    else
      first = &seen;
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return found;
}

} // namespace batchwright::requests
