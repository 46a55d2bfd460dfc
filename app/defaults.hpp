// Options that were not given take their values from the configuration file.
#pragma once

#include <batchwright/config/settings.hpp>

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace app {

/// Gives each option of the command that was not given the value of the setting of its name (`_` for `-`), so that a
/// later option needs a row in the table of settings and nothing here. Settings of the names in `unsuited` are passed
/// over. Throws `Fault::config` with the place of a value that the option would refuse.
void take_defaults(CLI::App& command, const batchwright::config::Settings& settings,
                   const std::vector<std::string>& unsuited = {});

} // namespace app
