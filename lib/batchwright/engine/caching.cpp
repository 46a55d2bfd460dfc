#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace batchwright::engine {
namespace {

bool discounts_batches(const Tools& tools, const Job& job, const std::string& model)
{
  const auto prices = prices_of(tools, job, model);
  return prices && prices->batch && prices->batch->cached;
}

/// Whether no batch holds it, so that it can still go the other way.
bool is_unsent(const Part& p)
{
  return p.state == PartState::planned || p.state == PartState::uploading || p.state == PartState::queued;
}

/// What is cached of a text that all requests begin with.
CacheUse cached_of(Tokens shared, const Experience& known, const Workload& work)
{
  const Tokens read{std::llround(static_cast<double>(shared.n) * known.input_factor())};
  return {.read = cacheable(read) * static_cast<std::int64_t>(std::max<std::uint64_t>(1, work.requests) - 1)};
}

/// A saving that is worth a line: a cent, and a hundredth of what is saved from.
bool is_worth_it(PicoUsd saving, PicoUsd cost)
{
  return RouteCosts{.live = cost - saving, .batch = cost}.is_live_cheaper();
}

/// What all requests have at their end, were it at their beginning.
std::optional<CacheHint> hint_of_order(const Tools& tools, const Job& job, const std::string& model,
                                       const Workload& work, const SharedPrompt& shared)
{
  const auto known = known_of(tools, job, model).whole;
  const auto cached = cached_of(shared.end, known, work);
  if (cached.read.n == 0 || cached_of(shared.beginning, known, work).read.n > 0) return std::nullopt;
  const auto goes = job.mode == Mode::realtime ? Route::realtime : Route::batch;
  const bool is_discounted = goes == Route::realtime || discounts_batches(tools, job, model);
  const auto best = is_discounted ? goes : Route::realtime; // there alone it would be cached at a lower price
  auto moved = work;
  (best == Route::batch ? moved.batch : moved.live) = cached;
  const auto before = cost_of_work(tools, job, {{model, work}}, goes);
  const auto after = cost_of_work(tools, job, {{model, moved}}, best);
  if (!before || !after || !is_worth_it(*before - *after, *before)) return std::nullopt;
  return CacheHint{.what = CacheHint::What::order, .shared = shared.end, .saving = *before - *after, .route = best};
}

/// Many requests with one beginning find it cached more often where they name a key for it.
std::optional<CacheHint> hint_of_key(const Tools& tools, const Job& job, const std::string& model, const Workload& work,
                                     const SharedPrompt& shared)
{
  if (job.mode != Mode::realtime || shared.has_keys || work.live.read.n == 0 || cacheable(shared.beginning).n == 0)
    return std::nullopt;
  auto uncached = work;
  uncached.live = {};
  const auto most = cost_of_work(tools, job, {{model, uncached}}, Route::realtime);
  const auto cost = cost_of_work(tools, job, {{model, work}}, Route::realtime);
  if (!most || !cost || !is_worth_it(*most - *cost, *most)) return std::nullopt;
  return CacheHint{.what = CacheHint::What::key, .shared = shared.beginning, .saving = *most - *cost};
}

} // namespace

std::optional<RouteCosts> route_costs(const Tools& tools, const Job& job,
                                      const std::map<std::string, Workload>& expected)
{
  auto compared = expected;
  RouteCosts costs{.batch_discounts = false};
  std::uint64_t requests = 0;
  for (auto& [model, work] : compared) {
    const auto known = known_of(tools, job, model).whole;
    const bool told = known.batch.tells();
    const bool discounts = discounts_batches(tools, job, model);
    costs.batch_discounts = costs.batch_discounts || discounts;
    if (discounts && !told) work.batch = work.live;
    requests += work.requests;
    costs.input += work.usage.input;
    const bool lacks_first = !known.live.tells() && work.requests > 1; // which found nothing: of the others each
    const auto n = static_cast<std::int64_t>(work.requests);
    costs.cached_live += lacks_first ? Tokens{work.live.read.n / (n - 1) * n} : work.live.read;
    if (told) costs.cached_batch += work.batch.read;
  }
  const auto live = cost_of_work(tools, job, compared, Route::realtime);
  const auto batch = cost_of_work(tools, job, compared, Route::batch);
  if (!live || !batch || requests == 0) return std::nullopt;
  costs.live = *live;
  costs.batch = *batch;
  for (auto* tokens : {&costs.input, &costs.cached_live, &costs.cached_batch})
    tokens->n /= static_cast<std::int64_t>(requests);
  if (compared.size() == 1) costs.model = compared.begin()->first;
  return costs;
}

std::optional<RouteCosts> route_costs_of_rest(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  if (job.mode == Mode::realtime || job.switched_at || job.cancel != Cancel::none) return std::nullopt;
  auto rest = parts;
  std::erase_if(rest, [](const Part& p) { return p.route != Route::batch || !is_unsent(p); });
  if (rest.empty()) return std::nullopt;
  return route_costs(tools, job, forecast_of_rest(tools, job, rest).expected);
}

std::vector<CacheHint> cache_hints(const Tools& tools, const Job& job, const std::map<std::string, Workload>& expected,
                                   const std::map<std::string, SharedPrompt>& shared)
{
  std::vector<CacheHint> hints;
  if (expected.size() != 1) return hints;
  const auto& [model, work] = *expected.begin();
  const auto found = shared.find(model);
  if (found == shared.end()) return hints;
  for (const auto& look : {hint_of_order, hint_of_key}) {
    if (auto hint = look(tools, job, model, work, found->second)) hints.push_back(std::move(*hint));
  }
  for (auto& hint : hints)
    hint.is_ready_made = is_ready_made(job);
  return hints;
}

std::optional<RouteCosts> routes_of(const Tools& tools, const Draft& draft)
{
  return draft.continues ? std::nullopt : route_costs(tools, draft.job, draft.by_model);
}

bool is_live_cheaper(const Draft& draft, const std::optional<RouteCosts>& routes)
{
  return draft.job.mode != Mode::realtime && routes && routes->is_live_cheaper();
}

} // namespace batchwright::engine
