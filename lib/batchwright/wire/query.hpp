// A piece of an address.
#pragma once

#include <string>
#include <string_view>

namespace batchwright::wire {

/// A text, as an id of the server's, as it may stand in a path or a query, whatever is in it.
std::string encoded(std::string_view text);

} // namespace batchwright::wire
