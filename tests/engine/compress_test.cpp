#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/base/lock.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/finish.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <string>

namespace fs = std::filesystem;
using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;

namespace {

engine::Ask small(Arena& arena, int items, std::uint64_t requests_per_part = 50'000)
{
  auto ask = arena.ask(items, requests_per_part);
  ask.job.compress = true;
  ask.job.policy.enqueued_tokens = 1'000'000; // nothing waits for room
  return ask;
}

/// The process may send in real time, too.
void let_call(tests::Process& process)
{
  process.server.open_caller = [&process] {
    return api::open_caller({.base_url = process.server.base_url, .key = Secret{"test-key"}}, process.layout.jobs());
  };
}

/// Files of the job whose names hold this, sorted.
std::vector<std::string> files_of(Arena& arena, const std::string& job, std::string_view what)
{
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator{arena.directory / "home/jobs" / job}) {
    const auto name = entry.path().filename().native();
    if (name.find(what) != std::string::npos) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::uint64_t unpacked_size(Arena& arena, const std::string& job, const std::string& name)
{
  return FramedFile{arena.directory / "home/jobs" / job / name}.size();
}

std::string question(int i)
{
  return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i);
}

/// What the server makes up anew each time is left out.
std::string without_request_ids(const std::string& records)
{
  return std::regex_replace(records, std::regex{R"("request_id":"[0-9a-f]*")"}, "");
}

using Names = std::vector<std::string>;

} // namespace

TEST_SUITE_BEGIN("engine::compress");

TEST_CASE("outputs are packed as they come, and all formats are as without it")
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  std::string records;
  std::string raw;
  for (const bool compress : {false, true}) {
    Arena arena{faults};
    auto process = arena.process();
    auto ask = small(arena, 200, 60);
    ask.job.compress = compress;
    ask.job.policy.fallback = Fallback::none;
    const auto job = process.make(ask);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.state == JobState::done);
    CHECK(view.items.failed > 20);
    if (!compress) {
      records = process.merged(job);
      raw = process.merged(job, results::Format::raw);
      continue;
    }
    CHECK(files_of(arena, job, ".output.jsonl") ==
          Names{"0001.output.jsonl.zst", "0002.output.jsonl.zst", "0003.output.jsonl.zst", "0004.output.jsonl.zst"});
    CHECK(files_of(arena, job, ".errors.jsonl").size() == 4);
    CHECK(files_of(arena, job, ".requests").empty());
    CHECK(unpacked_size(arena, job, "0001.output.jsonl.zst") > 1000);
    CHECK(without_request_ids(process.merged(job)) == without_request_ids(records));
    CHECK(std::count(raw.begin(), raw.end(), '\n') == 200);
    CHECK(process.merged(job, results::Format::raw).size() == raw.size());
  }
}

TEST_CASE("a request file goes once it is uploaded, and no more than two stand at once")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(small(arena, 120, 10));
  std::size_t most = 0;
  process.recorder.on_move = [&](const PartMoved&) {
    most = std::max(most, files_of(arena, job, ".requests.jsonl").size());
  };
  process.advance(job, Until::sent);
  CHECK(most <= 2);
  CHECK(files_of(arena, job, ".requests").empty());
  CHECK(process.advance(job, Until::ended).items.succeeded == 120);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("they are kept where that is asked for, and ids of the user's are known without them")
{
  Arena arena;
  auto process = arena.process();
  auto ask = small(arena, 30, 10);
  ask.job.request.id_column = "id";
  SUBCASE("kept")
  {
    ask.job.policy.keep_requests = true;
  }
  SUBCASE("not kept") {}
  const auto job = process.make(ask);
  process.advance(job, Until::sent);
  CHECK(files_of(arena, job, ".requests.jsonl").size() == (ask.job.policy.keep_requests ? 3 : 0));
  fs::remove(ask.inputs.front()); // nothing of it is needed
  CHECK(process.advance(job, Until::ended).items.succeeded == 30);
  CHECK(files_of(arena, job, ".ids").size() == (ask.job.policy.keep_requests ? 3 : 0));
}

TEST_CASE("an upload that the server lost is built and uploaded again")
{
  emulator::Faults faults;
  faults.in_progress_ms = 1500; // what waits for room waits so long
  Arena arena{faults};
  auto process = arena.process();
  auto ask = small(arena, 20, 10);
  ask.job.policy.enqueued_tokens = 100; // one part at a time
  const auto job = process.make(ask);
  process.advance(job, Until::sent);
  const auto waiting = process.store.parts(job).back();
  REQUIRE(waiting.state == PartState::queued);
  REQUIRE(process.client.remove(waiting.file).ok());
  CHECK(process.advance(job, Until::ended).items.succeeded == 20);
  CHECK(process.store.parts(job).back().sha256 == waiting.sha256);
  CHECK(arena.ledger("uploads") == 3);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("what waits at the server and goes in real time after all is built again")
{
  emulator::Faults faults;
  faults.in_progress_ms = 1500; // what waits for room waits so long
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  auto ask = small(arena, 20, 10);
  ask.job.policy.enqueued_tokens = 100;
  const auto job = process.make(ask);
  process.advance(job, Until::sent);
  REQUIRE(process.store.parts(job).back().state == PartState::queued);
  engine::begin_finish(process.tools, job);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 20);
  CHECK(process.store.parts(job)[1].route == Route::realtime);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("what was answered in real time is packed before it is settled")
{
  emulator::Faults faults;
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  auto ask = small(arena, 40);
  ask.job.mode = Mode::realtime;
  const auto job = process.make(ask);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 40);
  CHECK(files_of(arena, job, ".output.jsonl") == Names{"0001.output.jsonl.zst"});
  tests::check_answers(process.merged(job), 40, question);
  CHECK(engine::account(process.tools, job).realtime.has_value());
}

TEST_CASE("a journal that somebody reads stays beside what was packed of it, until nobody does")
{
  Arena arena;
  auto process = arena.process();
  let_call(process);
  auto ask = small(arena, 10);
  ask.job.mode = Mode::realtime;
  const auto job = process.make(ask);
  {
    const auto hold = DirectoryHold::shared(arena.directory / "home/jobs" / job);
    CHECK(process.advance(job, Until::ended).items.succeeded == 10);
    CHECK(files_of(arena, job, ".output.jsonl") == Names{"0001.output.jsonl", "0001.output.jsonl.zst"});
    tests::check_answers(process.merged(job), 10, question);
  }
  engine::tidy(process.tools, job);
  CHECK(files_of(arena, job, ".output.jsonl") == Names{"0001.output.jsonl.zst"});
  tests::check_answers(process.merged(job), 10, question);
}

TEST_CASE("what was packed of another journal is not taken for this one's")
{
  Arena arena;
  auto process = arena.process();
  let_call(process);
  auto ask = small(arena, 10);
  ask.job.mode = Mode::realtime;
  const auto job = process.make(ask);
  const auto other = arena.directory / "other";
  write_file(other, "{}\n");
  pack_file(other, arena.directory / "home/jobs" / job / "0001.output.jsonl.zst"); // whatever left it there
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  CHECK(files_of(arena, job, ".output.jsonl") == Names{"0001.output.jsonl.zst"});
  tests::check_answers(process.merged(job), 10, question);
}

TEST_SUITE_END();
