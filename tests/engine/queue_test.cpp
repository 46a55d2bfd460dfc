#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/queue.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <thread>

using namespace batchwright;
using engine::Room;
using engine::Sending;
using engine::Turn;
using engine::Until;
using tests::Arena;
using tests::HandClock;

namespace {

const Instant noon{Millis{1'795'000'000'000}};

Enqueued waiting(std::string job, int part, std::int64_t tokens)
{
  return {.job = std::move(job),
          .part = part,
          .state = PartState::queued,
          .tokens = tokens,
          .requests = 10,
          .job_created_at = noon - Millis{60'000},
          .advanced_at = noon,
          .may_send = true};
}

Enqueued live(std::string job, int part, std::int64_t tokens, std::string status = "in_progress")
{
  auto e = waiting(std::move(job), part, tokens);
  e.state = PartState::running;
  e.remote_status = std::move(status);
  return e;
}

/// Prose of some 250 tokens; the eighth has some 5,000.
std::string text_of(int row)
{
  std::string text = fmt::format("row {}", row);
  for (int i = 0; i < (row == 7 ? 1'000 : 50); ++i)
    text += " and so it goes on";
  return text;
}

Turn turn_of(const Room& room, int part = 9)
{
  return engine::turn(room, "a", part, noon);
}

} // namespace

TEST_SUITE_BEGIN("engine::queue");

TEST_CASE("where nothing is known one part goes first, then half as many as are admitted, rounded up")
{
  Room room{.parts = {waiting("a", 9, 100)}};
  CHECK(turn_of(room) == Turn::go);
  room.parts.push_back(live("a", 1, 100, "validating"));
  CHECK(turn_of(room) == Turn::wait_for_check);
  room.parts.back().remote_status = "in_progress";
  CHECK(turn_of(room) == Turn::go);
  room.parts.push_back(live("a", 2, 100, ""));
  CHECK(turn_of(room) == Turn::wait_for_check);
  room.parts.back().remote_status = "finalizing";
  room.parts.push_back(live("a", 3, 100));
  room.parts.push_back(live("a", 4, 100, "validating"));
  CHECK(turn_of(room) == Turn::go); // three are admitted: two may be tried at a time
  room.parts.push_back(live("a", 5, 100, "validating"));
  CHECK(turn_of(room) == Turn::wait_for_check);
}

TEST_CASE("what was admitted once is safe at once")
{
  Room room{.known = {.admitted_tokens = 300}, .parts = {waiting("a", 9, 100)}};
  room.parts.push_back(live("a", 1, 100, ""));
  room.parts.push_back(live("a", 2, 100, ""));
  CHECK(turn_of(room) == Turn::go);
  room.parts.push_back(live("a", 3, 1, ""));
  CHECK(turn_of(room) == Turn::wait_for_check);
}

TEST_CASE("the user's limit goes before what is learned, and others' batches count")
{
  Room room{.known = {.named_tokens = 1'000'000, .named_since = noon},
            .parts = {waiting("a", 9, 100), live("a", 1, 100)}};
  room.given = 250;
  CHECK(turn_of(room) == Turn::go);
  room.foreign = {.batches = 1, .tokens = 51, .requests = 5};
  CHECK(turn_of(room) == Turn::wait_for_room);
  room.given.reset();
  CHECK(turn_of(room) == Turn::go);
  room.known.named_tokens = 250;
  CHECK(turn_of(room) == Turn::wait_for_room);
}

TEST_CASE("alone in the queue a part goes whatever is known, but one that exceeds the named limit is cut")
{
  Room room{.parts = {waiting("a", 9, 100)}};
  room.given = 50;
  CHECK(turn_of(room) == Turn::go);
  room.given.reset();
  room.known.own_tokens = 50;
  room.known.own_since = noon;
  CHECK(turn_of(room) == Turn::go);
  room.known.named_tokens = 99;
  room.known.named_since = noon;
  CHECK(turn_of(room) == Turn::cut);
  room.known.named_since = noon - Millis{25 * 3'600'000};
  CHECK(turn_of(room) == Turn::go); // that was a day ago: limits grow
}

TEST_CASE("a batch that nobody asked for since before any lives takes no room")
{
  Room room{.known = {.quiet_since = noon - Millis{61'000}, .refusals = 1},
            .parts = {waiting("a", 9, 100), live("b", 1, 100)}};
  room.parts.back().created_at = noon - Millis{24 * 3'600'000};
  CHECK(turn_of(room) == Turn::wait_for_room);
  room.parts.back().created_at = noon - Millis{26 * 3'600'000};
  CHECK(turn_of(room) == Turn::go);
}

TEST_CASE("a limit of our own holds for a day")
{
  Room room{
      .known = {.named_tokens = 1'000, .named_since = noon, .own_tokens = 150, .own_since = noon - Millis{3'600'000}},
      .parts = {waiting("a", 9, 100), live("a", 1, 100)}};
  CHECK(turn_of(room) == Turn::wait_for_room);
  room.known.own_since = noon - Millis{25 * 3'600'000};
  CHECK(turn_of(room) == Turn::go);
}

TEST_CASE("what a clock recorded that was far ahead neither limits, nor claims, nor takes room")
{
  const auto far = noon + Millis{30 * 24 * 3'600'000LL};
  Room room{.known = {.own_tokens = 150, .own_since = noon}, .parts = {waiting("a", 9, 100), live("b", 1, 100)}};
  room.parts.push_back(waiting("b", 2, 100));
  room.parts.back().job_created_at = noon - Millis{3'600'000};
  REQUIRE(turn_of(room) == Turn::wait_for_room);
  SUBCASE("a limit")
  {
    room.parts.pop_back();
    room.known.own_since = far;
    CHECK(turn_of(room) == Turn::go);
  }
  SUBCASE("a batch")
  {
    room.parts.pop_back();
    room.parts.back().created_at = far;
    CHECK(turn_of(room) == Turn::go);
  }
  SUBCASE("a job that somebody moved")
  {
    room.parts[1] = live("b", 1, 0);
    room.parts[1].job_created_at = room.parts[2].job_created_at;
    REQUIRE(turn_of(room) == Turn::wait_for_other);
    room.parts.back().advanced_at = far;
    CHECK(turn_of(room) == Turn::go);
  }
}

TEST_CASE("after a refusal nothing goes until a batch ends or, with none live, until a pause that grows is over")
{
  Room room{.known = {.quiet_since = noon - Millis{61'000}, .refusals = 1},
            .parts = {waiting("a", 9, 100), live("a", 1, 100)}};
  CHECK(turn_of(room) == Turn::wait_for_room);
  room.parts.pop_back();
  CHECK(turn_of(room) == Turn::go);
  room.known.refusals = 2;
  CHECK(turn_of(room) == Turn::wait_for_room);
  engine::learn_end(room.known);
  CHECK(turn_of(room) == Turn::go);
}

TEST_CASE("room goes to the job with the fewest enqueued tokens, then to the oldest, of those that somebody moves")
{
  Room room{.known = {.named_tokens = 350, .named_since = noon},
            .parts = {waiting("a", 9, 100), live("a", 1, 100), live("b", 1, 50)}};
  room.parts.push_back(waiting("b", 2, 150));
  CHECK(turn_of(room) == Turn::wait_for_other); // both do not fit, and b has fewer
  SUBCASE("both fit")
  {
    room.known.named_tokens = 400;
    CHECK(turn_of(room) == Turn::go);
  }
  SUBCASE("the other is not moved by anybody")
  {
    room.parts.back().advanced_at = noon - Millis{901'000};
    CHECK(turn_of(room) == Turn::go);
  }
  SUBCASE("the other is paused")
  {
    room.parts.back().may_send = false;
    CHECK(turn_of(room) == Turn::go);
  }
  SUBCASE("of equals the older goes first")
  {
    room.parts[2].tokens = 100;
    room.known.named_tokens = 400;
    for (auto& e : room.parts)
      if (e.job == "b") e.job_created_at = noon - Millis{30'000};
    CHECK(turn_of(room) == Turn::go);
    for (auto& e : room.parts)
      if (e.job == "b") e.job_created_at = noon - Millis{90'000};
    CHECK(turn_of(room) == Turn::wait_for_other);
  }
}

TEST_CASE("requests have a limit of their own, the API's or the one a refusal named")
{
  Room room{.parts = {waiting("a", 9, 100), live("a", 1, 100)}};
  room.most_requests = 20;
  CHECK(turn_of(room) == Turn::go);
  room.foreign = {.batches = 1, .tokens = 0, .requests = 1};
  CHECK(turn_of(room) == Turn::wait_for_room);
  room.most_requests = 1'000'000;
  engine::learn_refusal(
      room.known, 200, "Enqueued request limit reached for text-embedding-3-small. Limit: 15 enqueued requests.", noon);
  engine::learn_end(room.known);
  CHECK(room.known.named_requests == 15);
  CHECK_FALSE(room.known.named_tokens);
  CHECK(turn_of(room) == Turn::wait_for_room);
}

TEST_CASE("only batches that were surely in the queue at one moment count together")
{
  const auto at = [](int seconds) { return noon + Millis{1'000 * seconds}; };
  const auto seen = [&](int part, std::int64_t tokens, int admitted, int last) {
    auto e = live("a", part, tokens);
    e.admitted_at = at(admitted);
    e.seen_live_at = at(last);
    return e;
  };
  // The first was asked for last before the second was let in: it may have left since.
  CHECK(engine::most_at_once({.parts = {seen(1, 100, 0, 5), seen(2, 10, 6, 9)}}) == 100);
  // It was asked for again then, and was there.
  CHECK(engine::most_at_once({.parts = {seen(1, 100, 0, 6), seen(2, 10, 6, 9)}}) == 110);
  CHECK(engine::most_at_once({.parts = {seen(1, 100, 0, 20), seen(2, 10, 1, 4), seen(3, 10, 5, 9)}}) == 110);
  // Others' batches were there when the listing was read.
  CHECK(engine::most_at_once({.parts = {seen(1, 100, 0, 6)}, .foreign = {.tokens = 7, .seen_at = at(3)}}) == 107);
  CHECK(engine::most_at_once({.parts = {seen(1, 100, 4, 6)}, .foreign = {.tokens = 7, .seen_at = at(3)}}) == 100);
  auto unseen = live("a", 4, 50);
  CHECK(engine::most_at_once({.parts = {unseen}}) == 0);
}

TEST_CASE("a refusal names the limit; below what it names, the largest sum that was admitted is ours")
{
  Queue known{.admitted_tokens = 300};
  const auto* words = "Enqueued token limit reached for m in organization o. Limit: 90,000 enqueued tokens.";
  engine::learn_refusal(known, 100'000, words, noon);
  CHECK(known.named_tokens == 90'000);
  CHECK_FALSE(known.own_tokens);
  CHECK(known.quiet_since == noon);
  engine::learn_refusal(known, 400, words, noon);
  CHECK(known.own_tokens == 300);
  CHECK(known.refusals == 2);
  engine::learn_admission(known, 350);
  CHECK(known.admitted_tokens == 350);
  CHECK(known.refusals == 0);
  engine::learn_admission(known, 200);
  CHECK(known.admitted_tokens == 350);
  engine::learn_admission(known, 95'000);
  CHECK(known.named_tokens == 95'000);
  engine::learn_refusal(known, 400, "Limit: 0 enqueued tokens", noon);
  CHECK(known.named_tokens == 95'000);
}

TEST_CASE("what is put off counts on from when that was seen first, but not over hours in which nothing was tried")
{
  Queue known;
  engine::learn_put_off(known, noon - Millis{5}, noon);
  CHECK(known.failing_since == noon - Millis{5});
  engine::learn_put_off(known, noon + Millis{3'600'000}, noon + Millis{3'600'000});
  CHECK(known.failing_since == noon - Millis{5});
  CHECK(known.failing_seen == noon + Millis{3'600'000});
  const auto later = noon + Millis{8 * 3'600'000};
  engine::learn_put_off(known, later - Millis{1'000}, later);
  CHECK(known.failing_since == later - Millis{1'000});
  engine::learn_put_off(known, noon, noon); // the clock was set back
  CHECK(known.failing_since == noon);
}

TEST_CASE("forty parts under a limit that admits three drain by polling alone, refused no more than twice")
{
  emulator::Faults faults;
  faults.in_progress_ms = 150;
  faults.validating_ms = 25;
  faults.finalizing_ms = 25;
  const int items = 160;
  std::int64_t tokens = 0;
  { // as the server counts them
    Arena counting{faults};
    auto process = counting.process();
    const auto job = process.make(counting.ask(items, 4));
    for (const auto& p : process.store.parts(job))
      tokens = std::max(tokens, p.input_tokens.n);
  }
  faults.enqueued_token_limit = tokens * 7 / 2;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(items, 4));
  JobView view;
  const auto patience = std::chrono::steady_clock::now() + std::chrono::minutes{3}; // a pause lasts a minute
  while (view.state != JobState::done && std::chrono::steady_clock::now() < patience) {
    view = process.advance(job, Until::idle);
    std::this_thread::sleep_for(Millis{15});
  }
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == items);
  CHECK(arena.ledger("batches_created") <= 42);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("of parts that are uploaded side by side the earliest has the room, though another was there first")
{
  emulator::Faults faults;
  faults.in_progress_ms = 60'000;
  faults.http = {{.method = "POST",
                  .path = "/v1/files",
                  .calls = {.nth = {1}},
                  .effect = emulator::Effect::delay,
                  .delay_ms = 700}};
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(40, 10);
  std::size_t sent = 1;
  SUBCASE("where there is room for one")
  {
    ask.job.policy.enqueued_tokens = 300;
  }
  SUBCASE("where all find room none waits for another")
  {
    ask.job.policy.enqueued_tokens = 1'000'000;
    sent = 4;
  }
  const auto job = process.make(ask);
  const auto view = process.advance(job, Until::sent);
  CHECK(view.parts.front().batch.str() != "");
  CHECK(std::count_if(view.parts.begin(), view.parts.end(), [](const Part& p) { return !p.batch.empty(); }) ==
        static_cast<std::ptrdiff_t>(sent));
  std::vector<int> order;
  for (const auto& moved : process.recorder.moves) {
    if (moved.to == PartState::creating) order.push_back(moved.part);
  }
  REQUIRE(order.size() == sent);
  if (sent == 1) CHECK(order.front() == 1);
}

TEST_CASE("what lives at the server takes room once, whether or not it is the batch of a part")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.cancelling_ms = 600'000;
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.calls.nth = {1};
  lost.effect = emulator::Effect::close_after;
  int live = 1;
  bool gives_up = false;
  bool cleans = false;
  SUBCASE("given up")
  {
    gives_up = true;
  }
  SUBCASE("given up, of a job that is not here any more")
  {
    gives_up = cleans = true;
  }
  SUBCASE("of a part that got two of them")
  {
    faults.list_lag_ms = 600'000;
    faults.http = {lost};
    live = 2;
  }
  SUBCASE("of a part that does not know it yet")
  {
    faults.http = {lost};
  }
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.policy.adopt_grace = live == 2 ? Millis{1} : Millis{600'000};
  const auto first = process.make(ask);
  const auto tokens = process.store.parts(first).front().input_tokens.n;
  for (int polls = 0; polls < 300 && arena.ledger("batches_created") < live; ++polls) {
    process.advance(first, Until::idle);
    std::this_thread::sleep_for(Millis{20});
  }
  REQUIRE(arena.ledger("batches_created") == live);
  if (gives_up) {
    engine::wish_cancel(process.tools, first, Cancel::abandon);
    REQUIRE(process.advance(first, Until::idle).parts.front().state == PartState::abandoned);
  }
  if (cleans) engine::clean_local(process.tools, first);
  arena.server.advance(Millis{faults.list_lag_ms});

  ask.job.name = "second";
  ask.job.policy.enqueued_tokens = static_cast<std::uint64_t>(tokens * (2 * live + 1) / 2);
  const auto second = process.make(ask);
  CHECK(process.advance(second, Until::sent).parts.front().state == PartState::queued);
  ask.job.policy.enqueued_tokens = static_cast<std::uint64_t>(tokens * (2 * live + 3) / 2);
  REQUIRE(process.make(ask) == second);
  CHECK(has_live_batch(process.advance(second, Until::sent).parts.front()));
  CHECK(arena.ledger("batches_created") == live + 1);
}

TEST_CASE("whatever another's batch says of itself, it takes room")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  Arena arena{faults};
  auto process = arena.process();
  const auto first = process.make(arena.ask(10));
  const auto file = process.advance(first, Until::sent).parts.front().file;
  for (int i = 0; i < 2; ++i)
    REQUIRE(process.client.create_batch(file, "/v1/chat/completions", {{"bw_tokens", "9223372036854775807"}}).ok());

  auto ask = arena.ask(10);
  ask.job.name = "second";
  ask.job.policy.enqueued_tokens = 1'000'000;
  CHECK(process.advance(process.make(ask), Until::sent).parts.front().state == PartState::queued);
}

TEST_CASE(
    "a part whose own tokens exceed the named limit is cut, and one request that does fails with the server's word")
{
  emulator::Faults faults;
  faults.enqueued_token_limit = 2'000;
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  auto ask = arena.ask(20);
  ask.inputs = {arena.directory
                    .file("b.csv",
                          [] {
                            std::string csv = "id,text\n";
                            for (int i = 0; i < 20; ++i)
                              csv += fmt::format("{},\"{}\"\n", i, text_of(i));
                            return csv;
                          }())
                    .native()};
  bool is_packed = false;
  SUBCASE("a request an item") {}
  SUBCASE("all items in one request")
  {
    is_packed = true;
    ask.job.request.endpoint = "/v1/embeddings";
    ask.job.request.model = "text-embedding-3-small";
    ask.job.request.prompt = "{{text}}";
    ask.job.request.inputs_per_request = 20;
  }
  const auto job = process.make(ask);
  JobView view;
  for (int polls = 0; polls < 400 && view.state != JobState::done; ++polls) {
    view = engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
    clock.tick(Millis{61'000});
    std::this_thread::sleep_for(Millis{10});
  }
  REQUIRE(view.state == JobState::done);
  CHECK(view.items.succeeded == 19);
  CHECK(view.items.failed == 1);
  CHECK(process.merged(job).find(R"("error":{"code":"token_limit_exceeded")") != std::string::npos);
  const auto files = process.layout.job(job);
  int superseded = 0;
  for (const auto& p : view.parts) {
    CHECK(p.attempt == 1);
    if (p.state != PartState::superseded) continue;
    ++superseded;
    CHECK_FALSE(std::filesystem::exists(files.ordinals(p.number)));
    write_file(files.ordinals(p.number), "left by a kill");
  }
  CHECK(superseded == (is_packed ? 2 : 1)); // as many as it takes to know a request that is too large
  process.advance(job, Until::idle);
  for (const auto& p : view.parts)
    CHECK_FALSE((p.state == PartState::superseded && std::filesystem::exists(files.ordinals(p.number))));
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a batch that shows only after another was created in its place is cancelled, and its answers are not lost")
{
  emulator::Faults faults;
  faults.in_progress_ms = 5'000;
  faults.list_lag_ms = 2'500;
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.calls.nth = {1};
  lost.effect = emulator::Effect::close_after;
  faults.http = {lost};
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.policy.adopt_grace = Millis{1};
  const auto job = process.make(ask);
  const auto poll = [&] { return process.advance(job, Until::idle); };
  for (int polls = 0; polls < 300 && arena.ledger("batches_created") < 2; ++polls) {
    poll();
    std::this_thread::sleep_for(Millis{20});
  }
  REQUIRE(arena.ledger("batches_created") == 2); // a listing that lags longer than the grace time: the stated risk
  for (int polls = 0; polls < 300 && process.store.calls(job, CallState::twin).empty(); ++polls) {
    poll();
    std::this_thread::sleep_for(Millis{20});
  }
  CHECK(process.store.calls(job, CallState::twin).size() == 1);
  CHECK(std::any_of(process.recorder.notes.begin(), process.recorder.notes.end(),
                    [](const std::string& note) { return note.find("showed late") != std::string::npos; }));
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
}

TEST_CASE("a batch that shows late is that of its part where the part has none")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.cancelling_ms = 20;
  faults.list_lag_ms = 600'000;
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.calls.nth = {1};
  lost.effect = emulator::Effect::close_after;
  faults.http = {lost};
  emulator::HttpFault refused = lost;
  refused.calls.nth = {};
  refused.effect = emulator::Effect::status;
  auto wanted = PartState::queued;
  bool is_cancelled = false;
  bool is_judged_anew = false;
  SUBCASE("since it waits for its turn")
  {
    refused.status = 429;
    refused.body = R"({"error":{"message":"slowly","type":"rate_limit","code":"rate_limit_exceeded"}})";
    faults.http.push_back(refused);
  }
  SUBCASE("since its file is to be sent again")
  {
    refused.status = 400;
    refused.body = R"({"error":{"message":"no such file","type":"invalid_request","code":"input_file_not_found"}})";
    faults.http.push_back(refused);
    refused.path = "/v1/files";
    refused.calls.first = 0;
    refused.calls.nth = {2, 3, 4, 5, 6, 7, 8, 9};
    refused.status = 429;
    refused.body = R"({"error":{"message":"slowly","type":"rate_limit","code":"rate_limit_exceeded"}})";
    faults.http.push_back(refused);
    wanted = PartState::planned;
  }
  bool is_judged = false;
  SUBCASE("since it was given up")
  {
    wanted = PartState::settled;
    is_cancelled = true;
    SUBCASE("and nothing else happened") {}
    SUBCASE("and what is accepted changed since")
    {
      is_judged_anew = true;
    }
  }
  SUBCASE("since it was given up, and judged otherwise since")
  {
    wanted = PartState::settled;
    is_cancelled = is_judged = true;
  }
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.policy.adopt_grace = Millis{1};
  const auto job = process.make(ask);
  const auto poll_until = [&](const auto& holds) {
    for (int polls = 0; polls < 300 && !holds(); ++polls) {
      process.advance(job, Until::idle);
      std::this_thread::sleep_for(Millis{20});
    }
    REQUIRE(holds());
  };
  process.recorder.on_move = [&](const PartMoved& moved) {
    if (is_cancelled && moved.to == PartState::creating) engine::wish_cancel(process.tools, job, Cancel::abandon);
  };
  poll_until([&] {
    return process.store.parts(job).front().state == wanted && !process.store.calls(job, CallState::abandoned).empty();
  });
  if (is_judged) {
    ask.job.policy.accept = "truncated";
    REQUIRE(process.make(ask) == job);
    process.advance(job, Until::idle);
    REQUIRE(process.store.parts(job).front().outcomes_version == 1);
  }
  REQUIRE(arena.ledger("batches_created") == 1);
  if (is_judged_anew) {
    auto known = *process.store.job(job);
    known.policy.accept = "truncated";
    store::Transaction tx{process.store};
    tx.update(known);
    tx.commit();
    poll_until([&] { return process.store.parts(job).front().outcomes_version > 0; });
  }
  arena.server.advance(Millis{faults.list_lag_ms});
  poll_until([&] { return !process.store.calls(job, CallState::adopted).empty(); });
  if (is_cancelled) {
    poll_until([&] { return process.store.parts(job).front().outcome.succeeded == 5; });
    CHECK(engine::look(process.tools, job).items.failed == 5);
  } else {
    CHECK(has_live_batch(process.store.parts(job).front()));
    arena.server.change({});
    CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  }
  CHECK(arena.ledger("batches_created") == 1);
  CHECK(arena.ledger("batches_cancelled") == (is_cancelled ? 1 : 0));
  CHECK(engine::open_jobs(process.tools).empty());
}

TEST_CASE("a part that may have a batch is not sent before the listing was asked for it")
{
  emulator::Faults faults;
  faults.list_lag_ms = 600'000;
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.calls.nth = {1};
  lost.effect = emulator::Effect::close_after;
  emulator::HttpFault refused = lost;
  refused.calls.nth = {2};
  refused.effect = emulator::Effect::status;
  refused.status = 429;
  refused.body = R"({"error":{"message":"slowly","type":"rate_limit","code":"rate_limit_exceeded"}})";
  faults.http = {lost, refused};
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.policy.adopt_grace = Millis{1};
  const auto job = process.make(ask);
  const auto waits = [&] {
    const auto part = process.store.parts(job).front();
    return part.state == PartState::queued && part.due && !process.store.calls(job, CallState::not_sent).empty();
  };
  for (int polls = 0; polls < 300 && !waits(); ++polls) {
    process.advance(job, Until::idle);
    std::this_thread::sleep_for(Millis{20});
  }
  REQUIRE(waits());
  arena.server.advance(Millis{faults.list_lag_ms});
  std::this_thread::sleep_until(*process.store.parts(job).front().due); // it may go now
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("an earlier batch that failed does not end the grace time of the last call")
{
  emulator::Faults faults;
  faults.list_lag_ms = 600'000;
  faults.fail_batches = {{.batches = {.nth = {1}}, .code = "token_limit_exceeded"}};
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.calls.nth = {1, 2};
  lost.effect = emulator::Effect::close_after;
  faults.http = {lost};
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.policy.adopt_grace = Millis{1};
  const auto job = process.make(ask);
  int creations = 0;
  auto then = PartState::creating;
  process.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.from == PartState::creating && creations == 2) {
      then = moved.to;
      process.interrupt.ask(1);
    }
    if (moved.to == PartState::creating && ++creations == 2) arena.server.advance(Millis{faults.list_lag_ms});
  };
  process.advance(job, Until::ended);
  REQUIRE(arena.ledger("batches_created") == 2); // the first shows, the second does not yet
  CHECK(then == PartState::queued);              // it was looked for twice
}

TEST_CASE("a batch that is found failed teaches nothing of what the queue admits")
{
  emulator::Faults faults;
  faults.validating_ms = 0;
  faults.fail_batches = {{.batches = {}, .code = "token_limit_exceeded"}};
  emulator::HttpFault lost;
  lost.method = "POST";
  lost.path = "/v1/batches";
  lost.effect = emulator::Effect::close_after;
  faults.http = {lost};
  Arena arena{faults};
  auto process = arena.process();
  const auto ask = arena.ask(10);
  const auto job = process.make(ask);
  process.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to == PartState::creating) process.interrupt.ask(1);
  };
  process.advance(job, Until::idle);
  REQUIRE(process.store.parts(job).front().state == PartState::creating);
  auto later = arena.process();
  const auto failed = [&] {
    const auto page = later.client.batches({});
    return page.ok() && !page.value.data.empty() && page.value.data.front().status == "failed";
  };
  for (int round = 0; round < 300 && !failed(); ++round)
    std::this_thread::sleep_for(Millis{10});
  REQUIRE(failed());
  for (int polls = 0; polls < 300 && later.store.parts(job).front().state != PartState::queued; ++polls) {
    later.advance(job, Until::idle);
    std::this_thread::sleep_for(Millis{20});
  }
  CHECK(later.store.parts(job).front().state == PartState::queued);
  CHECK(later.store.queue(later.server.account, ask.job.request.model).admitted_tokens == 0);
}

TEST_CASE("a quota that is used up is probed after five minutes, doubling to an hour, by one part")
{
  emulator::Faults faults;
  emulator::HttpFault refused;
  refused.method = "POST";
  refused.path = "/v1/batches";
  refused.calls.first = 2;
  refused.effect = emulator::Effect::status;
  refused.status = 429;
  refused.body =
      R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}})";
  faults.http = {refused};
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto job = process.make(arena.ask(40, 10));
  const auto poll = [&] {
    return engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
  };
  CHECK(poll().pause == Pause::quota);
  const auto calls = [&] { return process.store.calls(job, CallState::not_sent).size(); };
  CHECK(calls() == 1);
  clock.tick(Millis{290'000});
  CHECK(poll().pause == Pause::quota);
  CHECK(calls() == 1);
  clock.tick(Millis{11'000});
  CHECK(poll().pause == Pause::quota);
  CHECK(calls() == 2);
  clock.tick(Millis{500'000});
  CHECK(poll().pause == Pause::quota);
  CHECK(calls() == 2);
  clock.tick(Millis{101'000});
  CHECK(poll().pause == Pause::none);
  CHECK(process.advance(job, Until::ended).items.succeeded == 40);
}

TEST_CASE("where nothing was answered for a day, only put off, the job pauses")
{
  emulator::Faults faults;
  faults.fail_batches = {{.batches = {}, .code = "token_limit_exceeded"}};
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto job = process.make(arena.ask(10));
  JobView view;
  SUBCASE("by a clock that goes well") {}
  SUBCASE("by a clock that was a month ahead at first")
  {
    constexpr Millis month{30 * 24 * 3'600'000LL};
    clock.tick(month);
    for (int polls = 0; polls < 20; ++polls) {
      engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
      std::this_thread::sleep_for(Millis{10});
    }
    REQUIRE(process.store.queue(process.server.account, "gpt-5.4-mini").failing_since.value() == clock.now());
    clock.tick(-month);
  }
  const auto begun = clock.now();
  for (int polls = 0; polls < 300 && view.pause == Pause::none; ++polls) {
    view = engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
    clock.tick(Millis{900'000});
    std::this_thread::sleep_for(Millis{10});
  }
  CHECK(view.pause == Pause::quota);
  CHECK(clock.now() - begun > Millis{24 * 3'600'000});
  CHECK(view.items.pending() == 10);
}

TEST_SUITE_END();
