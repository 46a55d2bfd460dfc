#include <batchwright/base/unsigned.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/finish.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/workload.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::engine {
namespace {

/// What a part's items without an answer would cost in real time.
std::optional<PicoUsd> cost_of_rest(const Tools& tools, const Job& job, const Part& p, double share)
{
  auto work = raw_work(job, {p});
  const auto of_share = [share](auto n) { return static_cast<decltype(n)>(static_cast<double>(n) * share); };
  for (auto& [model, asked] : work) {
    asked = {.usage = {.input = {of_share(asked.usage.input.n)}, .output = {of_share(asked.usage.output.n)}},
             .requests = static_cast<std::uint64_t>(static_cast<double>(asked.requests) * share + 0.5),
             .output_assumed = asked.output_assumed,
             .choices = asked.choices};
  }
  return cost_of_work(tools, job, forecast(tools, job, work, p).expected, Route::realtime);
}

Finish sum_up(Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  Finish plan{.job = job.name, .cost = PicoUsd{}};
  for (const auto& p : parts) {
    if (!is_live(p.state) || p.route == Route::reused) continue;
    const auto requests = std::max<std::uint64_t>(1, p.requests);
    const auto left = requests - std::min(requests, unsigned_of(p.remote.completed));
    const auto share = static_cast<double>(left) / static_cast<double>(requests);
    plan.items += static_cast<std::uint64_t>(static_cast<double>(p.items) * share + 0.5);
    plan.batches += has_live_batch(p) ? 1 : 0;
    const auto cost = cost_of_rest(tools, job, p, share);
    plan.cost = cost && plan.cost ? std::optional{*plan.cost + *cost} : std::nullopt;
  }
  const auto seen = tools.store.rate(job.account, main_model(job, parts));
  plan.rest = span_in_realtime(rest_of(job, parts), job.policy.realtime, seen);
  return plan;
}

/// Whether `finish` is said once more: its cap is one of all that it spends.
bool names_cap_again(const Job& job)
{
  return job.switched_at && job.finish_has_cap;
}

/// The cap that the job has already, which nobody can lift.
void check_own_cap(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  try {
    check_prices(tools, job, parts);
  } catch (const Error& e) {
    throw Error{e.fault(), fmt::format("the job's own cap holds, and {}", e.what()),
                fmt::format("its batches go on: `batchwright fetch {} --wait` waits for them", job.name)};
  }
}

/// What counts against the job's cap so far.
PicoUsd spent_under_cap(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  PicoUsd sum;
  for (const auto& p : parts) {
    const bool is_sent_live = p.route == Route::realtime && is_live(p.state);
    sum += is_sent_live ? std::max(p.so_far.spent - p.spent_before_cap, PicoUsd{}) : spent_by(tools, job, p);
  }
  return sum;
}

} // namespace

Finish plan_finish(Tools& tools, const std::string& name, std::optional<PicoUsd> at_most)
{
  auto job = known_job(tools, name);
  require_input(job, "finishing in real time");
  if (job.standing != Standing::consented) {
    throw Error{Fault::usage, fmt::format("{} may not send yet", name),
                fmt::format("`batchwright submit` the same input with --name {} lets it", name)};
  }
  if (job.cancel != Cancel::none) {
    throw Error{Fault::unfinished, fmt::format("{} is being cancelled", name),
                fmt::format("`batchwright fetch {} --wait` waits for that", name)};
  }
  const auto parts = tools.store.parts(name);
  const bool goes_on = names_cap_again(job);
  job.switched_at = tools.clock.now(); // as it is going to be
  if (at_most) check_prices(tools, job, parts);
  if (!at_most && job.policy.max_cost) check_own_cap(tools, job, parts);
  auto plan = sum_up(tools, job, parts);
  if (goes_on) plan.spent = spent_under_cap(tools, job, parts);
  if (at_most && goes_on && *at_most <= plan.spent) {
    throw Error{Fault::usage, "--max-cost: so much was spent already since the job is being finished",
                "name what all of that may cost, what was spent included"};
  }
  return plan;
}

std::optional<Finish> offer_finish(Tools& tools, const JobView& view)
{
  const bool runs =
      view.state == JobState::running && view.standing == Standing::consented && view.cancel == Cancel::none;
  const bool has_batches = std::any_of(view.parts.begin(), view.parts.end(), has_live_batch);
  if (!runs || !has_batches || view.deadline || view.stuck || view.switched_at) return std::nullopt;
  const auto job = known_job(tools, view.job);
  if (job.policy.max_cost && !money::is_priced_tier(tier_asked(job))) return std::nullopt; // its cap could not be kept
  const auto plan = sum_up(tools, job, view.parts);
  return plan.items > 0 ? std::optional{plan} : std::nullopt;
}

void begin_finish(Tools& tools, const std::string& name, std::optional<PicoUsd> at_most)
{
  auto job = known_job(tools, name);
  const bool goes_on = names_cap_again(job);
  job.switched_at = tools.clock.now();
  job.awaits_word = false;
  job.policy.fallback = Fallback::realtime;
  if (job.mode == Mode::batch) job.mode = Mode::hybrid;
  store::Transaction tx{tools.store};
  if (at_most) {
    job.policy.max_cost = at_most;
    job.finish_has_cap = true;
    auto parts = tools.store.parts(name);
    if (!goes_on) cap_from_now(tools, job, parts);
    for (const auto& p : parts)
      tx.put(name, p);
  }
  tx.update(job);
  tx.log(name, 0, "to be finished in real time");
  tx.commit();
}

} // namespace batchwright::engine
