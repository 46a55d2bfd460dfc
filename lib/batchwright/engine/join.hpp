// Children are gathered: what several parts leave goes on in one part, not in many small ones. Pure but for join.cpp's
// effect. Comes in: a job's parts. Goes out: how long a child waits for others, and with which it is joined.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <optional>
#include <set>
#include <vector>

namespace batchwright::engine {

/// How long the first child of a kind waits for what others may leave.
inline constexpr Millis longest_gathering{1'800'000};

/// Until when a child that is not built yet waits for others of its kind: as long as a part runs that may leave some,
/// or one of them has to wait, but no longer than `longest_gathering` from the first one's birth. Nothing: for none.
std::optional<Instant> gathers_until(const Part& child, const std::vector<Part>& parts);

/// The other children that are joined with this one, by their numbers: of equal attempt, overrides, model, endpoint and
/// size of packs, as many as one part may hold. `taken`: those that are not to be had.
std::vector<int> company(const Part& child, const std::vector<Part>& parts, const PartLimits& limits,
                         const std::set<int>& taken);

} // namespace batchwright::engine
