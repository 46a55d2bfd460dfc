// What a job's end owes the user: the result where `-o` of `submit` wanted it, and the command of `--on-done`.
#pragma once

#include <batchwright/model/view.hpp>

namespace app {

class Session;

/// Where the job is done and owes it: writes the result, atomically and under the job's lock, then runs the command.
/// Called by every command that may see a job's end. A failure is told here and gives its exit status; the next such
/// command tries again. Where another process has the lock, it is waited for: it may be at this very work.
batchwright::Exit hand_over(const batchwright::JobView& view, Session& session);

} // namespace app
