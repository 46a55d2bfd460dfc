// Inside the room: reading a job's outcomes beside a process that changes them. An outcome file never changes: where
// outcomes do, the part gets a file of another version, and the commit that names it makes it so. Who reads holds the
// job's directory from before the commit he reads by; a version that no part names is removed when nobody does.
#pragma once

#include <batchwright/base/lock.hpp>
#include <batchwright/engine/engine.hpp>

#include <string>
#include <vector>

namespace batchwright::engine {

/// A job as one commit left it; its outcome files stay for as long as this does.
struct Snapshot {
  DirectoryHold hold;
  Job job = {};
  std::vector<Part> parts = {};
};

/// Throws `Fault::usage` for an unknown job.
Snapshot take_snapshot(Tools& tools, const std::string& job);

/// As the public one, of what was seen then. Throws `Fault::unfinished` where items are pending that are not to be left
/// out: others began to send them again.
results::Merged merge(Tools& tools, const Snapshot& seen, const results::MergeOptions& options,
                      const results::Sink& sink);

/// As the public one.
std::vector<InputSpan> input_spans(const Snapshot& seen);

/// Removes versions of these parts' outcomes that are over, and one of a commit that never came; nothing while somebody
/// reads, which leaves it to the next time. REQUIRED: the job's lock is held, and `parts` are as they were committed.
void retire_outcomes(const std::vector<Part>& parts, const store::JobLayout& files);

} // namespace batchwright::engine
