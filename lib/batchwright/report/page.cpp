// Jobs as people read them: a page for one, a table for all, a sentence where a line is enough.

#include <batchwright/base/unsigned.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/outlook.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

namespace batchwright::report {
namespace {

constexpr std::size_t rows_shown_singly = 20;
constexpr std::size_t busy_rows_shown = 12; // of one state, when there are more parts than that
constexpr std::size_t idle_rows_shown = 3;

Tone tone_of(JobState state)
{
  switch (state) {
  case JobState::done:
    return Tone::good;
  case JobState::running:
  case JobState::cancelling:
    return Tone::moving;
  case JobState::paused:
    return Tone::trouble;
  case JobState::planned:
  case JobState::open:
    break;
  }
  return Tone::strong;
}

Tone tone_of(PartState state)
{
  switch (state) {
  case PartState::settled:
    return Tone::good;
  case PartState::planned:
  case PartState::queued:
  case PartState::superseded:
  case PartState::abandoned:
    return Tone::faint;
  case PartState::uploading:
  case PartState::creating:
  case PartState::running:
  case PartState::cancelling:
  case PartState::ended:
  case PartState::fetched:
    break;
  }
  return Tone::moving;
}

bool is_idle(PartState state)
{
  const auto tone = tone_of(state);
  return tone == Tone::good || tone == Tone::faint;
}

std::string state_of(const JobView& v)
{
  return v.pause == Pause::none || v.state == JobState::done ? std::string{name(v.state)}
                                                             : fmt::format("{} ({})", name(v.state), name(v.pause));
}

/// What the server has answered of batches that are not collected yet.
struct AtServer {
  std::uint64_t requests = 0;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t batches = 0; ///< live ones

  std::uint64_t answered() const { return completed + failed; }
};

AtServer at_server(const JobView& v)
{
  AtServer sum;
  for (const auto& part : v.parts) {
    const bool uncollected = part.state == PartState::ended || part.state == PartState::fetched;
    if (part.route != Route::batch || (!has_live_batch(part) && !uncollected)) continue;
    sum.requests += part.requests;
    sum.completed += unsigned_of(part.remote.completed);
    sum.failed += unsigned_of(part.remote.failed);
    sum.batches += has_live_batch(part) ? 1 : 0;
  }
  return sum;
}

/// The items that have an answer, here or still at the server. What was cancelled has none.
std::string answered_share(const JobView& v, const AtServer& remote)
{
  const auto home = v.items.succeeded + v.items.failed - v.items.cancelled;
  const auto live = v.live ? v.live->answered : 0;
  return share(std::min(v.items.items, home + remote.answered() + live), v.items.items);
}

// --- the head of a page ----------------------------------------------------------------------------------------------

/// The lines "label  text" under a job's name.
class Facts {
public:
  explicit Facts(const Style& style) : m_style(style) {}

  void add(std::string_view label, std::string_view text, Tone tone = Tone::plain)
  {
    const auto lines = wrapped(text, m_style.columns - indent, indent);
    m_text += fmt::format("\n  {}{}", painted(fitted(label, indent - 2), Tone::faint, m_style),
                          painted(lines, tone, m_style));
  }
  const std::string& text() const { return m_text; }

private:
  static constexpr int indent = 11;
  const Style& m_style;
  std::string m_text = {};
};

std::string items_line(const Tally& items)
{
  auto text = fmt::format("{}: {} succeeded", count(items.items), count(items.succeeded));
  text += fmt::format(", {} failed", count(items.failed));
  if (items.cancelled > 0)
    text += fmt::format(" ({} cancelled)", items.cancelled == items.failed ? "all" : count(items.cancelled));
  if (items.pending() > 0) text += fmt::format(", {} pending", count(items.pending()));
  return text;
}

std::string savings(const JobView& v)
{
  const auto saved = v.saved();
  if (!saved || saved->n == 0) return {};
  if (saved->n < 0) return fmt::format(", {} more than real time would have cost", money({-saved->n}));
  return fmt::format(", {} saved by batch", money(*saved));
}

std::string cost_line(const JobView& v)
{
  if (!v.spent) return "not known: the price table has no price for this model";
  auto text = fmt::format("{} so far", money(*v.spent));
  if (v.state == JobState::done) text = money(*v.spent);
  if (v.estimated) text += fmt::format(", {} estimated", money(*v.estimated));
  text += savings(v);
  return text;
}

std::string live_line(const RealtimeView& live)
{
  auto text = fmt::format("{} of {} answered in real time", count(live.answered), count(live.requests));
  if (live.failed > 0) text += fmt::format(" ({} failed)", count(live.failed));
  return text;
}

/// How fast a model is asked, by all jobs of this state root.
std::string rates_line(const RealtimeView& live)
{
  std::string text;
  const auto add = [&text](const std::string& more) { text += (text.empty() ? "" : ", ") + more; };
  if (live.in_flight > 0) add(fmt::format("{} in flight", count(live.in_flight)));
  if (live.allowed) add(fmt::format("{} requests a minute now", count(unsigned_of(*live.allowed))));
  std::string most;
  if (live.limit_requests) most = counted(unsigned_of(*live.limit_requests), "request", "requests");
  if (live.limit_tokens)
    most += (most.empty() ? "" : " and ") + counted(unsigned_of(*live.limit_tokens), "token", "tokens");
  if (!most.empty()) add(fmt::format("at most {} a minute", most));
  if (!live.why.empty()) add(fmt::format("waiting: {}", harmless(live.why)));
  return text.empty() ? text : fmt::format("of all jobs of {}: {}", harmless(live.model), text);
}

std::string deadline_line(const JobView& v, Instant now)
{
  auto text = fmt::format("{}, {}", utc(*v.deadline), relative(*v.deadline, now));
  if (const auto news = miss(v, now); !news.empty()) return text + "; " + news;
  return v.state == JobState::done && v.ended_at && v.cancel == Cancel::none ? text + "; was kept" : text;
}

/// What is to come, and why.
std::string then_line(const JobView& v, Instant now)
{
  if (v.stuck) return sentence(*v.stuck);
  if (v.switched_at) {
    auto text = fmt::format("in real time since {}", clock_time(*v.switched_at, now));
    if (v.deadline) text += " to keep the deadline";
    return v.rest ? fmt::format("{}: {}", text, still_takes(*v.rest)) : text;
  }
  if (v.leaving) return switching(*v.leaving, *v.deadline, now);
  if (v.rest && v.rest->requests > 0) return still_takes(*v.rest);
  return v.offer ? offer(*v.offer) : std::string{};
}

/// What nobody can tell whether it was billed once or twice.
std::string twice_line(const JobView& v)
{
  return fmt::format("{} may have been billed twice, since an answer was lost{}",
                     counted(v.requests_billed_again, "request", "requests"),
                     v.billed_again ? ": about " + money(*v.billed_again) : std::string{});
}

std::string out_line(const Handover& handover)
{
  const auto out = harmless(handover.out);
  return handover.delivered_at ? fmt::format("delivered to {} ({})", out, utc(*handover.delivered_at))
                               : fmt::format("to {} when it is done", out);
}

/// When the server removes the first of the answers that are not here yet; nothing where none are known to wait there.
std::optional<Instant> first_lapse(const std::vector<Part>& parts)
{
  std::optional<Instant> first;
  for (const auto& part : parts) {
    const bool is_home = part.state == PartState::fetched || part.state == PartState::settled;
    if (!is_home && part.lapses_at) first = std::min(first.value_or(*part.lapses_at), *part.lapses_at);
  }
  return first;
}

/// How many batches were given up that nobody knows the end of.
std::ptrdiff_t may_still_answer(const std::vector<Part>& parts)
{
  return std::count_if(parts.begin(), parts.end(),
                       [](const Part& p) { return p.state == PartState::abandoned && !p.lapses_at; });
}

std::string progress_bar(const JobView& v, const AtServer& remote, const Style& style)
{
  const int cells = std::clamp(style.columns - 2 - 2 - 6, 10, 100);
  return fmt::format(
      "\n  {}  {}",
      bar({{v.items.succeeded, Tone::good},
           {remote.completed + (v.live ? v.live->answered - v.live->failed : 0), Tone::moving},
           {v.items.failed - v.items.cancelled + remote.failed + (v.live ? v.live->failed : 0), Tone::trouble}},
          v.items.items, cells, style),
      answered_share(v, remote));
}

/// What all requests of a job have in common, or that they have not.
std::string named(const std::string& word, const char* otherwise)
{
  return word.empty() ? otherwise : harmless(word);
}

std::string head(const JobView& v, const Style& style, Instant now)
{
  const auto remote = at_server(v);
  auto out = fmt::format("{}  {}", painted(v.job, Tone::strong, style), painted(state_of(v), tone_of(v.state), style));
  if (v.items.items > 0) out += progress_bar(v, remote, style);
  Facts facts{style};
  facts.add("items", items_line(v.items));
  if (remote.requests > 0) {
    facts.add("server", fmt::format("{} of {} answered, {}", count(remote.answered()), count(remote.requests),
                                    remote.batches == 0 ? "not collected yet"
                                                        : counted(remote.batches, "batch running", "batches running")));
  }
  facts.add("model", fmt::format("{}, {}, mode {}", named(v.model, "several models"),
                                 named(v.endpoint, "several endpoints"), name(v.mode)));
  if (v.live) {
    facts.add("live", live_line(*v.live));
    if (const auto rates = rates_line(*v.live); !rates.empty()) facts.add("rates", rates);
  }
  if (v.deadline) facts.add("deadline", deadline_line(v, now), miss(v, now).empty() ? Tone::plain : Tone::trouble);
  if (v.state != JobState::done) {
    if (const auto then = then_line(v, now); !then.empty()) facts.add("then", then);
    const Millis moment{1'000};
    if (v.eta && *v.eta > now + moment && v.state == JobState::running)
      facts.add("done", fmt::format("{}, as it looks now ({})", relative(*v.eta, now), utc(*v.eta)));
  }
  facts.add("cost", cost_line(v));
  if (v.requests_billed_again > 0) facts.add("twice", twice_line(v));
  facts.add("made", fmt::format("{} ({})", relative(v.created_at, now), utc(v.created_at)));
  if (v.next_poll_at) {
    facts.add("next", *v.next_poll_at > now
                          ? fmt::format("poll {} ({})", relative(*v.next_poll_at, now), utc(*v.next_poll_at))
                          : fmt::format("`batchwright poll {}`, due since {}", v.job, utc(*v.next_poll_at)));
  }
  if (const auto lapse = first_lapse(v.parts))
    facts.add("kept",
              fmt::format("answers at the server until {}: `batchwright fetch {}` collects them", utc(*lapse), v.job));
  if (const auto given_up = may_still_answer(v.parts); given_up > 0)
    facts.add("late", fmt::format("{} given up and may still bring answers: `batchwright fetch {}` collects them",
                                  given_up == 1 ? "1 batch was" : fmt::format("{} batches were", given_up), v.job));
  if (!v.handover.out.empty()) facts.add("out", out_line(v.handover));
  if (!v.message.empty())
    facts.add("note", harmless(v.message), v.state == JobState::paused ? Tone::trouble : Tone::plain);
  return out + facts.text();
}

// --- the table of parts ----------------------------------------------------------------------------------------------

/// One row: a part, or several in the same state.
struct Line {
  std::vector<const Part*> parts = {};

  const Part& first() const { return *parts.front(); }
  bool single() const { return parts.size() == 1; }
};

/// Rows by the first number. Of many parts those that rest in the same state share one.
std::vector<Line> lines_of(const std::vector<Part>& parts)
{
  std::map<PartState, std::size_t> number_in;
  for (const auto& part : parts)
    ++number_in[part.state];
  std::map<PartState, std::size_t> shared; // which line holds the parts of that state
  std::vector<Line> lines;
  for (const auto& part : parts) {
    const auto most = is_idle(part.state) ? idle_rows_shown : busy_rows_shown;
    const bool shares = parts.size() > rows_shown_singly && number_in[part.state] > most;
    if (shares && shared.contains(part.state)) {
      lines[shared[part.state]].parts.push_back(&part);
      continue;
    }
    if (shares) shared[part.state] = lines.size();
    lines.push_back({{&part}});
  }
  return lines;
}

std::string numbers_of(const Line& line)
{
  const auto first = line.first().number;
  const auto last = line.parts.back()->number;
  if (line.single()) return fmt::format("{}", first);
  const bool whole = last - first + 1 == static_cast<int>(line.parts.size());
  return whole ? fmt::format("{}-{}", first, last) : fmt::format("{} parts", line.parts.size());
}

std::uint64_t done_of(const Part& part)
{
  return has_outcomes(part.state) ? part.outcome.succeeded : unsigned_of(part.remote.completed);
}

std::uint64_t failed_of(const Part& part)
{
  return has_outcomes(part.state) ? part.outcome.failed : unsigned_of(part.remote.failed);
}

template<class Of>
std::uint64_t sum(const Line& line, Of&& of)
{
  std::uint64_t total = 0;
  for (const auto* part : line.parts)
    total += of(*part);
  return total;
}

/// What all parts of the line have in common; nothing where they differ.
template<class Of>
std::string shared_word(const Line& line, Of&& of)
{
  const std::string word{of(line.first())};
  const bool same = std::all_of(line.parts.begin(), line.parts.end(), [&](const Part* p) { return of(*p) == word; });
  return same ? word : std::string{};
}

std::string server_word(const Part& part)
{
  const bool refused = !part.remote.error_code.empty() && !has_live_batch(part);
  return harmless(refused ? part.remote.error_code : part.remote.status);
}

std::string parts_table(const std::vector<Part>& parts, const Style& style)
{
  const bool live = std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.route != Route::batch; });
  const bool again = std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.attempt > 1; });
  Grid grid{{{"part", Align::right},
             {"route", Align::left, 3},
             {"attempt", Align::right, 2},
             {"state"},
             {"requests", Align::right},
             {"done", Align::right},
             {"failed", Align::right},
             {"left", Align::right, 1},
             {"at the server", Align::left, 4},
             {"batch", Align::left, 5}}};
  for (const auto& line : lines_of(parts)) {
    const auto& first = line.first();
    const bool asked = has_outcomes(first.state) || !first.remote.status.empty() || is_called(first);
    const auto failed = sum(line, failed_of);
    const auto left = sum(line, [](const Part& p) { return p.outcome.left; });
    grid.add({{numbers_of(line)},
              {live ? shared_word(line, [](const Part& p) { return name(p.route); }) : ""},
              {again ? shared_word(line, [](const Part& p) { return fmt::format("{}", p.attempt); }) : ""},
              {std::string{name(first.state)}, tone_of(first.state)},
              {count(sum(line, [](const Part& p) { return p.requests; }))},
              {asked ? count(sum(line, done_of)) : "-", asked ? Tone::plain : Tone::faint},
              {asked ? count(failed) : "-", failed > 0 ? Tone::trouble
                                            : asked    ? Tone::plain
                                                       : Tone::faint},
              {left > 0 ? count(left) : ""},
              {shared_word(line, server_word)},
              {line.single() ? harmless(first.batch.str()) : ""}});
  }
  return grid.text(style);
}

} // namespace

std::string page(const JobView& view, const Style& style, Instant now)
{
  auto out = head(view, style, now);
  if (!view.parts.empty()) out += "\n\n" + parts_table(view.parts, style);
  return out;
}

std::string table(const std::vector<JobView>& views, const Style& style, Instant now)
{
  Grid grid{{{"job"},
             {"state"},
             {"items", Align::right},
             {"answered", Align::right},
             {"failed", Align::right},
             {"cost", Align::right, 2},
             {"made", Align::left, 1},
             {"model", Align::left, 3}}};
  Facts notes{style};
  for (const auto& v : views) {
    const auto& items = v.items;
    grid.add({{v.job, Tone::strong},
              {state_of(v), tone_of(v.state)},
              {count(items.items)},
              {answered_share(v, at_server(v))},
              {count(items.failed), items.failed > 0 ? Tone::trouble : Tone::plain},
              {v.spent ? money(*v.spent) : "-"},
              {relative(v.created_at, now)},
              {v.model.empty() ? "several" : harmless(v.model)}});
    if (v.state == JobState::paused && !v.message.empty())
      notes.add("note", fmt::format("{}: {}", v.job, harmless(v.message)), Tone::trouble);
    if (const auto missed = missed_deadline(v, now); v.state != JobState::done && !missed.empty())
      notes.add("note", fmt::format("{}: {}", v.job, missed), Tone::trouble);
  }
  return grid.text(style) + (notes.text().empty() ? "" : "\n") + notes.text();
}

std::string sentence(const JobView& v)
{
  const auto& items = v.items;
  if (v.state == JobState::planned) {
    return fmt::format("{}: {} in {}; nothing was sent", v.job, counted(items.items, "item", "items"),
                       counted(v.parts.size(), "part", "parts"));
  }
  if (items.items == 0) return fmt::format("{}: no items", v.job);
  auto text = fmt::format("{}: {} of {} done", v.job, count(items.succeeded), count(items.items));
  if (items.failed > 0) text += fmt::format(", {} failed", count(items.failed));
  if (items.pending() > 0) text += fmt::format(", {} pending", count(items.pending()));
  const auto live = at_server(v).batches;
  if (live > 0) text += "; " + counted(live, "batch running", "batches running");
  if (v.state == JobState::done && v.spent && v.spent->n > 0) text += "; " + money(*v.spent) + savings(v);
  if (v.state == JobState::paused) text += fmt::format("; paused ({}): {}", name(v.pause), harmless(v.message));
  return text;
}

} // namespace batchwright::report
