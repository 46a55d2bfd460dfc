// When two jobs are the same job: a repeated submit continues one only where what it would send is equal.
#pragma once

#include <batchwright/model/job.hpp>

#include <string>
#include <vector>

namespace batchwright::engine {

/// What differs between two jobs in what they would send, in the user's words ("the prompt", "--model"); empty:
/// nothing. Inputs are compared by content, wherever they stand. Of a job whose input is not known (`knows_input`) as
/// `a` only the digests are compared.
std::vector<std::string> differences(const Job& a, const Job& b);

/// A digest of what is sent, one half of it of the input, the other of what is asked of it: it goes into a batch's
/// metadata, so that a job can be known again from the server alone.
std::string options_digest(const Job& job);

} // namespace batchwright::engine
