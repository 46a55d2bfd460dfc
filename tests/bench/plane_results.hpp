// Of `scripts/bench plane`: what is done once the outputs of a job are downloaded, up to the merged result. Parts are
// settled two at a time, as the engine does it; what they leave goes into retry parts, and what those leave into one
// real-time part, whose outputs must be there, too. Comes in: output and error files by the names of store/layout.hpp.
#pragma once

#include <batchwright/results/results.hpp>

#include <cstdint>
#include <filesystem>
#include <string>

namespace bench {

struct Downloads {
  std::filesystem::path directory = {};
  std::uint64_t items = 0;
  std::uint64_t parts = 0; ///< of equal size, but for the last, before any was tried again
  std::string input = {};  ///< JSON lines; read for tables alone
};

/// Settles and merges into `result` in `directory`, and returns how many items stand there. Outcomes are written beside
/// it. Vectors are asked for by the format. Throws `Fault::bug` where not every item succeeded, and as results::settle
/// and results::merge.
std::uint64_t settle_and_merge(const Downloads& downloads, batchwright::results::Format format,
                               const std::filesystem::path& directory);

} // namespace bench
