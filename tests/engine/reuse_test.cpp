// Answers that are taken over, between the draft and the job: they may go, or the process may be killed.

#include "tests/support/arena.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/requests/requests.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace batchwright;
using engine::Until;
using tests::Arena;
namespace fs = std::filesystem;

namespace {

/// The arena's ask under a name, that sends nothing anew that this job has answers to.
engine::Ask reusing(Arena& arena, int items, const std::string& name, const std::string& job)
{
  auto ask = arena.ask(items, 4);
  ask.job.name = name;
  ask.job.base_url = arena.server.url();
  ask.reuse.reuse = job;
  return ask;
}

std::string first_job(Arena& arena, int items)
{
  auto process = arena.process();
  auto ask = arena.ask(items, 4);
  ask.job.name = "first";
  process.advance(process.make(ask), Until::ended);
  return "first";
}

std::size_t hidden_in(const fs::path& directory)
{
  return static_cast<std::size_t>(
      std::count_if(fs::directory_iterator{directory}, fs::directory_iterator{},
                    [](const fs::directory_entry& e) { return e.path().filename().native().starts_with("."); }));
}

} // namespace

TEST_SUITE_BEGIN("engine::reuse");

TEST_CASE("where answers went between the draft and the job, nothing is made, and the same command works once more")
{
  Arena arena;
  const auto first = first_job(arena, 10);
  auto process = arena.process();
  const auto ask = reusing(arena, 14, "second", first);
  const auto draft = engine::draft(process.tools, ask);
  const auto gone = process.layout.job(first).outcomes(2, 0);
  fs::rename(gone, arena.directory / "aside");
  try {
    engine::found(process.tools, draft);
    FAIL("nothing was thrown");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::busy);
    CHECK(std::string{e.what()}.find("nothing was sent") != std::string::npos);
  }
  CHECK_FALSE(process.store.job("second"));
  fs::rename(arena.directory / "aside", gone);
  CHECK(process.advance(process.make(ask), Until::ended).state == JobState::done);
  CHECK(arena.ledger("requests_executed") == 14);
  CHECK(hidden_in(process.layout.jobs()) == 0);
}

TEST_CASE("what a process that was killed had taken over by then is no answer that must be kept")
{
  Arena arena;
  const auto first = first_job(arena, 10);
  auto process = arena.process();
  const auto ask = reusing(arena, 10, "second", first);
  {
    const auto draft = engine::draft(process.tools, ask);
    engine::found(process.tools, draft);
  }
  { // as a kill before the commit leaves it
    store::Transaction tx{process.store};
    tx.remove("second");
    tx.commit();
  }
  const auto directory = process.layout.job("second").directory();
  REQUIRE(fs::exists(process.layout.job("second").outcomes(1, 0)));
  CHECK(process.advance(process.make(ask), Until::ended).state == JobState::done);
  CHECK(process.recorder.notes.empty());
  CHECK(hidden_in(process.layout.jobs()) <= 1); // put aside, to be removed by the next sweep
  CHECK(fs::exists(directory));
  CHECK(arena.ledger("requests_executed") == 10);
}

TEST_CASE("stopped when all that was sent is settled, a job's copies are made by a command that only collects")
{
  Arena arena;
  std::string csv = "id,text\n";
  for (int i = 0; i < 12; ++i)
    csv += "r" + std::to_string(i) + ",row " + std::to_string(i % 4) + "\n";
  std::string job;
  {
    auto process = arena.process();
    auto ask = arena.ask(4);
    ask.inputs = {arena.directory.file("twice.csv", csv).native()};
    ask.reuse.dedupe = true;
    job = process.make(ask);
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.to == PartState::settled) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
  }
  auto process = arena.process();
  auto seen = engine::look(process.tools, job);
  REQUIRE(seen.items.succeeded == 4);
  REQUIRE(seen.items.pending() == 8);
  CHECK(engine::needs_server(seen)); // so that `fetch` looks after it
  seen = process.advance(job, Until::ended, engine::Sending::no);
  CHECK(seen.state == JobState::done);
  CHECK(seen.items.succeeded == 12);
  CHECK(arena.ledger("requests_executed") == 4);
}

TEST_CASE("a job of which nothing is sent has ended when it is made, and costs nothing")
{
  Arena arena;
  const auto first = first_job(arena, 10);
  auto process = arena.process();
  const auto name = process.make(reusing(arena, 10, "second", first));
  const auto job = process.store.job(name);
  REQUIRE(job);
  CHECK(job->ended_at.has_value());
  const auto seen = engine::look(process.tools, name);
  CHECK(seen.state == JobState::done);
  CHECK(seen.spent == PicoUsd{});
  CHECK(seen.realtime == PicoUsd{});
  CHECK(seen.items.succeeded == 10);
  REQUIRE(seen.parts.size() == 1);
  CHECK(seen.parts.front().requests == 0);
  CHECK(process.merged(name).find(R"("route":"reused")") != std::string::npos);
}

TEST_CASE(
    "answers that were not checked by the job's schema are not taken, though they were asked for by the same body")
{
  Arena arena;
  auto checked = reusing(arena, 6, "second", "first");
  checked.job.request.schema =
      R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})";
  auto spec = checked.job.request;
  requests::complete(spec);
  const requests::LineMaker maker{spec};
  std::string lines;
  requests::LineTexts texts;
  const auto stream = input::open({input::pin(checked.inputs.front(), InputFormat::csv)}, {});
  while (const auto* item = stream->next())
    maker.append(lines, *item, texts);
  auto process = arena.process();
  engine::Ask ready{.inputs = {arena.directory.file("lines.jsonl", lines).native()}, .format = InputFormat::requests};
  ready.job.name = "first";
  ready.job.account = process.server.account;
  ready.job.base_url = process.server.base_url;
  process.advance(process.make(ready), Until::ended);

  CHECK(engine::draft(process.tools, checked).reuse.reused == 0);
  ready.job.name = "third";
  ready.reuse.reuse = "first";
  CHECK(engine::draft(process.tools, ready).reuse.reused == 6);
}

TEST_SUITE_END();
