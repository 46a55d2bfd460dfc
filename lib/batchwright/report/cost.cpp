// What jobs cost, for people and for programs.

#include <batchwright/base/unsigned.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/print.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::report {
namespace {

std::string date(Instant day)
{
  return rfc3339(day).substr(0, 10);
}

std::string money_or_dash(const std::optional<PicoUsd>& amount)
{
  return amount ? money(*amount) : "-";
}

std::string tokens(Tokens n)
{
  return count(unsigned_of(n.n));
}

void dollars(json::Writer& w, std::string_view key, const std::optional<PicoUsd>& amount)
{
  w.key(key).raw(amount ? exact_usd(*amount) : "null");
}

void write(json::Writer& w, const CostRow& row)
{
  w.begin_object().member("day", date(row.day));
  w.key("route").string(name(row.route)).key("tier").string(legible(row.tier)).key("model").string(legible(row.model));
  w.key("items").raw(fmt::format("{}", row.items));
  w.member("input_tokens", row.usage.input.n)
      .member("cached_tokens", row.usage.cached.n)
      .member("output_tokens", row.usage.output.n)
      .member("reasoning_tokens", row.usage.reasoning.n);
  dollars(w, "usd", row.cost);
  w.end_object();
}

/// "$0.70 spent of $1.20 that were expected".
std::string against_estimate(const CostView& v)
{
  const auto dear = std::find_if(v.rows.begin(), v.rows.end(),
                                 [](const CostRow& row) { return !row.cost && row.tier != usual_tier; });
  if (!v.spent && dear != v.rows.end())
    return fmt::format("not known: the price table has no price for the tier `{}`", harmless(dear->tier));
  if (!v.spent) return "no price is known; --price IN,OUT of `submit` tells it, also afterwards";
  if (!v.estimated) return fmt::format("{} spent", money(*v.spent));
  const auto text = fmt::format("{} spent, {} expected", money(*v.spent), money(*v.estimated));
  if (!v.estimated_low || !v.estimated_high || *v.estimated_low == *v.estimated_high) return text;
  return text + fmt::format(" ({} to {})", money(*v.estimated_low), money(*v.estimated_high));
}

/// "$0.70 saved: all in real time would have cost $1.40".
std::string against_realtime(const CostView& v)
{
  const auto saved = v.saved();
  if (!saved || v.rows.empty() || saved->n == 0) return {};
  if (saved->n < 0) {
    return fmt::format("it cost {} more than real time would have ({})", money({-saved->n}), money(*v.realtime));
  }
  return fmt::format("{} saved: all in real time, at the usual tier, {}", money(*saved), money(*v.realtime));
}

/// Sums of rows; nothing for money of which some is not known.
CostRow sum_of(const std::vector<CostRow>& rows)
{
  CostRow sum{.cost = PicoUsd{}};
  for (const auto& row : rows) {
    sum.items += row.items;
    sum.usage += row.usage;
    sum.cost = sum.cost && row.cost ? std::optional{*sum.cost + *row.cost} : std::nullopt;
  }
  return sum;
}

std::vector<Cell> figures(const CostRow& row, Tone tone)
{
  return {{count(row.items), tone},
          {tokens(row.usage.input), tone},
          {row.usage.cached.n > 0 ? tokens(row.usage.cached) : "", tone},
          {tokens(row.usage.output), tone},
          {row.usage.reasoning.n > 0 ? tokens(row.usage.reasoning) : "", tone},
          {money_or_dash(row.cost), tone == Tone::plain ? Tone::strong : tone}};
}

std::string rows_of(const CostView& v, const Style& style)
{
  Grid grid{{{.title = "day"},
             {.title = "route"},
             {.title = "tier", .rank = 3},
             {.title = "model", .rank = 2},
             {.title = "items", .align = Align::right},
             {.title = "input", .align = Align::right},
             {.title = "cached", .align = Align::right, .rank = 1},
             {.title = "output", .align = Align::right},
             {.title = "reasoning", .align = Align::right, .rank = 4},
             {.title = "cost", .align = Align::right}}};
  const auto add = [&](std::vector<Cell> head, const CostRow& row, Tone tone) {
    for (auto& cell : figures(row, tone))
      head.push_back(std::move(cell));
    grid.add(std::move(head));
  };
  for (const auto& row : v.rows) {
    add({{date(row.day)}, {std::string{name(row.route)}}, {harmless(row.tier)}, {harmless(row.model)}}, row,
        Tone::plain);
  }
  if (v.rows.size() > 1) add({{"all", Tone::faint}, {}, {}, {}}, sum_of(v.rows), Tone::faint);
  return grid.text(style);
}

} // namespace

std::string json(const CostView& v)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().key("job").string(v.job);
  dollars(w, "estimated_usd", v.estimated);
  dollars(w, "estimated_low_usd", v.estimated_low);
  dollars(w, "estimated_high_usd", v.estimated_high);
  dollars(w, "spent_usd", v.spent);
  dollars(w, "realtime_usd", v.realtime);
  dollars(w, "saved_usd", v.saved());
  dollars(w, "possibly_billed_again_usd", v.billed_again);
  w.member("prices_as_of", v.prices_as_of).key("rows").begin_array();
  for (const auto& row : v.rows)
    write(w, row);
  w.end_array().end_object();
  return out;
}

std::string page(const CostView& v, const Style& style)
{
  auto text = fmt::format("{}  {}", painted(v.job, Tone::strong, style), against_estimate(v));
  const auto add = [&](std::string_view label, const std::string& line) {
    if (!line.empty()) text += fmt::format("\n  {}  {}", painted(label, Tone::faint, style), line);
  };
  add("against", against_realtime(v));
  if (v.billed_again && v.billed_again->n > 0)
    add("perhaps", fmt::format("{} billed again, for answers that were lost", money(*v.billed_again)));
  add("prices ", fmt::format("{}; tokens as the answers say",
                             v.has_given_price ? "as --price gave them" : "of " + v.prices_as_of));
  text = fitted_lines(text, style.columns);
  if (v.rows.empty()) return text + "\n\n  nothing is settled yet";
  return text + "\n\n" + rows_of(v, style);
}

std::string table(const std::vector<CostView>& views, const Style& style)
{
  Grid grid{{{.title = "job"},
             {.title = "items", .align = Align::right},
             {.title = "expected", .align = Align::right},
             {.title = "spent", .align = Align::right},
             {.title = "real time", .align = Align::right},
             {.title = "saved", .align = Align::right},
             {.title = "perhaps again", .align = Align::right, .rank = 1}}};
  CostView all{
      .job = "all", .estimated = PicoUsd{}, .spent = PicoUsd{}, .realtime = PicoUsd{}, .billed_again = PicoUsd{}};
  const auto sum = [](std::optional<PicoUsd>& to, const std::optional<PicoUsd>& more) {
    to = to && more ? std::optional{*to + *more} : std::nullopt;
  };
  std::uint64_t items = 0;
  const auto add = [&](const CostView& v, std::uint64_t n, Tone tone) {
    const auto again = v.billed_again && v.billed_again->n > 0 ? money(*v.billed_again) : std::string{};
    const auto saved = v.saved();
    const auto saving = saved && saved->n < 0 ? "-" + money({-saved->n}) : money_or_dash(saved);
    grid.add({{v.job, tone},
              {count(n), tone},
              {money_or_dash(v.estimated), tone},
              {money_or_dash(v.spent), tone == Tone::plain ? Tone::strong : tone},
              {money_or_dash(v.realtime), tone},
              {saving, tone},
              {again, tone}});
  };
  for (const auto& v : views) {
    const auto n = sum_of(v.rows).items;
    items += n;
    sum(all.estimated, v.estimated);
    sum(all.spent, v.spent);
    sum(all.realtime, v.realtime);
    sum(all.billed_again, v.billed_again);
    add(v, n, Tone::plain);
  }
  if (views.size() > 1) add(all, items, Tone::faint);
  return grid.text(style);
}

} // namespace batchwright::report
