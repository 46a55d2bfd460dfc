// Processes of one state root that send to the same model of an account divide its limit among themselves: each tells
// what it wants, and each works out its own part from what all tell. Pure.
#pragma once

#include <batchwright/base/clock.hpp>

#include <optional>
#include <vector>

namespace batchwright::realtime {

/// What another process would send a minute; nothing: as much as it can.
struct Want {
  std::optional<double> rate = {};
  Instant at = {}; ///< when it said so
};

/// My part of `limit`, from 0 to 1. Max-min fair: who wants little gets it, the others divide the rest evenly. What
/// nobody wants is divided evenly too, so that each may grow; the parts of all are 1 together. A word more than 15 s
/// away from `now`, before or after, is of no process that lives, and does not count.
double fair_share(std::optional<double> mine, const std::vector<Want>& others, double limit, Instant now);

} // namespace batchwright::realtime
