// A job file: the options of a job in TOML, read into a flat list. Comes in: a path. Goes out: keys with their values
// and lines, in the order of the file. Which keys there are, and what they take, is not known here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace batchwright::config {

struct JobSetting {
  enum class Form : std::uint8_t {
    text,
    number,
    boolean,
    list,  ///< `values` holds its members, which are texts and numbers
    table, ///< `values` holds "KEY=JSON" for each of its members
  };
  std::string key = {};
  Form form = Form::text;
  std::vector<std::string> values = {}; ///< "true" or "false" for a boolean
  std::uint64_t line = 0;
};

/// Throws `Fault::storage` where the file cannot be read, `Fault::usage` with file and line where it is not TOML or
/// holds what no option takes (dates, lists of lists).
std::vector<JobSetting> read_job_file(const std::filesystem::path& path);

} // namespace batchwright::config
