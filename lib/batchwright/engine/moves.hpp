// Inside the room: a part goes from state to state by the table alone.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/model/part.hpp>

namespace batchwright::engine {

/// Throws `Fault::bug` where the table knows no such step.
inline void move(Part& part, PartEvent event)
{
  const auto to = next(part.route, part.state, event);
  ensure(to.has_value(), "a part goes only where its life's table leads");
  part.state = *to;
}

} // namespace batchwright::engine
