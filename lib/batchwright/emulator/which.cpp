#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/which.hpp>

#include <algorithm>

namespace batchwright::emulator {

bool Which::picks(std::int64_t n, std::uint64_t salt) const
{
  if (nth.empty() && every == 0 && first == 0 && probability == 0) return true;
  if (std::find(nth.begin(), nth.end(), n) != nth.end() || (every > 0 && n % every == 0) || n <= first) return true;
  return probability > 0 && chance_of(salt, static_cast<std::uint64_t>(n)) < probability;
}

std::uint64_t salt_of(std::uint64_t seed, std::string_view list, std::size_t place)
{
  return mixed(seed ^ fnv1a(list)) + place;
}

double chance_of(std::uint64_t salt, std::uint64_t n)
{
  constexpr double unit = 1.0 / 9007199254740992.0; // 2^-53: the mantissa of a double
  return static_cast<double>(mixed(salt ^ mixed(n)) >> 11) * unit;
}

} // namespace batchwright::emulator
