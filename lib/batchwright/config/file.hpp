// `config.toml` read and checked: keys at the top are for all profiles, those under [profiles.NAME] for one. In: a
// path. Out: what was set where, as text. Never: decides what is in force, or shows a value in an error: it may be a
// key.
#pragma once

#include <batchwright/base/secret.hpp>
#include <batchwright/config/table.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::config {

/// One key with its value.
struct Entry {
  std::string name = {};
  std::string profile = {}; ///< empty: for all
  Secret value = {};        ///< as an option would be given it: "5", "true"; what it is decides whether it may be shown
  std::uint64_t line = 0;   ///< counted from 1
};

struct Profile {
  std::string name = {};
  std::uint64_t line = 0;
};

struct File {
  std::vector<Entry> entries = {}; ///< in the order of their lines
  std::vector<Profile> profiles = {};
};

/// Reads the file; one that is not there sets nothing. Throws `Fault::config` with file and line for what is no TOML,
/// an unknown key (with the nearest known one), a value of another type, and a file that holds a key or a password
/// while others may read it; without a line where the file cannot be read.
File read_settings_file(const std::filesystem::path& path);

} // namespace batchwright::config
