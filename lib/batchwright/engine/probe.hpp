// Items that are tried before the others: what came of them, and the user's word that the rest may go.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What was said of the first of the tried items that failed: code and message. Reads their outcomes.
std::string first_failure(Tools& tools, const Job& job, std::vector<Part> parts);

/// Why a job is held of which every item that was tried first failed for good; nothing where it is not held for that.
std::optional<Error> failed_probe(const JobView& view);

/// The user has seen them and wants the rest sent. Returns the job's lock, for `advance` to go on with. Throws
/// `Fault::busy` where another process holds the job.
FileLock send_rest(Tools& tools, const std::string& job);

} // namespace batchwright::engine
