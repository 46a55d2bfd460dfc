// Sentences on a job's way: what it waits for, what moves it on, what was delivered.
#pragma once

#include <batchwright/model/view.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace batchwright::report {

/// Why a job is not done, and the command that moves it: one or two lines.
std::string next_step(const JobView& view);

/// How many of a job's items batches hold: "all of 300 items", "250 of 300 items".
std::string held_of(const JobView& view);

/// "wrote 120,000 records (45.2 MiB) to answers.jsonl".
std::string delivered(std::string_view out, std::uint64_t records, std::uint64_t size);

} // namespace batchwright::report
