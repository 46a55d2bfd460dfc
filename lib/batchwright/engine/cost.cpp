#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/results/billing.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <iterator>
#include <tuple>

namespace batchwright::engine {
namespace {

/// Of a part that was settled before days were kept.
Spending spending_of(const Part& p, const Job& job)
{
  Spending spent{.part = p.number, .tier = std::string{usual_tier}, .items = p.outcome.succeeded + p.outcome.failed};
  spent.day = day_of(p.remote.ended_at.value_or(job.ended_at.value_or(job.created_at)));
  spent.usage = p.outcome.usage;
  if (p.outcome.priced) spent.cost = p.outcome.spent;
  return spent;
}

void add(std::vector<CostRow>& rows, const Spending& spent, const Part& p, const std::string& model)
{
  const auto is_of = [&](const CostRow& r) {
    return r.day == spent.day && r.route == p.route && r.tier == spent.tier && r.model == model;
  };
  const auto found = std::find_if(rows.begin(), rows.end(), is_of);
  if (found == rows.end()) {
    rows.push_back({.day = spent.day,
                    .route = p.route,
                    .tier = spent.tier,
                    .model = model,
                    .items = spent.items,
                    .usage = spent.usage,
                    .cost = spent.cost});
    return;
  }
  found->items += spent.items;
  found->usage += spent.usage;
  found->cost = found->cost && spent.cost ? std::optional{*found->cost + *spent.cost} : std::nullopt;
}

void add(std::optional<PicoUsd>& sum, const std::optional<PicoUsd>& more)
{
  sum = sum && more ? std::optional{*sum + *more} : std::nullopt;
}

/// Of a part that is not settled yet, what its journal tells.
void add_live(CostView& cost, const Tools& tools, const Job& job, const Part& p)
{
  auto billing = billing_of(tools, job, p);
  billing.read_on();
  for (const auto& spent : billing.rows()) {
    add(cost.rows, spent, p, model_of(job, p));
    add(cost.spent, spent.cost);
    add(cost.realtime, spent.realtime);
  }
}

/// The sum over models of what `cost` says of each; nothing where it knows nothing of one.
std::optional<PicoUsd> sum_over(const Tools& tools, const Job& job, const std::map<std::string, Workload>& by_model,
                                const auto& cost_of)
{
  PicoUsd sum;
  for (const auto& [name, work] : by_model) {
    const auto prices = prices_of(tools, job, name);
    const auto cost = prices ? cost_of(work, *prices) : std::nullopt;
    if (!cost) return std::nullopt;
    sum += *cost;
  }
  return sum;
}

} // namespace

std::optional<money::ModelPrices> prices_of(const Tools& tools, const Job& job, std::string_view model)
{
  const auto& [input, output] = std::tie(job.policy.input_price, job.policy.output_price);
  const auto* listed = tools.prices.find(model);
  if (input && output) return money::prices_given(std::string{model}, *input, *output, listed);
  return listed ? std::optional{*listed} : std::nullopt;
}

std::string tier_asked(const Job& job)
{
  if (!job.request.service_tier.empty()) return job.request.service_tier;
  for (const auto& tier : job.named_tiers)
    if (!money::is_priced_tier(tier)) return tier;
  return wire::tier_named(job.request);
}

namespace {

/// What the work uses on a route, with what the cache does there.
Usage usage_on(Route route, const Workload& work)
{
  const auto& cache = route == Route::batch ? work.batch : work.live;
  auto usage = work.usage;
  usage.cached = cache.read;
  usage.cache_write = cache.written;
  return usage;
}

} // namespace

std::optional<PicoUsd> cost_of_work(const Tools& tools, const Job& job, const std::map<std::string, Workload>& by_model,
                                    Route route)
{
  const auto tier = tier_asked(job);
  if (route == Route::realtime && !money::is_priced_tier(tier)) return std::nullopt;
  return sum_over(tools, job, by_model, [&](Workload work, const money::ModelPrices& prices) {
    work.usage = usage_on(route, work);
    return money::cost_of_work(work, prices, route, tier);
  });
}

std::optional<PicoUsd> most_cost_of_work(const Tools& tools, const Job& job,
                                         const std::map<std::string, Workload>& by_model, Route route)
{
  const auto asked = tier_asked(job);
  const auto tier = asked == money::flex_tier ? std::string{} : asked;
  return sum_over(tools, job, by_model, [&](Workload work, const money::ModelPrices& prices) {
    work.usage = usage_on(route, work);
    return money::cost_of_work(work, prices, route, tier);
  });
}

std::vector<Spending> spending_of(Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  const auto stored = tools.store.spending(job.name);
  std::vector<Spending> spending;
  for (const auto& p : parts) {
    if (!has_outcomes(p.state)) continue;
    const auto [first, last] = std::equal_range(stored.begin(), stored.end(), Spending{.part = p.number},
                                                [](const Spending& a, const Spending& b) { return a.part < b.part; });
    spending.insert(spending.end(), first, last);
    const bool is_old = first == last && p.outcome.usage != Usage{};
    if (is_old) spending.push_back(spending_of(p, job));
  }
  return spending;
}

void price_again(Tools& tools, store::Transaction& tx, const Job& job, std::vector<Part>& parts)
{
  const auto all = spending_of(tools, job, parts);
  for (auto& p : parts) {
    if (!has_outcomes(p.state) || p.outcome.priced) continue;
    const auto prices = prices_of(tools, job, model_of(job, p));
    if (!prices) continue;
    std::vector<Spending> rows;
    std::copy_if(all.begin(), all.end(), std::back_inserter(rows),
                 [&](const Spending& s) { return s.part == p.number; });
    p.outcome.priced = true;
    for (auto& row : rows) {
      const auto requests = std::max(row.requests, row.items);
      row.cost = money::cost_of_work(row.usage, requests, *prices, p.route, row.tier);
      row.realtime = money::cost_of_work(row.usage, requests, *prices, Route::realtime);
      p.outcome.priced = p.outcome.priced && row.cost && row.realtime;
      p.outcome.spent += row.cost.value_or(PicoUsd{});
      p.outcome.realtime += row.realtime.value_or(PicoUsd{});
    }
    if (!p.outcome.priced) p.outcome.spent = p.outcome.realtime = PicoUsd{};
    tx.put(job.name, p.number, rows);
  }
}

CostView account(Tools& tools, const std::string& name)
{
  known_job(tools, name);
  const auto hold = DirectoryHold::shared(tools.layout.job(name).directory()); // no journal goes meanwhile
  const auto job = known_job(tools, name);
  auto parts = tools.store.parts(name);
  for (auto& p : parts)
    p.so_far = {}; // their journals tell it to the last line
  const auto seen = view(job, parts, Held::no);
  CostView cost{.job = name,
                .estimated = job.estimated,
                .estimated_low = job.estimated_low,
                .estimated_high = job.estimated_high,
                .spent = seen.spent,
                .realtime = seen.realtime,
                .billed_again = seen.billed_again,
                .prices_as_of = tools.prices.as_of(main_model(job, parts)),
                .has_given_price = job.policy.input_price.has_value()};
  auto part = parts.begin();
  for (const auto& spent : spending_of(tools, job, parts)) { // by part, as the parts are
    part = std::find_if(part, parts.end(), [&](const Part& p) { return p.number == spent.part; });
    add(cost.rows, spent, *part, model_of(job, *part));
  }
  for (const auto& p : parts) {
    if (p.route == Route::realtime && (is_called(p) || p.state == PartState::ended)) add_live(cost, tools, job, p);
  }
  std::sort(cost.rows.begin(), cost.rows.end(), [](const CostRow& a, const CostRow& b) {
    return std::tie(a.day, a.route, a.tier, a.model) < std::tie(b.day, b.route, b.tier, b.model);
  });
  return cost;
}

} // namespace batchwright::engine
