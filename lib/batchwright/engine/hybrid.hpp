// When batches are given up for real time. Comes in: a job, its parts, and what is known of the rates. Goes out: a
// moment and its reason. Pure, but for what is read of the store for a view.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/outlook.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/rate.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What is left of a job that has no answer yet, as far as it is known.
struct Rest {
  std::uint64_t requests = 0;
  std::int64_t tokens = 0; ///< what the requests will be charged, our estimate
};

/// The model that most of what is left asks: a job of ready-made requests may ask several.
std::string main_model(const Job& job, const std::vector<Part>& parts);

/// What is left to be done, whichever route it is on now. `charged`: tokens of an answer, by its bound.
Rest rest_of(const Job& job, const std::vector<Part>& parts);

/// At the known limits: the smaller of the user's and the server's, less the headroom, and what may be in flight at
/// once by the user's word; where no limit is known, at what a new account has.
RestSpan span_in_realtime(const Rest& rest, const RealtimePolicy& policy, const std::optional<RateSeen>& seen);

/// The same by how requests go now, where that tells more: what is in flight and how long an answer takes, where the
/// limits are assumed; what may be sent at present, where that is less than the limits.
RestSpan span_as_it_goes(const Rest& rest, const RestSpan& known, const RealtimeView& live,
                         const std::optional<RateSeen>& seen);

/// Nothing for a job without a deadline. Less than a third of the time from its making to its deadline is kept for
/// cancelling, and as much for polling: `every`, the longest time between two polls.
std::optional<Switch> switch_of(const Job& job, const std::vector<Part>& parts, const std::optional<RateSeen>& seen,
                                Millis every, Instant now);

/// Adds to a view what is ahead of the job: rates, what is in flight, when it leaves its batches, when it may be done.
void add_outlook(Tools& tools, const Job& job, JobView& view);

/// Whether a batch past 90% was seen to rest for as long as the policy's patience: what nobody asked for since may have
/// gone on.
bool has_stalled(const Part& part, const Policy& policy);

/// Whether a batch that was asked to stop, for the rest to be finished in real time, has taken longer than it should.
bool is_stuck(const Part& part, const Job& job, Instant now);
/// That, as a value. REQUIRED: is_stuck().
Stuck stuck(const Part& part, const Job& job, Instant now);

} // namespace batchwright::engine
