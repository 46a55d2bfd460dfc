#include <batchwright/report/outlook.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

namespace batchwright::report {
namespace {

/// "at 150 requests a minute".
std::string bound_of(const RestSpan& rest)
{
  const auto requests = counted(rest.rate, "request", "requests");
  const auto assumed = rest.is_assumed ? " (assumed)" : "";
  switch (rest.bound) {
  case Bound::requests:
    return fmt::format("at {} a minute{}", requests, assumed);
  case Bound::tokens:
    return fmt::format("at {} a minute{}", counted(rest.rate, "token", "tokens"), assumed);
  case Bound::in_flight:
    return fmt::format("with {} in flight{}", count(rest.rate),
                       rest.is_assumed ? ", if an answer takes as long as is assumed" : "");
  case Bound::pace:
    break;
  }
  return fmt::format("at about {} a minute, as it goes now", requests);
}

/// What the time between a switch and its deadline is for.
std::string reserves(const Switch& plan)
{
  auto text = fmt::format("{} left, {}", counted(plan.rest.requests, "request is", "requests are"), pace(plan.rest));
  if (plan.cancelling > Millis{0}) text += fmt::format(", {} for cancelling", about(plan.cancelling));
  if (plan.polling > Millis{0}) text += fmt::format(", {} between polls", about(plan.polling));
  return text;
}

} // namespace

std::string pace(const RestSpan& rest)
{
  return fmt::format("{} {}", about(rest.takes), bound_of(rest));
}

std::string still_takes(const RestSpan& rest)
{
  return fmt::format("about {} more {}", about(rest.takes), bound_of(rest));
}

std::string switching(const Switch& plan, Instant deadline, Instant now)
{
  if (plan.is_too_late)
    return fmt::format("what is left takes {}: not in time for {}", pace(plan.rest), clock_time(deadline, now));
  const auto when = plan.at > now ? fmt::format("switches to real time at {}", clock_time(plan.at, now))
                                  : std::string{"switches to real time at once"};
  return fmt::format("{}: {}", when, reserves(plan));
}

std::string miss(const JobView& v, Instant now)
{
  if (!v.deadline || v.cancel != Cancel::none) return {};
  if (v.state == JobState::done) {
    const bool is_missed = v.ended_at && *v.ended_at > *v.deadline;
    return is_missed ? fmt::format("was missed by {}", about(*v.ended_at - *v.deadline)) : std::string{};
  }
  if (now > *v.deadline) return fmt::format("was missed by {} so far", about(now - *v.deadline));
  if (v.eta && *v.eta > *v.deadline) return fmt::format("will be missed by about {}", about(*v.eta - *v.deadline));
  return {};
}

std::string missed_deadline(const JobView& v, Instant now)
{
  const auto text = miss(v, now);
  return text.empty() ? text : fmt::format("the deadline {} {}", clock_time(*v.deadline, now), text);
}

std::string sentence(const BatchesLeft& left, Instant now)
{
  const auto& plan = left.why;
  const auto deadline = clock_time(left.deadline, now);
  return plan.is_too_late ? fmt::format("{}: goes on in real time now, though not in time for the deadline {}: {}",
                                        left.job, deadline, reserves(plan))
                          : fmt::format("{}: goes on in real time now, to keep the deadline {}: {}", left.job, deadline,
                                        reserves(plan));
}

std::string sentence(const Stuck& stuck)
{
  return fmt::format("the batch of part {} has not stopped in {}, and what it leaves waits for that: `batchwright "
                     "cancel {} --abandon` gives it up",
                     stuck.part, about(stuck.since_asked), stuck.job);
}

std::string sentence(const Finish& finish)
{
  auto text = fmt::format("{}: {} left", finish.job, counted(finish.items, "item is", "items are"));
  if (finish.batches > 0)
    text += fmt::format("; {} asked to stop, and what they finished counts",
                        counted(finish.batches, "batch is", "batches are"));
  return text + fmt::format("\n  in real time that costs {} and takes about {}",
                            finish.cost ? "about " + money(*finish.cost) : std::string{"what is not known"},
                            pace(finish.rest));
}

std::string offer(const Finish& finish)
{
  return fmt::format("`batchwright finish {}` does the rest in real time now, {}", finish.job,
                     finish.cost ? "for about " + money(*finish.cost) : std::string{"at a price not known"});
}

} // namespace batchwright::report
