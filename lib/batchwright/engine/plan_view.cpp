// A draft as the user is shown it.

#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/workload.hpp>

#include <algorithm>
#include <utility>

namespace batchwright::engine {
namespace {

std::uint64_t urgent_items(const Draft& draft)
{
  std::uint64_t items = 0;
  for (const auto& p : draft.parts)
    items += p.pick == Pick::urgent ? p.items : 0;
  return items;
}

/// Where batches are not worth their wait. It is only said: nothing changes by itself.
std::string advice(const Tools& tools, const Draft& draft)
{
  constexpr PicoUsd little{1'000'000'000'000}; // a dollar
  const auto waits = [](const Part& p) { return p.route == Route::batch; };
  const bool has_batches = std::any_of(draft.parts.begin(), draft.parts.end(), waits);
  if (draft.job.mode == Mode::realtime || draft.continues || draft.job.told_live_is_cheaper || !has_batches) return {};
  const auto batch = cost_of_work(tools, draft.job, draft.by_model, Route::batch);
  const auto live = cost_of_work(tools, draft.job, draft.by_model, Route::realtime);
  constexpr Millis short_time{1'800'000};
  if (draft.time_for_batches && *draft.time_for_batches < short_time)
    return "the deadline leaves batches too little time to bring much; --mode realtime does it now";
  if (batch && live && *batch < *live && (*live - *batch).n < little.n)
    return "batches save less than $1.00 here and may take a day; --mode realtime does it now";
  return {};
}

} // namespace

PlanView plan_view(const Tools& tools, const Draft& draft)
{
  std::vector<InputFormat> formats;
  for (const auto& input : draft.job.inputs) {
    if (std::find(formats.begin(), formats.end(), input.format) == formats.end()) formats.push_back(input.format);
  }
  std::vector<std::string> columns;
  const bool is_read = !draft.continues || draft.needs_consent;
  const auto& parts = draft.needs_consent ? draft.planned : draft.parts;
  std::uint64_t requests = 0;
  std::uint64_t live_requests = 0;
  std::size_t batches = 0;
  for (const auto& part : parts) {
    if (part.state == PartState::superseded) continue;
    requests += part.route == Route::reused ? 0 : part.requests;
    if (part.route == Route::realtime) live_requests += part.requests;
    batches += part.route == Route::batch ? 1 : 0;
  }
  const auto routes = routes_of(tools, draft);
  if (is_read && !draft.job.inputs.empty()) columns = input::fixed_columns(draft.job.inputs.front());
  return {.job = draft.job.name,
          .formats = std::move(formats),
          .columns = std::move(columns),
          .model = draft.job.request.model,
          .items = draft.job.items,
          .requests = requests,
          .reused = draft.reuse.reused,
          .reused_from = draft.reuse.from,
          .repeated = draft.reuse.repeated,
          .parts = batches,
          .live_requests = live_requests,
          .request_bytes = draft.request_bytes,
          .estimate = draft.estimate,
          .bounded_by = bounded_by(draft.job),
          .tier = tier_asked(draft.job),
          .batch = cost_of_work(tools, draft.job, draft.by_model, Route::batch),
          .realtime = cost_of_work(tools, draft.job, draft.by_model, Route::realtime),
          .mode = draft.job.mode,
          .fallback = draft.job.policy.fallback,
          .urgent = urgent_items(draft),
          .probe = draft.continues ? 0 : draft.job.probe.size(),
          .rest = draft.rest,
          .max_cost = draft.job.policy.max_cost,
          .strict_cap = draft.job.policy.strict_cap,
          .fills = draft.fills,
          .deadline = draft.job.policy.deadline,
          .leaving = draft.leaving,
          .drafted_at = draft.drafted_at,
          .advice = advice(tools, draft),
          .routes = routes,
          .is_live_cheaper = is_live_cheaper(draft, routes),
          .cache_hints =
              draft.continues ? std::vector<CacheHint>{} : cache_hints(tools, draft.job, draft.by_model, draft.shared),
          .prices_as_of = tools.prices.as_of(main_model(draft.job, draft.parts)),
          .has_given_price = draft.job.policy.input_price.has_value(),
          .skipped = draft.skipped_count,
          .continues = draft.continues,
          .needs_consent = draft.needs_consent,
          .unsent = draft.unsent};
}

} // namespace batchwright::engine
