// When two jobs are the same job: a repeated submit continues one only where what it would send is equal.
#pragma once

#include <batchwright/model/job.hpp>

#include <string>
#include <vector>

namespace batchwright::engine {

/// What differs between two jobs in what they would send, in the user's words ("the prompt", "--model"); empty:
/// nothing. Inputs are compared by content, wherever they stand.
std::vector<std::string> differences(const Job& a, const Job& b);

/// A digest of what is sent: it goes into a batch's metadata, so that a job can be known again from the server alone.
std::string options_digest(const Job& job);

} // namespace batchwright::engine
