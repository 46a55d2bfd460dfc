#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::HandClock;

namespace {

/// Every item of an Arena's ask, in order, with the answer recomputed from its input.
void check_complete(const std::string& merged, int items)
{
  tests::check_answers(merged, items,
                       [](int i) { return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i); });
}

emulator::HttpFault fault_at(std::string method, std::string path, emulator::Effect effect)
{
  emulator::HttpFault fault;
  fault.method = std::move(method);
  fault.path = std::move(path);
  fault.calls.nth = {1};
  fault.effect = effect;
  return fault;
}

} // namespace

TEST_SUITE_BEGIN("engine::advance");

TEST_CASE("a job of three parts comes back complete, in order, each item executed once")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(25, 10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 25);
  CHECK(view.parts.size() == 3);
  CHECK(view.spent.value().n > 0);
  CHECK(view.saved() == view.spent);
  check_complete(process.merged(job), 25);
  CHECK(arena.ledger("batches_created") == 3);
  CHECK(arena.ledger("requests_executed") == 25);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a job that is done needs no server, and is not sent again")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  process.advance(job, Until::ended);
  arena.server.stop();
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  check_complete(process.merged(job), 5);
}

TEST_CASE("a repeated submit continues the job, another prompt under a given name is refused")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(5);
  const auto job = process.make(ask);
  process.advance(job, Until::ended);
  CHECK(process.make(ask) == job);
  CHECK(process.advance(job, Until::ended).state == JobState::done);
  CHECK(arena.ledger("batches_created") == 1);

  ask.job.request.prompt = "Another one: {{text}}";
  CHECK(process.make(ask) == job + "-2"); // a made name moves on
  ask.job.name = job;
  try {
    process.make(ask);
    FAIL("a job that differs was continued");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::usage);
    CHECK(std::string{error.what()}.find("--prompt") != std::string::npos);
  }
}

TEST_CASE("refused items, an expired part and doubled lines: every item ends in one outcome, none is bought twice")
{
  emulator::Faults faults;
  faults.fail_share = 0.05;
  faults.duplicate_share = 0.05;
  faults.expire_batches = {{.batches = {.nth = {2}}, .after_share = 0.5}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(600, 200));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.items.failed > 0);
  CHECK(view.items.succeeded + view.items.failed == 600);
  CHECK(view.parts.size() == 4); // the expired rest lives on in one more
  CHECK(view.parts.back().attempt == 2);
  CHECK(view.parts.back().listed);
  CHECK(exit_for(view) == Exit::some_failed);
  CHECK(arena.ledger("executed_again_after_success") == 0);

  std::uint64_t failed = 0;
  json::Document doc;
  const auto merged = process.merged(job);
  for (const auto& line : tests::split_lines(merged)) {
    REQUIRE(doc.parse(line));
    if (doc.root().find("status")->text() != "failed") continue;
    ++failed;
    CHECK_FALSE(doc.root().find("error", "message")->text()->empty());
    CHECK(doc.root().find("error", "http_status")->integer() == 400);
  }
  CHECK(failed == view.items.failed);
}

TEST_CASE("what fails for a passing reason is sent again, up to the attempts allowed")
{
  emulator::Faults faults;
  faults.transient_share = 0.3;
  SUBCASE("and succeeds the second time")
  {
    Arena arena{faults};
    auto process = arena.process();
    const auto job = process.make(arena.ask(50));
    const auto view = process.advance(job, Until::ended);
    CHECK(view.items.succeeded == 50);
    CHECK(view.parts.size() == 2);
    check_complete(process.merged(job), 50);
  }
  SUBCASE("or fails with the server's words after the last")
  {
    faults.passing_after = 100;
    Arena arena{faults};
    auto process = arena.process();
    auto ask = arena.ask(50);
    ask.job.policy.max_attempts = 2;
    const auto job = process.make(ask);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.state == JobState::done);
    CHECK(view.items.failed > 0);
    CHECK(view.parts.size() == 2);
    CHECK(view.parts.back().attempt == 2);
  }
  SUBCASE("or is not sent again without a fallback")
  {
    Arena arena{faults};
    auto process = arena.process();
    auto ask = arena.ask(50);
    ask.job.policy.fallback = Fallback::none;
    const auto job = process.make(ask);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.items.failed > 0);
    CHECK(view.parts.size() == 1);
  }
}

TEST_CASE("a part that finds no room goes back to the queue with its file and no attempt lost")
{
  emulator::Faults faults;
  faults.fail_batches = {{.batches = {.nth = {2}},
                          .code = "token_limit_exceeded",
                          .message =
                              "Enqueued token limit reached for gpt-5.4-mini in organization org-x. Limit: 90,000 "
                              "enqueued tokens. Please try again once some in_progress batches have been completed."}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20, 10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 20);
  for (const auto& part : view.parts)
    CHECK(part.attempt == 1);
  CHECK(arena.ledger("uploads") == 2);
  CHECK(arena.ledger("batches_created") == 3);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("what waits for room waits in the next process, too, until a batch has ended")
{
  emulator::Faults faults;
  faults.in_progress_ms = 600;
  faults.fail_batches = {{.batches = {.nth = {2}}, .code = "token_limit_exceeded"}};
  Arena arena{faults};
  std::string job;
  {
    auto first = arena.process();
    auto ask = arena.ask(30, 10);
    job = first.make(ask);
    const auto view = first.advance(job, Until::admitted);
    CHECK(std::count_if(view.parts.begin(), view.parts.end(),
                        [](const Part& p) { return p.state == PartState::queued; }) >= 1);
  }
  auto second = arena.process();
  CHECK(second.store.queue(second.store.job(job)->account, "gpt-5.4-mini").quiet_since);
  const auto created = arena.ledger("batches_created");
  second.advance(job, Until::sent);
  CHECK(arena.ledger("batches_created") == created);
  CHECK(second.advance(job, Until::ended).items.succeeded == 30); // at once when a batch has ended, not after a minute
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("where the listing cannot be read to its end, nothing is sent again: the job pauses")
{
  emulator::Faults faults;
  auto same_page = fault_at("GET", "/v1/batches", emulator::Effect::status);
  same_page.calls = {};
  same_page.status = 200;
  same_page.body = fmt::format(
      R"({{"object":"list","data":[{{"id":"batch_x","object":"batch","status":"completed","created_at":{}}}],"has_more":true}})",
      std::chrono::duration_cast<std::chrono::seconds>(system_clock().now().time_since_epoch()).count());
  faults.http = {fault_at("POST", "/v1/batches", emulator::Effect::close_after), same_page};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.pause == Pause::unknown_submission);
  CHECK(exit_for(view) == Exit::temporary);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("a create whose answer is lost is found in the listing, not sent again")
{
  emulator::Faults faults;
  faults.http = {fault_at("POST", "/v1/batches", emulator::Effect::close_after)};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 10);
  CHECK(arena.ledger("batches_created") == 1);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a create that never arrived is sent again only when the listing did not show it for the grace time")
{
  emulator::Faults faults;
  faults.http = {fault_at("POST", "/v1/batches", emulator::Effect::close_before)};
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto job = process.make(arena.ask(10));
  const auto step = [&] {
    clock.tick(Millis{2'000});
    return engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
  };
  while (step().parts.front().state != PartState::creating) {
  }
  step();                                                   // looks: not there
  CHECK(step().parts.front().state == PartState::creating); // within the grace time nothing is sent
  CHECK(arena.ledger("batches_created") == 0);
  clock.tick(Policy{}.adopt_grace);
  step(); // looks again, then creates
  CHECK(arena.ledger("batches_created") == 1);
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a batch is known by its file and time though our clock was ahead when it was created, and was set since")
{
  emulator::Faults faults;
  faults.list_without_metadata = true;
  faults.http = {fault_at("POST", "/v1/batches", emulator::Effect::close_after)};
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto job = process.make(arena.ask(10));
  const auto poll = [&] {
    return engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
  };
  constexpr Millis day{24 * 3'600'000};
  clock.tick(day);
  REQUIRE(poll().parts.front().state == PartState::creating);
  clock.tick(-day);
  CHECK(has_live_batch(poll().parts.front()));
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("an upload whose answer is lost is adopted; one that never arrived is made anew")
{
  for (const auto effect : {emulator::Effect::close_after, emulator::Effect::close_before}) {
    emulator::Faults faults;
    faults.http = {fault_at("POST", "/v1/files", effect)};
    Arena arena{faults};
    auto process = arena.process();
    const auto job = process.make(arena.ask(10));
    CHECK(process.advance(job, Until::ended).items.succeeded == 10);
    CHECK(arena.ledger("batches_created") == 1);
  }
}

TEST_CASE("a job stopped after any step is continued by the next process, with the same result")
{
  std::string expected;
  for (int stop_after = 1;; ++stop_after) {
    Arena arena;
    const auto ask = arena.ask(12, 5);
    std::string job;
    {
      auto first = arena.process();
      job = first.make(ask);
      int moves = 0;
      first.recorder.on_move = [&](const PartMoved&) {
        if (++moves == stop_after) first.interrupt.ask(2);
      };
      first.advance(job, Until::ended);
      if (moves < stop_after) { // it ended before it was stopped: every step was tried
        CHECK(stop_after > 20);
        return;
      }
    }
    auto second = arena.process();
    CAPTURE(stop_after);
    CHECK(second.advance(job, Until::ended).items.succeeded == 12);
    check_complete(second.merged(job), 12);
    CHECK(arena.ledger("executed_twice") == 0);
    CHECK(arena.ledger("batches_created") == 3);
  }
}

TEST_CASE("a fetch collects and never sends")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  const auto view = process.advance(job, Until::ended, Sending::no);
  CHECK(view.state == JobState::open);
  CHECK(view.parts.front().state == PartState::planned);
  CHECK(arena.ledger("uploads") == 0);
}

TEST_CASE("a refused key pauses the job, and another advance goes on")
{
  emulator::Faults faults;
  auto refusal = fault_at("POST", "/v1/files", emulator::Effect::status);
  refusal.status = 401;
  faults.http = {refusal};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::paused);
  CHECK(view.pause == Pause::auth);
  CHECK(exit_for(view) == Exit::auth);
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
}

TEST_CASE("another account is refused, unless the job's own things answer under it")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  process.advance(job, Until::sent);
  tests::Process same_account{arena.directory / "home", arena.server.url(), "another-key"};
  CHECK(same_account.advance(job, Until::ended).items.succeeded == 10); // the emulator takes any key

  Arena elsewhere;
  const auto other = process.make([&] {
    auto ask = arena.ask(10);
    ask.job.name = "other";
    return ask;
  }());
  process.advance(other, Until::sent);
  tests::Process stranger{arena.directory / "home", elsewhere.server.url()};
  try {
    stranger.advance(other, Until::ended);
    FAIL("a job was continued at another server");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::config);
  }
}

TEST_CASE("a changed input is refused before anything is built from it")
{
  Arena arena;
  auto process = arena.process();
  const auto ask = arena.ask(10);
  const auto job = process.make(ask);
  arena.directory.file("rows.csv", "id,text\nx,changed\n");
  try {
    process.advance(job, Until::ended);
    FAIL("a changed input was sent");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::input);
    CHECK(std::string{error.what()}.find("rows.csv") != std::string::npos);
  }
  CHECK(arena.ledger("uploads") == 0);
}

TEST_CASE("jobs are moved side by side, and one that cannot go on does not hold up the others")
{
  emulator::Faults faults;
  faults.in_progress_ms = 300;
  Arena arena{faults};
  auto process = arena.process();
  std::vector<std::string> jobs;
  for (const auto* name : {"first", "broken", "second", "missing"}) {
    jobs.emplace_back(name);
    if (jobs.back() == "missing") continue;
    auto ask = arena.ask(20, 5);
    ask.job.name = name;
    ask.job.request.prompt = jobs.back() + " says: {{text}}";
    if (jobs.back() == "broken") ask.inputs = {arena.directory.file("broken.csv", "text\nas it was\n").native()};
    process.make(ask);
  }
  arena.directory.file("broken.csv", "text\nas it became\n");

  const engine::Goal goal{.until = Until::ended, .sending = Sending::yes, .every = Millis{20}};
  const auto all = engine::advance_all(process.tools, process.server, jobs, goal);
  REQUIRE(all.size() == 4);
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(all[i].job == jobs[i]);
  CHECK(all[0].view.value().items.succeeded == 20);
  CHECK(all[1].fault.value().fault() == Fault::input);
  CHECK(all[2].view.value().items.succeeded == 20);
  CHECK(all[3].fault.value().fault() == Fault::usage);
  CHECK(arena.ledger("executed_twice") == 0);
  CHECK_FALSE(engine::is_held(process.tools, "broken"));

  // Side by side: the second began before the first had ended.
  const auto& moves = process.recorder.moves;
  const auto begun = std::find_if(moves.begin(), moves.end(), [](const PartMoved& m) { return m.job == "second"; });
  const auto ended = std::find_if(moves.begin(), moves.end(),
                                  [](const PartMoved& m) { return m.job == "first" && m.to == PartState::settled; });
  CHECK(begun < ended);
}

TEST_CASE("an input that changes while a batch runs is refused, never joined with what was sent")
{
  emulator::Faults faults;
  faults.expire_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  process.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to != PartState::ended) return;
    arena.directory.file("rows.csv", "id,text\nnew,inserted before the others\n" +
                                         tests::slurp(arena.directory / "rows.csv").substr(8));
  };
  try {
    process.advance(job, Until::ended);
    FAIL("a changed input was sent");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::input);
    CHECK(std::string{error.what()}.find("rows.csv") != std::string::npos);
  }
  CHECK(arena.ledger("batches_created") == 1);
  CHECK(arena.ledger("uploads") == 1);
}

TEST_CASE("a batch that failed for a bad line goes on without it")
{
  emulator::Faults faults;
  faults.fail_batches = {{.batches = {.nth = {1}}, .code = "invalid_value", .message = "no such thing", .line = 3}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  HandClock clock;
  auto tools = process.tools_with(clock);
  auto view = engine::look(tools, job);
  for (int i = 0; i < 100 && view.state != JobState::done; ++i) {
    view = engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
    clock.tick(Millis{20'000});
    std::this_thread::sleep_for(Millis{20});
  }
  CHECK(view.items.succeeded == 4);
  CHECK(view.items.failed == 1);
  const auto third = tests::split_lines(process.merged(job)).at(2);
  CHECK(third.find("no such thing") != std::string::npos);
}

TEST_CASE("a server that knows no batches is said so, after one upload")
{
  emulator::Faults faults;
  auto no_batches = fault_at("POST", "/v1/batches", emulator::Effect::status);
  no_batches.calls = {};
  no_batches.status = 404;
  no_batches.body = R"j({"error":{"message":"Invalid URL (POST /v1/batches)","type":"invalid_request_error"}})j";
  faults.http = {no_batches};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  try {
    process.advance(job, Until::ended);
    FAIL("went on");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::rejected);
    CHECK(std::string{error.what()}.find("Invalid URL") != std::string::npos);
  }
  CHECK(arena.ledger("uploads") == 1);
}

TEST_CASE("a file that is lost again and again is sent again after growing waits")
{
  emulator::Faults faults;
  faults.fail_batches = {{.batches = {}, .code = "input_file_not_found", .message = "gone"}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  process.advance(job, Until::admitted); // sends it twice; the third would wait
  CHECK(arena.ledger("uploads") == 2);
  CHECK(process.store.parts(job).front().due.value() > system_clock().now() + Millis{30'000});
}

TEST_CASE("a refused upload whose words cannot be read is not repeated without end")
{
  emulator::Faults faults;
  auto gateway = fault_at("POST", "/v1/files", emulator::Effect::html);
  gateway.calls = {};
  gateway.status = 413;
  faults.http = {gateway};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  try {
    process.advance(job, Until::sent);
    FAIL("went on");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::network);
    CHECK(exit_for(error.fault()) == Exit::temporary);
  }
  CHECK(arena.ledger("uploads") == 0);
}

TEST_CASE("a gateway that refuses the key in words of its own pauses the job, too")
{
  emulator::Faults faults;
  auto refusal = fault_at("GET", "/v1/batches/*", emulator::Effect::html);
  refusal.status = 401;
  faults.http = {refusal};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.pause == Pause::auth);
  CHECK(process.advance(job, Until::ended, Sending::no).items.succeeded == 5);
}

TEST_CASE("a quota that is used up stops sending; what was paid for still comes home, asked for without haste")
{
  emulator::Faults faults;
  auto refusal = fault_at("GET", "/v1/batches/*", emulator::Effect::status);
  refusal.calls.nth = {1, 2};
  refusal.status = 429;
  refusal.body = R"({"error":{"message":"used up","type":"insufficient_quota","code":"insufficient_quota"}})";
  refusal.headers = {{"x-should-retry", "false"}};
  faults.http = {refusal};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  const auto begun = system_clock().now();
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 5);
  CHECK(system_clock().now() - begun >= Millis{2'000}); // two waits, a second and more
}

TEST_CASE("two processes do not work on one job")
{
  Arena arena;
  auto first = arena.process();
  const auto job = first.make(arena.ask(10));
  bool refused = false;
  first.recorder.on_move = [&](const PartMoved&) {
    if (refused) return;
    auto second = arena.process();
    try {
      second.advance(job, Until::idle);
    } catch (const Error& error) {
      refused = error.fault() == Fault::busy;
    }
  };
  CHECK(first.advance(job, Until::ended).state == JobState::done);
  CHECK(refused);
}

TEST_SUITE_END();
