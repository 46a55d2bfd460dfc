// Everything that can be set in `config.toml`, one row each: a later setting is one more row. Where an option of the
// same name exists (`-` for `_`), the setting is its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::config {

enum class Kind : std::uint8_t {
  text,
  path,     ///< in the file: relative to it, `~/` is the user's home
  number,   ///< whole, not negative
  share,    ///< of a whole: a number, or a text as "10%"
  flag,     ///< true or false
  key,      ///< never shown
  key_file, ///< a path that is shown only where it leads somewhere: it may be the key itself, put into the wrong place
  proxy,    ///< a URL whose user and password are never shown
};

struct Setting {
  std::string_view name = {};
  Kind kind = Kind::text;
  std::vector<const char*> variables = {}; ///< of the environment, the first that is set counts
};

/// In the order in which they are shown.
const std::vector<Setting>& table();

/// The setting of that name; null where there is none.
const Setting* find_setting(std::string_view name);

/// The one of the words that the user may have meant: a few letters away at most. Empty where there is none.
std::string_view nearest(std::string_view word, const std::vector<std::string_view>& words);

} // namespace batchwright::config
