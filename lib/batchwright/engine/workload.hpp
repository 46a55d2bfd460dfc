// What parts ask of which model, as the input and the options have it, before answers of the prompt have corrected it.
// Pure.
#pragma once

#include <batchwright/model/job.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

using WorkByModel = std::map<std::string, Workload>;

/// The sum of what the parts ask: the input by our estimate; the output as long as it may be, or as it is assumed where
/// nothing bounds it.
WorkByModel raw_work(const Job& job, const std::vector<Part>& parts);

/// What bounds the answer to one request of a part, all its choices together, on average; nothing where nothing does.
std::optional<Tokens> output_bound_of(const Job& job, const Part& part);
/// How many answers one of its requests asks for at most; nothing where that is not known.
std::optional<std::int64_t> choices_of(const Job& job, const Part& part);

/// What would bound answers where nothing does: an option, or words; empty: nothing can.
std::string bounded_by(const Job& job);

} // namespace batchwright::engine
