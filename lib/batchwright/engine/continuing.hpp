// Inside the room: a `submit` that is repeated. Which job it continues, and what that one takes over from it.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <optional>

namespace batchwright::engine {

/// The job that `made` continues or becomes: an equal one of its name, or none of its name. A made name moves on to the
/// next free number; a given name must fit. Throws `Fault::usage` for one that does not, saying in what they differ.
std::optional<Job> same_job(Tools& tools, Job& made, bool given_name);

/// What the job takes over from the command line.
void take_over(Job& known, const Job& asked);

/// The same of its parts, within the transaction that changes the job. A cap that is named now is one of the whole job;
/// a price that is named now prices what had none; and with another bound of failures than before, those that were met
/// are over and done with. `before`: the policy until now.
void take_over_parts(Tools& tools, store::Transaction& tx, const Job& job, const Policy& before, const Draft& draft);

} // namespace batchwright::engine
