// How many files and connections this process may have open at once.
#pragma once

#include <cstdint>

namespace batchwright {

/// Raises the limit as far as the system allows this user, and tells it; never lowers it, never throws. A system gives
/// a process 1,024 unless it asks; each request in flight needs one.
std::uint64_t raise_open_files() noexcept;

} // namespace batchwright
