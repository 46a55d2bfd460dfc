#include <batchwright/base/unsigned.hpp>
#include <batchwright/model/view.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace batchwright {
namespace {

JobState state_of(const Job& job, const std::vector<Part>& parts, const Tally& items, Held held)
{
  if (items.pending() == 0) return JobState::done;
  if (job.pause != Pause::none) return JobState::paused;
  if (job.cancel != Cancel::none) return JobState::cancelling;
  const bool live = std::any_of(parts.begin(), parts.end(), [](const Part& p) { return has_live_batch(p); });
  return live || held == Held::yes ? JobState::running : JobState::open;
}

/// As was estimated.
std::optional<PicoUsd> cost_of_an_item(const Job& job, std::uint64_t sent)
{
  if (!job.estimated || sent == 0) return std::nullopt;
  return PicoUsd{job.estimated->n / static_cast<std::int64_t>(sent)};
}

/// What a request of the part costs, as far as is known: as those cost that were answered, else as was estimated.
std::optional<PicoUsd> cost_of_one(const Part& part, const std::optional<PicoUsd>& usual)
{
  const auto requests = static_cast<std::int64_t>(std::max<std::uint64_t>(1, part.requests));
  if (has_outcomes(part.state) && part.outcome.priced && part.outcome.spent.n > 0) {
    const auto answered = std::clamp<std::int64_t>(part.remote.completed, 1, requests);
    return PicoUsd{part.outcome.spent.n / answered};
  }
  if (!usual) return std::nullopt;
  return PicoUsd{usual->n * static_cast<std::int64_t>(part.items) / requests};
}

void add_billed_again(JobView& v, const Part& part, const std::optional<PicoUsd>& usual)
{
  if (part.billed_again == 0) return;
  v.requests_billed_again += part.billed_again;
  const auto one = cost_of_one(part, usual);
  const bool is_known = one && v.billed_again;
  v.billed_again = is_known
                       ? std::optional{*v.billed_again + PicoUsd{one->n * static_cast<std::int64_t>(part.billed_again)}}
                       : std::nullopt;
}

void add_realtime(JobView& v, const Part& part, const std::optional<PicoUsd>& usual)
{
  if (part.route != Route::realtime) return;
  add_billed_again(v, part, usual);
  if (!is_live(part.state)) return;
  if (!v.live) v.live.emplace();
  v.live->requests += part.requests;
  v.live->answered += unsigned_of(part.remote.completed) + unsigned_of(part.remote.failed);
  v.live->failed += unsigned_of(part.remote.failed);
}

void add_spent(JobView& v, const Part& part)
{
  const bool is_sent_live = part.route == Route::realtime && is_live(part.state);
  if (!has_outcomes(part.state) && !is_sent_live) return;
  const auto& [spent, realtime, priced] =
      is_sent_live ? std::tuple{part.so_far.spent, part.so_far.realtime, part.so_far.priced}
                   : std::tuple{part.outcome.spent, part.outcome.realtime, part.outcome.priced};
  const bool is_known = priced && v.spent;
  v.spent = is_known ? std::optional{*v.spent + spent} : std::nullopt;
  v.realtime = is_known ? std::optional{*v.realtime + realtime} : std::nullopt;
}

Exit exit_for(Pause pause)
{
  switch (pause) {
  case Pause::auth:
    return Exit::auth;
  case Pause::quota:
  case Pause::unknown_submission:
    return Exit::temporary;
  case Pause::budget:
    return Exit::budget;
  case Pause::account:
    return Exit::config;
  case Pause::disk:
    return Exit::storage;
  case Pause::failures:
    return Exit::some_failed;
  case Pause::none:
    break;
  }
  return Exit::unfinished;
}

} // namespace

bool stops(const Policy& policy, const Part& part)
{
  if (policy.stop_on_failures == 0 || part.state != PartState::settled || part.failed_for_good == 0) return false;
  return part.failed_for_good * 100'000'000 >= part.items * policy.stop_on_failures; // of a percent, in millionths
}

ProbeTally tally_of_probe(const std::vector<Part>& parts)
{
  ProbeTally sum;
  for (const auto& part : parts) {
    if (!is_probe(part)) continue;
    sum.items += part.items;
    sum.answered += part.outcome.succeeded;
    sum.failed += part.outcome.failed;
    sum.failed_for_good += part.failed_for_good;
    sum.output += part.outcome.usage.output;
    sum.is_over = sum.is_over && !is_live(part.state);
  }
  return sum;
}

Tally tally(const Job& job, const std::vector<Part>& parts)
{
  Tally sum{.items = job.items};
  std::uint64_t waiting = 0;
  for (const auto& part : parts) {
    if (has_outcomes(part.state)) {
      sum.succeeded += part.outcome.succeeded;
      sum.failed += part.outcome.failed;
      sum.cancelled += part.outcome.cancelled;
    } else if (is_live(part.state)) {
      waiting += part.items - part.elsewhere;
    }
  }
  ensure(sum.succeeded + sum.failed + waiting == job.items,
         fmt::format("job {}: {} succeeded + {} failed + {} pending is not {} items", job.name, sum.succeeded,
                     sum.failed, waiting, job.items));
  return sum;
}

std::optional<PicoUsd> JobView::saved() const
{
  return spent && realtime ? std::optional{*realtime - *spent} : std::nullopt;
}

std::optional<PicoUsd> PlanView::cost_of_policy() const
{
  if (fallback != Fallback::realtime) return estimate.cost;
  return realtime && estimate.cost ? std::optional{std::max(*realtime, *estimate.cost)} : std::nullopt;
}

bool JobView::owes_handover() const
{
  const bool undelivered = !handover.out.empty() && !handover.delivered_at;
  const bool unhooked = !handover.on_done.empty() && !handover.hook_begun_at;
  return state == JobState::done && (undelivered || unhooked);
}

JobView view(const Job& job, std::vector<Part> parts, Held held)
{
  JobView v;
  v.job = job.name;
  v.pause = job.pause;
  v.mode = job.mode;
  v.model = job.request.model;
  v.endpoint = job.request.endpoint;
  v.items = tally(job, parts);
  v.state = state_of(job, parts, v.items, held);
  v.estimated = job.estimated;
  v.created_at = job.created_at;
  v.standing = job.standing;
  const bool sends_no_more = v.state == JobState::done && v.standing != Standing::consented;
  if (!sends_no_more) v.message = job.message; // else nothing is left that it asks for
  v.handover = job.handover;
  v.cancel = job.cancel;
  v.fetched_at = job.fetched_at;
  v.deadline = job.policy.deadline;
  v.ended_at = job.ended_at;
  v.switched_at = job.switched_at;
  if (job.finish_has_cap) v.finish_cap = job.policy.max_cost;
  const bool is_free = job.pause == Pause::none && job.cancel == Cancel::none && v.items.pending() > 0;
  v.awaits_word = job.awaits_word && is_free && tally_of_probe(parts).is_over;
  if (v.awaits_word) {
    v.message =
        fmt::format("the rest waits for your word: the same `submit` sends it, `batchwright cancel {}` ends it", v.job);
  }
  v.billed_again = PicoUsd{};
  const auto usual = cost_of_an_item(job, job.items - never_sent(parts));
  v.spent = v.realtime = PicoUsd{};
  for (const auto& part : parts) {
    add_spent(v, part);
    add_realtime(v, part, usual);
    if (has_live_batch(part) && part.due) v.next_poll_at = std::min(v.next_poll_at.value_or(*part.due), *part.due);
  }
  v.parts = std::move(parts);
  return v;
}

std::uint64_t never_sent(const std::vector<Part>& parts)
{
  std::uint64_t items = 0;
  for (const auto& p : parts)
    items += p.route == Route::reused ? p.items - p.outcome.left : 0;
  return items;
}

std::uint64_t unsent(const std::vector<Part>& parts)
{
  std::uint64_t items = 0;
  for (const auto& p : parts) {
    if (p.route == Route::reused) continue;
    const bool waits = p.state == PartState::planned || p.state == PartState::uploading || p.state == PartState::queued;
    if (waits) items += p.items;
  }
  return items;
}

Exit exit_for(const JobView& view)
{
  if (view.state == JobState::done) return view.items.failed > 0 ? Exit::some_failed : Exit::ok;
  return exit_for(view.pause);
}

} // namespace batchwright
