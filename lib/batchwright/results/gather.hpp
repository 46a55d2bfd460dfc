// Lines of large files, given out in another order than they stand in, within a fixed amount of memory: what fits is
// sorted in memory, what does not is first partitioned into temporary files of which each fits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// Where a line stands. `length` 0: no line is wanted here.
struct Span {
  std::size_t source = 0; ///< which of the files
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// How many bytes of lines are held at once.
inline constexpr std::uint64_t gather_memory = std::uint64_t{64} * 1024 * 1024;

/// Takes a line, and its index in the order that was asked for.
using Give = std::function<void(std::size_t index, std::string_view line)>;

/// Calls `give` for each of `wanted` in its order, with an empty line where none is wanted; a line may be wanted more
/// than once. Files are read front to
/// back: a gather by offset would be bound by the seeks of a cold file. Memory: `memory`, and a line and a block for
/// each file it opens, 32 at most. Temporary files go into a directory made in `beside`, removed at the end.
/// Throws `Fault::storage`; `Fault::bug` where a span is not a line's place.
void gather(const std::vector<std::filesystem::path>& sources, const std::vector<Span>& wanted,
            const std::filesystem::path& beside, std::uint64_t memory, const Give& give);

} // namespace batchwright::results
