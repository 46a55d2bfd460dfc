#include <batchwright/model/view.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

namespace {

Job job_of(std::uint64_t items)
{
  Job job;
  job.name = "reviews";
  job.mode = Mode::hybrid;
  job.request.model = "gpt-5.4-mini";
  job.items = items;
  job.estimated = PicoUsd{5};
  job.created_at = Instant{Millis{7}};
  return job;
}

Part part_of(PartState state, std::uint64_t items)
{
  Part part;
  part.state = state;
  part.items = items;
  return part;
}

Part settled(std::uint64_t succeeded, std::uint64_t failed, std::uint64_t left)
{
  auto part = part_of(PartState::settled, succeeded + failed + left);
  part.outcome = {.succeeded = succeeded, .failed = failed, .left = left};
  part.outcome.spent = {10};
  part.outcome.realtime = {20};
  return part;
}

} // namespace

TEST_SUITE_BEGIN("model::view");

TEST_CASE("what was tried first has failed when each item of it failed for good, and no other is waited for")
{
  const auto probe = [](std::uint64_t succeeded, std::uint64_t failed, std::uint64_t for_good, std::uint64_t left) {
    auto part = settled(succeeded, failed, left);
    part.pick = Pick::probe;
    part.failed_for_good = for_good;
    part.outcome.usage.output = {30};
    return part;
  };
  const auto two = tally_of_probe({probe(0, 2, 2, 0), settled(0, 9, 0), probe(0, 1, 1, 0)});
  CHECK(two.items == 3);
  CHECK(two.output == Tokens{60});
  CHECK(two.has_failed());
  CHECK_FALSE(tally_of_probe({probe(1, 2, 2, 0)}).has_failed());
  CHECK_FALSE(tally_of_probe({probe(3, 0, 3, 0)}).has_failed()); // unusable, and accepted since
  CHECK_FALSE(tally_of_probe({probe(0, 3, 2, 0)}).has_failed()); // one of them for a passing reason
  CHECK_FALSE(tally_of_probe({probe(0, 2, 2, 1)}).has_failed());
  CHECK_FALSE(tally_of_probe({settled(0, 3, 0)}).has_failed());
  auto running = probe(0, 0, 0, 0);
  running.state = PartState::running;
  CHECK_FALSE(tally_of_probe({probe(0, 2, 2, 0), running}).is_over);
}

TEST_CASE("the user's word is waited for once what was tried first is settled, and by nothing that is held anyway")
{
  auto job = job_of(10);
  job.awaits_word = true;
  auto probe = settled(2, 0, 0);
  probe.pick = Pick::probe;
  const std::vector parts{probe, part_of(PartState::planned, 8)};
  const auto asks = view(job, parts, Held::no);
  CHECK(asks.awaits_word);
  CHECK(asks.state == JobState::open);
  CHECK(asks.message.find("`batchwright cancel reviews`") != std::string::npos);
  CHECK(exit_for(asks) == Exit::unfinished);
  auto trying = parts;
  trying[0] = part_of(PartState::running, 2);
  trying[0].pick = Pick::probe;
  CHECK_FALSE(view(job, trying, Held::no).awaits_word);
  CHECK_FALSE(view(job, {probe, settled(8, 0, 0)}, Held::no).awaits_word);
  job.cancel = Cancel::harvest;
  CHECK_FALSE(view(job, parts, Held::no).awaits_word);
  job.cancel = Cancel::none;
  job.pause = Pause::failures;
  CHECK_FALSE(view(job, parts, Held::no).awaits_word);
}

TEST_CASE("a tally sums what is settled; what a settled part left is pending in its child")
{
  const auto sum = tally(job_of(100), {settled(60, 10, 5), part_of(PartState::planned, 5),
                                       part_of(PartState::superseded, 25), part_of(PartState::running, 25)});
  CHECK(sum == Tally{.items = 100, .succeeded = 60, .failed = 10});
  CHECK(sum.pending() == 30);
  CHECK(tally(job_of(0), {}).pending() == 0);
}

TEST_CASE("a tally and a view tell what of the failed was cancelled, and when it ended")
{
  auto cancelled = settled(4, 6, 0);
  cancelled.outcome.cancelled = 5;
  auto job = job_of(20);
  job.ended_at = Instant{Millis{9}};
  job.switched_at = Instant{Millis{8}};
  const auto v = view(job, {cancelled, settled(10, 0, 0)}, Held::no);
  CHECK(v.items.failed == 6);
  CHECK(v.items.cancelled == 5);
  CHECK(v.ended_at == job.ended_at);
  CHECK(v.switched_at == job.switched_at);
}

TEST_CASE("a tally that does not add up is a bug, told with its figures")
{
  try {
    tally(job_of(100), {settled(60, 10, 5), part_of(PartState::planned, 24)});
    FAIL("94 are not 100");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::bug);
    CHECK(std::string_view{e.what()}.find("60 succeeded + 10 failed + 24 pending is not 100 items") !=
          std::string_view::npos);
  }
  CHECK_THROWS_AS(tally(job_of(1), {}), Error);
  CHECK_THROWS_AS(tally(job_of(0), {part_of(PartState::queued, 1)}), Error);
}

TEST_CASE("a job runs while a batch is live or a process holds it, and is done when nothing is pending")
{
  const auto state = [](const Job& job, const std::vector<Part>& parts, Held held) {
    return view(job, parts, held).state;
  };
  auto job = job_of(10);
  CHECK(state(job, {part_of(PartState::queued, 10)}, Held::no) == JobState::open);
  CHECK(state(job, {part_of(PartState::queued, 10)}, Held::yes) == JobState::running);
  CHECK(state(job, {part_of(PartState::running, 10)}, Held::no) == JobState::running);
  CHECK(state(job, {part_of(PartState::cancelling, 10)}, Held::no) == JobState::running);
  CHECK(state(job, {part_of(PartState::fetched, 10)}, Held::no) == JobState::open);
  CHECK(state(job, {settled(9, 1, 0)}, Held::no) == JobState::done);
  CHECK(state(job, {settled(9, 1, 0)}, Held::yes) == JobState::done);
  job.pause = Pause::quota;
  CHECK(state(job, {part_of(PartState::running, 10)}, Held::yes) == JobState::paused);
  CHECK(state(job, {settled(9, 1, 0)}, Held::no) == JobState::done);
}

TEST_CASE("a view carries what the job says and sums what its parts cost")
{
  auto job = job_of(30);
  job.message = "note";
  const auto v = view(job, {settled(8, 2, 0), settled(20, 0, 0)}, Held::no);
  CHECK(v.job == "reviews");
  CHECK(v.mode == Mode::hybrid);
  CHECK(v.model == "gpt-5.4-mini");
  CHECK(v.endpoint == "/v1/chat/completions");
  CHECK(v.items.failed == 2);
  CHECK(v.parts.size() == 2);
  CHECK(v.estimated == PicoUsd{5});
  CHECK(v.spent == PicoUsd{20});
  CHECK(v.realtime == PicoUsd{40});
  CHECK(v.saved() == PicoUsd{20});
  CHECK(v.created_at == Instant{Millis{7}});
  CHECK(v.message == "note");
}

TEST_CASE("what a part that is sent in real time came to so far is spent, until its sums say so")
{
  auto live = part_of(PartState::running, 10);
  live.route = Route::realtime;
  live.so_far = {.spent = {3}, .realtime = {5}};
  auto v = view(job_of(20), {settled(10, 0, 0), live}, Held::no);
  CHECK(v.spent == PicoUsd{13});
  CHECK(v.realtime == PicoUsd{25});
  live.state = PartState::ended;
  CHECK(view(job_of(20), {settled(10, 0, 0), live}, Held::no).spent == PicoUsd{13});
  auto over = settled(10, 0, 0);
  over.route = Route::realtime;
  over.so_far.spent = {3};
  CHECK(view(job_of(20), {settled(10, 0, 0), over}, Held::no).spent == PicoUsd{20});
  live.so_far.priced = false;
  CHECK_FALSE(view(job_of(20), {settled(10, 0, 0), live}, Held::no).spent);
}

TEST_CASE("items that were taken over and are sent all the same are none that are not sent")
{
  auto reused = settled(4, 1, 5);
  reused.route = Route::reused;
  CHECK(never_sent({reused, settled(5, 0, 0)}) == 5);
  reused = settled(0, 0, 10);
  reused.route = Route::reused;
  CHECK(never_sent({reused}) == 0);
}

TEST_CASE("where one price is not known, no sum is")
{
  auto unpriced = settled(8, 2, 0);
  unpriced.outcome.priced = false;
  for (const auto& parts : {std::vector{unpriced, settled(20, 0, 0)}, std::vector{settled(20, 0, 0), unpriced}}) {
    const auto v = view(job_of(30), parts, Held::no);
    CHECK_FALSE(v.spent.has_value());
    CHECK_FALSE(v.realtime.has_value());
    CHECK_FALSE(v.saved().has_value());
  }
}

TEST_CASE("the next poll is the earliest of the live batches")
{
  auto early = part_of(PartState::running, 5);
  auto late = early;
  auto queued = part_of(PartState::queued, 5);
  early.due = Instant{Millis{20}};
  late.due = Instant{Millis{30}};
  queued.due = Instant{Millis{10}};
  CHECK(view(job_of(15), {late, early, queued}, Held::no).next_poll_at == early.due);
  CHECK_FALSE(view(job_of(5), {queued}, Held::no).next_poll_at.has_value());
}

TEST_CASE("a command that waits ends with 0, with 3 where items failed, with 5 before the end, with the pause's code")
{
  const auto exit_of = [](Pause pause, const std::vector<Part>& parts) {
    auto job = job_of(10);
    job.pause = pause;
    return static_cast<int>(exit_for(view(job, parts, Held::no)));
  };
  CHECK(exit_of(Pause::none, {settled(10, 0, 0)}) == 0);
  CHECK(exit_of(Pause::none, {settled(9, 1, 0)}) == 3);
  CHECK(exit_of(Pause::none, {part_of(PartState::queued, 10)}) == 5);
  CHECK(exit_of(Pause::auth, {part_of(PartState::queued, 10)}) == 4);
  CHECK(exit_of(Pause::quota, {part_of(PartState::queued, 10)}) == 75);
  CHECK(exit_of(Pause::unknown_submission, {part_of(PartState::queued, 10)}) == 75);
  CHECK(exit_of(Pause::budget, {part_of(PartState::queued, 10)}) == 8);
  CHECK(exit_of(Pause::account, {part_of(PartState::queued, 10)}) == 78);
  CHECK(exit_of(Pause::disk, {part_of(PartState::queued, 10)}) == 74);
  CHECK(exit_of(Pause::failures, {part_of(PartState::queued, 10)}) == 3);
  CHECK(exit_of(Pause::auth, {settled(10, 0, 0)}) == 0);
}

TEST_SUITE_END();
