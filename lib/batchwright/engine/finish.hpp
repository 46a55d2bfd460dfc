// A job finished by hand: what batches have not done goes in real time now. Comes in: a job. Goes out: what that comes
// to, and, once the user consents, one commit that makes it so. Sends nothing: the next advance does.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::engine {

/// What finishing a job in real time comes to.
struct Finish {
  std::string job = {};
  std::uint64_t items = 0;          ///< without an answer, as far as is known
  std::uint64_t batches = 0;        ///< that are asked to stop
  std::optional<PicoUsd> cost = {}; ///< of those items, in real time; nothing: the price is not known
  std::string takes = {};           ///< how long, and by which limit
};

/// What is left of the job. Throws `Fault::usage` for an unknown job, one that may not send yet, or one whose input is
/// not known; `Fault::unfinished` while it is being cancelled.
Finish plan_finish(Tools& tools, const std::string& job);

/// The same of a job as it is shown, where finishing is worth an offer: its batches run, and no time is set at which
/// they are left.
std::optional<Finish> offer_finish(Tools& tools, const JobView& view);

/// From now on all that is left goes in real time. REQUIRED: the job's lock is held.
void begin_finish(Tools& tools, const std::string& job);

} // namespace batchwright::engine
