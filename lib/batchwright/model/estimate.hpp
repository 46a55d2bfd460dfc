// What work is expected to come to, before it is done, and how sure that is. Values only.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>

namespace batchwright {

/// What the length of answers is taken from.
enum class Basis : std::uint8_t {
  none,    ///< they have no output tokens
  assumed, ///< nothing is known
  bound,   ///< each is taken to be as long as it may
  answers  ///< as earlier ones of the prompt were
};

struct Estimate {
  Basis basis = Basis::none;
  std::uint64_t answers = 0; ///< of the prompt, that were seen before
  Tokens input = {};
  Tokens output = {};
  std::optional<Tokens> usual = {};  ///< of one answer: what 99 of 100 stay below; nothing: not known
  std::optional<PicoUsd> cost = {};  ///< by the routes that are asked for; nothing: a price is not known
  std::optional<PicoUsd> low = {};   ///< it is believed to be no less,
  std::optional<PicoUsd> high = {};  ///< and no more
  std::optional<PicoUsd> worst = {}; ///< every answer as long as it may be, and on the dearest route that the job may
                                     ///< take; nothing: nothing bounds it
};

/// How often a queue of so many tokens is filled until all of some work went through.
struct Fills {
  std::int64_t limit = 0;  ///< tokens that may wait at the server at once
  std::int64_t tokens = 0; ///< of the work

  std::int64_t count() const { return limit > 0 ? (tokens + limit - 1) / limit : 0; }
  /// Of one: from what batches often take to what they take at most.
  static constexpr Millis soonest{7'200'000};
  static constexpr Millis latest{86'400'000};
};

} // namespace batchwright
