// Text that stands in a JSON string as it is: the scanner passes over it, the writer copies it. Private to json/.
#pragma once

#include <cstddef>
#include <string_view>

namespace batchwright::json {

/// The first byte at or after `at` that ends a run of plain string text: a quote, a backslash, a control character.
/// The size where none does.
std::size_t skip_plain(std::string_view s, std::size_t at);

/// How far a JSON string goes.
struct StringEnd {
  std::size_t at = 0;   ///< the closing quote; else the first byte that no string may have there: a control character,
                        ///< the backslash of an escape that is none, or the end of the text
  bool escaped = false; ///< there is an escape before it
};

/// Passes over what stands in a string, from `at` on, which is behind its opening quote.
StringEnd skip_string(std::string_view s, std::size_t at);

} // namespace batchwright::json
