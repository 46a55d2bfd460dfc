// Text that stands in a JSON string as it is: the scanner passes over it, the writer copies it. Private to json/.
#pragma once

#include <cstddef>
#include <string_view>

namespace batchwright::json {

/// The first byte at or after `at` that ends a run of plain string text: a quote, a backslash, a control character.
/// The size where none does.
std::size_t skip_plain(std::string_view s, std::size_t at);

} // namespace batchwright::json
