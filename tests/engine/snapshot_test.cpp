// Reading beside a process that changes outcomes: what is read is what one commit left.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"

#include <batchwright/engine/delivery.hpp>
#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

using namespace batchwright;
using engine::Until;
using tests::Arena;
using tests::Process;

namespace {

/// Answers so large that some are given out long before the last file is opened.
engine::Ask large(Arena& arena)
{
  auto ask = arena.ask(1'200, 100);
  ask.job.request.set = {{"logprobs", "true"}, {"top_logprobs", "20"}};
  return ask;
}

emulator::Faults failing()
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  return faults;
}

/// The result as raw lines, read while, after its first block, `meanwhile` is done. Returns how many blocks there were.
std::size_t read_while(Process& process, const std::string& job, std::string& text,
                       const std::function<void()>& meanwhile)
{
  std::size_t blocks = 0;
  engine::merge(process.tools, job, {.format = results::Format::raw}, [&](std::string_view bytes) {
    text += bytes;
    if (blocks++ == 0) meanwhile();
  });
  return blocks;
}

void begin_retry(Process& process, const std::string& job)
{
  const auto lock = engine::take_lock(process.tools, job);
  engine::begin_retry(process.tools, engine::plan_retry(process.tools, job, {}));
}

/// The outcome files of a job.
std::vector<std::string> outcomes(Process& process, const std::string& job)
{
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator{process.layout.job(job).directory()}) {
    const auto name = entry.path().filename().native();
    if (name.find(".outcomes") != std::string::npos) found.push_back(name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

TEST_SUITE_BEGIN("engine::snapshot");

TEST_CASE("a result that is read while a retry takes items out of it is the one from before")
{
  Arena arena{failing()};
  auto reader = arena.process();
  auto writer = arena.process();
  const auto job = reader.make(large(arena));
  REQUIRE(reader.advance(job, Until::ended).items.failed > 100);
  const auto before = reader.merged(job, results::Format::raw);

  std::string read;
  const auto blocks = read_while(reader, job, read, [&] {
    begin_retry(writer, job);
    CHECK(outcomes(writer, job).size() == 24); // both versions of twelve parts
    writer.advance(job, Until::idle);          // whoever works on the job leaves them to the reader
    CHECK(outcomes(writer, job).size() >= 24);
  });
  REQUIRE(blocks > 1);
  CHECK(read == before);

  // Nobody reads: what no part names goes.
  writer.advance(job, Until::ended);
  writer.advance(job, Until::idle);
  std::vector<std::string> named;
  for (const auto& p : writer.store.parts(job)) {
    if (p.outcome.succeeded + p.outcome.failed > 0)
      named.push_back(writer.layout.job(job).outcomes(p.number, p.outcomes_version).filename().native());
  }
  std::sort(named.begin(), named.end());
  CHECK(outcomes(writer, job) == named);
}

TEST_CASE("a result that is read while other answers are accepted is the one from before")
{
  Arena arena;
  auto reader = arena.process();
  auto writer = arena.process();
  auto ask = large(arena);
  ask.job.request.max_output_tokens = 5; // all are truncated
  const auto job = reader.make(ask);
  REQUIRE(reader.advance(job, Until::ended).items.failed == 1'200);
  const results::MergeOptions whole{.choice = {.response = true}};
  std::string before;
  engine::merge(reader.tools, job, whole, [&](std::string_view bytes) { before += bytes; });

  std::string read;
  std::size_t blocks = 0;
  engine::merge(reader.tools, job, whole, [&](std::string_view bytes) {
    read += bytes;
    if (blocks++ > 0) return;
    ask.job.policy.accept = "truncated";
    writer.make(ask);
    CHECK(writer.advance(job, Until::ended).items.succeeded == 1'200);
  });
  REQUIRE(blocks > 1);
  CHECK(read == before);
  CHECK(reader.merged(job).find("\"status\":\"failed\"") == std::string::npos);
}

TEST_CASE("files of one delivery are of one commit")
{
  Arena arena{failing()};
  auto reader = arena.process();
  auto writer = arena.process();
  auto ask = arena.ask(40, 10);
  ask.job.request.endpoint = "/v1/embeddings";
  ask.job.request.model = "text-embedding-3-small";
  ask.job.request.inputs_per_request = 1;
  const auto job = reader.make(ask);
  REQUIRE(reader.advance(job, Until::ended).items.failed > 3);

  // The ids are written after the matrix: the process that retries comes in between.
  const auto out = arena.directory / "vectors.npy";
  bool done = false;
  class Meanwhile final : public Observer {
  public:
    explicit Meanwhile(std::function<void()> work) : m_work(std::move(work)) {}
    void on(const Event& event) override
    {
      const auto* progress = std::get_if<Progress>(&event);
      if (progress && progress->phase == Phase::merging && progress->done == progress->total) m_work();
    }

  private:
    std::function<void()> m_work;
  } meanwhile{[&] {
    if (!std::exchange(done, true)) begin_retry(writer, job);
  }};
  auto tools =
      engine::Tools{reader.store,     reader.layout, reader.tools.prices, reader.tools.profile, reader.tools.clock,
                    reader.interrupt, meanwhile};
  engine::deliver(tools, job, {.out = out.native()}, {});
  CHECK(done);
  const auto ids = tests::slurp(arena.directory / "vectors.ids.jsonl");
  CHECK(tests::split_lines(ids).size() == 40);
  CHECK(ids.find("pending") == std::string::npos);
}

TEST_CASE("items that are sent again since somebody looked are no bug, and the result counts as not fetched")
{
  Arena arena{failing()};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20));
  REQUIRE(process.advance(job, Until::ended).items.failed > 1);
  begin_retry(process, job);
  try {
    process.merged(job);
    FAIL("a result with pending items was written");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::unfinished);
    CHECK_FALSE(error.hint().empty());
  }
  engine::record_fetched(process.tools, job);
  CHECK_FALSE(process.store.job(job)->fetched_at);
}

TEST_SUITE_END();
