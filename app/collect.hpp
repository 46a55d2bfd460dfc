// Bringing home what comes without sending: the same for `fetch` and `cancel`.
#pragma once

#include <batchwright/workspace/workspace.hpp>

#include <string>

namespace app {

class Session;

using batchwright::WhileHeld;

/// As Workspace::collect; an unknown job leaves no state root behind.
batchwright::JobView collect(const std::string& job, const batchwright::engine::Goal& goal, WhileHeld held,
                             Session& session);

} // namespace app
