// What a part asks in place of its job: `retry` may send items again with another model, bound or body field. Comes in:
// the job and the part. Goes out: the request spec that the part's lines are made by.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <string>
#include <utility>
#include <vector>

namespace batchwright::requests {

/// The job's spec with what the part says otherwise. A bound that either way of saying it sets replaces the job's,
/// however the job said it; a model goes before one that a body template names. Ready-made lines stay what they are.
RequestSpec spec_of(const Job& job, const Part& part);

/// Body fields as `Part::set` keeps them. Throws `Fault::usage` for a value that is not JSON, or a field given twice.
std::string joined_fields(const std::vector<std::pair<std::string, std::string>>& set);

} // namespace batchwright::requests
