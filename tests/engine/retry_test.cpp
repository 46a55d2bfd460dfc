// Failed items again: what is chosen, what is sent, and that a process killed anywhere leaves the old state or the new.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"

#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <thread>

using namespace batchwright;
using engine::Until;
using tests::Arena;
using tests::Process;

namespace {

namespace fs = std::filesystem;

/// Plans and begins it, as the command does after consent. Returns what it came to.
PlanView retry(Process& process, const std::string& job, const engine::RetryAsk& ask)
{
  const auto lock = engine::take_lock(process.tools, job);
  const auto planned = engine::plan_retry(process.tools, job, ask);
  if (!planned.parts.empty()) engine::begin_retry(process.tools, planned);
  return planned.plan;
}

/// The indices of the records that have a status.
std::set<std::int64_t> with_status(const std::string& merged, std::string_view status)
{
  std::set<std::int64_t> found;
  json::Document doc;
  for (const auto& line : tests::split_lines(merged)) {
    REQUIRE(doc.parse(line));
    if (doc.root().find("status")->text() == status) found.insert(*doc.root().find("index")->integer());
  }
  return found;
}

std::uint64_t items_of(const std::vector<Part>& parts)
{
  std::uint64_t sum = 0;
  for (const auto& p : parts)
    sum += p.items;
  return sum;
}

/// Half of the items are hit for a passing reason, and the first attempt is the last.
emulator::Faults passing()
{
  emulator::Faults faults;
  faults.transient_share = 0.5;
  return faults;
}

engine::Ask once(Arena& arena, int items, std::uint64_t requests_per_part)
{
  auto ask = arena.ask(items, requests_per_part);
  ask.job.policy.max_attempts = 1;
  return ask;
}

std::string text_of(int i)
{
  return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i);
}

} // namespace

TEST_SUITE_BEGIN("engine::retry");

TEST_CASE(
    "failed items of several parts are gathered into one, get one attempt beyond the last, and come home in order")
{
  Arena arena{passing()};
  auto process = arena.process();
  const auto job = process.make(once(arena, 40, 10));
  const auto first = process.advance(job, Until::ended);
  REQUIRE(first.items.failed > 5);
  CHECK(first.state == JobState::done);
  const auto spent = first.spent.value();

  const auto plan = retry(process, job, {});
  CHECK(plan.items == first.items.failed);
  const auto opened = engine::look(process.tools, job);
  CHECK(opened.state == JobState::open);
  CHECK(opened.items.failed == 0);
  CHECK(opened.items.pending() == first.items.failed);
  CHECK(opened.spent.value() == spent); // what was paid stays paid
  CHECK(opened.estimated.value() > first.estimated.value());

  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 40);
  CHECK(view.parts.back().attempt == 2);
  CHECK(view.spent.value() > spent);
  tests::check_answers(process.merged(job), 40, text_of);
  CHECK(arena.ledger("executed_again_after_success") == 0);
  CHECK(arena.ledger("answers_beyond_copies") == 0);
  // Ten requests a part, as the job says: no more parts than that takes.
  CHECK(view.parts.size() == 4 + (first.items.failed + 9) / 10);
}

TEST_CASE("only items whose records keep to all conditions are sent again")
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  faults.truncate_share = 0.3;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(60));
  const auto before = process.advance(job, Until::ended);
  const auto merged = process.merged(job);
  const auto count = [&](std::string_view word) {
    const auto lines = tests::split_lines(merged);
    return static_cast<std::uint64_t>(std::count_if(
        lines.begin(), lines.end(), [&](const auto& line) { return line.find(word) != std::string_view::npos; }));
  };
  const auto planned = [&](const std::vector<std::string>& where) {
    const auto lock = engine::take_lock(process.tools, job);
    return engine::plan_retry(process.tools, job, {.where = where}).plan.items;
  };
  const auto truncated = count(R"("code":"truncated")");
  const auto refused = count(R"("http_status":400)");
  REQUIRE(truncated > 3);
  REQUIRE(refused > 3);
  CHECK(planned({}) == truncated + refused);
  CHECK(planned({"error.code=truncated"}) == truncated);
  CHECK(planned({"error.http_status=400"}) == refused);
  CHECK(planned({"finish_reason=length"}) == truncated);
  CHECK(planned({"finish_reason=null"}) == refused);
  CHECK(planned({"paid=true", "attempt=1"}) == truncated);
  CHECK(planned({"error.code=truncated", "error.http_status=400"}) == 0);
  CHECK(planned({"error.nothing=there"}) == 0);
  for (const auto* bad : {"error.code", "=truncated", "text=row 1"})
    CHECK_THROWS_AS(planned({bad}), Error);
  CHECK(engine::look(process.tools, job).items == before.items); // planning changes nothing

  const auto plan = retry(process, job, {.where = {"error.code=truncated"}});
  CHECK(plan.items == truncated);
  const auto view = process.advance(job, Until::ended);
  CHECK(with_status(process.merged(job), "failed") == with_status(merged, "failed")); // the same fate again
  CHECK(view.parts.back().items == truncated);
  CHECK(arena.ledger("requests_executed") == static_cast<std::int64_t>(60 + truncated));
}

TEST_CASE("overrides hold for the items that are sent again, in every attempt of theirs, and for no others")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(20);
  ask.job.request.max_output_tokens = 1;
  ask.job.request.set = {{"temperature", "1"}};
  const auto job = process.make(ask);
  const auto cut = process.advance(job, Until::ended);
  REQUIRE(cut.items.failed == 20);

  const auto plan =
      retry(process, job,
            {.model = "gpt-5.4-nano", .max_output_tokens = 400, .set = {{"temperature", "0"}, {"user", R"("x")"}}});
  CHECK(plan.model == "gpt-5.4-nano");
  CHECK(plan.estimate.output == Tokens{20 * 400});
  CHECK(plan.estimate.basis == Basis::bound);
  const auto part = process.store.parts(job).back();
  CHECK(part.model == "gpt-5.4-nano");
  CHECK(part.max_output_tokens == 400);
  CHECK(part.set == R"({"temperature":0,"user":"x"})");

  process.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to != PartState::uploading) return;
    const auto lines = tests::slurp(process.layout.job(job).requests(moved.part));
    CHECK(lines.find(R"("model":"gpt-5.4-nano")") != std::string::npos);
    CHECK(lines.find(R"("max_completion_tokens":400)") != std::string::npos);
    CHECK(lines.find(R"("temperature":0,"user":"x")") != std::string::npos);
  };
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 20);
  tests::check_answers(process.merged(job), 20, text_of);
  CHECK(arena.ledger("executed_twice") == 0); // other bodies
}

TEST_CASE("a bound may be set in the other way than the job set it, and a body template's model gives way")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(5);
  ask.job.request.prompt.clear();
  ask.job.request.model.clear();
  ask.job.request.body =
      R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":"{{text}}"}],"max_completion_tokens":1})";
  const auto job = process.make(ask);
  REQUIRE(process.advance(job, Until::ended).items.failed == 5);
  retry(process, job, {.model = "gpt-5.4", .set = {{"max_completion_tokens", "300"}}});
  CHECK(process.advance(job, Until::ended).items.succeeded == 5);
  CHECK(process.merged(job).find("gpt-5.4-mini") == std::string::npos);
}

TEST_CASE("items that a retry sends keep to the limits of parts, tokens too")
{
  Arena arena{passing()};
  auto process = arena.process();
  auto ask = once(arena, 60, 50'000);
  ask.job.limits.tokens = 200;
  const auto job = process.make(ask);
  const auto first = process.advance(job, Until::ended);
  const auto plan = retry(process, job, {});
  CHECK(plan.parts > 1);
  std::set<int> fresh;
  for (const auto& part : process.store.parts(job)) {
    if (part.state != PartState::planned) continue;
    fresh.insert(part.number);
    CHECK(part.input_tokens.n <= 200);
  }
  CHECK(fresh.size() == plan.parts);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 60);
}

TEST_CASE("packed items and items with ids of the user's are sent again one by one")
{
  Arena arena{passing()};
  auto process = arena.process();
  auto ask = once(arena, 90, 2);
  ask.job.request.endpoint = "/v1/embeddings";
  ask.job.request.model = "text-embedding-3-small";
  ask.job.request.prompt = "{{text}}";
  ask.job.request.id_column = "id";
  ask.job.request.inputs_per_request = 8;
  const auto job = process.make(ask);
  const auto first = process.advance(job, Until::ended);
  REQUIRE(first.items.failed > 0);
  const auto plan = retry(process, job, {});
  CHECK(plan.items == first.items.failed);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 90);
  CHECK(tests::split_lines(process.merged(job)).at(89).find(R"("custom_id":"r89")") != std::string::npos);
}

TEST_CASE("a retry again, and yet again, and what is accepted later, count each item once")
{
  emulator::Faults faults;
  faults.truncate_share = 0.4;
  faults.fail_share = 0.2;
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(50, 20);
  const auto job = process.make(ask);
  const auto before = process.advance(job, Until::ended);
  for (int round = 1; round <= 3; ++round) {
    const auto plan = retry(process, job, {.where = {"error.code=truncated"}});
    CHECK(plan.items > 0);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.items == before.items);
    CHECK(view.parts.back().attempt == 1 + round);
  }
  ask.job.policy.accept = "truncated";
  process.make(ask);
  const auto kind = process.advance(job, Until::ended);
  CHECK(kind.items.failed < before.items.failed);
  CHECK(with_status(process.merged(job), "failed").size() == kind.items.failed);
  CHECK(retry(process, job, {.where = {"error.code=truncated"}}).items == 0);
}

TEST_CASE("while other parts run, items of parts that are settled are sent again")
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  faults.stuck_batches = {{.batches = {.nth = {2}}, .after_share = 0.5}};
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(40, 20));
  const auto settled = [&](int parts) {
    auto view = process.advance(job, Until::admitted);
    const auto count = [&] {
      return std::count_if(view.parts.begin(), view.parts.end(),
                           [](const Part& p) { return p.state == PartState::settled; });
    };
    for (int round = 0; round < 500 && count() < parts; ++round) {
      std::this_thread::sleep_for(Millis{10});
      view = process.advance(job, Until::idle);
    }
    return view;
  };
  const auto failed = settled(1).items.failed;
  REQUIRE(failed > 0);
  CHECK(retry(process, job, {}).items == failed);
  const auto view = settled(2);
  CHECK(view.items.failed == failed);
  CHECK(view.items.pending() == 20);
}

TEST_CASE("items of a batch that was given up are not sent again while it may still answer them")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.cancelling_ms = 600;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20));
  process.advance(job, Until::admitted);
  engine::wish_cancel(process.tools, job, Cancel::abandon);
  REQUIRE(process.advance(job, Until::idle, engine::Sending::no).items.failed == 20);
  try {
    retry(process, job, {});
    FAIL("items were bought twice");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::usage);
    CHECK(error.hint().find("fetch") != std::string::npos);
  }
  auto view = engine::look(process.tools, job);
  for (int round = 0; round < 500 && view.parts.front().state == PartState::abandoned; ++round) {
    std::this_thread::sleep_for(Millis{10});
    view = process.advance(job, Until::idle, engine::Sending::no);
  }
  const auto came_home = view.items.succeeded;
  CHECK(came_home > 0);
  CHECK(retry(process, job, {}).items == 20 - came_home); // cancelled by the user, sent again by the user
  CHECK(engine::look(process.tools, job).state == JobState::open);
}

TEST_CASE("where so much of a part fails for good, nothing more is sent until the user says so")
{
  emulator::Faults faults;
  faults.bad_text = "text 1"; // 1 and 10 to 19
  Arena arena{faults};
  auto process = arena.process();
  auto ask = arena.ask(40, 10);
  ask.job.policy.stop_on_failures = 50'000'000;
  ask.job.policy.enqueued_tokens = 300; // one part at a time
  const auto job = process.make(ask);
  const auto held = process.advance(job, Until::ended);
  CHECK(held.pause == Pause::failures);
  CHECK(held.state == JobState::paused);
  CHECK(exit_for(held) == Exit::some_failed);
  CHECK(held.message.find("10 of 10 items of part 2") != std::string::npos);
  CHECK(held.items.pending() > 0);
  const auto sent = arena.ledger("batches_created");

  CHECK(process.advance(job, Until::idle).pause == Pause::failures); // `poll` does not go on
  process.make(ask);                                                 // nor does the same submit again
  CHECK(process.advance(job, Until::ended).pause == Pause::failures);
  CHECK(arena.ledger("batches_created") == sent);

  SUBCASE("by another bound")
  {
    ask.job.policy.stop_on_failures = 0;
    process.make(ask);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.state == JobState::done);
    CHECK(view.items.failed == 11);
  }
  SUBCASE("by sending what failed again")
  {
    CHECK(retry(process, job, {}).items == 11);
    CHECK(engine::look(process.tools, job).pause == Pause::none);
    const auto view = process.advance(job, Until::ended); // holds again: the same items failed again
    CHECK(view.items.failed <= 11);
    CHECK(arena.ledger("batches_created") > sent);
  }
}

TEST_CASE("failures that may pass do not count as failed for good")
{
  auto faults = passing();
  faults.passing_after = 100;
  faults.transient_share = 1;
  Arena arena{faults};
  auto process = arena.process();
  auto ask = once(arena, 20, 10);
  ask.job.policy.stop_on_failures = 1;
  const auto job = process.make(ask);
  CHECK(process.advance(job, Until::ended).items.failed == 20);
}

TEST_CASE("killed between any two steps, a retry has happened or has not")
{
  Arena arena{passing()};
  std::string job;
  {
    auto process = arena.process();
    job = process.make(once(arena, 40, 10));
    process.advance(job, Until::ended);
  }
  const auto home = arena.directory / "home";
  const auto files_of = [&] {
    std::set<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{home}) {
      if (entry.is_regular_file()) files.insert(fs::relative(entry.path(), home));
    }
    return files;
  };
  const auto before = arena.directory / "before";
  const auto after = arena.directory / "after";
  fs::copy(home, before, fs::copy_options::recursive);
  std::string merged_before;
  {
    auto process = arena.process();
    merged_before = process.merged(job);
    REQUIRE(retry(process, job, {}).items > 0);
  }
  fs::copy(home, after, fs::copy_options::recursive);

  // What the retry made, and what it removed: a process that was killed made a first few of these, in this order.
  std::vector<fs::path> made;
  std::vector<fs::path> removed;
  for (const auto& file : files_of()) {
    if (!fs::exists(before / file) && file.native().starts_with("jobs/")) made.push_back(file);
  }
  fs::remove_all(home);
  fs::copy(before, home, fs::copy_options::recursive);
  for (const auto& file : files_of()) {
    if (!fs::exists(after / file) && file.native().starts_with("jobs/")) removed.push_back(file);
  }
  REQUIRE(made.size() >= 5); // an outcome file for each part, and a list
  REQUIRE(removed.size() == 4);

  for (std::size_t steps = 0; steps <= made.size() + removed.size(); ++steps) {
    CAPTURE(steps);
    const bool committed = steps > made.size();
    fs::remove_all(home);
    fs::copy(committed ? after : before, home, fs::copy_options::recursive);
    for (std::size_t i = 0; i < std::min(steps, made.size()); ++i)
      fs::copy_file(after / made[i], home / made[i], fs::copy_options::overwrite_existing);
    for (std::size_t i = steps - made.size(); committed && i < removed.size(); ++i)
      fs::copy_file(before / removed[i], home / removed[i]);

    auto process = arena.process();
    const auto view = engine::look(process.tools, job);
    const auto failed = with_status(merged_before, "failed");
    if (committed) {
      CHECK(view.items.pending() == failed.size());
      CHECK(with_status(process.merged(job, results::Format::jsonl, results::Pending::leave_out), "failed").empty());
    } else {
      CHECK(view.state == JobState::done);
      CHECK(process.merged(job) == merged_before);
      CHECK(retry(process, job, {}).items == failed.size()); // and it can be done again
    }
    const auto parts = process.store.parts(job);
    CHECK(items_of(parts) == 40 + failed.size());
    for (const auto& part : parts) {
      CHECK(fs::exists(process.layout.job(job).ordinals(part.number)) == part.listed);
    }
    process.advance(job, Until::ended);
    const auto settled = process.store.parts(job).size();
    const auto files = files_of();
    const auto outcomes = std::count_if(files.begin(), files.end(), [](const fs::path& file) {
      return file.filename().native().find(".outcomes") != std::string::npos;
    });
    CHECK(static_cast<std::size_t>(outcomes) == settled); // none from before, whenever it was killed
  }
}

TEST_SUITE_END();
