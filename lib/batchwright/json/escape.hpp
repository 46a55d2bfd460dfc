// The one reader of escapes in JSON strings: for decoding a text and for counting what it stands for.
#pragma once

#include <cstddef>
#include <string_view>

namespace batchwright::json {

struct Escape {
  unsigned code = 0;    ///< the character it stands for; of half a surrogate pair that stands alone, its own number
  std::size_t size = 0; ///< bytes of its text: 2, 6, or 12 for a surrogate pair

  bool is_half() const { return code >= 0xd800 && code <= 0xdfff; }
  bool operator==(const Escape&) const = default;
};

/// What stands for a character that nobody can tell.
inline constexpr unsigned replacement_character = 0xfffd;

/// What stands for a character in one letter behind the backslash: `n` for a line end; `"`, `\` and `/` for themselves.
constexpr char short_code(char letter)
{
  switch (letter) {
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return letter;
  }
}

/// Reads the escape at `at`. One that the text's end cuts ends there and is the replacement character; a backslash that
/// is last stands for itself. REQUIRED: a backslash stands at `at`; what follows is an escape by JSON's grammar, or
/// cut.
Escape read_escape(std::string_view token, std::size_t at);

} // namespace batchwright::json
