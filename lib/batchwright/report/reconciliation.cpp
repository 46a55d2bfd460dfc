// Our account beside the provider's, for people and for programs.

#include <batchwright/base/unsigned.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

namespace batchwright::report {
namespace {

std::string date(Instant day)
{
  return rfc3339(day).substr(0, 10);
}

std::string_view route_of(const ReconciledRow& row)
{
  if (!row.batch) return "both";
  return *row.batch ? "batch" : "realtime";
}

/// What is said in a row of a table, in a few letters, and below it.
struct Words {
  Comparison comparison = Comparison::equal;
  Tone tone = Tone::plain;
  std::string_view label = {};
  std::string_view sentence = {};
};

const Words& words_for(Comparison comparison)
{
  static constexpr std::array all{
      Words{Comparison::equal, Tone::good, "equal", {}},
      Words{Comparison::more, Tone::moving, "more",
            "the provider counts more: other traffic of the organisation, answers that came here but could not be "
            "read or kept, or work that is not settled here yet"},
      Words{Comparison::another_day, Tone::good, "other day", "the provider counts it on the day before or after"},
      Words{Comparison::lost_answers, Tone::good, "lost",
            "every token is there, but fewer requests: real-time answers that got lost, which count as billed here, "
            "were not"},
      Words{Comparison::not_reported, Tone::moving, "not yet",
            "the provider has not told all of today yet; the same command later asks again"},
      Words{Comparison::fewer, Tone::trouble, "FEWER",
            "the provider does not know of all that is accounted for here: another organisation's key, or a record "
            "that is wrong"},
  };
  return all.at(static_cast<std::size_t>(comparison));
}

std::string whole(std::int64_t n)
{
  return n < 0 ? "-" + count(unsigned_of(-n)) : count(unsigned_of(n));
}

std::vector<Cell> figures(const Used& used, Tone tone)
{
  return {
      {used.requests ? whole(*used.requests) : "?", tone}, {whole(used.input.n), tone}, {whole(used.output.n), tone}};
}

void add(Grid& grid, std::vector<Cell> row, const Used& used, Tone tone, const Cell& last)
{
  for (auto& cell : figures(used, tone))
    row.push_back(std::move(cell));
  row.push_back(last);
  grid.add(std::move(row));
}

std::string table(const Reconciliation& r, const Style& style)
{
  Grid grid{{{.title = "day"},
             {.title = "model"},
             {.title = "route"},
             {.title = "requests", .align = Align::right},
             {.title = "input", .align = Align::right},
             {.title = "output", .align = Align::right},
             {.title = "provider"}}};
  for (const auto& row : r.rows) {
    const auto& words = words_for(row.comparison);
    const auto others = row.holds_others ? " *" : "";
    add(grid, {{date(row.day)}, {harmless(row.model) + others}, {std::string{route_of(row)}}}, row.ours, Tone::plain,
        {std::string{words.label}, words.tone});
    if (row.comparison != Comparison::equal)
      add(grid, {{}, {"  at the provider", Tone::faint}, {}}, row.provider, Tone::faint, {});
  }
  return grid.text(style);
}

void write(json::Writer& w, std::string_view key, const Used& used)
{
  w.key(key).begin_object().key("requests");
  if (used.requests)
    w.integer(*used.requests);
  else
    w.null();
  w.member("input_tokens", used.input.n).member("output_tokens", used.output.n).end_object();
}

/// The provider's less ours.
Used difference(const ReconciledRow& row)
{
  const auto& [theirs, ours] = std::tie(row.provider, row.ours);
  const bool are_known = theirs.requests && ours.requests;
  return {.requests = are_known ? std::optional{*theirs.requests - *ours.requests} : std::nullopt,
          .input = {theirs.input.n - ours.input.n},
          .output = {theirs.output.n - ours.output.n}};
}

bool has_unknown_requests(const Reconciliation& r)
{
  return std::any_of(r.rows.begin(), r.rows.end(), [](const ReconciledRow& row) { return !row.ours.requests; });
}

} // namespace

std::string json(const ReconciledRow& row)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().member("day", date(row.day)).member("model", legible(row.model)).key("batch");
  if (row.batch)
    w.boolean(*row.batch);
  else
    w.null();
  w.member("comparison", std::string_view{name(row.comparison)});
  write(w, "ours", row.ours);
  write(w, "provider", row.provider);
  write(w, "difference", difference(row));
  w.flag("holds_other_jobs", row.holds_others).end_object();
  return out;
}

std::string page(const Reconciliation& r, const Style& style)
{
  auto text = r.rows.empty() ? std::string{"  nothing is settled yet that could be compared"} : table(r, style);
  std::string notes;
  const auto note = [&](std::string_view label, std::string_view sentence) {
    notes += fmt::format("\n  {:<9}  {}", label, sentence);
  };
  for (const auto comparison : {Comparison::more, Comparison::another_day, Comparison::lost_answers,
                                Comparison::not_reported, Comparison::fewer}) {
    const auto& words = words_for(comparison);
    if (r.has(comparison)) note(words.label, words.sentence);
  }
  if (has_unknown_requests(r)) note("?", "of packed requests only the items are known here; tokens are compared");
  if (std::any_of(r.rows.begin(), r.rows.end(), [](const ReconciledRow& row) { return row.holds_others; }))
    note("*", "with other jobs of the account, which used the model that day, too");
  if (r.not_compared > 0)
    note("left out",
         fmt::format("{} of endpoints whose usage is not compared", counted(r.not_compared, "item", "items")));
  return notes.empty() ? text : fmt::format("{}\n{}", text, fitted_lines(notes, style.columns));
}

} // namespace batchwright::report
