// Parts of a whole as users write them: "50%", "0.1%", or a plain number of items.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace batchwright {

/// A bound on how many of a number of items: a count, or a share of them.
struct Allowance {
  std::uint64_t items = 0;      ///< where it is a count
  std::uint64_t millionths = 0; ///< of a percent, where it is a share: 0.1% is 100,000
  bool is_share = false;

  /// Whether `n` of `whole` are within it.
  constexpr bool covers(std::uint64_t n, std::uint64_t whole) const
  {
    if (!is_share) return n <= items;
    // 64 bits hold 10^11 items here: far more than a job has.
    return n * 100'000'000 <= whole * millionths;
  }

  bool operator==(const Allowance&) const = default;
};

/// "5", "0.1%", "50%": digits, at most six of them behind the point, no more than 100%. Nothing for other texts.
std::optional<Allowance> parse_allowance(std::string_view text);

/// "0.1" and "10%" alike, in millionths of the whole: digits, at most six of them behind the point, no more than all of
/// it. Nothing for other texts.
std::optional<std::uint64_t> parse_share(std::string_view text);

} // namespace batchwright
