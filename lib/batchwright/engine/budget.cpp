#include <batchwright/base/files.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/overrides.hpp>
#include <batchwright/results/billing.hpp>
#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace batchwright::engine {
namespace {

/// The longest answer that is reckoned with where nothing is known of any.
constexpr auto most_of_a_guess = money::assumed_output * 10;

/// The work that is kept back for; nothing where nothing bounds it.
std::optional<Workload> reserved_work(const Tools& tools, const Job& job, const Part& part)
{
  const auto length = length_of(tools, job, part);
  auto each = job.policy.strict_cap ? length.most : length.usual ? length.usual : length.most;
  if (length.basis == Basis::none) each = Tokens{};
  // What is tried first, so that this can be known of the others, is too little to be bounded by anything better.
  const bool is_guess = is_probe(part) && length.basis == Basis::assumed && !job.policy.strict_cap;
  const auto most = most_of_a_guess * choices_of(job, part).value_or(1);
  if (is_guess) each = std::min(length.most.value_or(most), most);
  if (!each) return std::nullopt;
  const auto known = known_of(tools, job, model_of(job, part), part);
  const auto error = job.policy.strict_cap ? money::input_error_at_first : input_error(known);
  // What was learned of longer or shorter requests makes it no less than our own estimate.
  const auto factor = std::max(1.0, known.whole.input_factor()) * (1 + error);
  const auto input = static_cast<double>(part.input_tokens.n) * factor;
  const Tokens largest{std::llround(static_cast<double>(part.largest_input.n) * factor)};
  const auto written = all_written({std::llround(input)}, part.requests, largest);
  return Workload{.usage = {.input = {std::llround(input)}, .output = *each * static_cast<std::int64_t>(part.requests)},
                  .requests = part.requests,
                  .largest = largest,
                  .batch = written,
                  .live = written};
}

/// A service tier that real-time requests of a part may ask for and that has no known price; nothing where each has
/// one.
std::optional<std::string> unpriced_tier(const Job& job, const Part& part)
{
  auto asking = job;
  if (!is_ready_made(job)) asking.request = requests::spec_of(job, part);
  for (auto tier : {tier_asked(asking), wire::tier_named(asking.request)})
    if (!money::is_priced_tier(tier)) return tier;
  return std::nullopt;
}

/// Whether one of the items that are tried first fits under the cap.
bool covers_first(const Tools& tools, const Draft& made)
{
  return std::none_of(made.parts.begin(), made.parts.end(), [&](const Part& p) {
    const auto reserve = is_probe(p) ? reserve_of(tools, made.job, p) : std::nullopt;
    return reserve && reserve->each() > *made.job.policy.max_cost;
  });
}

PicoUsd whole_reserve(const Tools& tools, const Job& job, const Part& part)
{
  const auto reserve = reserve_of(tools, job, part);
  return reserve ? reserve->whole() : PicoUsd{};
}

/// Whether a batch of the part may have been billed, and its answers are not home and will not come.
bool has_lost_answers(const Part& part)
{
  return part.state == PartState::settled && (part.gone_since || (!part.batch.empty() && !has_ended(part.remote)));
}

} // namespace

PicoUsd Reserve::each(double size) const
{
  const auto n = static_cast<double>(requests);
  return {
      static_cast<std::int64_t>(std::ceil((static_cast<double>(input.n) * size + static_cast<double>(output.n)) / n))};
}

std::optional<Reserve> reserve_of(const Tools& tools, const Job& job, const Part& part)
{
  auto work = reserved_work(tools, job, part);
  if (!work) return std::nullopt;
  const auto cost = [&] { return most_cost_of_work(tools, job, {{model_of(job, part), *work}}, part.route); };
  const auto whole = cost();
  if (!whole) return std::nullopt;
  work->usage.output = {};
  const auto input = cost().value_or(PicoUsd{});
  return Reserve{.input = input, .output = *whole - input, .requests = std::max<std::uint64_t>(1, part.requests)};
}

bool is_under_way_by_batch(const Part& part)
{
  if (part.route != Route::batch) return false;
  switch (part.state) {
  case PartState::creating:
  case PartState::running:
  case PartState::cancelling:
  case PartState::ended:
  case PartState::fetched:
  case PartState::abandoned:
    return true;
  default:
    return false;
  }
}

PicoUsd kept_back_for(const Part& part)
{
  return is_under_way_by_batch(part) && !part.before_cap ? part.reserved : PicoUsd{};
}

PicoUsd spent_by(const Tools& tools, const Job& job, const Part& part)
{
  if (!has_outcomes(part.state) || part.before_cap) return {};
  const bool was_sent = part.outcome.usage != Usage{};
  if (!part.outcome.priced) return was_sent ? whole_reserve(tools, job, part) : PicoUsd{};
  auto spent = part.outcome.spent;
  const auto answered = std::max<std::int64_t>(1, part.remote.completed);
  spent += PicoUsd{saturating_multiply(spent.n / answered, static_cast<std::int64_t>(part.billed_again))};
  spent = std::max(spent - part.spent_before_cap, PicoUsd{});
  // In real time what was taken for it, answers that were lost included.
  return part.route == Route::realtime || has_lost_answers(part) ? std::max(spent, part.reserved) : spent;
}

void cap_from_now(const Tools& tools, const Job& job, std::vector<Part>& parts)
{
  for (auto& p : parts) {
    p.before_cap = has_outcomes(p.state) || is_under_way_by_batch(p);
    p.spent_before_cap = {};
    if (p.route != Route::realtime || !is_live(p.state)) continue;
    auto billing = billing_of(tools, job, p);
    billing.read_on();
    p.spent_before_cap = billing.added_to({}).spent; // what was lost, and may be billed, is on the cap's side
  }
}

void cap_from_start(const Tools& tools, const Job& job, std::vector<Part>& parts)
{
  for (auto& p : parts) {
    p.before_cap = false;
    p.spent_before_cap = {};
    if (is_under_way_by_batch(p)) p.reserved = std::max(p.reserved, whole_reserve(tools, job, p));
  }
}

std::optional<PicoUsd> cost_of_body(const std::optional<money::ModelPrices>& prices, std::string_view body)
{
  json::Document document;
  if (!prices || !document.parse(body)) return std::nullopt;
  const auto [usage, tier] = wire::usage_of(document.root());
  const auto rates = money::rates_for(*prices, Route::realtime, tier);
  if (!rates) return std::nullopt;
  if (!usage) return money::is_free(*rates) ? std::optional{PicoUsd{}} : std::nullopt;
  return money::cost_of_answer(*usage, *prices, Route::realtime, tier);
}

PicoUsd cost_of_journal(const Tools& tools, const Job& job, const Part& part, const std::filesystem::path& journal)
{
  if (!std::filesystem::exists(journal)) return {};
  const auto prices = prices_of(tools, job, model_of(job, part));
  const auto reserve = reserve_of(tools, job, part);
  const auto each = reserve ? reserve->each() : PicoUsd{};
  PicoUsd sum;
  std::int64_t unknown = 0; // begun, and not known to have cost nothing or so much
  json::Document document;
  LineReader lines{journal};
  while (const auto line = lines.next()) {
    const auto mark = line->ended ? read_journal_line(line->text) : std::nullopt;
    if (!mark) continue;
    if (mark->kind == JournalLine::Kind::begin) ++unknown;
    if (mark->kind == JournalLine::Kind::missed && !mark->billed) --unknown;
    if (mark->kind != JournalLine::Kind::answer || !document.parse(line->text)) continue;
    const auto status = document.root().find("response", "status_code");
    const auto body = document.root().find("response", "body");
    const auto code = status ? status->integer().value_or(0) : 0;
    const auto error = document.root().find("error", "code");
    if (code == 0 && error && is_code_of_lost(error->text().value_or(""))) continue; // perhaps billed
    const bool is_answered = code >= 200 && code < 300;
    const auto cost = is_answered && body ? cost_of_body(prices, body->raw()) : std::optional{PicoUsd{}};
    if (!cost) continue;
    --unknown;
    sum += *cost;
  }
  return sum + PicoUsd{saturating_multiply(each.n, std::max<std::int64_t>(0, unknown))};
}

void check_prices(const Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  for (const auto& p : parts) {
    if (p.route == Route::reused || !is_live(p.state)) continue;
    const auto prices = prices_of(tools, job, model_of(job, p));
    if (!prices || !money::rates_for(*prices, p.route)) {
      throw Error{Fault::usage, "the price of the model is not known, so that no cap can be kept",
                  "--price IN,OUT tells it, in dollars for a million tokens"};
    }
    const auto tier = may_go_live(job) || p.route == Route::realtime ? unpriced_tier(job, p) : std::nullopt;
    if (!tier) continue;
    throw Error{
        Fault::usage,
        fmt::format("--max-cost: what the service tier `{}` costs is not known, so that no cap can be kept", *tier),
        "leave the tier out, or --max-cost"};
  }
}

void check_cap(const Tools& tools, const Draft& made)
{
  const auto& job = made.job;
  const auto& e = made.estimate;
  const auto sent = static_cast<std::int64_t>(job.items - never_sent(made.parts));
  if (!job.policy.max_cost || sent == 0) return;
  check_prices(tools, job, made.parts);
  if (made.continues && !made.needs_consent) return;
  const bool is_bounded =
      e.basis == Basis::none || e.basis == Basis::bound || (e.worst && *e.worst <= *job.policy.max_cost);
  const bool by_worst = is_bounded || (job.policy.strict_cap && e.worst);
  const bool lacks_one = by_worst && e.worst && job.policy.max_cost->n < e.worst->n / sent;
  if (lacks_one || !covers_first(tools, made)) {
    throw Error{Fault::usage, "--max-cost: it does not cover a single request, were its answer as long as it may be",
                "a smaller --max-output-tokens bounds it closer, or a larger amount covers it"};
  }
  const bool leaves_choices = std::any_of(made.parts.begin(), made.parts.end(),
                                          [&](const Part& p) { return is_live(p.state) && !choices_of(job, p); });
  if (leaves_choices && job.policy.strict_cap) {
    throw Error{Fault::usage,
                "--strict-cap: each item says how many answers it asks for (`n`), so that nothing bounds them",
                "write a number there"};
  }
  const bool learns = e.basis == Basis::answers || !job.probe.empty();
  if (is_bounded || (learns && !job.policy.strict_cap)) return;
  if (job.policy.strict_cap && e.worst) return; // the model's own bound, which is a long one
  throw Error{Fault::usage, "--max-cost: nothing says how long answers may be, so that no cap can be kept",
              job.policy.strict_cap ? "--max-output-tokens bounds them"
                                    : "--max-output-tokens bounds them; or let a few items be tried first (--probe 3)"};
}

} // namespace batchwright::engine
