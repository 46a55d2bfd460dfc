#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <cmath>
#include <functional>

namespace batchwright::engine {
namespace {

/// What was taught counts half as much once so much more has come: prompts stay, data changes.
constexpr std::uint64_t most_remembered = 100'000;

std::optional<Tokens> bound_of(const RequestSpec& spec)
{
  const auto bound = wire::output_bound(spec);
  return bound ? std::optional{*bound * wire::choices_asked(spec)} : std::nullopt;
}

Tokens times(double each, std::uint64_t requests)
{
  return {static_cast<std::int64_t>(std::ceil(each * static_cast<double>(requests)))};
}

Tokens scaled(Tokens tokens, double factor)
{
  return {std::llround(static_cast<double>(tokens.n) * factor)};
}

/// What every answer may come to at most; nothing where nothing bounds it.
std::optional<Tokens> most_output(const Workload& raw, bool output_assumed,
                                  const std::optional<money::ModelPrices>& prices)
{
  if (!output_assumed) return raw.usage.output;
  if (!prices || !prices->most_output) return std::nullopt;
  return *prices->most_output * static_cast<std::int64_t>(raw.requests);
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

Forecast forecast(const Tools& tools, const Job& job, const std::map<std::string, Workload>& raw, bool output_assumed,
                  const Part& like)
{
  Forecast made{.worst = std::map<std::string, Workload>{}};
  for (const auto& [model, work] : raw) {
    const auto prices = prices_of(tools, job, model);
    const auto known = tools.store.experience(job.account, model, prompt_digest(job, like));
    const auto most = most_output(work, output_assumed, prices);
    const bool has_output = work.usage.output.n > 0;
    const auto each = [&](const std::optional<Tokens>& sum) {
      return sum ? std::optional{Tokens{sum->n / static_cast<std::int64_t>(std::max<std::uint64_t>(1, work.requests))}}
                 : std::nullopt;
    };
    const auto length = has_output ? money::expected_length(output_assumed ? std::nullopt : each(most), known.outputs,
                                                            work.requests, each(most))
                                   : money::Length{};
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
      (*made.worst)[model].usage.output = has_output ? *most : Tokens{};
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
  if (f.worst) e.worst = may_go_live(job) ? cost_of_work(tools, job, *f.worst, Route::realtime) : cost(*f.worst);
  return e;
}

double share_in_realtime(const std::vector<Part>& parts)
{
  double all = 0;
  double live = 0;
  for (const auto& p : parts) {
    if (!is_live(p.state) || p.route == Route::reused) continue;
    const auto weight = static_cast<double>(p.input_tokens.n) + static_cast<double>(p.items);
    all += weight;
    if (p.route == Route::realtime) live += weight;
  }
  return all > 0 ? live / all : 0;
}

Estimate estimate_of_job(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  std::map<std::string, Workload> raw;
  bool output_assumed = false;
  PicoUsd spent;
  for (const auto& p : parts) {
    if (has_outcomes(p.state)) spent += p.outcome.spent;
    if (!is_live(p.state) || p.route == Route::reused) continue;
    auto& work = raw[model_of(job, p)];
    work.usage.input += p.input_tokens;
    work.requests += p.requests;
    const auto spec = requests::spec_of(job, p);
    const bool is_known = !is_ready_made(job) && bound_of(spec);
    const auto& endpoint = p.endpoint.empty() ? spec.endpoint : p.endpoint;
    if (!wire::has_output_tokens(endpoint)) continue;
    output_assumed = output_assumed || !is_known;
    work.usage.output += (is_known ? *bound_of(spec) : money::assumed_output) * static_cast<std::int64_t>(p.requests);
  }
  auto whole = estimate(tools, job, forecast(tools, job, raw, output_assumed), share_in_realtime(parts));
  for (auto* cost : {&whole.cost, &whole.low, &whole.high, &whole.worst}) {
    if (*cost) *cost = **cost + spent;
  }
  return whole;
}

money::Length length_of(const Tools& tools, const Job& job, const Part& part)
{
  const auto spec = requests::spec_of(job, part);
  if (!wire::has_output_tokens(spec.endpoint)) return {};
  const auto known = tools.store.experience(job.account, model_of(job, part), prompt_digest(job, part));
  const auto prices = prices_of(tools, job, model_of(job, part));
  return money::expected_length(bound_of(spec), known.outputs, part.requests,
                                prices ? prices->most_output : std::nullopt);
}

Tokens input_of(const Tools& tools, const Job& job, const Part& part)
{
  const auto known = tools.store.experience(job.account, model_of(job, part), prompt_digest(job, part));
  return scaled(part.input_tokens, known.input_factor());
}

} // namespace batchwright::engine
