// A job file beside the command line: what the command line leaves open is taken from it.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace app {

/// Gives the command's options the values that stand in the file, each under the option's long name with `-` or `_`
/// (`inputs` or `input` for INPUT), but for those that the command line gave itself or excludes. Relative paths in it
/// start at the file's directory. Called while CLI11 runs callbacks: the option of the job file is the first of all.
/// Throws `Fault::usage` with file and line for a key that is no option and a value that the option does not take.
void apply_job_file(CLI::App& command, const std::string& path);

} // namespace app
