// The command of `--on-done`.
#pragma once

#include "app/console.hpp"

#include <batchwright/model/view.hpp>

namespace app {

/// Runs the job's command by /bin/sh -c and waits for it. It learns BATCHWRIGHT_JOB, _STATE, _OUT (empty: none),
/// _SUCCEEDED, _FAILED and _EXIT (3 where items failed, else 0), and not the API key. What it prints goes to our
/// stderr, it reads nothing. It stays in our process group, so that Ctrl-C on a terminal reaches it, too; we wait for
/// its end all the same. A failure is a warning: the job is done whatever becomes of its command.
void run_hook(const batchwright::JobView& view, Console& console);

} // namespace app
