// The commands, in plain sight. Each is a small file that says what the user can ask and hands it on to lib/.
#pragma once

#include <CLI/CLI.hpp>

namespace app {

class Session;

void add_submit(CLI::App& root, Session& session);
void add_run(CLI::App& root, Session& session);
void add_status(CLI::App& root, Session& session);
void add_fetch(CLI::App& root, Session& session);
void add_poll(CLI::App& root, Session& session);
void add_validate(CLI::App& root, Session& session);
void add_config(CLI::App& root, Session& session);
void add_cancel(CLI::App& root, Session& session);
void add_finish(CLI::App& root, Session& session);
void add_retry(CLI::App& root, Session& session);
void add_recover(CLI::App& root, Session& session);
void add_adopt(CLI::App& root, Session& session);
void add_clean(CLI::App& root, Session& session);
void add_cost(CLI::App& root, Session& session);
void add_show(CLI::App& root, Session& session);
void add_emulator(CLI::App& root, Session& session);

} // namespace app
