// Strings that match a simple regular expression.
// In: a `pattern` of a JSON schema. Out: what to put at each place, or nothing where the pattern is beyond this: it
// knows
// `^` and `$` at the ends, plain ASCII characters, `\d \w \s` and escaped signs, `.`, classes such as `[A-Z0-9_-]`, and
// the quantifiers `? * + {n} {n,} {n,m}`, of which it takes the least. Never: groups, alternatives, negated classes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// So many characters, each one of these.
struct PatternPiece {
  std::string choices = {};
  std::size_t count = 1;
};

std::optional<std::vector<PatternPiece>> pieces_of(std::string_view pattern);

} // namespace batchwright::emulator
