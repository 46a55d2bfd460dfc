// What `{{column|head 2000}}` does to a text. Comes in: the inside of a JSON string, escapes as they stand. Goes out: a
// part of it, byte for byte. A character is a Unicode code point, however it is written. Private to requests/.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace batchwright::requests {

struct Filter {
  enum class Kind : std::uint8_t {
    head, ///< its first `n` characters
    tail, ///< its last `n` characters
    trim  ///< without spaces, tabs and line ends around it
  };
  Kind kind = Kind::trim;
  std::uint64_t n = 0;
};

/// "head 2000|trim": nothing where it is no such list.
std::optional<std::vector<Filter>> parse_filters(std::string_view text);

/// REQUIRED: `token` is the well-formed inside of a JSON string. Views into it.
std::string_view filtered(const std::vector<Filter>& filters, std::string_view token);

} // namespace batchwright::requests
