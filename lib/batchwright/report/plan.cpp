#include <batchwright/base/unsigned.hpp>
#include <batchwright/report/outlook.hpp>
#include <batchwright/report/plan.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace batchwright::report {
namespace {

std::string tokens(Tokens t)
{
  return count(unsigned_of(t.n));
}

/// Whose prices they are.
std::string prices_of(const PlanView& v)
{
  return v.has_given_price ? " (at the price given)" : fmt::format(" (prices of {})", v.prices_as_of);
}

/// Of what goes in real time as a whole: its own price first.
std::string realtime_cost_line(const PlanView& v)
{
  if (!v.realtime && v.batch && !v.tier.empty())
    return fmt::format("  cost    not known: the price table of {} has no price for the tier `{}` of {}",
                       v.prices_as_of, v.tier, v.model.empty() ? "the models" : v.model);
  if (!v.realtime)
    return fmt::format("  cost    not known: the price table of {} has no price for {}", v.prices_as_of,
                       v.model.empty() ? "one of the models" : v.model);
  auto line = fmt::format("  cost    about {} in real time", money(*v.realtime));
  if (v.batch) line += fmt::format(", {} by batch", money(*v.batch));
  return line + prices_of(v);
}

/// Of a model whose batches have a price for what is cached: how much that will be nobody has seen yet.
std::string cached_line(const PlanView& v)
{
  if (!v.routes || !v.batch || !v.routes->batch_discounts || v.routes->batch >= *v.batch) return {};
  return fmt::format("\n          {} by batch, if batches cache as much as real time does", money(v.routes->batch));
}

std::string cost_line(const PlanView& v)
{
  if (v.mode == Mode::realtime) return realtime_cost_line(v);
  if (!v.batch)
    return fmt::format("  cost    not known: the price table of {} has no batch price for {}", v.prices_as_of,
                       v.model.empty() ? "one of the models" : v.model);
  auto line = fmt::format("  cost    about {} by batch", money(*v.batch));
  if (v.realtime) line += fmt::format(", {} in real time", money(*v.realtime));
  line += prices_of(v);
  const auto first = fmt::format("{} in real time first", counted(v.probe, "item", "items"));
  const auto urgent = fmt::format("{} in real time at once", counted(v.urgent, "urgent item", "urgent items"));
  const bool shows_first = v.probe > 0 && v.estimate.cost && money(*v.estimate.cost) != money(*v.batch);
  if (v.estimate.cost && v.urgent > 0)
    line += fmt::format("\n          {} with {}", money(*v.estimate.cost), urgent);
  else if (shows_first)
    line += fmt::format("\n          {} with {}", money(*v.estimate.cost), first);
  if (v.realtime && v.fallback == Fallback::realtime)
    line += fmt::format("\n          {} if every batch expires and all goes in real time", money(*v.realtime));
  return line;
}

/// How sure the cost is, and what it may come to at worst.
std::string range_line(const PlanView& v)
{
  const auto& e = v.estimate;
  std::string line;
  if (e.low && e.high && *e.low < *e.high)
    line += fmt::format("\n  range   {} to {}, by what is known so far", money(*e.low), money(*e.high));
  if (e.worst && e.high && *e.worst > *e.high)
    line +=
        fmt::format("{} {} at worst, if every answer is as long as it may be{}",
                    line.empty() ? "\n  range  " : "\n         ", money(*e.worst),
                    v.mode != Mode::realtime && v.fallback == Fallback::realtime ? ", and all goes in real time" : "");
  return line;
}

std::string share_of(PicoUsd cap, PicoUsd cost)
{
  return share(unsigned_of(std::min(cap, cost).n), unsigned_of(std::max<std::int64_t>(1, cost.n)));
}

/// What a cap is enough for.
std::string cap_line(const PlanView& v)
{
  if (!v.max_cost) return {};
  const auto& e = v.estimate;
  auto line = fmt::format("\n  cap     {}: ", money(*v.max_cost));
  if (e.worst && *e.worst <= *v.max_cost) return line + "it covers all of it, even at worst";
  if (e.worst)
    line += fmt::format("surely enough for {} of it", share_of(*v.max_cost, *e.worst));
  else if (e.high)
    line += fmt::format("enough for {} of it, if answers are {}", share_of(*v.max_cost, *e.high),
                        e.basis == Basis::answers ? "as those before" : "as long as is assumed");
  if (e.basis != Basis::bound && e.cost && *e.cost > *v.max_cost)
    line += fmt::format(", and for about {} as expected", share_of(*v.max_cost, *e.cost));
  if (!v.strict_cap && e.basis == Basis::answers && e.usual)
    line += fmt::format("\n          kept back: {} tokens an answer, what 99 of 100 stay below"
                        "\n          (--strict-cap: the worst)",
                        tokens(*e.usual));
  else if (!v.strict_cap && e.basis == Basis::assumed)
    line += "\n          kept back: what 99 of 100 answers stay below, once some are seen"
            "\n          (--strict-cap: the worst)";
  return line;
}

std::string token_line(const PlanView& v)
{
  const auto& e = v.estimate;
  const auto in = fmt::format("  tokens  about {} in", tokens(e.input));
  switch (e.basis) {
  case Basis::none:
    break;
  case Basis::assumed:
    return fmt::format("{}, perhaps {} out\n          (300 assumed an answer{})", in, tokens(e.output),
                       v.bounded_by.empty() ? "" : fmt::format("; {} sets a bound", v.bounded_by));
  case Basis::bound:
    return fmt::format("{}, at most {} out", in, tokens(e.output));
  case Basis::answers:
    return fmt::format("{}, about {} out, as {} of this prompt took", in, tokens(e.output),
                       counted(e.answers, "answer", "answers"));
  }
  return in;
}

std::string rounded(std::int64_t tokens)
{
  for (const auto& [unit, letter] : {std::pair{1'000'000'000LL, "B"}, {1'000'000LL, "M"}, {1'000LL, "k"}}) {
    if (tokens >= unit) return fmt::format("{:.3g}{}", static_cast<double>(tokens) / static_cast<double>(unit), letter);
  }
  return fmt::format("{}", tokens);
}

/// How long the queue at the server makes it take: "94 fills of a queue of 40M tokens: 7.8 to 94 days; at 1B: 4 fills".
std::string queue_line(const PlanView& v)
{
  const auto fills = v.fills.count();
  if (fills < 2) return {};
  constexpr std::int64_t large_queue = 1'000'000'000;
  const auto days = [&](Millis each) {
    return static_cast<double>(fills) * static_cast<double>(each.count()) / static_cast<double>(Fills::latest.count());
  };
  auto line = fmt::format("\n  queue   {} fills of a queue of {} tokens: {:.2g} to {} days", count(unsigned_of(fills)),
                          rounded(v.fills.limit), days(Fills::soonest), count(unsigned_of(fills)));
  if (v.fills.limit < large_queue) {
    const auto more = Fills{.limit = large_queue, .tokens = v.fills.tokens}.count();
    line += fmt::format("; at {}: {}", rounded(large_queue), counted(unsigned_of(more), "fill", "fills"));
  }
  if (v.rest.requests == 0 || !v.realtime || !v.batch) return line;
  const auto more = *v.realtime - *v.batch;
  return line + fmt::format("\n          in real time about {}, for {} {}", pace(v.rest), money({std::abs(more.n)}),
                            more.n < 0 ? "less" : "more");
}

/// What the input was taken for: a wrong guess shows here.
std::string input_line(const PlanView& v)
{
  std::string text;
  for (const auto format : v.formats)
    text += fmt::format("{}{}", text.empty() ? "  input   " : ", ", name(format));
  constexpr std::size_t most_shown = 8;
  for (std::size_t i = 0; i < std::min(v.columns.size(), most_shown); ++i)
    text += fmt::format("{}{}", i == 0 ? ": " : ", ", v.columns[i].empty() ? "(no name)" : harmless(v.columns[i]));
  if (v.columns.size() > most_shown) text += fmt::format(" and {} more", v.columns.size() - most_shown);
  return text.empty() ? text : text + '\n';
}

/// What is not sent, and why.
std::string unsent_lines(const PlanView& v)
{
  std::string text;
  if (v.reused > 0) {
    text += fmt::format("  reused  {} in {}: taken over, nothing to pay\n",
                        counted(v.reused, "item has its answer", "items have answers"),
                        v.reused_from.size() == 1 ? v.reused_from.front()
                                                  : counted(v.reused_from.size(), "job", "earlier jobs"));
  }
  if (v.repeated > 0)
    text += fmt::format("  repeat  {} what others ask: sent once\n", counted(v.repeated, "item asks", "items ask"));
  return text;
}

/// What goes before all else.
std::string probe_line(const PlanView& v)
{
  if (v.probe == 0) return {};
  return fmt::format("  first   {} in real time, to see how the model answers\n", counted(v.probe, "item", "items"));
}

/// What is sent, and how: uploaded for batches, or one by one, which takes its time.
std::string way_line(const PlanView& v)
{
  if (v.mode != Mode::realtime) return fmt::format("  upload  {}\n", bytes(v.request_bytes));
  return v.rest.requests > 0 ? fmt::format("  takes   about {}\n", pace(v.rest)) : std::string{};
}

/// A deadline as the user may have given it, in the machine's own zone; with seconds where clock_time has them.
std::string local_deadline(Instant deadline, Instant now)
{
  const auto there = clock_time(deadline, now);
  auto local = local_time(deadline);
  const auto minute = local.rfind(' ');
  const auto seconds = there.rfind(" UTC") - 3;
  const bool has_seconds = std::count(there.begin(), there.end(), ':') == 2;
  if (has_seconds) local.insert(minute, there.substr(seconds, 3)); // the same in every zone
  return local.ends_with(" UTC") ? local : fmt::format("{} ({})", local, there);
}

/// When batches are left for the deadline.
std::string deadline_line(const PlanView& v)
{
  if (!v.deadline || !v.leaving) return {};
  return fmt::format("\n  then    by {}: {}", local_deadline(*v.deadline, v.drafted_at),
                     switching(*v.leaving, *v.deadline, v.drafted_at));
}

/// A text behind `head`, broken at blanks where a line is full; the lines behind the first are set in.
std::string folded(std::string head, std::string_view text, std::size_t indent)
{
  constexpr std::size_t columns = 80;
  auto at = head.size();
  for (bool is_first = true; !text.empty(); is_first = false) {
    const auto word = text.substr(0, text.find(' '));
    const bool fits = is_first || at + 1 + word.size() <= columns;
    if (!fits) head += '\n' + std::string(indent, ' ');
    if (fits && !is_first) head += ' ';
    at = fits ? at + (is_first ? 0 : 1) + word.size() : indent + word.size();
    head += word;
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return head;
}

std::string note(std::string_view text)
{
  return '\n' + folded("  note    ", text, 10);
}

/// "3,072 of the 3,400 input tokens of a request are cached, and batches of gpt-4.1 have no cached price".
std::string why_cheaper(const RouteCosts& r)
{
  const auto live = fmt::format("{} of the {} input tokens of a request are shared and cached", tokens(r.cached_live),
                                tokens(r.input));
  if (r.batch_discounts) return fmt::format("{}, in batches {}", live, tokens(r.cached_batch));
  return fmt::format("{}, and batches{}{} have no cached price", live, r.model.empty() ? "" : " of ", r.model);
}

std::string cheaper_live(const RouteCosts& r)
{
  return fmt::format("real time costs less here: about {}, by batch {}: {}", money(r.live), money(r.batch),
                     why_cheaper(r));
}

std::string hint(const CacheHint& h, const std::string& job)
{
  if (h.what == CacheHint::What::order) {
    return fmt::format("{} tokens at the end of each request are the same in all: at its beginning they could be "
                       "cached, which takes about {} off{}",
                       tokens(h.shared), money(h.saving), h.route == Route::realtime ? " in real time" : "");
  }
  return fmt::format("the first {} tokens of each request are the same: caching takes about {} off, more surely with a "
                     "key: {}",
                     tokens(h.shared), money(h.saving),
                     h.is_ready_made ? "`prompt_cache_key` in each body"
                                     : fmt::format("--set 'prompt_cache_key=\"{}\"'", job));
}

std::string caching_lines(const PlanView& v)
{
  std::string lines;
  if (v.is_live_cheaper) lines += note(cheaper_live(*v.routes) + "; --mode realtime takes it");
  for (const auto& h : v.cache_hints)
    lines += note(hint(h, v.job));
  return lines;
}

} // namespace

std::string plan(const PlanView& v)
{
  const auto model = v.model.empty() ? "several models" : v.model;
  if (v.continues && !v.needs_consent)
    return fmt::format("{}: {} for {}\n  continues the job of that name{}", v.job, amount_of_work(v), model,
                       cap_line(v));
  auto text = v.needs_consent ? fmt::format("{}: {} of {} in no batch, for {}\n", v.job, count(v.unsent),
                                            counted(v.items, "item is", "items are"), model)
                              : fmt::format("{}: {} for {}\n", v.job, amount_of_work(v), model);
  text += input_line(v);
  text += unsent_lines(v);
  if (v.sends_nothing()) return text.substr(0, text.size() - 1);
  text += probe_line(v);
  text += way_line(v);
  text += token_line(v);
  text += '\n';
  text += cost_line(v);
  text += cached_line(v);
  text += range_line(v);
  text += cap_line(v);
  if (v.mode != Mode::realtime) text += queue_line(v);
  text += deadline_line(v);
  text += caching_lines(v);
  if (!v.advice.empty()) text += fmt::format("\n  note    {}", v.advice);
  if (v.skipped > 0) text += fmt::format("\n  aside   {} left out", counted(v.skipped, "bad record", "bad records"));
  return text;
}

std::string amount_of_work(std::uint64_t requests, std::size_t parts)
{
  return fmt::format("{} in {}", counted(requests, "request", "requests"), counted(parts, "batch", "batches"));
}

std::string amount_of_work(const PlanView& v)
{
  if (v.sends_nothing()) return "nothing is left to send";
  if (v.live_requests == 0) return amount_of_work(v.requests, v.parts);
  if (v.live_requests >= v.requests) return fmt::format("{} in real time", counted(v.requests, "request", "requests"));
  return fmt::format("{}, and {} in real time", amount_of_work(v.requests - v.live_requests, v.parts),
                     count(v.live_requests));
}

std::string sentence(const ProbeOver& p)
{
  auto text = fmt::format("probe: {} of {} answered", p.answered, p.items);
  if (p.output) text += fmt::format(", {:.0f} output tokens each", *p.output);
  const auto& e = p.whole;
  if (p.answered == 0 || !e.cost) return text;
  text += fmt::format("; the job comes to about {}", money(*e.cost));
  if (e.low && e.high) text += fmt::format(" ({} to {})", money(*e.low), money(*e.high));
  if (!p.routes) return text;
  const auto& r = *p.routes;
  const auto told = r.is_live_cheaper()
                        ? fmt::format("{}; `batchwright finish {}` takes it", cheaper_live(r), p.job)
                        : fmt::format("batches cost less after all: about {}, real time {}: {} of the {} input tokens "
                                      "of a request are cached there",
                                      money(r.batch), money(r.live), tokens(r.cached_live), tokens(r.input));
  return fmt::format("{}\n{}", text, folded("  ", told, 2));
}

std::string sentence(const LiveIsCheaper& told)
{
  return folded({},
                fmt::format("{}: what is left costs less in real time: about {}, by batch {}: {}; `batchwright finish "
                            "{}` takes it",
                            told.job, money(told.routes.live), money(told.routes.batch), why_cheaper(told.routes),
                            told.job),
                2);
}

} // namespace batchwright::report
