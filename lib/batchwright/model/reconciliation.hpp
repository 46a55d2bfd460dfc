// Our account beside the provider's own figures, as values.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright {

/// What one side says was used.
struct Used {
  std::optional<std::int64_t> requests = 0; ///< nothing: of packs of which only the items are known
  Tokens input = {};
  Tokens output = {};

  Used& operator+=(const Used& more)
  {
    requests = requests && more.requests ? std::optional{*requests + *more.requests} : std::nullopt;
    input += more.input;
    output += more.output;
    return *this;
  }
  bool operator==(const Used&) const = default;
};

/// What comes of comparing a row.
enum class Comparison : std::uint8_t {
  equal,        ///< as far as both sides know
  more,         ///< the provider counts more: other traffic of the organisation, or work that is not accounted for here
  another_day,  ///< fewer that day, but not with the day before and the day after
  lost_answers, ///< every token, but fewer requests in real time: answers that got lost, which we count as billed
  not_reported, ///< fewer today: the provider tells it late
  fewer,        ///< the provider does not know of all that we account for
};

std::string_view name(Comparison comparison);

/// A day's work of a model on a route, as both sides tell it.
struct ReconciledRow {
  Instant day = {};               ///< its begin, UTC
  std::string model = {};         ///< without the date of a snapshot
  std::optional<bool> batch = {}; ///< nothing: both routes together, where the provider does not tell them apart
  Used ours = {};
  Used provider = {};
  Comparison comparison = Comparison::equal;
  bool holds_others = false; ///< `ours` is of other jobs, too, than the one that was asked for

  bool operator==(const ReconciledRow&) const = default;
};

struct Reconciliation {
  std::vector<ReconciledRow> rows = {}; ///< by day, then model and route
  std::uint64_t not_compared = 0;       ///< items of endpoints whose usage is not compared

  bool has(Comparison c) const
  {
    return std::any_of(rows.begin(), rows.end(), [c](const ReconciledRow& r) { return r.comparison == c; });
  }
};

} // namespace batchwright
