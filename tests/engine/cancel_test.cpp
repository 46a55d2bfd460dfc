#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::HandClock;

namespace {

/// How often each error code stands in a merged result; "" counts the successes. All in input order, all paid where
/// they have an answer.
std::map<std::string, int> codes_of(const std::string& merged)
{
  std::map<std::string, int> codes;
  json::Document doc;
  std::int64_t index = 0;
  for (const auto& line : tests::split_lines(merged)) {
    REQUIRE(doc.parse(line));
    CHECK(doc.root().find("index")->integer() == index++);
    const auto code = doc.root().find("error", "code");
    ++codes[code ? std::string{*code->text()} : std::string{}];
  }
  return codes;
}

bool any_paid(const std::string& merged)
{
  return merged.find(R"("paid":true)") != std::string::npos;
}

/// Batches stay half done until they are cancelled.
emulator::Faults stuck()
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.cancelling_ms = 20;
  return faults;
}

/// Waits for the emulator, not for time: rounds bound it.
template<class Holds>
void wait_for(const Holds& holds)
{
  for (int round = 0; round < 1000 && !holds(); ++round)
    std::this_thread::sleep_for(Millis{10});
  REQUIRE(holds());
}

std::int64_t completed_at_server(tests::Process& process, const std::string& job)
{
  std::int64_t sum = 0;
  for (const auto& part : process.store.parts(job))
    if (!part.batch.empty()) sum += process.client.batch(part.batch).value.completed;
  return sum;
}

std::string status_at_server(tests::Process& process, const std::string& job)
{
  return process.client.batch(process.store.parts(job).front().batch).value.status;
}

} // namespace

TEST_SUITE_BEGIN("engine::cancel");

TEST_CASE("what was not sent is cancelled here, and nothing is asked of the server")
{
  Arena arena;
  auto process = arena.process();
  const auto ask = arena.ask(25, 10);
  const auto job = process.make(ask);
  engine::wish_cancel(process.tools, job, Cancel::harvest);
  CHECK(engine::look(process.tools, job).state == JobState::cancelling);
  const auto view = process.advance(job, Until::ended, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.items.failed == 25);
  CHECK(view.items.cancelled == 25);
  CHECK(exit_for(view) == Exit::some_failed);
  CHECK(codes_of(process.merged(job)) == std::map<std::string, int>{{"cancelled", 25}});
  CHECK_FALSE(any_paid(process.merged(job)));
  CHECK(arena.ledger("uploads") == 0);

  CHECK(process.make(ask) == job); // a repeated submit finds it done
  CHECK(process.advance(job, Until::ended).state == JobState::done);
  CHECK(arena.ledger("uploads") == 0);

  engine::begin_retry(process.tools, engine::plan_retry(process.tools, job, {}));
  CHECK(engine::look(process.tools, job).items.cancelled == 0);
  CHECK(engine::look(process.tools, job).items.pending() == 25);
}

TEST_CASE("running batches are stopped, what they finished counts, and no child is made of the rest")
{
  auto faults = stuck();
  SUBCASE("with all finished lines answered") {}
  SUBCASE("with lines that would be sent again")
  {
    faults.transient_share = 0.2;
  }
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(40, 20));
  process.advance(job, Until::admitted);
  wait_for([&] { return arena.ledger("requests_executed") == 20; });

  engine::wish_cancel(process.tools, job, Cancel::harvest);
  const auto view = process.advance(job, Until::ended, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.parts.size() == 2);
  auto codes = codes_of(process.merged(job));
  CHECK(codes[""] == static_cast<int>(view.items.succeeded));
  CHECK(codes[""] > 0);
  CHECK(codes[""] + codes["cancelled"] == 40);
  CHECK(view.items.cancelled == static_cast<std::uint64_t>(codes["cancelled"]));
  CHECK(arena.ledger("batches_created") == 2);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a batch that had ended when it was to be cancelled loses nothing")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(10));
  process.advance(job, Until::sent);
  wait_for([&] { return status_at_server(process, job) == "completed"; });
  engine::wish_cancel(process.tools, job, Cancel::harvest);
  CHECK(process.advance(job, Until::ended, Sending::no).items.succeeded == 10);
}

TEST_CASE("a server that refuses to cancel is asked how the batch stands: an end is seen, or waited for")
{
  bool has_ended = false;
  SUBCASE("it runs") {}
  SUBCASE("it has ended, and nobody waits for it")
  {
    has_ended = true;
  }
  for (const int status : {400, 404, 409, 500}) {
    CAPTURE(status);
    emulator::HttpFault refusal;
    refusal.path = "/v1/batches/*/cancel";
    refusal.effect = emulator::Effect::status;
    refusal.status = status;
    refusal.body = R"({"error":{"message":"Cannot cancel it now.","type":"invalid_request_error","code":null}})";
    emulator::Faults faults;
    faults.in_progress_ms = has_ended ? 0 : 300;
    faults.http = {refusal};
    Arena arena{faults};
    auto process = arena.process();
    const auto job = process.make(arena.ask(10));
    process.advance(job, Until::sent);
    if (has_ended) wait_for([&] { return status_at_server(process, job) == "completed"; });
    engine::wish_cancel(process.tools, job, has_ended ? Cancel::abandon : Cancel::harvest);
    for (int polls = 0; polls < 100 && !engine::open_jobs(process.tools).empty(); ++polls) {
      process.advance(job, Until::idle, Sending::no);
      std::this_thread::sleep_for(Millis{20});
    }
    CHECK(engine::open_jobs(process.tools).empty());
    CHECK(engine::look(process.tools, job).items.succeeded == 10);
  }
}

TEST_CASE("parts that wait for room are given up, and those that run are stopped")
{
  auto faults = stuck();
  faults.fail_batches = {{.batches = {.nth = {2}}, .code = "token_limit_exceeded"}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(30, 10));
  const auto before = process.advance(job, Until::admitted);
  CHECK(std::any_of(before.parts.begin(), before.parts.end(),
                    [](const Part& p) { return p.state == PartState::queued; }));
  engine::wish_cancel(process.tools, job, Cancel::harvest);
  CHECK(process.advance(job, Until::ended, Sending::no).state == JobState::done);
  const auto created = arena.ledger("batches_created");
  CHECK(process.advance(job, Until::ended).state == JobState::done); // however long one waits
  CHECK(arena.ledger("batches_created") == created);
}

TEST_CASE("a create whose answer was lost is looked for, and the batch it made is stopped")
{
  auto faults = stuck();
  emulator::HttpFault cut;
  cut.method = "POST";
  cut.path = "/v1/batches";
  cut.effect = emulator::Effect::close_after;
  faults.http = {cut};
  Arena arena{faults};
  std::string job;
  {
    auto killed = arena.process();
    job = killed.make(arena.ask(10));
    killed.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.to == PartState::creating) killed.interrupt.ask(2);
    };
    killed.advance(job, Until::sent);
  }
  auto process = arena.process();
  REQUIRE(process.store.parts(job).front().state == PartState::creating);
  engine::wish_cancel(process.tools, job, Cancel::harvest);
  SUBCASE("before the job is done")
  {
    CHECK(process.advance(job, Until::ended, Sending::no).state == JobState::done);
  }
  SUBCASE("after it, where nobody waits")
  {
    engine::wish_cancel(process.tools, job, Cancel::abandon);
    CHECK(process.advance(job, Until::idle, Sending::no).state == JobState::done);
    CHECK(any_paid(process.merged(job))); // perhaps
  }
  wait_for([&] { return status_at_server(process, job) == "cancelled"; });
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("the process that holds a job obeys another's wish")
{
  Arena arena{stuck()};
  auto holder = arena.process();
  auto other = arena.process();
  const auto job = holder.make(arena.ask(30, 10));
  bool asked = false;
  holder.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to == PartState::running && !std::exchange(asked, true)) {
      engine::wish_cancel(other.tools, job, Cancel::harvest);
    }
  };
  const auto view = holder.advance(job, Until::ended); // without the wish it would wait for ever
  CHECK(view.state == JobState::done);
  CHECK(view.items.failed >= 15);
}

TEST_CASE("another's wish is obeyed though the clock was set back meanwhile")
{
  Arena arena{stuck()};
  auto holder = arena.process();
  auto other = arena.process();
  HandClock clock;
  auto tools = holder.tools_with(clock);
  const auto job = holder.make(arena.ask(10));
  holder.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to != PartState::running) return;
    clock.tick(-Millis{24 * 3'600'000});
    engine::wish_cancel(other.tools, job, Cancel::abandon);
  };
  std::jthread patience{[&](const std::stop_token& enough) {
    for (int round = 0; round < 500 && !enough.stop_requested(); ++round)
      std::this_thread::sleep_for(Millis{10});
    holder.interrupt.ask(2);
  }};
  const auto view = engine::advance(tools, holder.server, job, {.until = Until::ended, .sending = Sending::yes});
  CHECK(view.state == JobState::done);
}

TEST_CASE("a job stopped at any step of its cancelling is cancelled by the next process, whatever command that is")
{
  for (int stop_after = 1;; ++stop_after) {
    CAPTURE(stop_after);
    Arena arena{stuck()};
    auto ask = arena.ask(30, 10);
    ask.job.request.id_column = "id"; // their ids stand in files that are built again
    std::string job;
    int moves = 0;
    {
      auto first = arena.process();
      job = first.make(ask);
      first.recorder.on_move = [&](const PartMoved& moved) {
        if (moved.to == PartState::running) first.interrupt.ask(2);
      };
      first.advance(job, Until::admitted);
    }
    {
      auto second = arena.process();
      engine::wish_cancel(second.tools, job, Cancel::harvest);
      second.recorder.on_move = [&](const PartMoved&) {
        if (++moves == stop_after) second.interrupt.ask(2);
      };
      second.advance(job, Until::ended, Sending::no);
    }
    auto third = arena.process();
    third.make(ask); // takes its options over, and does not wake it
    const auto view = third.advance(job, Until::ended, Sending::yes);
    CHECK(view.state == JobState::done);
    CHECK(view.items.failed + view.items.succeeded == 30);
    CHECK(third.merged(job).find(R"("custom_id":"r29")") != std::string::npos);
    CHECK(arena.ledger("executed_twice") == 0);
    if (moves < stop_after) { // it ended before it was stopped: every step was tried
      CHECK(stop_after > 5);
      return;
    }
  }
}

TEST_CASE("what was given up fails at once, as perhaps paid, until its answers come home")
{
  auto faults = stuck();
  faults.cancelling_ms = 300;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20));
  process.advance(job, Until::admitted);
  wait_for([&] { return completed_at_server(process, job) == 10; });
  engine::wish_cancel(process.tools, job, Cancel::abandon);
  auto view = process.advance(job, Until::idle, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.parts.front().state == PartState::abandoned);
  CHECK(codes_of(process.merged(job)) == std::map<std::string, int>{{"cancelled", 20}});
  CHECK(any_paid(process.merged(job)));
  CHECK(engine::open_jobs(process.tools) == std::vector{job});

  wait_for([&] { return status_at_server(process, job) == "cancelled"; });
  view = process.advance(job, Until::idle, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 10);
  CHECK(view.spent.value().n > 0);
  CHECK(codes_of(process.merged(job)) == std::map<std::string, int>{{"", 10}, {"cancelled", 10}});
  CHECK(engine::open_jobs(process.tools).empty());
}

TEST_CASE("a job can be given up though its server refuses everything")
{
  auto faults = stuck();
  emulator::HttpFault refusal;
  refusal.path = "/v1/batches/*/cancel";
  refusal.effect = emulator::Effect::status;
  refusal.status = 404;
  faults.http = {refusal};
  refusal.path = "/v1/batches/*";
  refusal.method = "GET";
  faults.http.push_back(refusal);
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20));
  process.advance(job, Until::sent);
  engine::wish_cancel(process.tools, job, Cancel::abandon);
  const auto view = process.advance(job, Until::idle, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.parts.front().state == PartState::settled); // gone: nobody asks again
  CHECK(engine::open_jobs(process.tools).empty());
}

TEST_CASE("a wish is kept, whatever the holder writes of the job, and the graver one wins")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(3));
  const auto stale = process.store.job(job).value();
  engine::wish_cancel(process.tools, job, Cancel::abandon);
  engine::wish_cancel(process.tools, job, Cancel::harvest);
  store::Transaction tx{process.store};
  tx.update(stale);
  tx.commit();
  CHECK(process.store.job(job)->cancel == Cancel::abandon);
  CHECK(process.store.cancel_wish(job) == Cancel::abandon);
}

TEST_SUITE_END();
