// What a job comes to before it is sent, and what is learned of that while it is.
#pragma once

#include <batchwright/model/events.hpp>
#include <batchwright/model/view.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace batchwright::report {

/// A few lines: items, parts, tokens, cost by batch and in real time, and what the figures rest on.
std::string plan(const PlanView& view);

/// "120,000 requests in 3 batches".
std::string amount_of_work(std::uint64_t requests, std::size_t parts);
/// The same of a plan: "1,900 requests in 2 batches, and 100 in real time".
std::string amount_of_work(const PlanView& plan);

/// "probe: 3 of 3 answered, 42 output tokens each; the job comes to about $1.20 ($0.80 to $1.80)".
std::string sentence(const ProbeOver& probe);

/// "reviews: what is left costs less in real time: about $1.20, by batch $1.50: ...", with the command that takes it.
std::string sentence(const LiveIsCheaper& told);

} // namespace batchwright::report
