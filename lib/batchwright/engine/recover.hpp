// A job rebuilt from the server alone: its state is lost, but each batch says of which part of which job it was made
// (label.hpp), and holds the requests and the answers. Comes in: a job's name. Goes out: the job, with the parts that
// have a batch, and what none has as a part that waits for a `submit`, which brings input, options and consent again.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/remains.hpp>

#include <vector>

namespace batchwright::engine {

/// Makes the job in the store, under its lock, and returns how it stands. A batch whose creation was under way when the
/// state was lost may show late: where items show in no batch, or were left by one that ended, the listing is asked
/// once more after `grace`. Request files are downloaded where they tell which items a part holds, or the user's ids.
/// Throws `Fault::usage` where there is a job of that name here, `Fault::busy`, `Fault::storage`, as find_remains(),
/// and `Fault::config` where the requests of a batch cannot be told from the server alone (ready-made files of several
/// models: `adopt` can).
JobView recover(Tools& tools, Server& server, const Remains& remains, Millis grace);

/// What a `submit` of the same input brings to a job that was rebuilt or taken over: its consent, and of a recovered
/// one input, options, and parts in place of the one that waited. `planned`: the parts that the input is cut into.
/// REQUIRED: the job's lock is held. Throws `Fault::input` where the input has other items than the job.
void go_on(Tools& tools, store::Transaction& tx, Job job, const std::vector<Part>& planned);

} // namespace batchwright::engine
