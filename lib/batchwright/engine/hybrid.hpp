// When batches are given up for real time. Comes in: a job, its parts, and what is known of the rates. Goes out: a
// moment and its reason. Pure, but for what is read of the store for a view.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/model/job.hpp>
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

/// How long a rest takes in real time, and what makes it so long.
struct Span {
  Millis takes{0};
  std::string limit = {};  ///< "3,000 requests a minute"
  bool is_assumed = false; ///< the limits are not known yet
};

/// At the known limits: the smaller of the user's and the server's, less the headroom; where none is known, at what a
/// new account has.
Span span_in_realtime(const Rest& rest, const RealtimePolicy& policy, const std::optional<RateSeen>& seen);

/// When a job with a deadline leaves its batches, at the latest.
struct Switch {
  Instant at = {};
  Span span = {};
  Millis cancelling{0};     ///< kept for batches that are asked to stop
  Millis polling{0};        ///< kept for the time between two polls
  bool is_too_late = false; ///< even at once it would not be done in time
};

/// Nothing for a job without a deadline. Less than a third of the time from its making to its deadline is kept for
/// cancelling, and as much for polling: `every`, the longest time between two polls.
std::optional<Switch> switch_of(const Job& job, const std::vector<Part>& parts, const std::optional<RateSeen>& seen,
                                Millis every, Instant now);

/// "about 12 min at 3,000 requests a minute".
std::string in_words(const Span& span);
/// The same in words, for `status` and `submit`: "switches to real time at 16:20 UTC, ...".
std::string in_words(const Switch& plan, const Job& job);

/// Adds to a view what is known of its real-time parts: rates, what is in flight, until when it may take.
void add_outlook(Tools& tools, const Job& job, JobView& view);

/// Whether a batch past 90% was seen to rest for as long as the policy's patience: what nobody asked for since may have
/// gone on.
bool has_stalled(const Part& part, const Policy& policy);

/// Whether a batch that was asked to stop, for the rest to be finished in real time, has taken longer than it should.
bool is_stuck(const Part& part, const Job& job, Instant now);
/// What that comes to, and what can be done.
std::string stuck_in_words(const Part& part, const Job& job, Instant now);

} // namespace batchwright::engine
