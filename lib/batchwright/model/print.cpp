#include <batchwright/model/print.hpp>

#include <fmt/format.h>

#include <cstdint>

namespace batchwright {

std::string exact_usd(PicoUsd money)
{
  constexpr std::uint64_t pico_per_usd = 1'000'000'000'000;
  const bool negative = money.n < 0;
  // Negated as an unsigned number, since the lowest value has no positive counterpart.
  const auto pico = negative ? 0 - static_cast<std::uint64_t>(money.n) : static_cast<std::uint64_t>(money.n);

  std::string digits = fmt::format("{}{}", negative ? "-" : "", pico / pico_per_usd);
  if (const auto rest = pico % pico_per_usd; rest != 0) {
    digits += fmt::format(".{:012}", rest);
    digits.erase(digits.find_last_not_of('0') + 1);
  }
  return digits;
}

} // namespace batchwright
