#include "tests/support/arena.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/engine/clean.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

using namespace batchwright;
using engine::Until;
using tests::Arena;

TEST_SUITE_BEGIN("engine::clean");

TEST_CASE("files whose upload was never answered are deleted, too")
{
  emulator::Faults faults;
  faults.list_lag_ms = 2'500; // the listing does not show the first upload in time: it is made twice
  emulator::HttpFault cut;
  cut.method = "POST";
  cut.path = "/v1/files";
  cut.calls.nth = {1};
  cut.effect = emulator::Effect::close_after;
  faults.http = {cut};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(3));
  process.advance(job, Until::ended);
  REQUIRE(arena.ledger("uploads") == 2);
  for (int round = 0; round < 1000 && process.client.files().value.data.size() < 2; ++round)
    std::this_thread::sleep_for(Millis{10}); // the lag is the emulator's, by its clock
  CHECK(engine::clean_remote(process.tools, process.server, job) == 3);
  CHECK(arena.server.ledger().find(R"("deleted":false)") == std::string::npos);
}

TEST_CASE("where a file cannot be deleted, what is known of it stays")
{
  emulator::Faults faults;
  emulator::HttpFault refusal;
  refusal.method = "DELETE";
  refusal.path = "/v1/files/*";
  refusal.calls.nth = {2};
  refusal.effect = emulator::Effect::status;
  refusal.status = 403;
  faults.http = {refusal};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(3));
  process.advance(job, Until::ended);
  try {
    engine::clean_remote(process.tools, process.server, job);
    FAIL("a file that was not deleted counts as deleted");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::auth);
  }
  CHECK(engine::clean_remote(process.tools, process.server, job) == 2);
  CHECK(arena.server.ledger().find(R"("deleted":false)") == std::string::npos);
}

TEST_CASE("what is left of a removed directory goes with the next cleaning")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(3));
  process.advance(job, Until::ended);
  CHECK(engine::reason_against_cleaning(process.tools, job).empty());
  std::filesystem::create_directories(process.layout.jobs() / ".removed-x" / "y");
  CHECK(engine::clean_local(process.tools, job) > 0);
  CHECK(std::filesystem::is_empty(process.layout.jobs()));
}

TEST_CASE("a directory without rows goes with the next cleaning, unless somebody makes a job there")
{
  Arena arena;
  auto process = arena.process();
  const auto kept = process.make(arena.ask(3));
  for (const auto* name : {"half-removed", "being-made"})
    std::filesystem::create_directory(process.layout.job(name).directory());
  {
    const auto lock = engine::take_lock(process.tools, "being-made");
    engine::sweep_leftovers(process.tools);
    CHECK(std::filesystem::exists(process.layout.job("being-made").directory()));
  }
  CHECK_FALSE(std::filesystem::exists(process.layout.job("half-removed").directory()));
  CHECK(std::filesystem::exists(process.layout.job(kept).directory()));

  engine::sweep_leftovers(process.tools);
  CHECK_FALSE(std::filesystem::exists(process.layout.job("being-made").directory()));
}

TEST_CASE("answers whose rows are lost stay, unless it was their user who wanted them removed")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(3));
  process.advance(job, Until::ended);
  const auto files = process.layout.job(job);
  {
    store::Transaction tx{process.store}; // as a state database that was lost, or a clean that is killed here
    tx.remove(job);
    tx.commit();
  }
  engine::sweep_leftovers(process.tools);
  CHECK(std::filesystem::exists(files.outcomes(1, 0)));

  SUBCASE("and are kept beside a new job of that name, which is told")
  {
    CHECK(process.make(arena.ask(3)) == job);
    engine::sweep_leftovers(process.tools);
    int kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator{process.layout.jobs()}) {
      const auto name = entry.path().filename().native();
      kept += name.starts_with(".kept-" + job) && std::filesystem::exists(entry.path() / "0001.outcomes") ? 1 : 0;
    }
    CHECK(kept == 1);
    CHECK(process.recorder.notes.back().find(".kept-" + job) != std::string::npos);
    return;
  }
  write_file(files.cleaned(), {});
  engine::sweep_leftovers(process.tools);
  CHECK_FALSE(std::filesystem::exists(files.directory()));
}

TEST_SUITE_END();
