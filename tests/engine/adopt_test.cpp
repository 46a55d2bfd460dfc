// Batches made elsewhere become a job: which requests each holds, what is sent after a submit, what is refused.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/engine/adopt.hpp>
#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <thread>
#include <utility>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::Process;

namespace {

std::string line_of(int i, const std::string& model = "gpt-5.4-mini")
{
  return fmt::format(R"({{"custom_id":"id-{}","method":"POST","url":"/v1/chat/completions",)"
                     R"("body":{{"model":"{}","messages":[{{"role":"user","content":"text {}"}}]}}}})"
                     "\n",
                     i, model, i);
}

/// The lines of items from `first` to before `end`.
std::string lines(int first, int end)
{
  std::string text;
  for (int i = first; i < end; ++i)
    text += line_of(i);
  return text;
}

emulator::Faults fast()
{
  emulator::Faults faults;
  faults.validating_ms = 10;
  faults.in_progress_ms = 30;
  faults.finalizing_ms = 10;
  return faults;
}

/// Somebody else makes batches, and a process of ours takes them over.
struct World {
  explicit World(const emulator::Faults& faults = fast()) : arena(faults), process(arena.process()) {}

  BatchId batch(const std::string& content)
  {
    const auto path = arena.directory.file(fmt::format("theirs-{}.jsonl", ++made), content);
    const auto uploaded = process.client.upload(path, "theirs.jsonl");
    REQUIRE(uploaded.ok());
    const auto reply = process.client.create_batch(uploaded.value.id, "/v1/chat/completions", {{"project", "theirs"}});
    REQUIRE(reply.ok());
    return reply.value.id;
  }
  void until(const BatchId& id, const std::string& status)
  {
    std::string now;
    for (int round = 0; round < 500; ++round) {
      now = process.client.batch(id).value.status;
      if (now == status) return;
      std::this_thread::sleep_for(Millis{10});
    }
    FAIL("the batch never came to be ", status, ", it is ", now);
  }
  void requests(const std::string& content) { file = arena.directory.file("all.jsonl", content).native(); }
  JobView adopt(const std::vector<BatchId>& batches, const std::string& name = {})
  {
    return engine::adopt(process.tools, process.server, {.name = name, .requests = file, .batches = batches});
  }
  /// The same file submitted, which is the consent.
  JobView submit()
  {
    engine::Ask ask{.inputs = {file}, .format = InputFormat::requests};
    ask.job.name = "all";
    return process.advance(process.make(ask), Until::ended);
  }
  JobView collect(Until until = Until::ended) { return process.advance("all", until, Sending::yes); }
  void check_complete(int items)
  {
    const auto merged = tests::split_lines(process.merged("all"));
    REQUIRE(merged.size() == static_cast<std::size_t>(items));
    for (int i = 0; i < items; ++i) {
      const auto& line = merged[static_cast<std::size_t>(i)];
      CHECK(line.find(fmt::format(R"("index":{},"custom_id":"id-{}","status":"succeeded")", i, i)) !=
            std::string::npos);
    }
  }
  void check_ledger()
  {
    CHECK(arena.ledger("executed_twice") == 0);
    CHECK(arena.ledger("executed_again_after_success") == 0);
    CHECK(arena.ledger("answers_beyond_copies") == 0);
  }

  Arena arena;
  Process process;
  std::string file = {};
  int made = 0;
};

template<class Act>
std::string fault_of(const Act& act, Fault fault)
{
  try {
    act();
  } catch (const Error& e) {
    CHECK(static_cast<int>(e.fault()) == static_cast<int>(fault));
    return std::string{e.what()} + " | " + e.hint();
  }
  FAIL("nothing was refused");
  return {};
}

} // namespace

TEST_SUITE_BEGIN("engine::adopt");

TEST_CASE("a batch of the whole file, at whatever stage it is taken over")
{
  for (const std::string stage : {"running", "ended"}) {
    CAPTURE(stage);
    World world;
    world.requests(lines(0, 12));
    const auto id = world.batch(lines(0, 12));
    if (stage == "ended") world.until(id, "completed");
    const auto view = world.adopt({id});
    CHECK(view.job == "all");
    CHECK(view.standing == Standing::adopted);
    CHECK(view.items.pending() == 12);
    CHECK(unsent(view.parts) == 0);
    CHECK(world.collect().state == JobState::done);
    world.check_complete(12);
    CHECK(world.arena.ledger("batches_created") == 1);
    const auto spans = engine::input_spans(world.process.tools, "all");
    REQUIRE(spans.size() == 1);
    CHECK(spans.front().items == 12);
    CHECK(tests::split_lines(world.process.merged("all", results::Format::raw)).size() == 12);
    CHECK(world.process.merged("all", results::Format::csv).find("id-11") != std::string::npos);
  }
}

TEST_CASE("a file in pieces, and a rest that only a submit sends")
{
  World world;
  world.requests(lines(0, 30));
  const auto b = world.batch(lines(20, 25));
  const auto a = world.batch(lines(3, 10));
  const auto view = world.adopt({a, b});
  CHECK(unsent(view.parts) == 18);
  const auto collected = world.collect();
  CHECK(collected.state == JobState::open);
  CHECK(collected.items.succeeded == 12);
  CHECK(world.arena.ledger("batches_created") == 2);
  const auto partial =
      tests::split_lines(world.process.merged("all", results::Format::jsonl, results::Pending::leave_out));
  CHECK(partial.size() == 12);
  CHECK(world.submit().state == JobState::done);
  world.check_complete(30);
  world.check_ledger();
  CHECK(world.arena.ledger("batches_created") == 3);
}

TEST_CASE("what is adopted, and what is left of it, is bounded by its own requests")
{
  World world;
  const auto bounded = [](int first, int end) {
    std::string text;
    for (int i = first; i < end; ++i) {
      auto line = line_of(i);
      text += line.insert(line.find(R"("messages")"), R"("max_completion_tokens":100,"n":2,)");
    }
    return text;
  };
  world.requests(bounded(0, 50));
  const auto view = world.adopt({world.batch(bounded(0, 45))});
  REQUIRE(view.parts.size() == 2);
  CHECK(view.parts[0].output_bound == Tokens{45 * 200});
  CHECK(view.parts[1].output_bound == Tokens{5 * 200});
  for (const auto& part : view.parts) {
    CHECK(part.choices == 2);
    CHECK(part.largest_input.n > 0);
  }
}

TEST_CASE("what a younger batch holds again is that one's")
{
  auto faults = fast();
  faults.transient_share = 0.4;
  World world{faults};
  world.requests(lines(0, 20));
  const auto first = world.batch(lines(0, 20));
  world.until(first, "completed");
  std::this_thread::sleep_for(Millis{1'100}); // the server tells seconds
  // Whoever made them sent again what had failed, as we would.
  std::string again;
  int failed = 0;
  const auto errors = world.process.client.batch(first).value.error_file;
  const auto path = world.arena.directory / "errors.jsonl";
  REQUIRE(world.process.client.download(errors, path).ok());
  const auto text = tests::slurp(path);
  for (int i = 0; i < 20; ++i) {
    if (text.find(fmt::format(R"("id-{}")", i)) == std::string::npos) continue;
    ++failed;
    again += line_of(i);
  }
  REQUIRE(failed > 1);
  const auto second = world.batch(again);
  const auto view = world.adopt({second, first}); // the order on the command line means nothing
  CHECK(view.parts.at(0).batch == first);
  CHECK(view.parts.at(0).elsewhere == static_cast<std::uint64_t>(failed));
  CHECK(view.parts.at(1).attempt == 2);
  CHECK(view.items.pending() == 20);
  CHECK(world.collect().state == JobState::done);
  world.check_complete(20);
  CHECK(world.arena.ledger("answers_beyond_copies") == 0);
}

TEST_CASE("a batch that expired or was cancelled: what it left waits for the submit")
{
  for (const std::string how : {"expired", "cancelled"}) {
    CAPTURE(how);
    auto faults = fast();
    if (how == "expired") faults.expire_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}};
    if (how == "cancelled") faults.stuck_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}};
    World world{faults};
    world.requests(lines(0, 10));
    const auto id = world.batch(lines(0, 10));
    if (how == "cancelled") {
      while (world.process.client.batch(id).value.completed < 5)
        std::this_thread::sleep_for(Millis{5});
      REQUIRE(world.process.client.cancel(id).ok());
    }
    world.until(id, how);
    world.adopt({id});
    const auto view = world.collect();
    CHECK(view.state == JobState::open);
    CHECK(view.items.succeeded == 5);
    CHECK(world.arena.ledger("batches_created") == 1);
    CHECK(world.submit().state == JobState::done);
    world.check_complete(10);
    world.check_ledger();
  }
}

TEST_CASE("several models in one file, interleaved, and packed")
{
  std::string all;
  std::string minis;
  for (int i = 0; i < 20; ++i) {
    const auto line = line_of(i, i % 2 ? "gpt-5.4-nano" : "gpt-5.4-mini");
    all += line;
    if (i % 2 == 0) minis += line;
  }
  const auto half = line_of(0) + line_of(10);
  for (const bool packed : {false, true}) {
    CAPTURE(packed);
    World one;
    one.file = packed ? one.arena.directory.file("all.jsonl.gz", tests::gzipped(all)).native()
                      : one.arena.directory.file("all.jsonl", all).native();
    const auto older = one.batch(half);
    one.until(older, "completed");
    std::this_thread::sleep_for(Millis{1'100});
    const auto younger = one.batch(minis);
    const auto view = one.adopt({older, younger}, "all");
    CHECK(view.model.empty());
    CHECK(unsent(view.parts) == 10); // those of the other model
    CHECK(one.collect().items.succeeded == 10);
    CHECK(one.submit().state == JobState::done);
    one.check_complete(20);
    CHECK(one.arena.ledger("batches_created") == 3);
  }
}

TEST_CASE("what cannot be taken over is refused, and leaves no job")
{
  World world;
  world.requests(lines(0, 10));
  const auto id = world.batch(lines(0, 10));
  const auto refused = [&](const std::vector<BatchId>& batches, Fault fault) {
    const auto words = fault_of([&] { world.adopt(batches); }, fault);
    CHECK(world.process.store.jobs().empty());
    return words;
  };
  CHECK(refused({}, Fault::usage).find("no batch") != std::string::npos);
  CHECK(refused({id, id}, Fault::usage).find("named twice") != std::string::npos);
  CHECK(refused({BatchId{"batch_nobody"}}, Fault::usage).find("knows no batch batch_nobody") != std::string::npos);

  auto other = lines(0, 10);
  other.replace(other.find("text 7"), 6, "text x");
  world.requests(other);
  const auto differs = refused({id}, Fault::input);
  CHECK(differs.find("line 8") != std::string::npos);
  CHECK(differs.find(id.str()) != std::string::npos);
  world.requests(lines(2, 10));
  CHECK(refused({id}, Fault::input).find("2 of the requests of " + id.str() + " are not in") != std::string::npos);
  world.requests("{\"text\":\"no request\"}\n");
  refused({id}, Fault::input);
  world.file = (world.arena.directory / "nothing.jsonl").native();
  refused({id}, Fault::storage);
  world.requests(lines(0, 10));

  const auto broken = world.batch("{\"custom_id\":\"x\"}\n");
  world.until(broken, "failed");
  CHECK(refused({broken}, Fault::usage).find("failed as a whole") != std::string::npos);

  world.adopt({id});
  CHECK(fault_of([&] { world.adopt({id}, "other"); }, Fault::usage).find("belongs to the job all") !=
        std::string::npos);
  const auto second = world.batch(lines(0, 5));
  CHECK(fault_of([&] { world.adopt({second}, "all"); }, Fault::usage).find("already") != std::string::npos);
  CHECK(world.process.store.jobs().size() == 1);
  CHECK(world.collect().state == JobState::done); // what was refused did it no harm
  world.check_complete(10);
}

TEST_CASE("requests that are gone at the server are those of the file, where their number agrees")
{
  auto faults = fast();
  World world{faults};
  world.requests(lines(0, 10));
  const auto id = world.batch(lines(0, 10));
  const auto part = world.batch(lines(0, 4));
  world.until(id, "completed");
  world.until(part, "completed");
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
  world.arena.server.change(faults);
  CHECK(fault_of([&] { world.adopt({part}); }, Fault::config).find("gone") != std::string::npos);
  CHECK(fault_of([&] { world.adopt({part, id}); }, Fault::config).find("gone") != std::string::npos);
  CHECK(world.process.store.jobs().empty());
  world.adopt({id});
  CHECK(world.collect().state == JobState::done);
  world.check_complete(10);
}

TEST_CASE("stopped or refused at any call, taking over has happened or has not")
{
  auto faults = fast();
  World world{faults};
  world.requests(lines(0, 10));
  const auto a = world.batch(lines(0, 4));
  const auto b = world.batch(lines(4, 8));
  int refused = 0;
  for (int n = 1; n < 12; ++n) {
    CAPTURE(n);
    faults.http = {{.method = "GET", .calls = {.nth = {n}}, .effect = emulator::Effect::status, .status = 403}};
    world.arena.server.change(faults);
    Process other{world.arena.directory / fmt::format("home{}", n), world.arena.server.url()};
    const engine::AdoptAsk ask{.requests = world.file, .batches = {a, b}};
    try {
      engine::adopt(other.tools, other.server, ask);
    } catch (const Error&) {
      ++refused;
      CHECK(other.store.jobs().empty());
      engine::adopt(other.tools, other.server, ask);
    }
    CHECK(unsent(engine::look(other.tools, "all").parts) == 2);
  }
  CHECK(refused >= 4); // two batches, and the requests of each
  world.adopt({a, b});
  faults.http.clear();
  world.arena.server.change(faults);
  CHECK(world.submit().state == JobState::done);
  world.check_complete(10);
  world.check_ledger();
}

TEST_CASE("of two processes that take over the same batch at once, one does")
{
  /// Lets something happen when a phase is first told of.
  struct Meanwhile final : Observer {
    Meanwhile(Phase when, std::function<void()> what) : phase(when), act(std::move(what)) {}
    void on(const Event& event) override
    {
      const auto* progress = std::get_if<Progress>(&event);
      if (progress && progress->phase == phase && act) std::exchange(act, nullptr)();
    }
    Phase phase;
    std::function<void()> act;
  };
  for (const auto phase : {Phase::reading, Phase::downloading}) {
    World world;
    world.requests(lines(0, 10));
    const auto id = world.batch(lines(0, 10));
    auto other = world.arena.process();
    Meanwhile meanwhile{phase, [&] {
                          // The name is held once requests are downloaded.
                          const std::string name = phase == Phase::reading ? "" : "other";
                          engine::adopt(other.tools, other.server,
                                        {.name = name, .requests = world.file, .batches = {id}});
                        }};
    const auto& known = world.process;
    engine::Tools tools{world.process.store, known.layout,    known.tools.prices, known.tools.profile,
                        known.tools.clock,   known.interrupt, meanwhile};
    const auto fault = phase == Phase::reading ? Fault::busy : Fault::usage;
    fault_of([&] { engine::adopt(tools, world.process.server, {.requests = world.file, .batches = {id}}); }, fault);
    const auto jobs = world.process.store.jobs();
    REQUIRE(jobs.size() == 1);
    CHECK(world.process.advance(jobs.front().name, Until::ended).items.succeeded == 10);
  }
}

TEST_CASE("a retry, before the submit that lets it send, is refused; cancelled, what no batch holds fails")
{
  World world;
  world.requests(lines(0, 10));
  const auto id = world.batch(lines(0, 6));
  world.adopt({id});
  CHECK(world.collect().items.succeeded == 6);
  {
    const auto lock = engine::take_lock(world.process.tools, "all");
    CHECK(fault_of([&] { engine::plan_retry(world.process.tools, "all", {}); }, Fault::usage).find("submit") !=
          std::string::npos);
  }
  engine::wish_cancel(world.process.tools, "all", Cancel::harvest);
  const auto view = world.collect();
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 6);
  CHECK(view.items.failed == 4);
  CHECK(world.arena.ledger("batches_created") == 1);
}

TEST_SUITE_END();
