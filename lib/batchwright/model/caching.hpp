// What prompt caches do for a job's cost: what its prompts have in common, and which route that makes the cheaper one.
// Values only.
#pragma once

#include <batchwright/model/money.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <string>

namespace batchwright {

/// Providers cache prompts of so many tokens and more, by their beginnings, in steps of so many.
inline constexpr std::int64_t least_cached = 1024;
inline constexpr std::int64_t step_of_cached = 128;

/// What of such a beginning is cached: nothing, or whole steps.
constexpr Tokens cacheable(Tokens beginning)
{
  return {beginning.n < least_cached ? 0 : beginning.n / step_of_cached * step_of_cached};
}

/// The dearest that a cache does: it holds nothing of these requests yet, and all of them is written to it.
constexpr CacheUse all_written(Tokens input, std::uint64_t requests, Tokens largest)
{
  const auto n = static_cast<std::int64_t>(requests);
  const bool is_short = n == 0 || (input.n / n < least_cached && largest.n < least_cached);
  return {.written = is_short ? Tokens{} : input};
}

/// What the prompts to a model have in common, by our estimate of a sample of them.
struct SharedPrompt {
  Tokens beginning = {};
  Tokens end = {};       ///< beside the beginning
  bool has_keys = false; ///< each names a `prompt_cache_key`

  bool operator==(const SharedPrompt&) const = default;
};

/// What the same work costs on both routes, and what caches have to do with it.
struct RouteCosts {
  PicoUsd live = {};
  PicoUsd batch = {};
  Tokens input = {};           ///< of a request, on average
  Tokens cached_live = {};     ///< of that
  Tokens cached_batch = {};    ///< the same in batches, where their answers told
  bool batch_discounts = true; ///< whether batches have a cached price
  std::string model = {};      ///< empty: several

  /// By a cent and a hundredth at least.
  bool is_live_cheaper() const
  {
    constexpr std::int64_t cent = 10'000'000'000;
    const auto less = batch - live;
    return less.n >= cent && less.n >= batch.n / 100;
  }
};

/// How a job's prompts could be cached better.
struct CacheHint {
  enum class What : std::uint8_t {
    order, ///< what all requests have at their end would be cached at their beginning
    key    ///< requests that begin alike name no `prompt_cache_key`
  };
  What what = What::order;
  Tokens shared = {};  ///< of a request
  PicoUsd saving = {}; ///< what caching is expected to take off the cost
  Route route = Route::realtime;
  bool is_ready_made = false;

  bool operator==(const CacheHint&) const = default;
};

} // namespace batchwright
