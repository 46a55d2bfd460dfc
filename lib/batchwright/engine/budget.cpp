#include <batchwright/base/files.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/wire/answer.hpp>

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
  if (is_guess) each = std::min(length.most.value_or(most_of_a_guess), most_of_a_guess);
  if (!each) return std::nullopt;
  const auto knows = length.basis == Basis::answers && !job.policy.strict_cap;
  const auto error = 1 + (knows ? money::input_error_after : money::input_error_at_first);
  const auto input = static_cast<double>(input_of(tools, job, part).n) * error;
  const auto written = all_written({std::llround(input)}, part.requests);
  return Workload{.usage = {.input = {std::llround(input)}, .output = *each * static_cast<std::int64_t>(part.requests)},
                  .requests = part.requests,
                  .batch = written,
                  .live = written};
}

std::optional<PicoUsd> cost_of(const Tools& tools, const Job& job, const Part& part, const Workload& work)
{
  return cost_of_work(tools, job, {{model_of(job, part), work}}, part.route);
}

} // namespace

std::optional<PicoUsd> reserve_of(const Tools& tools, const Job& job, const Part& part)
{
  const auto work = reserved_work(tools, job, part);
  return work ? cost_of(tools, job, part, *work) : std::nullopt;
}

double input_share(const Tools& tools, const Job& job, const Part& part)
{
  auto work = reserved_work(tools, job, part);
  const auto whole = work ? cost_of(tools, job, part, *work) : std::nullopt;
  if (!whole || whole->n <= 0) return 1;
  work->usage.output = {};
  return static_cast<double>(cost_of(tools, job, part, *work).value_or(PicoUsd{}).n) / static_cast<double>(whole->n);
}

PicoUsd kept_back_for(const Tools& tools, const Job& job, const Part& part)
{
  if (part.route != Route::batch) return {};
  switch (part.state) {
  case PartState::creating:
  case PartState::running:
  case PartState::cancelling:
  case PartState::ended:
  case PartState::fetched:
  case PartState::abandoned:
    return part.reserved.n > 0 ? part.reserved : reserve_of(tools, job, part).value_or(PicoUsd{});
  default:
    return {};
  }
}

PicoUsd spent_by(const Tools& tools, const Job& job, const Part& part)
{
  if (!has_outcomes(part.state)) return {};
  const bool was_sent = part.outcome.usage != Usage{};
  if (!part.outcome.priced) return was_sent ? reserve_of(tools, job, part).value_or(PicoUsd{}) : PicoUsd{};
  auto spent = part.outcome.spent;
  const auto answered = std::max<std::int64_t>(1, part.remote.completed);
  spent += PicoUsd{saturating_multiply(spent.n / answered, static_cast<std::int64_t>(part.billed_again))};
  // In real time what was taken for it, answers that were lost included.
  return part.route == Route::realtime ? std::max(spent, part.reserved) : spent;
}

PicoUsd spent_so_far(const Tools& tools, const Job& job)
{
  PicoUsd sum;
  for (const auto& p : tools.store.parts(job.name)) {
    sum += spent_by(tools, job, p);
    sum += kept_back_for(tools, job, p);
    if (p.route == Route::realtime && is_live(p.state))
      sum += cost_of_journal(tools, job, p, tools.layout.job(job.name).output(p.number));
  }
  return sum;
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
  const auto each = reserve_of(tools, job, part).value_or(PicoUsd{}).n /
                    static_cast<std::int64_t>(std::max<std::uint64_t>(1, part.requests));
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
  return sum + PicoUsd{saturating_multiply(each, std::max<std::int64_t>(0, unknown))};
}

} // namespace batchwright::engine
