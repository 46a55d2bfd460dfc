#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace batchwright::engine {
namespace {

/// What was taught counts half as much once so much more has come: prompts stay, data changes.
constexpr std::uint64_t most_remembered = 100'000;
/// So many jobs of a prompt are remembered each by itself.
constexpr std::size_t most_jobs = 20;

Tokens times(double each, std::uint64_t requests)
{
  return {static_cast<std::int64_t>(std::ceil(each * static_cast<double>(requests)))};
}

Tokens scaled(Tokens tokens, double factor)
{
  return {std::llround(static_cast<double>(tokens.n) * factor)};
}

/// What a model answers to one request at most, all its choices together; nothing where that is not known.
std::optional<Tokens> most_of_model(const std::optional<money::ModelPrices>& prices,
                                    const std::optional<std::int64_t>& choices)
{
  if (!prices || !prices->most_output || !choices) return std::nullopt;
  return *prices->most_output * *choices;
}

/// What is cached of what all requests begin with.
CacheUse cache_by_text(const Experience& known, const Workload& work, Tokens input)
{
  if (work.requests == 0) return {};
  const auto each = cacheable(scaled(work.shared.value_or(known.shared), known.input_factor()));
  return {.read = std::min(each * (static_cast<std::int64_t>(work.requests) - 1), input)};
}

/// What the cache is expected to do for `input` of some work: as it did for answers of the route; in real time, where
/// none told yet, as requests have it in common, or as it did in batches.
CacheUse cache_of(Route route, const Experience& known, const Workload& work, Tokens input)
{
  const auto& seen = route == Route::batch ? known.batch : known.live;
  if (seen.tells()) return seen.expected(input);
  if (route == Route::batch) return {};
  const auto by_text = cache_by_text(known, work, input);
  const auto by_batches = known.batch.tells() ? known.batch.expected(input) : CacheUse{};
  return by_text.read > by_batches.read ? by_text : by_batches;
}

} // namespace

bool may_go_live(const Job& job)
{
  return job.mode != Mode::batch || job.policy.fallback == Fallback::realtime || job.switched_at.has_value();
}

std::string prompt_digest(const Job& job, const Part& part)
{
  if (is_ready_made(job)) return job.uuid;
  const auto spec = requests::spec_of(job, part);
  std::string text;
  json::Writer w{text};
  w.begin_array().string(spec.endpoint).string(spec.prompt).string(spec.system).string(spec.messages);
  w.string(spec.body).string(spec.schema).integer(spec.max_output_tokens.value_or(0));
  for (const auto& [field, value] : spec.set)
    w.string(field).string(value);
  w.end_array();
  Sha256 sha;
  sha.update(text);
  return sha.hex().substr(0, 32);
}

Known known_of(const Tools& tools, const Job& job, const std::string& model, const Part& like)
{
  const auto rows = tools.store.experiences(job.account, model, prompt_digest(job, like));
  return {.whole = sum_of(rows), .outputs = outputs_for(job.uuid, rows)};
}

double input_error(const Known& known)
{
  constexpr std::size_t jobs_that_tell = 3;
  const bool is_sure = !known.outputs.own.empty() || known.outputs.others.size() >= jobs_that_tell;
  return known.whole.input.n > 0 && is_sure ? money::input_error_after : money::input_error_at_first;
}

namespace {

/// The oldest ones are remembered together. `rows`: the latest last.
void fold_oldest(store::Transaction& tx, const std::vector<Experience>& rows)
{
  if (rows.size() < most_jobs) return;
  auto together = rows[0];
  together += rows[1];
  together.job.clear();
  if (together.outputs.count() > most_remembered) together.fade();
  tx.remove(rows[0]);
  tx.remove(rows[1]);
  tx.put(together);
}

/// What a job taught so far, within a transaction that is going to put more.
Experience own_of(store::Transaction& tx, const store::Store& store, const Job& job, const std::string& model,
                  const std::string& prompt)
{
  const auto rows = store.experiences(job.account, model, prompt);
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const Experience& e) { return e.job == job.uuid; });
  if (found != rows.end()) return *found;
  fold_oldest(tx, rows);
  return {.account = job.account, .model = model, .prompt = prompt, .job = job.uuid};
}

} // namespace

void learn_from(store::Transaction& tx, const store::Store& store, const Job& job, const Part& part,
                const results::Settled& settled)
{
  if (settled.answered == 0 || part.requests == 0 || !knows_input(job)) return;
  auto own = own_of(tx, store, job, model_of(job, part), prompt_digest(job, part));
  const auto share = static_cast<double>(settled.answered) / static_cast<double>(part.requests);
  own.estimated += scaled(part.input_tokens, std::min(1.0, share));
  own.input += settled.sums.usage.input;
  own.outputs += settled.outputs;
  auto& seen = part.route == Route::batch ? own.batch : own.live;
  seen.add(settled.answered, settled.sums.usage);
  tx.put(own);
}

void learn_shared(store::Transaction& tx, const store::Store& store, const Job& job,
                  const std::map<std::string, SharedPrompt>& by_model)
{
  const auto prompt = prompt_digest(job, {});
  for (const auto& [model, shared] : by_model) {
    auto own = own_of(tx, store, job, model, prompt);
    own.shared = shared.beginning;
    tx.put(own);
  }
}

Forecast forecast(const Tools& tools, const Job& job, const WorkByModel& raw, const Part& like)
{
  Forecast made{.worst = WorkByModel{}};
  for (const auto& asked : raw) { // no structured binding: clang 14 cannot capture one
    const auto& model = asked.first;
    const auto& work = asked.second;
    const auto prices = prices_of(tools, job, model);
    const auto seen = known_of(tools, job, model, like);
    const auto& known = seen.whole;
    const bool has_output = work.usage.output.n > 0;
    const auto requests = static_cast<std::int64_t>(std::max<std::uint64_t>(1, work.requests));
    const auto bound = work.output_assumed ? std::nullopt : std::optional{Tokens{work.usage.output.n / requests}};
    const auto most = bound ? bound : most_of_model(prices, work.choices);
    const auto length = has_output
                            ? money::expected_length(bound, seen.outputs, work.requests, most, work.choices.value_or(1))
                            : money::Length{};
    const auto error = input_error(seen);
    const auto put = [&](WorkByModel& to, double input, double output) {
      const auto tokens = scaled(work.usage.input, known.input_factor() * input);
      const auto written = all_written(tokens, work.requests, work.largest);
      to[model] = {.usage = {.input = tokens, .output = times(output, work.requests)},
                   .requests = work.requests,
                   .batch = written,
                   .live = written};
    };
    // A cache is best effort: what is to be expected counts with it, what it may come to at most does not.
    const auto put_cached = [&](WorkByModel& to, double input, double output) {
      put(to, input, output);
      auto& put_work = to[model];
      put_work.batch = cache_of(Route::batch, known, work, put_work.usage.input);
      put_work.live = cache_of(Route::realtime, known, work, put_work.usage.input);
    };
    put_cached(made.expected, 1, length.expected);
    put_cached(made.low, 1 - error, length.low);
    auto& low = made.low[model]; // whether batches cache, too, nobody can tell before they did
    if (!known.batch.tells()) low.batch = cache_by_text(known, work, low.usage.input);
    put(made.high, 1 + error, length.high);
    made.high[model].largest = scaled(work.largest, known.input_factor() * (1 + error));
    if (has_output && !most) made.worst.reset();
    if (made.worst) {
      put(*made.worst, 1 + error, 0);
      auto& worst = (*made.worst)[model];
      worst.usage.output = !has_output ? Tokens{} : bound ? work.usage.output : *most * requests;
      worst.largest = scaled(work.largest, known.input_factor() * (1 + error));
    }
    made.basis = std::max(made.basis, length.basis);
    if (length.usual) made.usual = std::max(made.usual.value_or(Tokens{}), *length.usual);
    made.answers += length.basis == Basis::answers ? seen.outputs.count() : 0;
  }
  return made;
}

namespace {

std::optional<PicoUsd> plus(const std::optional<PicoUsd>& a, const std::optional<PicoUsd>& b)
{
  return a && b ? std::optional{*a + *b} : std::nullopt;
}

Estimate plus(const Estimate& a, const Estimate& b)
{
  return {.basis = std::max(a.basis, b.basis),
          .answers = std::max(a.answers, b.answers), // they are of one prompt
          .input = a.input + b.input,
          .output = a.output + b.output,
          .usual = std::max(a.usual, b.usual),
          .cost = plus(a.cost, b.cost),
          .low = plus(a.low, b.low),
          .high = plus(a.high, b.high),
          .worst = plus(a.worst, b.worst)};
}

Estimate estimate_on(Route route, const Tools& tools, const Job& job, const Forecast& f)
{
  Estimate e{.basis = f.basis, .answers = f.answers, .usual = f.usual};
  for (const auto& [model, work] : f.expected) {
    e.input += work.usage.input;
    e.output += work.usage.output;
  }
  e.cost = cost_of_work(tools, job, f.expected, route);
  e.low = cost_of_work(tools, job, f.low, route);
  e.high = cost_of_work(tools, job, f.high, route);
  if (f.worst) e.worst = most_cost_of_work(tools, job, *f.worst, may_go_live(job) ? Route::realtime : route);
  return e;
}

} // namespace

Estimate estimate(const Tools& tools, const Job& job, const std::vector<Part>& parts, const Part& like,
                  const std::map<std::string, SharedPrompt>& shared)
{
  Estimate sum{.cost = PicoUsd{}, .low = PicoUsd{}, .high = PicoUsd{}, .worst = PicoUsd{}};
  for (const auto route : {Route::batch, Route::realtime}) {
    std::vector<Part> of_route;
    std::copy_if(parts.begin(), parts.end(), std::back_inserter(of_route),
                 [&](const Part& p) { return p.route == route; });
    if (of_route.empty()) continue;
    auto raw = raw_work(job, of_route);
    for (auto& [model, work] : raw) {
      if (const auto found = shared.find(model); found != shared.end()) work.shared = found->second.beginning;
    }
    sum = plus(sum, estimate_on(route, tools, job, forecast(tools, job, raw, like)));
  }
  return sum;
}

void expect(Job& job, const Estimate& whole)
{
  job.estimated = whole.cost;
  job.estimated_low = whole.low;
  job.estimated_high = whole.high;
}

namespace {

std::vector<Part> live_ones(std::vector<Part> parts)
{
  std::erase_if(parts, [](const Part& p) { return !is_live(p.state); });
  return parts;
}

} // namespace

Forecast forecast_of_rest(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  return forecast(tools, job, raw_work(job, live_ones(parts)));
}

Estimate estimate_of_job(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  PicoUsd spent;
  for (const auto& p : parts)
    spent += has_outcomes(p.state) ? p.outcome.spent : PicoUsd{};
  auto whole = estimate(tools, job, live_ones(parts));
  for (auto* cost : {&whole.cost, &whole.low, &whole.high, &whole.worst}) {
    if (*cost) *cost = **cost + spent;
  }
  return whole;
}

money::Length length_of(const Tools& tools, const Job& job, const Part& part)
{
  if (!wire::has_output_tokens(endpoint_of(job, part))) return {};
  const auto known = known_of(tools, job, model_of(job, part), part);
  const auto prices = prices_of(tools, job, model_of(job, part));
  const auto choices = choices_of(job, part);
  return money::expected_length(output_bound_of(job, part), known.outputs, part.requests,
                                most_of_model(prices, choices), choices.value_or(1));
}

Tokens input_of(const Tools& tools, const Job& job, const Part& part)
{
  return scaled(part.input_tokens, known_of(tools, job, model_of(job, part), part).whole.input_factor());
}

} // namespace batchwright::engine
