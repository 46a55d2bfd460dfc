#include <batchwright/realtime/share.hpp>

#include <algorithm>

namespace batchwright::realtime {
namespace {

constexpr std::chrono::seconds fresh{15};

double part_wanted(std::optional<double> rate, double limit)
{
  if (!rate || limit <= 0) return 1;
  return std::clamp(*rate / limit, 0.0, 1.0);
}

} // namespace

double fair_share(std::optional<double> mine, const std::vector<Want>& others, double limit, Instant now)
{
  const double my_part = part_wanted(mine, limit);
  std::vector<double> parts{my_part};
  for (const auto& other : others) {
    if (std::chrono::abs(other.at - now) <= fresh) parts.push_back(part_wanted(other.rate, limit));
  }
  std::sort(parts.begin(), parts.end());

  // From the most modest up: each may have an even part of what is left, and leaves what it does not want.
  double left = 1;
  double level = 0;
  auto sharing = static_cast<double>(parts.size());
  for (const double part : parts) {
    level = left / sharing--;
    left -= std::min(part, level);
  }
  return std::min(my_part, level) + left / static_cast<double>(parts.size());
}

} // namespace batchwright::realtime
