// Options that take a number: what is wrong with one is said in a sentence, with the option and what it takes.
#pragma once

#include <CLI/CLI.hpp>

#include <cstdint>
#include <limits>
#include <string>

namespace app {

/// What a number may be.
struct WholeNumber {
  std::uint64_t least = 1;
  std::uint64_t most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  std::string why = {};  ///< no more than that; empty: nothing more to say
  std::string hint = {}; ///< empty: none
};

/// Refuses what is no whole number within the bounds: throws `Fault::usage` naming the option. A check of the option,
/// so that a default out of the configuration meets it, too.
CLI::Validator whole_number(const std::string& option, const WholeNumber& allowed = {});

} // namespace app
