// A job finished by hand: what batches have not done goes in real time now. Comes in: a job. Goes out: what that comes
// to, and, once the user consents, one commit that makes it so. Sends nothing: the next advance does.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/model/outlook.hpp>

#include <optional>
#include <string>

namespace batchwright::engine {

/// What is left of the job. Throws `Fault::usage` for an unknown job, one that may not send yet, or one whose input is
/// not known, or where the cap (`at_most`, else the job's) could not be kept; `Fault::unfinished` while it is being
/// cancelled.
Finish plan_finish(Tools& tools, const std::string& job, std::optional<PicoUsd> at_most = {});

/// The same of a job as it is shown, where finishing is worth an offer: its batches run, and no time is set at which
/// they are left.
std::optional<Finish> offer_finish(Tools& tools, const JobView& view);

/// From now on all that is left goes in real time, and from now on the job may spend `at_most`, where that is given: of
/// all `finish` commands together, until something else names a cap. REQUIRED: the job's lock is held.
void begin_finish(Tools& tools, const std::string& job, std::optional<PicoUsd> at_most = {});

} // namespace batchwright::engine
