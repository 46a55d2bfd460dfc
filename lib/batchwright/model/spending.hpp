// What answers used and cost, as it is accounted for: summed by part, day and service tier.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright {

/// The tier of answers that name none.
inline constexpr std::string_view usual_tier = "default";

/// What the answers of one part, day and tier come to, those that are of no use or were sent again included.
struct Spending {
  int part = 0;
  Instant day = {};      ///< its begin, UTC: the day on which the answers were made, as they say themselves
  std::string tier = {}; ///< as the answers name it
  std::uint64_t items = 0;
  std::uint64_t requests = 0; ///< they came in; 0, of what an older version settled: not known
  Usage usage = {};
  std::optional<PicoUsd> cost = {};     ///< on the route it took; nothing: no price is known
  std::optional<PicoUsd> realtime = {}; ///< the same work in real time, at the usual tier

  bool operator==(const Spending&) const = default;
};

/// The begin of a moment's day, UTC.
inline Instant day_of(Instant t)
{
  return std::chrono::floor<std::chrono::days>(t);
}

/// One line of a job's account: what was used on a day, on a route, at a tier, of a model.
struct CostRow {
  Instant day = {};
  Route route = Route::batch;
  std::string tier = {};
  std::string model = {};
  std::uint64_t items = 0;
  Usage usage = {};
  std::optional<PicoUsd> cost = {};

  bool operator==(const CostRow&) const = default;
};

/// What a job was expected to cost, and what it cost so far.
struct CostView {
  std::string job = {};
  std::optional<PicoUsd> estimated = {};
  std::optional<PicoUsd> estimated_low = {};  ///< it was believed to be no less,
  std::optional<PicoUsd> estimated_high = {}; ///< and no more
  std::optional<PicoUsd> spent = {};          ///< the rows' sum; nothing: a price is not known
  std::optional<PicoUsd> realtime = {};       ///< the same work, all in real time
  std::optional<PicoUsd> billed_again = {};
  std::string prices_as_of = {};  ///< of the table
  bool has_given_price = false;   ///< the user told the price
  std::vector<CostRow> rows = {}; ///< by day, then route, tier and model

  std::optional<PicoUsd> saved() const { return spent && realtime ? std::optional{*realtime - *spent} : std::nullopt; }
};

} // namespace batchwright
