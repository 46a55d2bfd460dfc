#include <batchwright/report/outlook.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::report;
using namespace std::chrono_literals;

namespace {

const Instant now = *parse_rfc3339("2026-11-22T10:00:00Z");

Switch switch_in(Millis span)
{
  return {
      .at = now + span, .rest = {.requests = 1'200, .takes = 8min, .rate = 150}, .cancelling = 10min, .polling = 5min};
}

JobView view_with(Millis to_deadline)
{
  JobView v;
  v.job = "reviews";
  v.state = JobState::running;
  v.items = {.items = 1'200};
  v.deadline = now + to_deadline;
  return v;
}

} // namespace

TEST_SUITE_BEGIN("report::outlook");

TEST_CASE("how long a rest takes is told with what bounds it, and whether that is assumed")
{
  CHECK(pace({.requests = 1'200, .takes = 8min, .rate = 150}) == "8m at 150 requests a minute");
  CHECK(pace({.takes = 61s, .bound = Bound::tokens, .rate = 200'000, .is_assumed = true}) ==
        "61s at 200,000 tokens a minute (assumed)");
  CHECK(pace({.takes = 2h + 5min, .bound = Bound::in_flight, .rate = 4}) == "2h 05m with 4 in flight");
  CHECK(pace({.takes = 8min, .bound = Bound::pace, .rate = 1}) == "8m at about 1 request a minute, as it goes now");
  CHECK(still_takes({.takes = 8min, .rate = 150}) == "about 8m more at 150 requests a minute");
}

TEST_CASE("a switch to come is told with its time and what each part of that is for")
{
  const auto deadline = now + 6h;
  CHECK(switching(switch_in(5h + 5min), deadline, now) ==
        "switches to real time at 15:05 UTC: 1,200 requests are left, 8m at 150 requests a minute, "
        "10m for cancelling, 5m between polls");
  auto plain = switch_in(5h);
  plain.cancelling = plain.polling = Millis{0};
  plain.rest.requests = 1;
  CHECK(switching(plain, deadline, now) ==
        "switches to real time at 15:00 UTC: 1 request is left, 8m at 150 requests a minute");
  CHECK(switching(switch_in(-1min), deadline, now).starts_with("switches to real time at once: 1,200 requests"));
  auto late = switch_in(-1h);
  late.is_too_late = true;
  CHECK(switching(late, now + 5min, now) ==
        "what is left takes 8m at 150 requests a minute: not in time for 10:05:00 UTC");
}

TEST_CASE("the moment of the switch tells what for, and whether it will do")
{
  BatchesLeft left{.job = "reviews", .deadline = now + 23min, .why = switch_in(0min)};
  CHECK(
      sentence(left, now) ==
      "reviews: goes on in real time now, to keep the deadline 10:23 UTC: 1,200 requests are left, 8m at 150 requests "
      "a minute, 10m for cancelling, 5m between polls");
  left.why.is_too_late = true;
  CHECK(sentence(left, now).find("not in time for the deadline 10:23 UTC") != std::string::npos);
}

TEST_CASE("a deadline that was missed, is being missed, or will be, is told; one that is kept is not")
{
  auto v = view_with(20min);
  CHECK(missed_deadline(v, now).empty());
  v.eta = now + 20min;
  CHECK(missed_deadline(v, now).empty());
  v.eta = now + 25min;
  CHECK(missed_deadline(v, now) == "the deadline 10:20 UTC will be missed by about 5m");
  CHECK(missed_deadline(v, now + 32min) == "the deadline 10:20 UTC was missed by 12m so far");
  v.state = JobState::done;
  CHECK(missed_deadline(v, now + 32min).empty()); // an earlier program wrote down no end
  v.ended_at = now + 20min;
  CHECK(missed_deadline(v, now + 40min).empty());
  v.ended_at = now + 32min;
  CHECK(missed_deadline(v, now + 40min) == "the deadline 10:20 UTC was missed by 12m");
  CHECK(miss(v, now + 40min) == "was missed by 12m");
  CHECK(missed_deadline(v, now + 24h) == "the deadline 2026-11-22 10:20 UTC was missed by 12m");
  v.cancel = Cancel::harvest;
  CHECK(missed_deadline(v, now + 40min).empty());
  JobView without;
  CHECK(missed_deadline(without, now).empty());
}

TEST_CASE("what holds up the rest names the command that gives it up")
{
  CHECK(sentence(Stuck{.job = "reviews", .part = 3, .since_asked = 12min}) ==
        "the batch of part 3 has not stopped in 12m, and what it leaves waits for that: `batchwright cancel reviews "
        "--abandon` gives it up");
}

TEST_CASE("finishing by hand is told with what it stops, costs and takes")
{
  Finish finish{.job = "reviews",
                .items = 1'200,
                .batches = 1,
                .cost = PicoUsd{1'500'000'000'000},
                .rest = {.requests = 1'200, .takes = 8min, .rate = 150}};
  CHECK(sentence(finish) == "reviews: 1,200 items are left; 1 batch is asked to stop, and what they finished counts\n"
                            "  in real time that costs about $1.50 and takes about 8m at 150 requests a minute");
  CHECK(offer(finish) == "`batchwright finish reviews` does the rest in real time now, for about $1.50");
  finish.batches = 0;
  finish.cost.reset();
  CHECK(sentence(finish).starts_with("reviews: 1,200 items are left\n  in real time that costs what is not known"));
  CHECK(offer(finish).ends_with("at a price not known"));
}

TEST_SUITE_END();
