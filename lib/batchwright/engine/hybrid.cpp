#include <batchwright/base/unsigned.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace batchwright::engine {
namespace {

/// What an account has at least, where nobody has said more.
constexpr double assumed_requests = 500;
constexpr double assumed_tokens = 200'000;
/// How long the last answer takes, where none was seen.
constexpr Millis assumed_latency{10'000};
/// How long a batch takes to stop, where none was seen: what the API says at most.
constexpr Millis assumed_cancelling{600'000};

/// How often a timer polls, as far as we know.
constexpr Millis timer_interval{300'000};

std::optional<double> smaller(std::uint64_t given, const std::optional<std::int64_t>& seen)
{
  std::optional<double> limit;
  if (given > 0) limit = static_cast<double>(given);
  if (seen && *seen > 0) limit = std::min(limit.value_or(static_cast<double>(*seen)), static_cast<double>(*seen));
  return limit;
}

/// No more than a third of the time from a job's making to its deadline is kept for anything but the rest itself.
Millis third_of(const Job& job)
{
  return std::max(Millis{0}, *job.policy.deadline - job.created_at) / 3;
}

/// Whether anything of the job may be at the server, or get there before the switch.
bool has_batch_to_come_home(const std::vector<Part>& parts)
{
  return std::any_of(parts.begin(), parts.end(), [](const Part& p) {
    return p.route == Route::batch && is_live(p.state) && p.state != PartState::ended && p.state != PartState::fetched;
  });
}

/// Whether a batch has to stop before all is done: one that is there, or may be.
bool has_batch_to_stop(const std::vector<Part>& parts)
{
  return std::any_of(parts.begin(), parts.end(), [](const Part& p) {
    return has_live_batch(p) || (p.route == Route::batch && p.state == PartState::creating);
  });
}

/// How long batches take to stop, as was last seen.
Millis time_to_stop(const Job& job, const std::optional<RateSeen>& seen)
{
  const auto usual = seen && seen->cancelling ? *seen->cancelling : assumed_cancelling;
  return job.policy.deadline ? std::min(usual, third_of(job)) : usual;
}

Millis latency_of(const std::optional<RateSeen>& seen)
{
  return seen && seen->latency ? *seen->latency : assumed_latency;
}

Millis minutes(double n)
{
  constexpr double millis = 60'000;
  return Millis{std::llround(n * millis)};
}

} // namespace

std::string main_model(const Job& job, const std::vector<Part>& parts)
{
  std::map<std::string, std::uint64_t> left;
  for (const auto& p : parts) {
    if (is_live(p.state) && p.route != Route::reused) left[model_of(job, p)] += p.requests;
  }
  const auto most =
      std::max_element(left.begin(), left.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == left.end() ? job.request.model : most->first;
}

Rest rest_of(const Job& job, const std::vector<Part>& parts)
{
  const auto bound = wire::output_bound(job.request).value_or(Tokens{}).n;
  Rest rest;
  for (const auto& p : parts) {
    if (!is_live(p.state)) continue;
    // What fails in a batch is to be done again; what fails in real time has been.
    const auto done = p.remote.completed + (p.route == Route::realtime ? p.remote.failed : 0);
    const auto answered = static_cast<std::uint64_t>(std::max<std::int64_t>(0, done));
    const auto left = p.requests - std::min(p.requests, answered);
    if (left == 0) continue;
    rest.requests += left;
    const auto mean =
        static_cast<double>(p.input_tokens.n) / static_cast<double>(std::max<std::uint64_t>(1, p.requests));
    const auto each = std::max(static_cast<std::int64_t>(mean), p.max_output_tokens.value_or(bound));
    rest.tokens += each * static_cast<std::int64_t>(left);
  }
  return rest;
}

namespace {

/// What the rest can go no faster than.
struct Limit {
  Bound bound = Bound::requests;
  double rate = 0;
  double minutes = 0; ///< that the rest takes by it
  bool is_assumed = false;
};

std::vector<Limit> limits_on(const Rest& rest, const RealtimePolicy& policy, const std::optional<RateSeen>& seen)
{
  const auto known_requests = smaller(policy.requests_per_minute, seen ? seen->requests : std::nullopt);
  const auto known_tokens = smaller(policy.tokens_per_minute, seen ? seen->tokens : std::nullopt);
  const auto share = 1 - static_cast<double>(policy.headroom) / 1e6;
  const auto requests = static_cast<double>(rest.requests);
  const auto tokens = static_cast<double>(rest.tokens);
  std::vector<Limit> limits;
  if (known_requests)
    limits.push_back({Bound::requests, *known_requests * share, requests / (*known_requests * share)});
  if (known_tokens) limits.push_back({Bound::tokens, *known_tokens * share, tokens / (*known_tokens * share)});
  if (limits.empty()) {
    limits.push_back({Bound::requests, assumed_requests, requests / assumed_requests, true});
    limits.push_back({Bound::tokens, assumed_tokens, tokens / assumed_tokens, true});
  }
  if (policy.max_in_flight > 0) {
    const auto rate = static_cast<double>(policy.max_in_flight);
    const auto latency = static_cast<double>(latency_of(seen).count()) / 60'000;
    limits.push_back({Bound::in_flight, rate, requests / rate * latency, !seen || !seen->latency});
  }
  return limits;
}

} // namespace

RestSpan span_in_realtime(const Rest& rest, const RealtimePolicy& policy, const std::optional<RateSeen>& seen)
{
  const auto limits = limits_on(rest, policy, seen);
  const auto narrowest = std::max_element(limits.begin(), limits.end(),
                                          [](const Limit& a, const Limit& b) { return a.minutes < b.minutes; });
  return {.requests = rest.requests,
          .takes = rest.requests == 0 ? Millis{0} : minutes(narrowest->minutes) + 2 * latency_of(seen),
          .bound = narrowest->bound,
          .rate = static_cast<std::uint64_t>(std::llround(narrowest->rate)),
          .is_assumed = narrowest->is_assumed};
}

RestSpan span_as_it_goes(const Rest& rest, const RestSpan& known, const RealtimeView& live,
                         const std::optional<RateSeen>& seen)
{
  const auto latency = seen && seen->latency ? *seen->latency : Millis{0};
  const bool shows_pace = live.in_flight > 0 && latency > Millis{0};
  double rate = 0; // a minute
  if (live.allowed) {
    rate = static_cast<double>(*live.allowed);
  } else if (known.is_assumed && shows_pace) {
    rate = static_cast<double>(live.in_flight) * 60'000 / static_cast<double>(latency.count());
  }
  if (rate < 1 || rest.requests == 0) return known;
  const RestSpan seen_now{.requests = rest.requests,
                          .takes = minutes(static_cast<double>(rest.requests) / rate) + 2 * latency,
                          .bound = Bound::pace,
                          .rate = static_cast<std::uint64_t>(std::llround(rate))};
  return known.is_assumed || seen_now.takes > known.takes ? seen_now : known;
}

std::optional<Switch> switch_of(const Job& job, const std::vector<Part>& parts, const std::optional<RateSeen>& seen,
                                Millis every, Instant now)
{
  if (!job.policy.deadline) return std::nullopt;
  const auto deadline = *job.policy.deadline;
  Switch plan;
  plan.rest = span_in_realtime(rest_of(job, parts), job.policy.realtime, seen);
  plan.cancelling = has_batch_to_come_home(parts) ? time_to_stop(job, seen) : Millis{0};
  plan.polling = std::min(every, third_of(job));
  plan.at = deadline - plan.rest.takes - plan.cancelling - plan.polling;
  plan.is_too_late = now + plan.rest.takes + (has_batch_to_stop(parts) ? plan.cancelling : Millis{0}) > deadline;
  return plan;
}

namespace {

/// What the processes that ask the model said of themselves last.
void add_rates(Tools& tools, const std::string& account, const std::optional<RateSeen>& seen, RealtimeView& live)
{
  constexpr Millis fresh{15'000};
  const auto now = tools.clock.now();
  live.limit_requests = seen ? seen->requests : std::nullopt;
  live.limit_tokens = seen ? seen->tokens : std::nullopt;
  for (const auto& sender : tools.store.senders(account, live.model)) {
    if (sender.at + fresh < now || now + fresh < sender.at) continue;
    live.in_flight += unsigned_of(sender.in_flight);
    if (sender.allowed) live.allowed = live.allowed.value_or(0) + *sender.allowed;
    if (live.why.empty()) live.why = sender.why;
  }
}

/// When all is done, where that follows from what is left: nothing waits for a batch to end by itself, or for the user.
void add_eta(const Job& job, const RestSpan& rest, Millis stopping, Instant now, JobView& v)
{
  const bool is_known = job.switched_at || !has_batch_to_come_home(v.parts) || (v.leaving && v.leaving->is_too_late);
  if (is_known) v.eta = now + rest.takes + (has_batch_to_stop(v.parts) ? stopping : Millis{0});
}

} // namespace

void add_outlook(Tools& tools, const Job& job, JobView& v)
{
  if (v.state == JobState::done) return;
  const auto now = tools.clock.now();
  const auto held_up =
      std::find_if(v.parts.begin(), v.parts.end(), [&](const Part& p) { return is_stuck(p, job, now); });
  if (held_up != v.parts.end()) v.stuck = stuck(*held_up, job, now);
  if (!v.live && !job.policy.deadline && !job.switched_at) return;
  const auto model = main_model(job, v.parts);
  const auto seen = tools.store.rate(job.account, model);
  const auto rest = rest_of(job, v.parts);
  auto span = span_in_realtime(rest, job.policy.realtime, seen);
  if (v.live) {
    v.live->model = model;
    add_rates(tools, job.account, seen, *v.live);
    span = span_as_it_goes(rest, span, *v.live, seen);
  }
  const bool may_send = job.pause == Pause::none && job.cancel == Cancel::none && job.standing == Standing::consented;
  if (!may_send) return;
  const bool has_batches = std::any_of(v.parts.begin(), v.parts.end(),
                                       [](const Part& p) { return p.route == Route::batch && is_live(p.state); });
  if (has_batches && !job.switched_at) v.leaving = switch_of(job, v.parts, seen, timer_interval, now);
  if (!has_batches || job.switched_at) v.rest = span;
  add_eta(job, span, time_to_stop(job, seen), now, v);
}

bool has_stalled(const Part& p, const Policy& policy)
{
  const bool is_watched = policy.patience > Millis{0} && p.route == Route::batch && p.state == PartState::running;
  if (!is_watched || !p.progress_at || !p.seen_live_at || p.withdrawn) return false;
  const auto answered = p.remote.completed + p.remote.failed;
  const auto total = p.remote.total > 0 ? p.remote.total : static_cast<std::int64_t>(p.requests);
  return answered * 10 >= total * 9 && *p.seen_live_at >= *p.progress_at + policy.patience;
}

bool is_stuck(const Part& p, const Job& job, Instant now)
{
  if (p.state != PartState::cancelling || !p.withdrawn || !p.cancelled_at || job.cancel != Cancel::none) return false;
  const auto usual = job.policy.deadline ? std::min(assumed_cancelling, third_of(job)) : assumed_cancelling;
  return now >= *p.cancelled_at + usual;
}

Stuck stuck(const Part& p, const Job& job, Instant now)
{
  return {.job = job.name, .part = p.number, .since_asked = now - *p.cancelled_at};
}

} // namespace batchwright::engine
