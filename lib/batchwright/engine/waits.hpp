// Inside the room: waits that grow, and times that hold though a clock was ahead when they were recorded: no wait
// becomes more than twice as long for it.
#pragma once

#include <batchwright/base/clock.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

namespace batchwright::engine {

/// `first`, times `factor` with each step, up to the ceiling.
inline Millis growing(Millis first, double factor, int steps, Millis ceiling)
{
  const auto grown = static_cast<double>(first.count()) * std::pow(factor, std::clamp(steps, 0, 60));
  return std::min(ceiling, Millis{static_cast<std::int64_t>(std::min(grown, 1e12))});
}

/// Whether something was less than so long ago. A moment in the future is taken as now; one that is further off than
/// `span` tells nothing.
inline bool is_within(const std::optional<Instant>& then, Millis span, Instant now)
{
  return then && now - span < *then && *then < now + span;
}

/// Since when something goes on that goes on now: as recorded, and where that lies in the future, from now on.
inline Instant going_on_since(const std::optional<Instant>& recorded, Instant now)
{
  return std::min(recorded.value_or(now), now);
}

} // namespace batchwright::engine
