#include <batchwright/report/next_step.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::report {
namespace {

/// What is waited for, by what most parts of a job wait for.
std::string waiting_for(const JobView& v)
{
  const auto in = [&](auto holds) {
    return static_cast<std::uint64_t>(std::count_if(v.parts.begin(), v.parts.end(), holds));
  };
  const auto live = in([](const Part& p) { return has_live_batch(p); });
  const auto called = in([](const Part& p) {
    return p.route == Route::realtime && (p.state == PartState::planned || p.state == PartState::running);
  });
  const auto queued = in([](const Part& p) { return p.state == PartState::queued; });
  const auto unsent = in([](const Part& p) {
    return p.route == Route::batch && (p.state == PartState::planned || p.state == PartState::uploading);
  });
  std::string text;
  const auto add = [&text](std::uint64_t n, std::string_view one, std::string_view many) {
    if (n > 0) text += (text.empty() ? "" : ", ") + counted(n, one, many);
  };
  add(live, "batch runs at the server", "batches run at the server");
  add(called, "part goes in real time", "parts go in real time");
  if (v.live && v.live->answered > 0)
    text += fmt::format(" ({} of {} answered)", count(v.live->answered), count(v.live->requests));
  add(queued, "part waits for room there", "parts wait for room there");
  add(unsent, "part is not sent yet", "parts are not sent yet");
  return text;
}

/// Whether anything of the job is, or may be, at the server and not here yet.
bool waits_at_server(const JobView& v)
{
  return std::any_of(v.parts.begin(), v.parts.end(), [](const Part& p) {
    return p.route == Route::batch &&
           (has_live_batch(p) || p.state == PartState::creating || p.state == PartState::ended);
  });
}

/// What only a person can do.
std::string_view remedy(Pause pause)
{
  switch (pause) {
  case Pause::auth:
    return "set OPENAI_API_KEY to a key that may do that";
  case Pause::quota:
    return "see to the account's quota";
  case Pause::account:
    return "set OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID and the key as they were";
  case Pause::disk:
    return "make room on that disk";
  default:
    return "see to its cause";
  }
}

/// What ends a pause.
std::string way_on(const JobView& v, const std::string& poll)
{
  if (v.pause == Pause::failures && tally_of_probe(v.parts).has_failed()) {
    return fmt::format("the same `submit` with --probe 0 sends the rest all the same; `batchwright show {} --failed` "
                       "shows what failed, `batchwright retry {}` sends that again",
                       v.job, v.job);
  }
  if (v.pause == Pause::failures) {
    return fmt::format(
        "the same `submit` with another --stop-on-failures, or none, sends the rest; `batchwright show {} "
        "--failed` shows what failed, `batchwright retry {}` sends that again",
        v.job, v.job);
  }
  if (v.pause == Pause::budget && v.finish_cap)
    return fmt::format(
        "the same `finish` with more than the {} of its --max-cost sends the rest; `batchwright cost {}` shows more",
        money(*v.finish_cap), v.job);
  if (v.pause == Pause::budget)
    return fmt::format("the same `submit` with a higher --max-cost sends the rest{}; `batchwright cost {}` shows more",
                       v.spent && v.spent->n > 0 ? fmt::format(" (the job cost {} so far)", money(*v.spent)) : "",
                       v.job);
  if (v.pause == Pause::unknown_submission) {
    return fmt::format(
        "{} asks the server again; `batchwright retry {} --resend-unknown` sends again what may be there", poll, v.job);
  }
  return fmt::format("{}; then {} goes on", remedy(v.pause), poll);
}

} // namespace

std::string next_step(const JobView& v)
{
  const auto poll = fmt::format("`batchwright poll {}`", v.job);
  const auto why = waiting_for(v);
  if (v.pause != Pause::none) {
    return fmt::format("{} is paused ({}): {}\n  {}", v.job, name(v.pause), harmless(v.message), way_on(v, poll));
  }
  if (v.awaits_word) {
    return fmt::format("{}: {} pending: {}", v.job, counted(v.items.pending(), "item", "items"), v.message);
  }
  const bool needs_input = v.standing == Standing::recovered || v.standing == Standing::bare;
  if (v.state == JobState::cancelling && needs_input) {
    return fmt::format(
        "{} is being cancelled: {} pending{}{}\n  `batchwright fetch {} --wait` waits for batches; what "
        "was never sent fails by name once its `batchwright submit`, repeated with --name {}, brings the "
        "input, and nothing is sent",
        v.job, counted(v.items.pending(), "item", "items"), why.empty() ? "" : "; ", why, v.job, v.job);
  }
  if (v.state == JobState::cancelling) {
    return fmt::format("{} is being cancelled: {} pending{}{}\n  `batchwright fetch {} --wait` waits for what is left",
                       v.job, counted(v.items.pending(), "item", "items"), why.empty() ? "" : "; ", why, v.job);
  }
  if (v.standing != Standing::consented) {
    const auto collects = waits_at_server(v)
                              ? fmt::format("\n  `batchwright fetch {} --wait` collects what is at the server", v.job)
                              : std::string{};
    return fmt::format("{}: {} pending{}{}{}\n  {} with --name {} sends what is left", v.job,
                       counted(v.items.pending(), "item", "items"), why.empty() ? "" : "; ", why, collects,
                       v.standing == Standing::adopted ? "`batchwright submit` of the request file"
                                                       : "repeating its `batchwright submit`",
                       v.job);
  }
  const bool sends = std::any_of(v.parts.begin(), v.parts.end(), [](const Part& p) {
    const bool waits = p.state == PartState::planned || p.state == PartState::queued || p.state == PartState::uploading;
    return (waits && p.route != Route::reused) || is_called(p);
  });
  return fmt::format(
      "{}: {} pending{}{}\n  {}", v.job, counted(v.items.pending(), "item", "items"), why.empty() ? "" : "; ", why,
      sends ? fmt::format("{} sends what is left; `batchwright status {}` shows more", poll, v.job)
      : v.deadline
          ? fmt::format("{} sees to the deadline when it comes; `batchwright fetch {} --wait` only waits", poll, v.job)
          : fmt::format("`batchwright fetch {} --wait` waits for the rest", v.job));
}

std::string held_of(const JobView& v)
{
  const auto missing = unsent(v.parts);
  const auto all = counted(v.items.items, "item", "items");
  return missing == 0 ? fmt::format("all of {}", all) : fmt::format("{} of {}", count(v.items.items - missing), all);
}

std::string delivered(std::string_view out, std::uint64_t records, std::uint64_t size)
{
  return fmt::format("wrote {} ({}) to {}", counted(records, "record", "records"), bytes(size), out);
}

} // namespace batchwright::report
