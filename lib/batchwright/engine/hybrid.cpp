#include <batchwright/engine/hybrid.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

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

std::string grouped(double n)
{
  auto digits = fmt::format("{}", std::llround(n));
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

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

std::string clock_time(Instant t)
{
  return rfc3339(t).substr(11, 5) + " UTC";
}

std::string duration(Millis span)
{
  const auto seconds = (span.count() + 999) / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", (seconds + 59) / 60);
  return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
}

} // namespace

std::string main_model(const Job& job, const std::vector<Part>& parts)
{
  std::map<std::string, std::uint64_t> left;
  for (const auto& p : parts) {
    if (is_live(p.state)) left[model_of(job, p)] += p.requests;
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

Span span_in_realtime(const Rest& rest, const RealtimePolicy& policy, const std::optional<RateSeen>& seen)
{
  const auto known_requests = smaller(policy.requests_per_minute, seen ? seen->requests : std::nullopt);
  const auto known_tokens = smaller(policy.tokens_per_minute, seen ? seen->tokens : std::nullopt);
  const bool is_assumed = !known_requests && !known_tokens;
  const auto share = 1 - static_cast<double>(policy.headroom) / 1e6;
  const auto requests = known_requests ? *known_requests * share : is_assumed ? assumed_requests : 1e12;
  const auto tokens = known_tokens ? *known_tokens * share : is_assumed ? assumed_tokens : 1e12;
  auto latency = seen && seen->latency ? *seen->latency : assumed_latency;
  const auto by_requests = static_cast<double>(rest.requests) / requests;
  const auto by_tokens = static_cast<double>(rest.tokens) / tokens;
  const auto minutes = std::max(by_requests, by_tokens);
  Span span{.takes = Millis{std::llround(minutes * 60'000)} + 2 * latency, .limit = {}, .is_assumed = is_assumed};
  if (rest.requests == 0) span.takes = Millis{0};
  span.limit = by_requests >= by_tokens ? fmt::format("{} requests a minute", grouped(requests))
                                        : fmt::format("{} tokens a minute", grouped(tokens));
  return span;
}

std::optional<Switch> switch_of(const Job& job, const std::vector<Part>& parts, const std::optional<RateSeen>& seen,
                                Millis every, Instant now)
{
  if (!job.policy.deadline) return std::nullopt;
  const auto deadline = *job.policy.deadline;
  const auto third = third_of(job);
  Switch plan;
  plan.span = span_in_realtime(rest_of(job, parts), job.policy.realtime, seen);
  const bool anything_there = std::any_of(parts.begin(), parts.end(), [](const Part& p) {
    return p.route == Route::batch && is_live(p.state) && p.state != PartState::ended && p.state != PartState::fetched;
  });
  const auto cancelling = seen && seen->cancelling ? *seen->cancelling : assumed_cancelling;
  plan.cancelling = anything_there ? std::min(cancelling, third) : Millis{0};
  plan.polling = std::min(every, third);
  plan.at = deadline - plan.span.takes - plan.cancelling - plan.polling;
  const bool has_to_stop = std::any_of(parts.begin(), parts.end(), [](const Part& p) {
    return has_live_batch(p) || (p.route == Route::batch && p.state == PartState::creating);
  });
  plan.is_too_late = now + plan.span.takes + (has_to_stop ? plan.cancelling : Millis{0}) > deadline;
  return plan;
}

std::string in_words(const Span& span)
{
  return fmt::format("{} at {}{}", duration(span.takes), span.limit, span.is_assumed ? ", which is assumed" : "");
}

std::string in_words(const Switch& plan, const Job& job)
{
  const auto limit = in_words(plan.span);
  if (job.switched_at) return fmt::format("in real time since {}: about {} more", clock_time(*job.switched_at), limit);
  if (plan.is_too_late)
    return fmt::format("what is left takes {}: not in time for {}", limit, clock_time(*job.policy.deadline));
  auto text = fmt::format("at {} what is left goes in real time: it takes {}", clock_time(plan.at), limit);
  if (plan.cancelling > Millis{0}) text += fmt::format(", stopping batches up to {}", duration(plan.cancelling));
  return text;
}

void add_outlook(Tools& tools, const Job& job, JobView& v)
{
  if (v.state == JobState::done) return;
  constexpr Millis fresh{15'000};
  const auto now = tools.clock.now();
  const auto stuck = std::find_if(v.parts.begin(), v.parts.end(), [&](const Part& p) { return is_stuck(p, job, now); });
  if (stuck != v.parts.end()) v.outlook = stuck_in_words(*stuck, job, now);
  if (!v.live && !job.policy.deadline) return;
  const auto model = main_model(job, v.parts);
  const auto seen = tools.store.rate(job.account, model);
  if (v.live) {
    auto& live = *v.live;
    live.limit_requests = seen ? seen->requests : std::nullopt;
    live.limit_tokens = seen ? seen->tokens : std::nullopt;
    for (const auto& sender : tools.store.senders(job.account, model)) {
      if (sender.at + fresh < now || now + fresh < sender.at) continue;
      live.in_flight += static_cast<std::uint64_t>(std::max<std::int64_t>(0, sender.in_flight));
      if (sender.allowed) live.allowed = live.allowed.value_or(0) + *sender.allowed;
      if (live.why.empty()) live.why = sender.why;
    }
  }
  const bool has_batches = std::any_of(v.parts.begin(), v.parts.end(),
                                       [](const Part& p) { return p.route == Route::batch && is_live(p.state); });
  if (!has_batches) v.eta = now + span_in_realtime(rest_of(job, v.parts), job.policy.realtime, seen).takes;
  const auto plan = switch_of(job, v.parts, seen, timer_interval, now);
  if (plan && v.outlook.empty() && (has_batches || plan->is_too_late)) v.outlook = in_words(*plan, job);
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

std::string stuck_in_words(const Part& p, const Job& job, Instant now)
{
  return fmt::format(
      "the batch of part {} has not stopped in {}, and what it leaves waits for that: `batchwright cancel "
      "{} --abandon` gives it up",
      p.number, duration(now - *p.cancelled_at), job.name);
}

} // namespace batchwright::engine
