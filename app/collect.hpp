// Bringing home what comes without sending: the same for `fetch` and `cancel`.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <string>

namespace app {

class Session;

/// What to do while another process holds the job.
enum class WhileHeld : std::uint8_t {
  look, ///< say how it stands
  wait, ///< watch the store until it is done or free
};

/// Moves the job as the goal says, where there is anything to move and nobody else does it. A job that is done needs
/// neither lock nor key nor network; where answers may still come for batches of it that were given up, those are asked
/// for, and no answer is only a warning.
batchwright::JobView collect(const std::string& job, const batchwright::engine::Goal& goal, WhileHeld held,
                             Session& session);

} // namespace app
