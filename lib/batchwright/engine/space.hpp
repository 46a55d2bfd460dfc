// Inside the room: whether the disk holds what a job will bring.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace batchwright::engine {

/// About how many bytes these parts will have on disk at most: the request files that are built ahead, the answers as
/// they come, packed in a job that is to be small, and their outcomes. `output`: what the answers hold, by our
/// estimate.
std::uint64_t bytes_to_come(const Job& job, const std::vector<Part>& parts, Tokens output);
/// The same by what is known of the parts alone: what ready-made requests ask for is not, so that their answers' texts
/// are left out.
std::uint64_t bytes_to_come(const Job& job, const std::vector<Part>& parts);

/// Words on what is wanted and what is there, where the disk of the state root has less; else nothing.
std::string want_of_room(const Tools& tools, std::uint64_t bytes);

/// Before anything is sent. Throws `Fault::disk` where the disk of the state root has less.
void check_space(const Tools& tools, const std::string& job, std::uint64_t bytes);

} // namespace batchwright::engine
