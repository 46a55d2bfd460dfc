// Which of a numbered row of events a rule is about. Chance is never drawn: it follows from a number and a salt.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// Picks some of a numbered row of events (the first is 1): those that any of its members names. Without any member set
/// it picks all of them; in a file, an empty list and 0 are refused, since they look as if they picked nothing.
struct Which {
  std::vector<std::int64_t> nth = {}; ///< exactly these
  std::int64_t every = 0;             ///< each Nth: 2 picks 2, 4, 6
  std::int64_t first = 0;             ///< the first N
  double probability = 0;             ///< those whose chance_of(salt, n) is below it

  bool picks(std::int64_t n, std::uint64_t salt = 0) const;
};

/// The salt of one rule of the faults: mixed(seed ^ fnv1a(list)) + place, where `list` is the key of its list in the
/// file, and `place` where it stands there, from 1.
std::uint64_t salt_of(std::uint64_t seed, std::string_view list, std::size_t place);

/// The first of some rules that picks event `n` by its member `which`, and of which `also` is true.
template<class Rule, class Also>
std::optional<Rule> rule_for(const std::vector<Rule>& rules, Which Rule::*which, std::uint64_t seed,
                             std::string_view list, std::int64_t n, Also also)
{
  for (std::size_t i = 0; i < rules.size(); ++i)
    if ((rules[i].*which).picks(n, salt_of(seed, list, i + 1)) && also(rules[i])) return rules[i];
  return std::nullopt;
}

/// From 0 to below 1: the upper 53 bits of mixed(salt ^ mixed(n)) (hash.hpp) as a fraction.
double chance_of(std::uint64_t salt, std::uint64_t n);

} // namespace batchwright::emulator
