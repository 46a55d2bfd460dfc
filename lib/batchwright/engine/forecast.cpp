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

Tokens times(double each, std::uint64_t requests)
{
  return {static_cast<std::int64_t>(std::ceil(each * static_cast<double>(requests)))};
}

Tokens scaled(Tokens tokens, double factor)
{
  return {std::llround(static_cast<double>(tokens.n) * factor)};
}

/// What a model answers to one request at most, all its choices together; nothing where that is not known.
std::optional<Tokens> most_of_model(const Job& job, const Part& part, const std::optional<money::ModelPrices>& prices)
{
  if (!prices || !prices->most_output) return std::nullopt;
  return *prices->most_output * (is_ready_made(job) ? 1 : wire::choices_asked(requests::spec_of(job, part)));
}

std::optional<PicoUsd> plus_share(const std::optional<PicoUsd>& batch, const std::optional<PicoUsd>& live, double share)
{
  if (share == 0) return batch;
  if (share == 1) return live;
  if (!batch || !live) return std::nullopt;
  return PicoUsd{batch->n + static_cast<std::int64_t>(static_cast<double>(live->n - batch->n) * share)};
}

/// Whether any of the job may be sent in real time.
bool may_go_live(const Job& job)
{
  return job.mode != Mode::batch || job.policy.fallback == Fallback::realtime || job.switched_at.has_value();
}

} // namespace

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

void learn_from(store::Transaction& tx, const store::Store& store, const Job& job, const Part& part,
                const results::Settled& settled)
{
  if (settled.answered == 0 || part.requests == 0) return;
  auto known = store.experience(job.account, model_of(job, part), prompt_digest(job, part));
  if (known.outputs.count() > most_remembered) known.fade();
  const auto share = static_cast<double>(settled.answered) / static_cast<double>(part.requests);
  known.estimated += scaled(part.input_tokens, std::min(1.0, share));
  known.input += settled.sums.usage.input;
  known.outputs += settled.outputs;
  tx.put(known);
}

Forecast forecast(const Tools& tools, const Job& job, const RawWork& raw, const Part& like)
{
  Forecast made{.worst = std::map<std::string, Workload>{}};
  for (const auto& [model, work] : raw.by_model) {
    const auto prices = prices_of(tools, job, model);
    const auto known = tools.store.experience(job.account, model, prompt_digest(job, like));
    const bool has_output = work.usage.output.n > 0;
    const auto requests = static_cast<std::int64_t>(std::max<std::uint64_t>(1, work.requests));
    const auto bound = raw.output_assumed ? std::nullopt : std::optional{Tokens{work.usage.output.n / requests}};
    const auto most = bound ? bound : most_of_model(job, like, prices);
    const auto length =
        has_output ? money::expected_length(bound, {.own = known.outputs}, work.requests, most) : money::Length{};
    const auto error = known.input.n > 0 ? money::input_error_after : money::input_error_at_first;
    const auto put = [&](std::map<std::string, Workload>& to, double input, double output) {
      to[model] = {.usage = {.input = scaled(work.usage.input, known.input_factor() * input),
                             .output = times(output, work.requests)},
                   .requests = work.requests};
    };
    put(made.expected, 1, length.expected);
    put(made.low, 1 - error, length.low);
    put(made.high, 1 + error, length.high);
    if (has_output && !most) made.worst.reset();
    if (made.worst) {
      put(*made.worst, 1 + error, 0);
      auto& worst = (*made.worst)[model];
      worst.usage.output = !has_output ? Tokens{} : bound ? work.usage.output : *most * requests;
      worst.largest = scaled(work.largest, known.input_factor() * (1 + error));
    }
    made.basis = std::max(made.basis, length.basis);
    made.answers += length.basis == Basis::answers ? known.outputs.count() : 0;
  }
  return made;
}

Estimate estimate(const Tools& tools, const Job& job, const Forecast& f, double live_share)
{
  Estimate e{.basis = f.basis, .answers = f.answers};
  for (const auto& [model, work] : f.expected) {
    e.input += work.usage.input;
    e.output += work.usage.output;
  }
  const auto cost = [&](const std::map<std::string, Workload>& work) {
    return plus_share(cost_of_work(tools, job, work, Route::batch), cost_of_work(tools, job, work, Route::realtime),
                      live_share);
  };
  e.cost = cost(f.expected);
  e.low = cost(f.low);
  e.high = cost(f.high);
  if (f.worst) e.worst = most_cost_of_work(tools, job, *f.worst, may_go_live(job) ? Route::realtime : Route::batch);
  return e;
}

void expect(Job& job, const Estimate& whole)
{
  job.estimated = whole.cost;
  job.estimated_low = whole.low;
  job.estimated_high = whole.high;
}

double share_in_realtime(const std::vector<Part>& parts)
{
  double all = 0;
  double live = 0;
  for (const auto& p : parts) {
    if (!is_live(p.state)) continue;
    const auto weight = static_cast<double>(p.input_tokens.n) + static_cast<double>(p.items);
    all += weight;
    if (p.route == Route::realtime) live += weight;
  }
  return all > 0 ? live / all : 0;
}

Estimate estimate_of_job(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  PicoUsd spent;
  std::vector<Part> live;
  for (const auto& p : parts) {
    if (has_outcomes(p.state)) spent += p.outcome.spent;
    if (is_live(p.state)) live.push_back(p);
  }
  auto whole = estimate(tools, job, forecast(tools, job, raw_work(job, live)), share_in_realtime(parts));
  for (auto* cost : {&whole.cost, &whole.low, &whole.high, &whole.worst}) {
    if (*cost) *cost = **cost + spent;
  }
  return whole;
}

money::Length length_of(const Tools& tools, const Job& job, const Part& part)
{
  if (!wire::has_output_tokens(endpoint_of(job, part))) return {};
  const auto known = tools.store.experience(job.account, model_of(job, part), prompt_digest(job, part));
  const auto prices = prices_of(tools, job, model_of(job, part));
  return money::expected_length(output_bound_of(job, part), {.own = known.outputs}, part.requests,
                                most_of_model(job, part, prices));
}

Tokens input_of(const Tools& tools, const Job& job, const Part& part)
{
  const auto known = tools.store.experience(job.account, model_of(job, part), prompt_digest(job, part));
  return scaled(part.input_tokens, known.input_factor());
}

} // namespace batchwright::engine
