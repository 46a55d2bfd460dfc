// Counts as the server and the store tell them, signed, as the numbers that we reckon with.
#pragma once

#include <cstdint>

namespace batchwright {

/// The same number; 0 for a negative one, which no count is.
constexpr std::uint64_t unsigned_of(std::int64_t n)
{
  return n > 0 ? static_cast<std::uint64_t>(n) : 0;
}

} // namespace batchwright
