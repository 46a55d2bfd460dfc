#include "tests/emulator/raw_client.hpp"
#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::HandClock;

namespace {

constexpr Millis minute{60'000};
constexpr Millis hour{3'600'000};

/// A job whose parts all find room at once, as far as we know.
engine::Ask roomy(Arena& arena, int items, std::uint64_t requests_per_part)
{
  auto ask = arena.ask(items, requests_per_part);
  ask.job.policy.enqueued_tokens = 1'000'000'000;
  return ask;
}

/// Creates all batches and asks for none.
void send(tests::Process& process, engine::Server& server, const std::string& job)
{
  engine::advance(process.tools, server, job, {.until = Until::sent, .sending = Sending::yes, .every = hour});
}

/// How often the server got a call, by its ledger.
std::int64_t calls(Arena& arena, std::string_view method, std::string_view route)
{
  const auto text = arena.server.ledger();
  json::Document doc;
  REQUIRE(doc.parse(text));
  for (const auto& call : doc.root().find("calls")->elements()) {
    if (call.find("method")->text() == method && call.find("route")->text() == route)
      return call.find("calls")->integer().value();
  }
  return 0;
}

/// A job whose batches have ended at the server, looked at by a process whose clock is moved by hand.
struct Bench {
  explicit Bench(const emulator::Faults& faults, int items = 10, std::uint64_t requests_per_part = 50'000)
      : arena(faults), job(process.make(roomy(arena, items, requests_per_part)))
  {
    send(process, process.server, job);
    for (int round = 0; round < 1'000 && !has_ended(); ++round)
      std::this_thread::sleep_for(Millis{10});
    REQUIRE(has_ended());
  }

  bool has_ended()
  {
    const auto parts = process.store.parts(job);
    return std::all_of(parts.begin(), parts.end(), [&](const Part& p) {
      return wire::phase(process.client.batch(p.batch).value.status) == wire::BatchPhase::finished;
    });
  }

  /// What a `poll` does.
  JobView poll()
  {
    auto tools = process.tools_with(clock);
    return engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
  }

  JobView poll_after(Millis by)
  {
    clock.tick(by);
    return poll();
  }

  /// Polls every few seconds until the part is settled or so much time has passed; returns how much did.
  Millis poll_until_settled(Millis at_most)
  {
    constexpr Millis step{5'000};
    Millis passed{0};
    while (poll().parts.front().state != PartState::settled && passed < at_most) {
      clock.tick(step);
      passed += step;
    }
    return passed;
  }

  Part part() { return process.store.parts(job).front(); }
  std::int64_t downloads() { return calls(arena, "GET", "/v1/files/*/content"); }
  bool was_told(std::string_view words) const
  {
    const auto& notes = process.recorder.notes;
    return std::any_of(notes.begin(), notes.end(), [&](const auto& n) { return n.find(words) != std::string::npos; });
  }

  Arena arena;
  tests::Process process = arena.process();
  std::string job;
  HandClock clock = {};
};

/// How often each error code stands in a merged result, with "paid" where it is; "" counts the successes.
std::map<std::string, int> codes_of(const std::string& merged)
{
  std::map<std::string, int> codes;
  json::Document doc;
  for (const auto& line : tests::split_lines(merged)) {
    REQUIRE(doc.parse(line));
    const auto code = doc.root().find("error", "code");
    const bool paid = line.find(R"("paid":true)") != std::string::npos;
    ++codes[code ? std::string{*code->text()} + (paid ? " paid" : "") : std::string{}];
  }
  return codes;
}

/// The content of a file is this for the first `calls` downloads, and nothing tells its length.
std::vector<emulator::HttpFault> content_at_first(const std::string& body, int status = 200,
                                                  std::vector<std::int64_t> calls = {1})
{
  emulator::HttpFault content;
  content.method = "GET";
  content.path = "/v1/files/*/content";
  content.calls.nth = std::move(calls);
  content.effect = emulator::Effect::status;
  content.status = status;
  content.body = body;
  emulator::HttpFault description = content;
  description.path = "/v1/files/*";
  description.calls = {};
  description.status = 404;
  description.body.clear();
  return {content, description};
}

/// Five lines that are no JSON but the last, which is nobody's.
constexpr auto garbage = "x\nx\nx\nx\n{}\n";

} // namespace

TEST_SUITE_BEGIN("engine::collect");

TEST_CASE("files that a batch names late are waited for, and nothing is sent again")
{
  emulator::Faults faults;
  faults.ids_late_ms = hour.count();
  SUBCASE("where the server counts") {}
  SUBCASE("where it does not: a batch that completed has a file")
  {
    faults.null_request_counts = true;
  }
  Bench bench{faults};
  auto view = bench.poll();
  CHECK(view.parts.front().state == PartState::ended);
  CHECK(view.parts.front().short_since);
  CHECK(bench.downloads() == 0);
  tests::RawClient{bench.arena.server}.post("/emulator/clock", R"({"advance_ms":3600000})");
  CHECK(bench.poll().parts.front().state == PartState::ended); // not yet: another poll comes
  view = bench.poll_after(Millis{5'000});
  CHECK(view.items.succeeded == 10);
  CHECK(bench.arena.ledger("batches_created") == 1);
  CHECK(bench.arena.ledger("executed_twice") == 0);
}

TEST_CASE("a file that came short is downloaded again")
{
  emulator::Faults faults;
  faults.http = content_at_first("\n");
  Bench bench{faults};
  CHECK(bench.poll().parts.front().state == PartState::ended);
  CHECK(bench.was_told("counts 10 answers and 0 failures, and 0 and 0 lines came"));
  const auto view = bench.poll_after(Millis{5'000});
  CHECK(view.items.succeeded == 10);
  CHECK_FALSE(bench.was_told("settled with what is there"));
  CHECK(bench.arena.ledger("executed_twice") == 0);
}

TEST_CASE("lines that are claimed and never come are looked for ten minutes, then what is there counts")
{
  emulator::Faults faults;
  SUBCASE("answers")
  {
    faults.miscount_batches = {{.batches = {}, .completed = 2}};
  }
  SUBCASE("failures, of a file that is never named")
  {
    faults.miscount_batches = {{.batches = {}, .failed = 2}};
  }
  Bench bench{faults};
  const auto passed = bench.poll_until_settled(hour);
  CHECK(passed == 10 * minute);
  const auto downloads = bench.downloads();
  CHECK(downloads >= 5);
  CHECK(downloads <= 10); // the waits grow
  CHECK(bench.was_told("settled with what is there"));
  const auto view = engine::look(bench.process.tools, bench.job);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 10);
  CHECK(bench.arena.ledger("batches_created") == 1);
}

TEST_CASE("more lines than are claimed, and counts of nothing, prove nothing")
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  SUBCASE("fewer claimed")
  {
    faults.miscount_batches = {{.batches = {}, .completed = -3, .failed = -1}};
  }
  SUBCASE("none claimed")
  {
    faults.null_request_counts = true;
  }
  Bench bench{faults, 30};
  CHECK(bench.poll().state == JobState::done);
  CHECK(bench.downloads() == 2); // a file each
}

TEST_CASE("a file with lines that cannot be read is downloaded once more")
{
  emulator::Faults faults;
  SUBCASE("and may come well the second time")
  {
    faults.http = content_at_first(garbage);
    Bench bench{faults, 5};
    CHECK(bench.poll().items.succeeded == 5); // at once: nothing is waited for
    CHECK(bench.downloads() == 2);
    CHECK(bench.arena.ledger("executed_twice") == 0);
  }
  SUBCASE("and no more: items it was meant for fail as paid, and are not bought again")
  {
    faults.http = content_at_first(garbage, 200, {1, 2, 3});
    Bench bench{faults, 5};
    CHECK(bench.poll().state == JobState::done);
    CHECK(bench.downloads() == 2);
    CHECK(codes_of(bench.process.merged(bench.job)) == std::map<std::string, int>{{"unreadable_output paid", 5}});
    CHECK(bench.arena.ledger("batches_created") == 1);
  }
  SUBCASE("nor are those whose names can be read")
  {
    faults.unreadable_share = 0.3;
    Bench bench{faults, 30};
    CHECK(bench.poll().state == JobState::done);
    auto codes = codes_of(bench.process.merged(bench.job));
    CHECK(codes["unreadable_output paid"] > 0);
    CHECK(codes["unreadable_output paid"] + codes[""] == 30);
    CHECK(bench.arena.ledger("batches_created") == 1);
  }
}

TEST_CASE("a part stopped between two downloads is looked at again by the next process, and settled in the end")
{
  emulator::Faults faults;
  faults.miscount_batches = {{.batches = {}, .completed = 1}};
  faults.unreadable_share = 0.2;
  Bench bench{faults, 20};
  std::int64_t downloads = 0;
  for (int round = 0; round < 200 && bench.part().state != PartState::settled; ++round) {
    tests::Process next = bench.arena.process();
    next.recorder.on_move = [&](const PartMoved&) { next.interrupt.ask(1); };
    auto tools = next.tools_with(bench.clock);
    bench.clock.tick(Millis{5'000});
    engine::advance(tools, next.server, bench.job, {.until = Until::idle, .sending = Sending::no});
    downloads = bench.downloads();
  }
  CHECK(bench.part().state == PartState::settled);
  CHECK(downloads <= 12);
  CHECK(bench.part().outcome.succeeded + bench.part().outcome.failed == 20);
}

TEST_CASE("a file that is gone is looked for again for an hour; then items without a line fail as paid")
{
  emulator::Faults faults;
  faults.fail_share = 0.3;
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  SUBCASE("with its description") {}
  SUBCASE("though it is still described")
  {
    faults.vanish_files.front().part = emulator::VanishFiles::Part::content;
  }
  Bench bench{faults, 30};
  CHECK(bench.poll().parts.front().state == PartState::ended);
  CHECK(bench.was_told("is not at the server"));
  CHECK(bench.poll_until_settled(2 * hour) == hour);
  const auto view = engine::look(bench.process.tools, bench.job);
  CHECK(view.state == JobState::done);
  CHECK(view.parts.size() == 1);
  auto codes = codes_of(bench.process.merged(bench.job));
  CHECK(codes.size() == 2);
  CHECK(codes["lost_remote paid"] > 0);
  CHECK(codes["invalid_prompt"] > 0); // the other file counts
  CHECK(bench.arena.ledger("batches_created") == 1);
}

TEST_CASE("outputs are looked for no longer because a clock was a day ahead when they were first found wanting")
{
  emulator::Faults faults;
  auto patience = hour;
  SUBCASE("short")
  {
    faults.miscount_batches = {{.batches = {}, .completed = 2}};
    patience = 10 * minute;
  }
  SUBCASE("gone")
  {
    faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  }
  Bench bench{faults};
  REQUIRE(bench.poll_after(24 * hour).parts.front().state == PartState::ended);
  bench.clock.tick(-24 * hour);
  CHECK(bench.poll_until_settled(2 * hour) == patience);
  CHECK(bench.part().state == PartState::settled);
}

TEST_CASE("a file that is gone when its retention has passed is not looked for again")
{
  emulator::Faults faults;
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  Bench bench{faults};
  const auto view = bench.poll_after(31 * 24 * hour);
  CHECK(view.state == JobState::done);
  CHECK(codes_of(bench.process.merged(bench.job)) == std::map<std::string, int>{{"lost_remote paid", 10}});
  CHECK(bench.downloads() == 1);
}

TEST_CASE("a file that was not found and shows again is collected as if nothing had been")
{
  emulator::Faults faults;
  faults.http = content_at_first("", 404, {1, 2});
  Bench bench{faults};
  CHECK(bench.poll().parts.front().gone_since);
  CHECK(bench.poll_after(Millis{5'000}).parts.front().gone_since);
  const auto view = bench.poll_after(Millis{10'000});
  CHECK(view.items.succeeded == 10);
  CHECK_FALSE(view.parts.front().gone_since);
}

TEST_CASE("where the batch is not found either, nothing is taken as lost: it may be another's key")
{
  emulator::Faults faults;
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  Bench bench{faults};
  REQUIRE(bench.poll().parts.front().gone_since);
  emulator::HttpFault no_batch;
  no_batch.path = "/v1/batches/*";
  no_batch.effect = emulator::Effect::status;
  no_batch.status = 404;
  bench.arena.server.stop();
  emulator::Faults others;
  others.http = {no_batch};
  emulator::Server elsewhere{{.faults = others, .seed = 11}};
  tests::Process process{bench.arena.directory / "home", elsewhere.url()};
  process.server.account = bench.process.server.account;
  bench.clock.tick(2 * hour);
  auto tools = process.tools_with(bench.clock);
  const auto view = engine::advance(tools, process.server, bench.job, {.until = Until::idle, .sending = Sending::yes});
  CHECK(view.pause == Pause::account);
  CHECK(view.parts.front().state == PartState::ended);
  CHECK(view.items.pending() == 10);
}

TEST_CASE("a batch that failed is settled by what it said when that was seen, though it is not found any more")
{
  emulator::Faults faults;
  faults.fail_batches = {{.batches = {}, .code = "invalid_value", .message = "no such thing", .line = 3}};
  emulator::HttpFault not_found;
  not_found.method = "GET";
  not_found.path = "/v1/batches/*";
  not_found.effect = emulator::Effect::status;
  not_found.status = 404;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(5));
  bool forgets = false;
  process.recorder.on_move = [&](const PartMoved& moved) {
    if (moved.to != PartState::ended) return;
    emulator::Faults gone;
    gone.http = {not_found};
    arena.server.change(gone);
    if (forgets) process.interrupt.ask(1);
  };
  SUBCASE("")
  {
    process.advance(job, Until::admitted);
    const auto view = process.advance(job, Until::idle, Sending::no);
    CHECK(view.pause == Pause::none);
    CHECK(view.parts.front().state == PartState::settled);
    CHECK(view.items.failed == 1);
    CHECK(process.merged(job, results::Format::jsonl, results::Pending::leave_out).find("no such thing") !=
          std::string::npos);
    CHECK(arena.ledger("batches_created") == 1);
  }
  SUBCASE("and is given up where that was not kept, since it would be asked for without end")
  {
    forgets = true;
    process.advance(job, Until::admitted);
    REQUIRE(process.store.parts(job).front().state == PartState::ended);
    std::filesystem::remove(process.layout.job(job).batch(1));
    HandClock clock;
    clock.tick(hour);
    auto next = arena.process();
    auto tools = next.tools_with(clock);
    const engine::Goal goal{.until = Until::idle, .sending = Sending::no};
    CHECK(engine::advance(tools, next.server, job, goal).pause == Pause::account);
    engine::wish_cancel(tools, job, Cancel::abandon);
    const auto view = engine::advance(tools, next.server, job, goal);
    CHECK(view.state == JobState::done);
    CHECK(view.parts.front().state == PartState::settled); // nobody asks again
    CHECK(codes_of(next.merged(job)) == std::map<std::string, int>{{"cancelled paid", 5}});
  }
}

TEST_CASE("what is still looked for when the user gives the job up fails at once, and counts when it comes")
{
  emulator::Faults faults;
  faults.ids_late_ms = hour.count();
  Bench bench{faults};
  REQUIRE(bench.poll().parts.front().state == PartState::ended);
  engine::wish_cancel(bench.process.tools, bench.job, Cancel::abandon);
  CHECK(bench.poll().state == JobState::done);
  CHECK(codes_of(bench.process.merged(bench.job)) == std::map<std::string, int>{{"cancelled paid", 10}});
  CHECK(bench.poll_after(minute).state == JobState::done);
  bench.arena.server.advance(hour);
  CHECK(bench.poll_after(minute).items.succeeded == 10);
}

TEST_CASE("what was given up and whose file is gone keeps asking for it without a pause")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  Arena arena{faults};
  auto process = arena.process();
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto job = process.make(arena.ask(20));
  process.advance(job, Until::admitted);
  engine::wish_cancel(process.tools, job, Cancel::abandon);
  const auto poll = [&] {
    clock.tick(minute);
    return engine::advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::no});
  };
  auto view = poll();
  REQUIRE(view.parts.front().state == PartState::abandoned);
  for (int round = 0; round < 500 && !view.parts.front().gone_since; ++round) {
    std::this_thread::sleep_for(Millis{10});
    view = poll();
  }
  CHECK(view.parts.front().gone_since);
  CHECK(view.pause == Pause::none);
  CHECK(view.state == JobState::done);
  clock.tick(2 * hour);
  view = poll();
  CHECK(view.parts.front().state == PartState::settled);
  CHECK(view.state == JobState::done);
  CHECK(engine::open_jobs(process.tools).empty());
}

TEST_CASE("inputs and outputs lapse at the server, and the day is known")
{
  emulator::Faults faults;
  SUBCASE("as it is asked for") {}
  SUBCASE("or as the server does by itself, where it refuses to be asked")
  {
    emulator::HttpFault refusal;
    refusal.method = "POST";
    refusal.path = "/v1/files";
    refusal.calls.nth = {1};
    refusal.effect = emulator::Effect::status;
    refusal.status = 400;
    refusal.body = R"({"error":{"message":"Unknown field: expires_after[anchor]","type":"invalid_request_error"}})";
    faults.http = {refusal};
    refusal.path = "/v1/batches";
    refusal.body = R"({"error":{"message":"Unknown field","param":"output_expires_after"}})";
    faults.http.push_back(refusal);
  }
  Bench bench{faults, 20, 10};
  const auto view = bench.poll();
  CHECK(view.items.succeeded == 20);
  CHECK(bench.arena.ledger("uploads") == 2);
  CHECK(bench.arena.ledger("batches_created") == 2);
  CHECK(bench.arena.ledger("most_batches_per_call") == 1);
  constexpr auto month = std::chrono::hours{30 * 24};
  for (const auto& part : view.parts) {
    const auto input = bench.process.client.file(part.file).value;
    if (faults.http.empty()) CHECK(input.expires_at.value() - input.created_at.value() == month);
    const auto output = bench.process.client.file(part.remote.output_file).value;
    CHECK(output.expires_at.value() - output.created_at.value() == month);
    const auto off = part.lapses_at.value() - output.expires_at.value();
    CHECK(std::chrono::abs(off) <= minute);
  }
}

TEST_CASE("many live batches are asked for by pages of the listing, few one by one")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0}};
  wire::Profile profile = wire::openai();
  int parts = 21;
  std::int64_t pages = 1;
  std::int64_t singly = 0;
  SUBCASE("as many as fit one page") {}
  SUBCASE("more than a page holds")
  {
    profile.batches_page = 10;
    pages = 3;
  }
  SUBCASE("few")
  {
    parts = 20;
    pages = 0;
    singly = 20;
  }
  SUBCASE("what the listing does not show is asked for by itself")
  {
    faults.list_lag_ms = 600'000;
    singly = 21;
  }
  SUBCASE("where the server does not list")
  {
    emulator::HttpFault refusal;
    refusal.method = "GET";
    refusal.path = "/v1/batches";
    refusal.effect = emulator::Effect::status;
    refusal.status = 405;
    faults.http = {refusal};
    singly = 21;
  }
  SUBCASE("where every page is the first")
  {
    profile.batches_page = 10;
    pages = 2;
    singly = 11;
    faults.list_ignores_after = true;
  }
  Arena arena{faults};
  auto process = arena.process();
  api::Client client{*process.retrying, *process.plain, profile};
  engine::Server server{client, process.server.account, process.server.base_url};
  const auto job = process.make(roomy(arena, parts, 1));
  send(process, server, job);
  const auto for_room = calls(arena, "GET", "/v1/batches"); // others' batches were counted
  REQUIRE(calls(arena, "GET", "/v1/batches/*") == 0);
  const auto view = engine::advance(process.tools, server, job, {.until = Until::idle});
  CHECK(calls(arena, "GET", "/v1/batches") - for_room == pages);
  CHECK(calls(arena, "GET", "/v1/batches/*") == singly);
  for (const auto& part : view.parts)
    CHECK(part.polls == 1);
}

TEST_CASE("a look at many live batches, of whichever jobs, asks for all of them by one listing")
{
  emulator::Faults faults;
  faults.stuck_batches = {{.batches = {}, .after_share = 0}};
  std::int64_t singly = 0;
  SUBCASE("which shows all") {}
  SUBCASE("and for those that it does not show one by one")
  {
    faults.list_lag_ms = 600'000;
    singly = 24;
  }
  Arena arena{faults};
  auto process = arena.process();
  std::vector<JobView> views;
  for (const auto* name : {"one", "two", "three"}) {
    auto ask = roomy(arena, 8, 1);
    ask.job.name = name;
    send(process, process.server, process.make(ask));
  }
  for (const auto* name : {"one", "two", "three"}) {
    views.push_back(engine::look(process.tools, name));
    for (auto& part : views.back().parts)
      part.remote.status.clear();
  }
  const auto listings = calls(arena, "GET", "/v1/batches");
  const auto before = calls(arena, "GET", "/v1/batches/*");
  engine::refresh(process.tools, process.server, views);
  CHECK(calls(arena, "GET", "/v1/batches") - listings == 1);
  CHECK(calls(arena, "GET", "/v1/batches/*") - before == singly);
  for (const auto& view : views) {
    CHECK(view.parts.size() == 8);
    for (const auto& part : view.parts)
      CHECK_FALSE(part.remote.status.empty());
  }
}

TEST_CASE("status tells when the answers of a batch that ended lapse at the server, before anybody collects them")
{
  Arena arena;
  auto process = arena.process();
  const auto job = process.make(arena.ask(2));
  process.advance(job, Until::sent);
  std::vector<JobView> views{engine::look(process.tools, job)};
  REQUIRE(has_live_batch(views[0].parts[0]));
  for (int looks = 0; looks < 200 && !views[0].parts[0].lapses_at; ++looks) {
    std::this_thread::sleep_for(Millis{10});
    engine::refresh(process.tools, process.server, views);
  }
  const auto& part = views[0].parts[0];
  REQUIRE(part.lapses_at.has_value());
  REQUIRE(part.remote.ended_at.has_value());
  CHECK(*part.lapses_at == *part.remote.ended_at + std::chrono::hours{30 * 24});
}

TEST_CASE("batches that ended are collected from what a page of the listing says of them")
{
  emulator::Faults faults;
  faults.fail_share = 0.2;
  Bench bench{faults, 60, 2};
  const auto before = calls(bench.arena, "GET", "/v1/batches/*");
  const auto view = bench.poll();
  CHECK(view.state == JobState::done);
  CHECK(calls(bench.arena, "GET", "/v1/batches/*") == before);
  CHECK(view.items.succeeded + view.items.failed == 60);
  CHECK(bench.arena.ledger("executed_twice") == 0);
}

TEST_SUITE_END();
