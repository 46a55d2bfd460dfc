// A job whose state is lost, rebuilt from the server: lost at many moments, of many kinds; the ledger is the judge.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/label.hpp>
#include <batchwright/engine/recover.hpp>
#include <batchwright/engine/retry.hpp>
#include <batchwright/engine/show.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::Process;

namespace {

std::string text_of(int i)
{
  return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i);
}

/// The user's machine after the directory of jobs was lost, for the n-th time.
Process another(Arena& arena, int n = 2)
{
  return {arena.directory / fmt::format("home{}", n), arena.server.url()};
}

JobView recover(Process& process, const std::string& name, Millis grace = Millis{0})
{
  const auto jobs = engine::find_remains(process.tools, process.server, name);
  REQUIRE(jobs.size() == 1);
  return engine::recover(process.tools, process.server, jobs.front(), grace);
}

JobView collect(Process& process, const std::string& job, Until until = Until::ended)
{
  return process.advance(job, until, Sending::no);
}

/// A fast server.
emulator::Faults fast()
{
  emulator::Faults faults;
  faults.validating_ms = 10;
  faults.in_progress_ms = 30;
  faults.finalizing_ms = 10;
  return faults;
}

void check_ledger(Arena& arena)
{
  CHECK(arena.ledger("executed_again_after_success") == 0);
  CHECK(arena.ledger("answers_beyond_copies") == 0);
  CHECK(arena.ledger("peak_live_batches_per_file") <= 1);
  CHECK(arena.ledger("peak_live_batches_per_content") <= 1);
}

/// Lets so many parts and no more be enqueued at once.
void allow_parts(Arena& arena, engine::Ask& ask, std::int64_t parts)
{
  const Process process{arena.directory / "scratch", arena.server.url()};
  auto tools = process.tools;
  const auto tokens = engine::draft(tools, ask).parts.front().input_tokens.n;
  ask.job.policy.enqueued_tokens = tokens * parts + tokens / 3;
}

/// The same submit again, to its end: complete, in order, nothing bought twice.
JobView finish(Arena& arena, Process& process, const engine::Ask& ask, int items)
{
  const auto job = process.make(ask);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.standing == Standing::consented);
  CHECK(view.items.succeeded == static_cast<std::uint64_t>(items));
  tests::check_answers(process.merged(job), items, text_of);
  check_ledger(arena);
  return view;
}

/// Asks the process to stop when it has seen so many moves; true where it came to that.
bool run_until_moved(Process& process, const std::string& job, int moves)
{
  int seen = 0;
  process.recorder.on_move = [&](const PartMoved&) {
    if (++seen == moves) process.interrupt.ask(2);
  };
  process.advance(job, Until::ended);
  return seen >= moves;
}

/// Moves a job by single steps until `holds`.
template<class Holds>
void poll_until(Process& process, const std::string& job, Sending sending, const Holds& holds)
{
  for (int round = 0; round < 500; ++round) {
    if (holds(process.advance(job, Until::idle, sending))) return;
    std::this_thread::sleep_for(Millis{10});
  }
  FAIL("it never came to that");
}

std::string fault_of(const std::function<void()>& act, Fault fault)
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

std::uint64_t settled_parts(const JobView& view)
{
  return static_cast<std::uint64_t>(
      std::count_if(view.parts.begin(), view.parts.end(), [](const Part& p) { return p.state == PartState::settled; }));
}

bool was_told(const Process& process, std::string_view words)
{
  const auto& notes = process.recorder.notes;
  return std::any_of(notes.begin(), notes.end(), [&](const auto& n) { return n.find(words) != std::string::npos; });
}

std::string request_line(const std::string& id, const std::string& model, const std::string& text)
{
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions",)"
                     R"("body":{{"model":"{}","messages":[{{"role":"user","content":"{}"}}]}}}})"
                     "\n",
                     id, model, text);
}

engine::Ask ready_made(const std::vector<std::string>& inputs)
{
  engine::Ask ask{.inputs = inputs, .format = InputFormat::requests};
  ask.job.limits = {.requests = 10, .bytes = 190'000'000};
  return ask;
}

} // namespace

TEST_SUITE_BEGIN("engine::recover");

TEST_CASE("parts that are done, that run and that were never sent: collected without sending, then sent by the submit")
{
  auto faults = fast();
  faults.stuck_batches = {{.batches = {.nth = {2}}, .after_share = 0.5}};
  Arena arena{faults};
  auto ask = arena.ask(60, 10);
  allow_parts(arena, ask, 2);
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    poll_until(process, job, Sending::yes, [](const JobView& v) { return settled_parts(v) >= 2; });
  }
  const auto created = arena.ledger("batches_created");
  REQUIRE(created < 6);
  auto process = another(arena);
  const auto fresh = recover(process, "rows");
  CHECK(fresh.standing == Standing::recovered);
  CHECK(fresh.items.items == 60);
  CHECK(fresh.items.pending() == 60);
  CHECK(unsent(fresh.parts) == 60 - 10 * static_cast<std::uint64_t>(created));

  poll_until(process, "rows", Sending::yes, [](const JobView& v) { return settled_parts(v) >= 2; });
  auto so_far = engine::look(process.tools, "rows");
  CHECK(so_far.items.failed == 0);
  const auto partial = process.merged("rows", results::Format::jsonl, results::Pending::leave_out);
  CHECK(tests::split_lines(partial).size() == so_far.items.succeeded);
  CHECK(arena.ledger("batches_created") == created);
  arena.server.change(fast());
  so_far = collect(process, "rows");
  CHECK(so_far.items.succeeded == 10 * static_cast<std::uint64_t>(created));
  CHECK(so_far.state == JobState::open);
  CHECK(arena.ledger("batches_created") == created);

  ask.job.policy.enqueued_tokens = 0;
  finish(arena, process, ask, 60);
  CHECK(arena.ledger("executed_twice") == 0);
  CHECK(arena.ledger("batches_created") == 6);
}

TEST_CASE("lost between any two steps, with items that failed for a passing reason, all of it comes home once")
{
  for (int moves = 2; moves < 60; moves += 3) {
    CAPTURE(moves);
    auto faults = fast();
    faults.transient_share = 0.3;
    faults.drop_share = 0.1;
    faults.passing_after = 2;
    const int kind = moves / 3 % 4;
    if (kind > 0) faults.expire_batches = {{.batches = {.every = 3}, .after_share = 0.5}};
    if (kind == 1) faults.enqueued_token_limit = 500;
    Arena arena{faults};
    auto ask = arena.ask(30, 10);
    if (kind == 1) allow_parts(arena, ask, 2);
    if (kind == 2) ask.job.request.id_column = "id";
    ask.job.policy.max_attempts = 12;
    bool went_on = false;
    {
      auto process = arena.process();
      went_on = run_until_moved(process, process.make(ask), moves);
    }
    auto process = another(arena);
    if (engine::find_remains(process.tools, process.server, "rows").empty()) continue;
    recover(process, "rows");
    const auto created = arena.ledger("batches_created");
    if (moves % 2 == 0) collect(process, "rows");
    CHECK(arena.ledger("batches_created") == created);
    finish(arena, process, ask, 30);
    if (!went_on) break;
  }
}

TEST_CASE("what answers taught before their job was removed they do not teach twice, nor for another prompt")
{
  for (const bool is_collected : {true, false}) { // before the submit, or by it
    CAPTURE(is_collected);
    Arena arena{fast()};
    auto process = arena.process();
    const auto ask = arena.ask(20, 10);
    const auto name = process.make(ask);
    process.advance(name, Until::ended);
    const auto job = *process.store.job(name);
    const auto seen = [&](const Job& of) {
      return engine::known_of(process.tools, of, job.request.model).whole.outputs.count();
    };
    REQUIRE(seen(job) == 20);
    store::Transaction tx{process.store};
    tx.remove(name);
    tx.commit();
    CHECK(seen(job) == 20);
    recover(process, name);
    if (is_collected) collect(process, name);
    auto unknown = job;
    unknown.request.prompt.clear();
    CHECK(seen(unknown) == 0);
    finish(arena, process, ask, 20);
    CHECK(seen(job) == (is_collected ? 0 : 20));
  }
}

TEST_CASE("how often items are sent is known again before the submit")
{
  for (const int attempts : {1, 3, 5}) {
    CAPTURE(attempts);
    auto faults = fast();
    faults.transient_share = 0.5;
    faults.passing_after = 100;
    Arena arena{faults};
    auto ask = arena.ask(10);
    ask.job.policy.max_attempts = attempts == 3 ? 5 : attempts;
    if (attempts == 3) ask.job.policy.fallback = Fallback::none;
    {
      auto process = arena.process();
      process.advance(process.make(ask), Until::ended);
    }
    auto process = another(arena);
    recover(process, "rows");
    const auto view = collect(process, "rows");
    CHECK(view.state == JobState::done);
    CHECK(view.items.failed > 0);
    CHECK(view.parts.size() == static_cast<std::size_t>(attempts == 3 ? 1 : attempts));
  }
}

TEST_CASE("lost twice, in mid-flight each time")
{
  for (const int moves : {6, 9, 12, 15, 18}) {
    CAPTURE(moves);
    auto faults = fast();
    faults.transient_share = 0.4;
    Arena arena{faults};
    auto ask = arena.ask(40, 10);
    allow_parts(arena, ask, 2);
    {
      auto process = arena.process();
      run_until_moved(process, process.make(ask), moves);
    }
    {
      auto process = another(arena, 2);
      if (engine::find_remains(process.tools, process.server, "rows").empty()) continue;
      recover(process, "rows");
      run_until_moved(process, process.make(ask), moves);
    }
    auto process = another(arena, 3);
    recover(process, "rows");
    finish(arena, process, ask, 40);
  }
}

TEST_CASE("of a part that was cut for the limit, children that were sent and those that were not")
{
  for (const std::size_t sent : {1U, 2U, 3U}) {
    CAPTURE(sent);
    auto faults = fast();
    faults.enqueued_token_limit = 300;
    Arena arena{faults};
    auto ask = arena.ask(40);
    {
      auto process = arena.process();
      const auto job = process.make(ask);
      std::size_t running = 0;
      process.recorder.on_move = [&](const PartMoved& moved) {
        if (moved.part > 1 && moved.to == PartState::running && ++running == sent) process.interrupt.ask(2);
      };
      tests::HandClock clock;
      auto tools = process.tools_with(clock);
      for (int round = 0; round < 500 && !process.interrupt.asked(); ++round) {
        engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
        clock.tick(Millis{61'000});
        std::this_thread::sleep_for(Millis{5});
      }
      REQUIRE(running >= sent);
    }
    arena.server.change(fast());
    auto process = another(arena);
    const auto view = recover(process, "rows");
    CHECK(view.items.items == 40);
    CHECK(unsent(view.parts) > 0);
    finish(arena, process, ask, 40);
    CHECK(arena.ledger("executed_twice") == 0);
  }
}

TEST_CASE("a retry with overrides: what it leaves is asked likewise")
{
  for (const bool is_long : {false, true}) {
    CAPTURE(is_long);
    auto faults = fast();
    Arena arena{faults};
    auto ask = arena.ask(12);
    ask.job.request.max_output_tokens = 1;
    {
      auto process = arena.process();
      const auto job = process.make(ask);
      REQUIRE(process.advance(job, Until::ended).items.failed == 12);
      faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
      faults.transient_share = 0.4;
      arena.server.change(faults);
      const auto lock = engine::take_lock(process.tools, job);
      const std::string user(is_long ? 2'000 : 20, 'u');
      const auto planned = engine::plan_retry(
          process.tools, job, {.model = "gpt-5.4-nano", .max_output_tokens = 400, .set = {{"user", '"' + user + '"'}}});
      engine::begin_retry(process.tools, planned);
    }
    {
      auto process = arena.process();
      process.advance("rows", Until::admitted);
    }
    auto process = another(arena);
    recover(process, "rows");
    const auto part = process.store.parts("rows").back();
    CHECK(part.number == 2);
    CHECK(part.attempt == 2);
    CHECK(part.model == "gpt-5.4-nano");
    CHECK(part.max_output_tokens.has_value() == !is_long);
    CHECK(part.set.empty() == is_long);
    CHECK(was_told(process, "in more words than the server keeps") == is_long);
    faults.stuck_batches.clear();
    arena.server.change(faults);
    if (is_long) {
      CHECK(collect(process, "rows").items.succeeded > 0);
    } else {
      const auto view = finish(arena, process, ask, 12);
      CHECK(view.parts.size() > 2);
      for (const auto& p : view.parts) {
        if (p.attempt > 1) CHECK(p.set == part.set);
      }
    }
  }
}

TEST_CASE("ids of the user's come with the request files; packs that hide them and schemas wait for the submit")
{
  auto faults = fast();
  faults.transient_share = 0.3;
  Arena arena{faults};
  auto ask = arena.ask(20, 5);
  auto standing = Standing::bare;
  ask.job.request.id_column = "id";
  SUBCASE("an id column")
  {
    standing = Standing::recovered;
  }
  SUBCASE("an id column, and packs")
  {
    ask.job.request.endpoint = "/v1/embeddings";
    ask.job.request.model = "text-embedding-3-small";
    ask.job.request.prompt = "{{text}}";
    ask.job.request.inputs_per_request = 2;
    ask.job.limits.requests = 5;
    faults.transient_share = 0;
    arena.server.change(faults);
  }
  SUBCASE("a schema")
  {
    ask.job.request.schema =
        R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})";
  }
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.part == 2 && moved.to == PartState::running) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
  }
  auto process = another(arena);
  CHECK(recover(process, "rows").standing == standing);
  const auto collected = collect(process, "rows");
  CHECK((collected.items.succeeded > 0) == (standing == Standing::recovered));
  CHECK(collected.items.failed == 0);
  const auto job = process.make(ask);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 20);
  const auto lines = tests::split_lines(process.merged(job));
  REQUIRE(lines.size() == 20);
  for (std::size_t i = 0; i < lines.size(); ++i)
    CHECK(lines[i].find(fmt::format(R"("custom_id":"r{}")", i)) != std::string::npos);
  check_ledger(arena);
}

TEST_CASE("embeddings in packs with ids of ours")
{
  Arena arena{fast()};
  auto ask = arena.ask(20, 2);
  ask.job.request.endpoint = "/v1/embeddings";
  ask.job.request.model = "text-embedding-3-small";
  ask.job.request.prompt = "{{text}}";
  ask.job.request.inputs_per_request = 4;
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.to == PartState::running) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
  }
  auto process = another(arena);
  CHECK(recover(process, "rows").standing == Standing::recovered);
  CHECK(collect(process, "rows").items.succeeded > 0);
  const auto view = process.advance(process.make(ask), Until::ended);
  CHECK(view.items.succeeded == 20);
  check_ledger(arena);
  CHECK(arena.ledger("inputs_beyond_copies") == 0);
}

TEST_CASE("ready-made requests: several files, each gets its own output, and what failed in passing goes again")
{
  auto faults = fast();
  faults.transient_share = 0.3;
  Arena arena{faults};
  std::vector<std::string> inputs;
  for (const std::string file : {"a", "b", "c"}) {
    std::string lines;
    for (int i = 0; i < 13; ++i)
      lines += request_line(fmt::format("id-{}", i), "gpt-5.4-mini", fmt::format("{} {}", file, i));
    inputs.push_back(arena.directory.file(file + ".jsonl", lines).native());
  }
  auto ask = ready_made(inputs);
  ask.job.name = "lines";
  for (const int moves : {14, 22, 26}) {
    CAPTURE(moves);
    Arena one{faults};
    {
      auto process = one.process();
      run_until_moved(process, process.make(ask), moves);
    }
    auto process = another(one);
    if (engine::find_remains(process.tools, process.server, "lines").empty()) continue;
    CHECK(recover(process, "lines").standing == Standing::recovered);
    CHECK(fault_of([&] { engine::input_spans(process.tools, "lines"); }, Fault::usage).find("submit") !=
          std::string::npos);
    collect(process, "lines");
    const auto view = process.advance(process.make(ask), Until::ended);
    CHECK(view.items.succeeded == 39);
    const auto spans = engine::input_spans(process.tools, "lines");
    REQUIRE(spans.size() == 3);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      CHECK(spans[i].first == 13 * i);
      CHECK(spans[i].last == 13 * i + 12);
      CHECK(spans[i].items == 13);
    }
    const auto lines = tests::split_lines(process.merged("lines", results::Format::raw));
    REQUIRE(lines.size() == 39);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      CHECK(lines[i].find(fmt::format(R"("id-{}")", i % 13)) != std::string::npos);
      CHECK(lines[i].find(fmt::format("{} {}", "abc"[i / 13], i % 13)) != std::string::npos);
    }
    check_ledger(one);
  }
}

TEST_CASE("ready-made requests of several models are referred to adopt, and nothing is left behind")
{
  Arena arena{fast()};
  std::string lines;
  for (int i = 0; i < 10; ++i)
    lines += request_line(fmt::format("id-{}", i), i % 2 ? "gpt-5.4-mini" : "gpt-5.4-nano", fmt::format("t {}", i));
  auto ask = ready_made({arena.directory.file("lines.jsonl", lines).native()});
  {
    auto process = arena.process();
    process.advance(process.make(ask), Until::ended);
  }
  auto process = another(arena);
  const auto words = fault_of([&] { recover(process, "lines"); }, Fault::config);
  CHECK(words.find("adopt --requests FILE batch_") != std::string::npos);
  CHECK_FALSE(process.store.job("lines"));
}

TEST_CASE("where the input turns out to mix models, a rebuilt job is referred to adopt before anything is sent")
{
  Arena arena{fast()};
  std::string lines;
  for (int i = 0; i < 6; ++i)
    lines +=
        request_line(fmt::format("id-{}", i), i > 2 && i % 2 ? "gpt-5.4-nano" : "gpt-5.4-mini", fmt::format("t {}", i));
  auto ask = ready_made({arena.directory.file("lines.jsonl", lines).native()});
  ask.job.limits.requests = 2;
  {
    auto process = arena.process(); // its first part, the first two lines, is all that was ever sent
    const auto name = process.make(ask);
    const auto job = *process.store.job(name);
    const auto part = process.store.parts(name).front();
    REQUIRE(part.last - part.first + 1 == part.items);
    const auto file = arena.directory / "part.jsonl";
    requests::build(job, part,
                    {.ordinals = arena.directory / "list", .requests = file, .ids = arena.directory / "ids"});
    const auto uploaded = process.client.upload(file, "lines-0001-x.jsonl");
    REQUIRE(
        process.client.create_batch(uploaded.value.id, part.endpoint, engine::metadata_of(job, part, "a-call")).ok());
  }
  auto process = another(arena);
  recover(process, "lines");
  ask.job.name = "lines";
  const auto words = fault_of([&] { engine::draft(process.tools, ask); }, Fault::config);
  CHECK(words.find("adopt --requests FILE batch_") != std::string::npos);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("of several jobs of a name each is found by itself, the newest first; none of another name is")
{
  Arena arena{fast()};
  auto first = arena.ask(10);
  first.job.name = "a";
  auto other = first;
  other.job.name = "a-0001";
  auto second = first;
  second.job.request.prompt = "Otherwise: {{text}}";
  second.inputs = {arena.directory
                       .file("twelve.jsonl",
                             [] {
                               std::string text;
                               for (int i = 0; i < 12; ++i)
                                 text += fmt::format("{{\"text\":\"{}\"}}\n", i);
                               return text;
                             }())
                       .native()};
  std::string uuid;
  {
    auto process = arena.process();
    process.advance(process.make(first), Until::ended);
    process.advance(process.make(other), Until::ended);
    uuid = process.store.job("a")->uuid;
    CHECK(fault_of(
              [&] {
                engine::recover(process.tools, process.server,
                                engine::find_remains(process.tools, process.server, "a").front(), Millis{0});
              },
              Fault::usage)
              .find("there is a job a here") != std::string::npos);
  }
  std::this_thread::sleep_for(Millis{1'100}); // listings tell seconds
  {
    auto process = another(arena, 2);
    process.advance(process.make(second), Until::ended);
  }
  auto process = another(arena, 3);
  CHECK(engine::find_remains(process.tools, process.server, "a-00").empty());
  CHECK(engine::find_remains(process.tools, process.server, "a-0001").size() == 1);
  const auto jobs = engine::find_remains(process.tools, process.server, "a");
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].items == 12);
  CHECK(jobs[1].items == 10);
  CHECK(jobs[1].uuid == uuid);
  engine::recover(process.tools, process.server, jobs[1], Millis{0});
  CHECK(fault_of([&] { process.make(second); }, Fault::usage).find("differs in the input, what is asked") !=
        std::string::npos);
  CHECK(process.store.job("a")->uuid == uuid);
  const auto view = process.advance(process.make(first), Until::ended);
  CHECK(view.items.succeeded == 10);
  CHECK(arena.ledger("batches_created") == 3);
}

TEST_CASE("a batch whose creation nobody heard of shows late, and is waited for")
{
  auto faults = fast();
  faults.list_lag_ms = 500;
  faults.http = {{.method = "POST",
                  .path = "/v1/batches",
                  .calls = {.nth = {2}},
                  .effect = {emulator::Phase::before_effect, emulator::Action::delay},
                  .delay_ms = 700}};
  Arena arena{faults};
  auto ask = arena.ask(20, 10);
  ask.job.policy.enqueued_tokens = 100'000;
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    int running = 0;
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.to == PartState::running && ++running == 2) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
    REQUIRE(running == 2);
  }
  auto process = another(arena);
  CHECK(unsent(recover(process, "rows", Millis{800}).parts) == 0);
  CHECK(was_told(process, "looking again"));
  finish(arena, process, ask, 20);
  CHECK(arena.ledger("batches_created") == 2);
}

TEST_CASE("of twins one is kept, and the other is cancelled by the next command")
{
  auto faults = fast();
  faults.stuck_batches = {{.batches = {}, .after_share = 0}};
  Arena arena{faults};
  auto ask = arena.ask(10);
  std::vector<BatchId> both; // the older first
  {
    auto process = arena.process();
    process.advance(process.make(ask), Until::admitted);
    const auto part = process.store.parts("rows").front();
    both.push_back(part.batch);
    auto metadata = process.client.batch(part.batch).value.metadata;
    metadata["bw_call"] = make_uuid();
    const auto reply = process.client.create_batch(part.file, "/v1/chat/completions", metadata);
    REQUIRE(reply.ok());
    both.push_back(reply.value.id);
  }
  auto process = another(arena);
  recover(process, "rows");
  CHECK(process.store.parts("rows").front().batch == both.front());
  poll_until(process, "rows", Sending::no,
             [&](const JobView&) { return process.client.batch(both.back()).value.status == "cancelled"; });
  arena.server.change(fast());
  const auto job = process.make(ask);
  CHECK(process.advance(job, Until::ended).items.succeeded == 10);
  CHECK(process.store.parts("rows").front().batch == both.front());
  CHECK(arena.ledger("batches_cancelled") == 1);
  CHECK(arena.ledger("answers_beyond_copies") == 0);
}

TEST_CASE("parts that were refused for room wait, and go when the submit is given")
{
  auto faults = fast();
  faults.enqueued_token_limit = 350;
  faults.stuck_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}};
  Arena arena{faults};
  auto ask = arena.ask(40, 10);
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    for (int round = 0; round < 500 && arena.ledger("refused_for_room") == 0; ++round) {
      process.advance(job, Until::idle);
      std::this_thread::sleep_for(Millis{5});
    }
    REQUIRE(arena.ledger("refused_for_room") > 0);
  }
  auto process = another(arena);
  recover(process, "rows");
  const auto created = arena.ledger("batches_created");
  poll_until(process, "rows", Sending::yes, [](const JobView& v) {
    return std::any_of(v.parts.begin(), v.parts.end(), [](const Part& p) { return p.state == PartState::queued; });
  });
  CHECK(arena.ledger("batches_created") == created);
  const auto waiting = unsent(engine::look(process.tools, "rows").parts);
  CHECK(waiting >= 20); // all but one or two parts
  CHECK(waiting <= 30);
  arena.server.change(fast());
  ask.job.policy.enqueued_tokens = 100'000;
  finish(arena, process, ask, 40);
  CHECK(arena.ledger("executed_twice") == 0);
}

TEST_CASE("a batch that failed naming a line: the line fails, the rest goes again, whenever the state was lost")
{
  for (const bool later : {false, true}) {
    CAPTURE(later);
    auto faults = fast();
    faults.fail_batches = {{.batches = {.nth = {1}}, .code = "invalid_request", .message = "bad line", .line = 3}};
    Arena arena{faults};
    auto ask = arena.ask(10);
    {
      auto process = arena.process();
      const auto job = process.make(ask);
      process.recorder.on_move = [&](const PartMoved& moved) {
        if (moved.to == (later ? PartState::running : PartState::ended) && moved.part == (later ? 2 : 1))
          process.interrupt.ask(2);
      };
      process.advance(job, Until::idle);
    }
    auto process = another(arena);
    recover(process, "rows");
    const auto view = collect(process, "rows", Until::ended);
    CHECK(view.items.failed == 1);
    CHECK(view.items.pending() + view.items.succeeded == 9);
    check_ledger(arena);
  }
}

TEST_CASE("request files that are gone")
{
  auto faults = fast();
  Arena arena{faults};
  auto ask = arena.ask(20, 10);
  SUBCASE("of ranges with ids of ours are not missed")
  {
    {
      auto process = arena.process();
      process.advance(process.make(ask), Until::ended);
    }
    faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
    arena.server.change(faults);
    auto process = another(arena);
    CHECK(recover(process, "rows").standing == Standing::recovered);
    CHECK(collect(process, "rows").items.succeeded == 20);
    finish(arena, process, ask, 20);
  }
  SUBCASE("with the user's ids wait for the input")
  {
    ask.job.request.id_column = "id";
    {
      auto process = arena.process();
      process.advance(process.make(ask), Until::ended);
    }
    faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
    arena.server.change(faults);
    auto process = another(arena);
    CHECK(recover(process, "rows").standing == Standing::bare);
    CHECK(collect(process, "rows").items.succeeded == 0);
    finish(arena, process, ask, 20);
    CHECK(arena.ledger("batches_created") == 2);
  }
  SUBCASE("of items that were sent again cannot be told: that is said")
  {
    faults.transient_share = 0.4;
    arena.server.change(faults);
    {
      auto process = arena.process();
      process.advance(process.make(ask), Until::ended);
    }
    REQUIRE(arena.ledger("batches_created") == 3);
    faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
    arena.server.change(faults);
    auto process = another(arena);
    recover(process, "rows");
    CHECK(was_told(process, "its answers are not used"));
    const auto view = collect(process, "rows");
    CHECK(view.items.succeeded + view.items.pending() == 20);
    CHECK(view.items.pending() > 0);
  }
  SUBCASE("of items that are just sent again stop the rebuilding")
  {
    faults.transient_share = 0.4;
    faults.stuck_batches = {{.batches = {.nth = {3}}, .after_share = 0.5}};
    arena.server.change(faults);
    {
      auto process = arena.process();
      const auto job = process.make(ask);
      process.recorder.on_move = [&](const PartMoved& moved) {
        if (moved.part > 2 && moved.to == PartState::running) process.interrupt.ask(2);
      };
      process.advance(job, Until::ended);
    }
    faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
    arena.server.change(faults);
    auto process = another(arena);
    CHECK(fault_of([&] { recover(process, "rows"); }, Fault::config).find("nobody can tell its items") !=
          std::string::npos);
    CHECK_FALSE(process.store.job("rows"));
  }
}

TEST_CASE("before the submit nothing is sent, and what needs the input says so")
{
  auto faults = fast();
  faults.fail_share = 0.2;
  Arena arena{faults};
  auto ask = arena.ask(30, 10);
  allow_parts(arena, ask, 1);
  {
    auto process = arena.process();
    const auto job = process.make(ask);
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.to == PartState::running) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
  }
  auto process = another(arena);
  recover(process, "rows");
  const auto created = arena.ledger("batches_created");
  const auto uploads = tests::split_lines(arena.server.ledger()).size();
  auto view = process.advance("rows", Until::ended); // as `poll` and `run`, which may send
  CHECK(view.state == JobState::open);
  CHECK(view.items.pending() == 20);
  CHECK(arena.ledger("batches_created") == created);
  CHECK(tests::split_lines(arena.server.ledger()).size() == uploads);
  CHECK(engine::open_jobs(process.tools) == std::vector<std::string>{"rows"});
  {
    const auto lock = engine::take_lock(process.tools, "rows");
    CHECK(fault_of([&] { engine::plan_retry(process.tools, "rows", {}); }, Fault::usage).find("submit") !=
          std::string::npos);
  }
  for (const auto format : {results::Format::csv, results::Format::tsv})
    CHECK(fault_of([&] { process.merged("rows", format, results::Pending::leave_out); }, Fault::usage).find("submit") !=
          std::string::npos);

  SUBCASE("cancelled, what was never sent fails, and a submit changes nothing of that")
  {
    engine::wish_cancel(process.tools, "rows", Cancel::harvest);
    view = collect(process, "rows");
    CHECK(view.state == JobState::done);
    CHECK(view.items.succeeded + view.items.failed == 30);
    const auto done = process.advance(process.make(ask), Until::ended);
    CHECK(done.items == view.items);
    CHECK(arena.ledger("batches_created") == created);
  }
  SUBCASE("with another input or other options it is another job")
  {
    auto given = ask;
    given.job.name = "rows";
    given.job.request.prompt = "Otherwise: {{text}}";
    CHECK(fault_of([&] { process.make(given); }, Fault::usage).find("differs in what is asked") != std::string::npos);
    given = arena.ask(31, 10); // the file is another one now
    given.job.name = "rows";
    CHECK(fault_of([&] { process.make(given); }, Fault::usage).find("differs in the input") != std::string::npos);
    given.job.name.clear();
    CHECK(process.make(given) == "rows-2");
    CHECK(engine::look(process.tools, "rows").standing == Standing::recovered);
  }
  SUBCASE("with the user's output and hook the submit hands over")
  {
    ask.job.handover.out = (arena.directory / "out.jsonl").native();
    ask.job.policy.enqueued_tokens = 0;
    const auto job = process.make(ask);
    CHECK(process.advance(job, Until::ended).owes_handover());
    check_ledger(arena);
  }
}

TEST_CASE("cancelled with the user's ids, batches stop at once, and the rest fails when the input tells its ids")
{
  for (const auto wish : {Cancel::harvest, Cancel::abandon}) {
    auto faults = fast();
    faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
    Arena arena{faults};
    auto ask = arena.ask(20, 10);
    ask.job.request.id_column = "id";
    allow_parts(arena, ask, 1);
    {
      auto process = arena.process();
      process.advance(process.make(ask), Until::admitted);
    }
    auto process = another(arena);
    recover(process, "rows");
    poll_until(process, "rows", Sending::no, [](const JobView& v) { return v.parts.front().remote.completed == 5; });
    engine::wish_cancel(process.tools, "rows", wish);
    auto view = collect(process, "rows");
    CHECK(view.state == JobState::cancelling);
    CHECK(view.items.succeeded == 5);
    CHECK(view.items.failed == 5);
    CHECK(arena.ledger("batches_cancelled") == 1);
    view = process.advance(process.make(ask), Until::ended);
    CHECK(view.state == JobState::done);
    CHECK(view.items.succeeded == 5);
    CHECK(view.items.failed == 15);
    CHECK(process.merged("rows").find(R"("custom_id":"r19")") != std::string::npos);
    CHECK(arena.ledger("batches_created") == 1);
  }
}

TEST_CASE("cancelled before its answers can be judged, batches stop, and the submit judges what they finished")
{
  auto faults = fast();
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  Arena arena{faults};
  auto ask = arena.ask(20, 10);
  ask.job.request.schema =
      R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false})";
  allow_parts(arena, ask, 1);
  {
    auto process = arena.process();
    process.advance(process.make(ask), Until::admitted);
  }
  auto process = another(arena);
  recover(process, "rows");
  poll_until(process, "rows", Sending::no, [](const JobView& v) { return v.parts.front().remote.completed == 5; });
  engine::wish_cancel(process.tools, "rows", Cancel::harvest);
  CHECK(collect(process, "rows").items.pending() == 20);
  CHECK(arena.ledger("batches_cancelled") == 1);
  const auto view = process.advance(process.make(ask), Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 5);
  CHECK(view.items.failed == 15);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("where nobody can tell what any batch holds, the submit cuts all of the input anew")
{
  auto faults = fast();
  Arena arena{faults};
  auto ask = arena.ask(20, 6);
  ask.job.name = "rows";
  auto process = another(arena);
  {
    auto before = arena.process();
    before.advance(before.make(ask), Until::ended);
    const auto part = before.store.parts("rows").front();
    auto metadata = before.client.batch(part.batch).value.metadata;
    metadata["bw_job"] = "other";
    metadata["bw_count"] = "3"; // no range: the request file would tell
    metadata["bw_form"] = R"({"model":"gpt-5.4-mini","requests":3,"pack":1})";
    REQUIRE(before.client.create_batch(part.file, "/v1/chat/completions", metadata).ok());
  }
  std::this_thread::sleep_for(Millis{300}); // it ends
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::input}};
  arena.server.change(faults);
  CHECK(unsent(recover(process, "other").parts) == 20);
  arena.server.change(fast());
  ask.job.name = "other";
  const auto view = process.advance(process.make(ask), Until::ended);
  CHECK(view.items.succeeded == 20);
  CHECK(std::count_if(view.parts.begin(), view.parts.end(),
                      [](const Part& p) { return p.state == PartState::settled && p.items <= 6; }) == 4);
}

TEST_CASE("stopped or refused at any moment, rebuilding has happened or has not, and can be done again")
{
  auto faults = fast();
  faults.transient_share = 0.4;
  Arena arena{faults};
  auto ask = arena.ask(20, 10);
  {
    auto process = arena.process();
    process.advance(process.make(ask), Until::ended);
  }
  int refused = 0;
  for (int n = 1; n < 8; ++n) {
    CAPTURE(n);
    faults.http = {{.method = "GET", .calls = {.nth = {n}}, .effect = emulator::Effect::status, .status = 403}};
    arena.server.change(faults);
    auto process = another(arena, 100 + n);
    try {
      recover(process, "rows");
    } catch (const Error&) {
      ++refused;
      CHECK_FALSE(process.store.job("rows"));
    }
    faults.http.clear();
    arena.server.change(faults);
    if (!process.store.job("rows")) recover(process, "rows");
    CHECK(collect(process, "rows").items.succeeded == 20);
  }
  CHECK(refused >= 2); // the listing, and the requests of what was sent again

  /// Asks to stop at its n-th event.
  struct Stopper final : Observer {
    Stopper(Interrupt& which, int at) : interrupt(which), left(at) {}
    void on(const Event&) override
    {
      if (--left == 0) interrupt.ask(2);
    }
    Interrupt& interrupt;
    int left;
  };
  int n = 1;
  for (bool is_through = false; !is_through; ++n) {
    REQUIRE(n < 50);
    CAPTURE(n);
    const auto home = arena.directory / fmt::format("stopped{}", n);
    {
      Process process{home, arena.server.url()};
      Stopper stopper{process.interrupt, n};
      engine::Tools tools{
          process.store,     process.layout, process.tools.prices, process.tools.profile, process.tools.clock,
          process.interrupt, stopper};
      try {
        const auto jobs = engine::find_remains(tools, process.server, "rows");
        engine::recover(tools, process.server, jobs.front(), Millis{0});
        is_through = true;
      } catch (const Error& e) {
        CHECK(static_cast<int>(e.fault()) == static_cast<int>(Fault::interrupted));
        CHECK_FALSE(process.store.job("rows"));
      }
    }
    Process process{home, arena.server.url()};
    if (!is_through) recover(process, "rows");
    CHECK(collect(process, "rows").items.succeeded == 20);
  }
  CHECK(n > 3);
}

TEST_CASE("what a server says of a batch is believed only where a part can be so")
{
  Arena arena{fast()};
  auto ask = arena.ask(10);
  auto process = another(arena);
  wire::Metadata metadata;
  FileId file;
  {
    auto before = arena.process();
    before.advance(before.make(ask), Until::ended);
    const auto part = before.store.parts("rows").front();
    file = part.file;
    metadata = before.client.batch(part.batch).value.metadata;
  }
  const auto with = [&](const wire::Metadata& changes) {
    auto other = metadata;
    for (const auto& [key, value] : changes)
      other[key] = value;
    REQUIRE(process.client.create_batch(file, "/v1/chat/completions", other).ok());
  };
  with({{"bw_items", "1000000000000000000"}, {"bw_last", "999999999999999999"}, {"bw_count", "1000000000000000000"}});
  with({{"bw_part", "2147483647"}});
  with({{"bw_part", "2"}, {"bw_items", "11"}, {"bw_last", "10"}, {"bw_count", "11"}});
  with({{"bw_form", "{}"}});
  const auto bomb = process.client.upload(
      arena.directory.file("bomb", "{\"custom_id\":\"bw-0000000000x900000000000000000\"}\n"), "bomb.jsonl");
  REQUIRE(bomb.ok());
  file = bomb.value.id;
  with({{"bw_job", "bomb"}, {"bw_last", "5"}, {"bw_count", "3"}, {"bw_form", R"({"requests":1,"pack":9})"}});
  CHECK(fault_of([&] { recover(process, "bomb"); }, Fault::config).find("does not hold the 3 items") !=
        std::string::npos);
  const auto jobs = engine::find_remains(process.tools, process.server, "rows");
  REQUIRE(jobs.size() == 1);
  CHECK(was_told(process, "it is left alone"));
  CHECK(jobs.front().batches.size() == 1); // all of them say how many items the job has
}

TEST_SUITE_END();
