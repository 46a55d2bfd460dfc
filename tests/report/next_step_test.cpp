#include <batchwright/report/next_step.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

namespace {

Part part_of(PartState state)
{
  Part part;
  part.state = state;
  return part;
}

JobView waiting(const std::vector<Part>& parts)
{
  JobView v;
  v.job = "reviews";
  v.items = {.items = 1000, .succeeded = 400, .failed = 0};
  v.parts = parts;
  return v;
}

} // namespace

TEST_SUITE_BEGIN("report::next_step");

TEST_CASE("where what was tried first failed, or waits for a word, the way on is its own")
{
  auto probe = part_of(PartState::settled);
  probe.pick = Pick::probe;
  probe.items = probe.failed_for_good = 3;
  auto v = waiting({probe, part_of(PartState::planned)});
  v.pause = Pause::failures;
  v.state = JobState::paused;
  v.message = "all 3 items that were tried first failed: no_such_thing: words";
  const auto held = report::next_step(v);
  CHECK(held.find("no_such_thing: words") != std::string::npos);
  CHECK(held.find("--probe 0") != std::string::npos);
  CHECK(held.find("--stop-on-failures") == std::string::npos);
  v.pause = Pause::none;
  v.awaits_word = true;
  v.message = "the rest waits for your word";
  CHECK(report::next_step(v) == "reviews: 600 items pending: the rest waits for your word");
}

TEST_CASE("the next step names what is waited for and the command that helps")
{
  CHECK(report::next_step(waiting({part_of(PartState::running), part_of(PartState::running)})) ==
        "reviews: 600 items pending; 2 batches run at the server\n"
        "  `batchwright fetch reviews --wait` waits for the rest");
  CHECK(report::next_step(waiting({part_of(PartState::running), part_of(PartState::queued)})) ==
        "reviews: 600 items pending; 1 batch runs at the server, 1 part waits for room there\n"
        "  `batchwright poll reviews` sends what is left; `batchwright status reviews` shows more");
}

TEST_CASE("a paused job's next step tells the server's words without their power over the terminal")
{
  auto v = waiting({part_of(PartState::queued)});
  v.state = JobState::paused;
  v.pause = Pause::auth;
  v.message = "wrong key \x1b[2J";
  CHECK(report::next_step(v) ==
        "reviews is paused (auth): wrong key \\x1b[2J\n"
        "  set OPENAI_API_KEY to a key that may do that; then `batchwright poll reviews` goes on");
  v.pause = Pause::disk;
  v.message = "the disk is full";
  CHECK(report::next_step(v) == "reviews is paused (disk): the disk is full\n"
                                "  make room on that disk; then `batchwright poll reviews` goes on");
}

TEST_CASE("a job that may not send is told to be collected only where something is at the server")
{
  const auto step = [](PartState state, Standing standing) {
    auto v = waiting({part_of(state), part_of(PartState::planned)});
    v.standing = standing;
    return report::next_step(v);
  };
  for (const auto standing : {Standing::adopted, Standing::recovered, Standing::bare}) {
    CHECK(step(PartState::running, standing).find("fetch reviews --wait") != std::string::npos);
    CHECK(step(PartState::ended, standing).find("fetch reviews --wait") != std::string::npos);
  }
  CHECK(step(PartState::planned, Standing::adopted) ==
        "reviews: 600 items pending; 2 parts are not sent yet\n"
        "  `batchwright submit` of the request file with --name reviews sends what is left");
  CHECK(step(PartState::fetched, Standing::bare) ==
        "reviews: 600 items pending; 1 part is not sent yet\n"
        "  repeating its `batchwright submit` with --name reviews sends what is left");
}

TEST_CASE("at a cap the command that named it is the one that goes on")
{
  auto v = waiting({part_of(PartState::running)});
  v.pause = Pause::budget;
  CHECK(report::next_step(v).find("the same `submit` with a higher --max-cost") != std::string::npos);
  v.finish_cap = PicoUsd{2'000'000'000'000};
  const auto step = report::next_step(v);
  CHECK(step.find("the same `finish` with more than the $2.00 of its --max-cost") != std::string::npos);
  CHECK(step.find("submit") == std::string::npos);
}

TEST_CASE("what was delivered is told in the number it has")
{
  CHECK(report::delivered("a.jsonl", 1, 512) == "wrote 1 record (512 B) to a.jsonl");
}

TEST_SUITE_END();
