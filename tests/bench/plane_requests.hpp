// Of `scripts/bench plane`: the steps from the input to request files. Each returns the number of requests.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace bench {

/// The requests of one part, as many as there are items: plain substitution, nothing is pinned, checked or planned
/// before. Throws as requests::build.
std::uint64_t build(const std::string& input, std::uint64_t items, const std::filesystem::path& out);

/// All that a submit does before it sends: pins, plan, parts. Throws as input::pin, requests::plan and requests::build.
std::uint64_t submit(const std::string& input, const std::filesystem::path& directory);

/// The plan of files of ready-made requests: their lines checked, their tokens estimated. Throws as requests::plan.
std::uint64_t plan_ready_made(const std::vector<std::string>& files);

} // namespace bench
