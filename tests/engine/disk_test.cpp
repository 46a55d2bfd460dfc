// A disk that is full while a job is moved: what is bought then, what is kept, and how it goes on.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/file_size_limit.hpp"

#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <functional>
#include <string>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::FileSizeLimit;

namespace {

namespace fs = std::filesystem;

constexpr Millis hour{3'600'000};

/// The store of a fresh process grows by less than this in a `poll`; the answers of a part of ours are larger.
constexpr rlim_t less_than_the_answers = 1'500'000;
constexpr int items_per_part = 300;

/// Parts with large answers, of which the server takes one at a time.
engine::Ask large(Arena& arena, int parts)
{
  auto ask = arena.ask(parts * items_per_part, items_per_part);
  ask.job.name = "large";
  ask.job.request.set = {{"logprobs", "true"}, {"top_logprobs", "20"}};
  ask.job.policy.enqueued_tokens = 6'000;
  return ask;
}

/// Creates the batches that there is room for.
std::string send(Arena& arena, const engine::Ask& ask)
{
  auto process = arena.process();
  auto job = process.make(ask);
  engine::advance(process.tools, process.server, job, {.until = Until::sent, .sending = Sending::yes, .every = hour});
  return job;
}

/// Batches run for an hour of the server's, which nobody waits for: it writes nothing while the limit, which holds for
/// it, too, is there.
emulator::Faults slow()
{
  emulator::Faults faults;
  faults.in_progress_ms = 3'600'000;
  return faults;
}

/// Lets the batches that were created end at the server.
void let_end(Arena& arena, const std::string& job)
{
  arena.server.advance(2 * hour);
  auto process = arena.process();
  for (const auto& p : process.store.parts(job)) {
    if (!has_live_batch(p)) continue;
    for (int round = 0; process.client.batch(p.batch).value.status != "completed"; ++round) {
      REQUIRE(round < 1'000);
      std::this_thread::sleep_for(Millis{10});
    }
  }
}

/// What a `poll` of a process of its own does.
JobView poll(Arena& arena, const std::string& job)
{
  auto process = arena.process();
  return process.advance(job, Until::idle);
}

std::string text_of(int i)
{
  return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i);
}

bool is_fault_of_disk(const std::function<void()>& work)
{
  try {
    work();
  } catch (const Error& error) {
    return error.fault() == Fault::disk;
  }
  return false;
}

} // namespace

TEST_SUITE_BEGIN("engine::disk");

TEST_CASE("answers that find no room pause the job: no more is bought until they are stored, and then it goes on")
{
  Arena arena{slow()};
  const auto job = send(arena, large(arena, 3));
  REQUIRE(arena.ledger("batches_created") == 1);
  let_end(arena, job);
  const auto directory = store::Layout{arena.directory / "home"}.job(job).directory();
  {
    const FileSizeLimit full{less_than_the_answers};
    const auto view = poll(arena, job);
    CHECK(view.state == JobState::paused);
    CHECK(view.pause == Pause::disk);
    CHECK(view.message.find(".output.jsonl") != std::string::npos); // of whichever part came first
    CHECK(exit_for(view) == Exit::storage);
    CHECK(view.items.pending() == 3 * items_per_part);
    for (const auto& entry : fs::directory_iterator{directory}) // what came of the answers was given back
      CHECK_MESSAGE((entry.path().extension() != ".part" || entry.file_size() == 0), entry.path());
  }
  let_end(arena, job);
  {
    // Another poll buys no more, though there is room at the server, and one that only collects ends the same way.
    const FileSizeLimit full{less_than_the_answers};
    const auto bought = arena.ledger("batches_created");
    CHECK(bought < 3);
    CHECK(poll(arena, job).pause == Pause::disk);
    auto process = arena.process();
    CHECK(process.advance(job, Until::ended, Sending::no).pause == Pause::disk);
    CHECK(engine::look(process.tools, job).pause == Pause::disk); // it is on record
    CHECK(arena.ledger("batches_created") == bought);
  }
  auto process = arena.process();
  CHECK(process.advance(job, Until::sent).pause == Pause::none); // as a repeated `submit` does
  CHECK(arena.ledger("batches_created") == 3);
  let_end(arena, job);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.message.empty());
  tests::check_answers(process.merged(job), 3 * items_per_part, text_of);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a job that only had answers to collect ends its pause when they are home, though nobody may send")
{
  Arena arena{slow()};
  const auto job = send(arena, large(arena, 1));
  let_end(arena, job);
  {
    const FileSizeLimit full{less_than_the_answers};
    CHECK(poll(arena, job).pause == Pause::disk);
  }
  auto process = arena.process();
  const auto view = process.advance(job, Until::idle, Sending::no);
  CHECK(view.state == JobState::done);
  CHECK(view.pause == Pause::none);
}

TEST_CASE("where not even the pause can be recorded, the fault says so, and nothing is lost")
{
  Arena arena{slow()};
  const auto job = send(arena, large(arena, 2));
  let_end(arena, job);
  {
    auto process = arena.process();
    const FileSizeLimit full{0};
    CHECK(is_fault_of_disk([&] { process.advance(job, Until::idle); }));
  }
  auto process = arena.process();
  CHECK(engine::look(process.tools, job).pause == Pause::none);
  CHECK(arena.ledger("batches_created") == 1);
  poll(arena, job);
  let_end(arena, job);
  CHECK(process.advance(job, Until::ended).items.succeeded == 2 * items_per_part);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("of several jobs, one whose answers find no room holds up no other")
{
  Arena arena{slow()};
  const auto job = send(arena, large(arena, 1));
  auto ask = arena.ask(5);
  ask.job.name = "small";
  ask.job.request.model = "gpt-5.4-nano"; // with room of its own
  const auto small = send(arena, ask);
  let_end(arena, job);
  let_end(arena, small);
  auto process = arena.process();
  const FileSizeLimit full{less_than_the_answers};
  const auto all =
      engine::advance_all(process.tools, process.server, {job, small}, {.until = Until::idle, .sending = Sending::yes});
  REQUIRE(all.size() == 2);
  CHECK(all[0].view->pause == Pause::disk);
  CHECK(all[1].view->state == JobState::done);
}

TEST_CASE("a pause for the disk stays while the rest of the job has no room there, and says what is wanted")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(large(arena, 2));
  auto part = process.store.parts(job).front();
  const auto bytes = part.bytes;
  const auto record = [&](std::uint64_t size) {
    auto known = *process.store.job(job);
    known.pause = Pause::disk;
    known.message = "the disk is full";
    part.bytes = size;
    store::Transaction tx{process.store};
    tx.update(known);
    tx.put(job, part);
    tx.commit();
  };
  const auto says_what_is_wanted = [](const std::string& text) {
    return text.find("the job may bring 1099511") != std::string::npos && text.find(" left") != std::string::npos;
  };
  for (const auto sending : {Sending::yes, Sending::no}) {
    record(std::uint64_t{1} << 60); // a request file that no disk holds
    process.recorder.notes.clear();
    const auto view = process.advance(job, Until::sent, sending);
    CHECK(view.pause == Pause::disk);
    CHECK_MESSAGE(says_what_is_wanted(view.message), view.message);
    CHECK(arena.ledger("uploads") == 0);
    REQUIRE(process.recorder.notes.size() == 1);
    CHECK_MESSAGE(says_what_is_wanted(process.recorder.notes.back()), process.recorder.notes.back());
  }
  record(bytes);
  CHECK(process.advance(job, Until::ended).items.succeeded == 2 * items_per_part);
}

TEST_CASE("where there is room again, a pause for the disk ends also by a command that sends nothing")
{
  Arena arena{slow()};
  const auto job = send(arena, large(arena, 3));
  let_end(arena, job);
  {
    const FileSizeLimit full{less_than_the_answers};
    CHECK(poll(arena, job).pause == Pause::disk);
  }
  const auto bought = arena.ledger("batches_created");
  REQUIRE(bought < 3);
  auto process = arena.process();
  const auto view = process.advance(job, Until::idle, Sending::no);
  CHECK(view.pause == Pause::none);
  CHECK(view.message.empty());
  CHECK(view.items.succeeded == items_per_part);
  CHECK(arena.ledger("batches_created") == bought);
}

TEST_CASE("a retry that finds no room changes nothing")
{
  emulator::Faults faults;
  faults.fail_share = 0.5;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20));
  const auto before = process.advance(job, Until::ended);
  const auto merged = process.merged(job);
  const auto lock = engine::take_lock(process.tools, job);
  auto retry = engine::plan_retry(process.tools, job, {});
  REQUIRE_FALSE(retry.parts.empty());
  const auto bytes = retry.parts.front().bytes;
  retry.parts.front().bytes = std::uint64_t{1} << 60;
  CHECK(is_fault_of_disk([&] { engine::begin_retry(process.tools, retry); }));
  CHECK(engine::look(process.tools, job).items == before.items);
  CHECK(process.merged(job) == merged);
  retry.parts.front().bytes = bytes;
  engine::begin_retry(process.tools, retry);
  CHECK(engine::look(process.tools, job).items.failed == 0);
}

TEST_SUITE_END();
