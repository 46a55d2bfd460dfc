#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"

#include <batchwright/engine/adopt.hpp>
#include <batchwright/engine/join.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;

namespace {

constexpr Instant noon{Millis{1'795'348'800'000}};
constexpr PartLimits roomy{.requests = 100, .bytes = 1'000'000};

Part part_in(int number, PartState state, int attempt = 1)
{
  Part p;
  p.number = number;
  p.state = state;
  p.attempt = attempt;
  p.items = p.requests = 10;
  return p;
}

Part child(int number, Millis born = {}, int attempt = 2)
{
  auto p = part_in(number, PartState::planned, attempt);
  p.listed = true;
  p.born_at = noon + born;
  return p;
}

std::int64_t in_state(const std::vector<Part>& parts, PartState state)
{
  return std::count_if(parts.begin(), parts.end(), [&](const Part& p) { return p.state == state; });
}

std::vector<engine::Action> now_due(const std::vector<Part>& parts, Instant now)
{
  Job job;
  job.limits = roomy;
  return engine::due(job, parts, {}, now, Sending::yes).now;
}

} // namespace

TEST_SUITE_BEGIN("engine::join");

TEST_CASE("a child waits while a part runs that may leave more of its kind, but for half an hour at most")
{
  const auto later = child(3, Millis{60'000});
  std::vector<Part> parts{part_in(1, PartState::running), child(2), later};
  CHECK(engine::gathers_until(later, parts) == noon + engine::longest_gathering); // from the first one's birth
  CHECK(now_due(parts, noon + Millis{1'000}) == std::vector{engine::Action{engine::Do::poll, 1}});
  const auto at_last = now_due(parts, noon + engine::longest_gathering);
  CHECK(at_last.back() == engine::Action{engine::Do::join, 2});

  parts.front().state = PartState::settled;
  CHECK_FALSE(engine::gathers_until(later, parts).has_value());
  CHECK(now_due(parts, noon) == std::vector{engine::Action{engine::Do::join, 2}});
}

TEST_CASE("nothing is waited for that could not be joined")
{
  for (const auto change :
       {+[](Part& p) { p.model = "other"; }, +[](Part& p) { p.attempt = 3; },
        +[](Part& p) { p.inputs_per_request = 5; }, +[](Part& p) { p.set = R"({"a":1})"; },
        +[](Part& p) { p.max_output_tokens = 5; }, +[](Part& p) { p.endpoint = "/v1/responses"; }}) {
    auto running = part_in(1, PartState::running);
    auto other = child(3);
    change(running);
    change(other);
    const std::vector parts{running, child(2), other};
    CHECK_FALSE(engine::gathers_until(parts[1], parts).has_value());
    CHECK(engine::company(parts[1], parts, roomy, {}).empty());
  }
  const std::vector parts{part_in(1, PartState::running),
                          part_in(2, PartState::planned, 2)}; // no child: made by `retry`
  CHECK_FALSE(engine::gathers_until(parts[1], parts).has_value());
}

TEST_CASE("no more are joined than one part may hold")
{
  auto large = child(3);
  large.requests = 95;
  large.input_tokens = {900};
  const std::vector parts{child(2), large, child(4), child(5)};
  CHECK(engine::company(parts[0], parts, roomy, {}) == std::vector{4, 5});
  CHECK(engine::company(parts[0], parts, roomy, {4}) == std::vector{5});
  CHECK(engine::company(parts[0], parts, {.requests = 20, .bytes = 1'000'000}, {}) == std::vector{4});
  CHECK(engine::company(parts[0], parts, {.requests = 1'000, .bytes = 1'000'000, .tokens = 899}, {}) ==
        std::vector{4, 5});
  CHECK(now_due(parts, noon) == std::vector{engine::Action{engine::Do::build, 3}, engine::Action{engine::Do::join, 2}});
}

TEST_CASE("a child whose birth lies far ahead, by a clock that was, waits for no others")
{
  const std::vector<Part> parts{part_in(1, PartState::running), child(2, Millis{3'600'000})};
  const auto now = now_due(parts, noon);
  CHECK(std::count(now.begin(), now.end(), engine::Action{engine::Do::build, 2}) == 1);
}

TEST_CASE("what four parts leave goes on in one, in order, and each item is answered once")
{
  emulator::Faults faults;
  faults.transient_share = 0.4;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(40, 10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 40);
  CHECK(in_state(view.parts, PartState::superseded) >= 2);
  const auto again = std::count_if(view.parts.begin(), view.parts.end(), [](const Part& p) {
    return p.attempt == 2 && p.state == PartState::settled && p.items <= 10;
  });
  CHECK(again > 0);
  CHECK(again < 4);
  tests::check_answers(process.merged(job), 40,
                       [](int i) { return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i); });
  CHECK(arena.ledger("executed_again_after_success") == 0);
  CHECK(arena.ledger("batches_created") == in_state(view.parts, PartState::settled));
}

TEST_CASE("stopped after any step of it, gathering is gone on with by the next process")
{
  emulator::Faults faults;
  faults.transient_share = 0.5;
  for (int stop_after = 1;; ++stop_after) {
    Arena arena{faults};
    const auto ask = arena.ask(16, 4);
    std::string job;
    int moves = 0;
    {
      auto first = arena.process();
      job = first.make(ask);
      first.recorder.on_move = [&](const PartMoved& moved) {
        if (moved.to == PartState::settled || moved.to == PartState::superseded) ++moves;
        if (moves == stop_after) first.interrupt.ask(2);
      };
      first.advance(job, Until::ended);
    }
    auto second = arena.process();
    CAPTURE(stop_after);
    const auto view = second.advance(job, Until::ended);
    CHECK(view.items.succeeded == 16);
    CHECK(arena.ledger("executed_again_after_success") == 0);
    if (moves < stop_after) return;
  }
}

TEST_CASE("of a part that goes back to the queue, what later parts hold is not sent again")
{
  emulator::Faults faults;
  faults.validating_ms = 400;
  std::string code = "token_limit_exceeded";
  int theirs = 5; // the first of the other's items
  SUBCASE("refused for want of room") {}
  SUBCASE("its file lost")
  {
    code = "input_file_not_found";
  }
  SUBCASE("all of it held by a later one")
  {
    theirs = 0;
  }
  faults.fail_batches = {{.batches = {.nth = {1}}, .code = code}};
  Arena arena{faults};
  auto process = arena.process();
  const auto lines = [](int first, int end) {
    std::string text;
    for (int i = first; i < end; ++i)
      text += fmt::format(R"({{"custom_id":"id-{0}","method":"POST","url":"/v1/chat/completions",)"
                          R"("body":{{"model":"gpt-5.4-mini","messages":[{{"role":"user","content":"text {0}"}}]}}}})"
                          "\n",
                          i);
    return text;
  };
  const auto batch = [&](const std::string& name, const std::string& content) {
    const auto file = process.client.upload(arena.directory.file(name, content), name);
    REQUIRE(file.ok());
    return process.client.create_batch(file.value.id, "/v1/chat/completions", {{"project", "theirs"}}).value.id;
  };
  const std::vector<BatchId> batches{batch("a.jsonl", lines(0, 10)), batch("b.jsonl", lines(theirs, 15))};
  const auto all = arena.directory.file("all.jsonl", lines(0, 15)).native();
  const auto job = engine::adopt(process.tools, process.server, {.name = {}, .requests = all, .batches = batches}).job;
  REQUIRE(process.store.parts(job).front().elsewhere > 0);

  engine::Ask ask{.inputs = {all}, .format = InputFormat::requests};
  ask.job.name = job;
  REQUIRE(process.make(ask) == job);
  JobView view;
  for (int polls = 0; polls < 300 && view.state != JobState::done; ++polls) {
    view = process.advance(job, Until::idle);
    std::this_thread::sleep_for(Millis{20});
  }
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 15);
  CHECK(arena.ledger("batches_created") == (theirs > 0 ? 3 : 2));
  CHECK(arena.ledger("requests_executed") == 15);
}

TEST_SUITE_END();
