// What is in force, and where each value came from: options before the environment before the profile before the top of
// `config.toml` before what is built in. In: what was given on the command line, the variables, the file. Out: values.
// Never: shows a key or a password, or asks the server anything.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/base/secret.hpp>
#include <batchwright/config/environment.hpp>
#include <batchwright/config/table.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::config {

/// Where a value came from.
struct Origin {
  enum class From : std::uint8_t {
    builtin,
    file,
    variable,
    option
  };

  From from = From::builtin;
  std::string name = {}; ///< of the option ("--home") or the variable
  Place place = {};      ///< in the file
  std::string profile = {};

  /// "--home", "OPENAI_BASE_URL", "/etc/b/config.toml:3", "/etc/b/config.toml:9 (profile work)", "default".
  std::string words() const;
};

/// One setting as it is in force.
struct Value {
  std::string name = {};
  std::string text = {}; ///< to be used and shown; "set" for a key, a proxy without its password. Empty: not set
  Secret secret = {};    ///< key and proxy as they were given, the path of a key file though nothing may be there
  Origin origin = {};

  bool is_set() const { return !text.empty(); }
};

struct Settings {
  std::filesystem::path file = {}; ///< where it was looked for; empty: nowhere
  std::vector<Value> values = {};  ///< one for each row of the table

  /// REQUIRED: a name of the table.
  const Value& operator[](std::string_view name) const;
  bool is_on(std::string_view name) const { return (*this)[name].text == "true"; }
};

/// Settings given as options, by the name of the setting. Empty ones were not given.
using Given = std::map<std::string, std::string>;

/// Throws `Fault::config` where the file cannot be used, or there is no such profile. `base_url` is the provider's.
Settings load(const Given& given, const Variables& variables, std::string_view base_url);

/// The state root. Throws `Fault::config` where nothing says where it is.
std::filesystem::path state_root(const Settings& settings);

/// The error with where the value at fault came from: "...(from OPENAI_BASE_URL)", or its place in the file.
Error blame(const Error& error, const Value& value);

} // namespace batchwright::config
