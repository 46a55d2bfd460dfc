// Inside the room: whether the disk holds what a job will bring.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <cstdint>

namespace batchwright::engine {

/// About how many bytes a drafted job will have on disk at most: the request files that are built ahead, the answers as
/// they come, and their outcomes.
std::uint64_t bytes_to_come(const Draft& draft);

/// Throws `Fault::storage` where the disk of the state root has less than that.
void check_space(const Tools& tools, const Draft& draft);

} // namespace batchwright::engine
