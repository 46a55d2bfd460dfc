// The loop over blocks of 64 bytes, as wide as the processor is. Private to money/.
#pragma once

#include <batchwright/money/runs.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace batchwright::money {

/// Counts so many blocks from `bytes` on into `runs`. `valid`: which bytes of the last one belong to the text.
/// REQUIRED: there is a byte before them.
using CountBlocks = void (*)(Runs& runs, const char* bytes, std::size_t blocks, std::uint64_t valid);

/// All ways of counting that this processor has, the fastest last; they count the same.
std::span<const CountBlocks> ways_to_count();

/// By the fastest way.
void count_blocks(Runs& runs, const char* bytes, std::size_t blocks, std::uint64_t valid = ~std::uint64_t{0});

} // namespace batchwright::money
