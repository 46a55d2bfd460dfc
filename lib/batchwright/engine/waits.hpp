// Inside the room: waits that grow.
#pragma once

#include <batchwright/base/clock.hpp>

#include <algorithm>
#include <cmath>

namespace batchwright::engine {

/// `first`, times `factor` with each step, up to the ceiling.
inline Millis growing(Millis first, double factor, int steps, Millis ceiling)
{
  const auto grown = static_cast<double>(first.count()) * std::pow(factor, std::clamp(steps, 0, 60));
  return std::min(ceiling, Millis{static_cast<std::int64_t>(std::min(grown, 1e12))});
}

} // namespace batchwright::engine
