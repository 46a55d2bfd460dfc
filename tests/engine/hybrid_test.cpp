// The hybrid mode: when batches are left for real time, what becomes of their parts, and which way what they leave
// goes.

#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/engine/due.hpp>
#include <batchwright/engine/finish.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/retry.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace batchwright;
using namespace batchwright::engine;
using tests::Arena;
using tests::Process;

namespace {

constexpr Instant noon{Millis{1'795'348'800'000}};
constexpr Millis minute{60'000};
constexpr Millis hour{3'600'000};

/// A part of the batch route of so many requests of ten tokens each.
Part part_in(int number, PartState state, std::uint64_t requests)
{
  Part p;
  p.number = number;
  p.state = state;
  p.items = p.requests = requests;
  p.input_tokens = {static_cast<std::int64_t>(requests) * 10};
  return p;
}

Part running(std::uint64_t requests, std::int64_t completed, std::int64_t failed = 0)
{
  auto p = part_in(1, PartState::running, requests);
  p.batch = BatchId{"batch_1"};
  p.remote = {
      .status = "in_progress", .total = static_cast<std::int64_t>(requests), .completed = completed, .failed = failed};
  return p;
}

Job due_in(Millis span)
{
  Job job;
  job.name = "reviews";
  job.mode = Mode::hybrid;
  job.created_at = noon;
  job.policy.fallback = Fallback::realtime;
  job.policy.deadline = noon + span;
  return job;
}

/// What the server let us know: so many requests a minute, so many tokens, and answers within a second.
RateSeen rates(std::int64_t requests, std::int64_t tokens)
{
  return {.requests = requests, .tokens = tokens, .latency = Millis{1'000}};
}

std::vector<Action> now_due(const Job& job, const std::vector<Part>& parts, Sending sending = Sending::yes)
{
  return due(job, parts, {}, noon, sending).now;
}

/// A process that may send in real time, too.
void let_call(Process& process)
{
  process.server.open_caller = [&process] {
    return api::open_caller({.base_url = process.server.base_url, .key = Secret{"test-key"}}, process.layout.jobs());
  };
}

emulator::Faults fast()
{
  emulator::Faults faults;
  faults.validating_ms = faults.finalizing_ms = faults.cancelling_ms = 10;
  faults.in_progress_ms = 30;
  return faults;
}

engine::Ask hybrid(engine::Ask ask)
{
  ask.job.mode = Mode::hybrid;
  ask.job.policy.fallback = Fallback::realtime;
  return ask;
}

std::string question(int i)
{
  return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i);
}

std::vector<Part> of_route(const JobView& view, Route route)
{
  std::vector<Part> found;
  std::copy_if(view.parts.begin(), view.parts.end(), std::back_inserter(found),
               [route](const Part& p) { return p.route == route; });
  return found;
}

/// The attempts that merged records tell.
std::set<std::int64_t> attempts_of(const std::string& merged)
{
  std::set<std::int64_t> attempts;
  json::Document doc;
  for (const auto& line : tests::split_lines(merged)) {
    REQUIRE(doc.parse(line));
    attempts.insert(doc.root().find("attempt")->integer().value());
  }
  return attempts;
}

/// Moves a job by single steps until `holds`.
template<class Holds>
void poll_until(Process& process, const std::string& job, const Holds& holds)
{
  for (int round = 0; round < 500; ++round) {
    if (holds(process.advance(job, Until::idle))) return;
    std::this_thread::sleep_for(Millis{10});
  }
  FAIL("it never came to that");
}

} // namespace

TEST_SUITE_BEGIN("engine::hybrid");

TEST_CASE("what is left is what no answer is known of, at what it will be charged")
{
  Job job;
  CHECK(rest_of(job, {}).requests == 0);
  const std::vector parts{running(100, 60, 5), part_in(2, PartState::planned, 30), part_in(3, PartState::settled, 500),
                          part_in(4, PartState::superseded, 500)};
  auto rest = rest_of(job, parts);
  CHECK(rest.requests == 70); // what failed in a batch is to be done again
  CHECK(rest.tokens == 700);
  job.request.max_output_tokens = 200; // the larger one of the two is charged
  CHECK(rest_of(job, parts).tokens == 70 * 200);
  job.request.max_output_tokens = 5;
  CHECK(rest_of(job, parts).tokens == 700);
  auto overridden = parts;
  overridden[1].max_output_tokens = 50;
  CHECK(rest_of(job, overridden).tokens == 400 + 30 * 50);
}

TEST_CASE("in real time no request is left that failed for good")
{
  auto p = running(100, 60, 5);
  p.route = Route::realtime;
  CHECK(rest_of({}, {p}).requests == 35);
}

TEST_CASE("a rest takes as long as the narrower limit says, and the last answers take")
{
  const auto by_requests = span_in_realtime({3'000, 60'000}, {}, rates(1'000, 1'000'000));
  CHECK(by_requests.takes == 3 * minute + Millis{2'000});
  CHECK(by_requests.bound == Bound::requests);
  CHECK(by_requests.rate == 1'000);
  CHECK(by_requests.requests == 3'000);
  CHECK_FALSE(by_requests.is_assumed);
  const auto by_tokens = span_in_realtime({3'000, 60'000'000}, {}, rates(1'000, 1'000'000));
  CHECK(by_tokens.takes == 60 * minute + Millis{2'000});
  CHECK(by_tokens.bound == Bound::tokens);
  CHECK(by_tokens.rate == 1'000'000);
  CHECK(span_in_realtime({0, 0}, {}, rates(1'000, 1'000'000)).takes == Millis{0});
}

TEST_CASE("of the user's and the server's limits the smaller one counts, less what is left to others")
{
  const RealtimePolicy own{.requests_per_minute = 500};
  CHECK(span_in_realtime({1'000, 0}, own, rates(1'000, 1'000'000)).rate == 500);
  CHECK(span_in_realtime({1'000, 0}, own, std::nullopt).rate == 500);
  CHECK_FALSE(span_in_realtime({1'000, 0}, own, std::nullopt).is_assumed);
  CHECK(span_in_realtime({1'000, 0}, own, rates(100, 1'000'000)).rate == 100);
  const RealtimePolicy modest{.headroom = 100'000};
  const auto span = span_in_realtime({900, 0}, modest, rates(1'000, 1'000'000));
  CHECK(span.rate == 900);
  CHECK(span.takes == minute + Millis{2'000});
}

TEST_CASE("where nobody told a limit, what a new account has is assumed, and that is said")
{
  const auto span = span_in_realtime({1'000, 0}, {}, std::nullopt);
  CHECK(span.is_assumed);
  CHECK(span.rate == 500);
  CHECK(span.takes == 2 * minute + 2 * Millis{10'000});
  const auto by_tokens = span_in_realtime({10, 400'000}, {}, std::nullopt);
  CHECK(by_tokens.bound == Bound::tokens);
  CHECK(by_tokens.rate == 200'000);
  CHECK_FALSE(span_in_realtime({1'000, 0}, {}, rates(1'000, 1'000'000)).is_assumed);
}

TEST_CASE("what the user lets be in flight at once bounds the pace, too")
{
  const RealtimePolicy two{.max_in_flight = 2};
  auto seen = rates(1'000, 1'000'000);
  seen.latency = Millis{6'000}; // twenty a minute
  const auto span = span_in_realtime({100, 0}, two, seen);
  CHECK(span.bound == Bound::in_flight);
  CHECK(span.rate == 2);
  CHECK(span.takes == 5 * minute + Millis{12'000});
  CHECK_FALSE(span.is_assumed);
  CHECK(span_in_realtime({100, 0}, two, std::nullopt).is_assumed); // how long an answer takes
  CHECK(span_in_realtime({100, 0}, {.max_in_flight = 1'000}, seen).bound == Bound::requests);
}

TEST_CASE("while requests go, their pace says more than what is assumed, and than a limit that is not reached")
{
  const Rest rest{1'200, 0};
  const auto seen = rates(1'000, 1'000'000); // answers within a second
  const RealtimeView flying{.in_flight = 20};
  const auto assumed = span_in_realtime(rest, {}, std::nullopt);
  const auto as_seen = span_as_it_goes(rest, assumed, flying, seen);
  CHECK(as_seen.bound == Bound::pace);
  CHECK(as_seen.rate == 1'200);
  CHECK(as_seen.takes == minute + Millis{2'000});
  CHECK_FALSE(as_seen.is_assumed);
  const auto known = span_in_realtime(rest, {}, seen);
  CHECK(span_as_it_goes(rest, known, flying, seen).bound == Bound::requests);
  const auto slowed = span_as_it_goes(rest, known, {.in_flight = 20, .allowed = 100}, seen);
  CHECK(slowed.bound == Bound::pace);
  CHECK(slowed.takes == 12 * minute + Millis{2'000});
  CHECK(span_as_it_goes(rest, known, {.in_flight = 20, .allowed = 5'000}, seen).bound == Bound::requests);
  CHECK(span_as_it_goes(rest, assumed, {}, std::nullopt).is_assumed); // nothing goes yet
}

TEST_CASE("the switch leaves time for the rest, for cancelling, and for the wait until the next poll")
{
  const auto job = due_in(6 * hour);
  auto seen = rates(1'000, 1'000'000);
  const std::vector parts{running(10'000, 7'000)};
  const auto plan = switch_of(job, parts, seen, 5 * minute, noon).value();
  CHECK(plan.cancelling == 10 * minute); // nobody saw one: what the API says at most
  CHECK(plan.polling == 5 * minute);
  CHECK(plan.at == noon + 6 * hour - 3 * minute - Millis{2'000} - 15 * minute);
  CHECK_FALSE(plan.is_too_late);
  seen.cancelling = Millis{30'000};
  CHECK(switch_of(job, parts, seen, 5 * minute, noon)->cancelling == Millis{30'000});
  CHECK(switch_of(job, parts, seen, Millis{1'000}, noon)->at == noon + 6 * hour - 3 * minute - Millis{33'000});
}

TEST_CASE("neither cancelling nor polling is given more than a third of the time there is")
{
  const auto job = due_in(15 * minute);
  const auto plan = switch_of(job, {running(10, 0)}, rates(1'000, 1'000'000), 12 * minute, noon).value();
  CHECK(plan.cancelling == 5 * minute);
  CHECK(plan.polling == 5 * minute);
  CHECK(plan.at > noon); // batches had their time, too
}

TEST_CASE("what is home from its batch needs no time for cancelling")
{
  const auto job = due_in(6 * hour);
  const auto seen = rates(1'000, 1'000'000);
  for (const auto state : {PartState::ended, PartState::fetched}) {
    CAPTURE(std::string{name(state)});
    CHECK(switch_of(job, {part_in(1, state, 100)}, seen, minute, noon)->cancelling == Millis{0});
  }
  auto called = part_in(1, PartState::running, 100);
  called.route = Route::realtime;
  CHECK(switch_of(job, {called}, seen, minute, noon)->cancelling == Millis{0});
}

TEST_CASE("too late is what at once would not be done in time: only batches that are there have to stop first")
{
  const auto seen = rates(1'000, 1'000'000);
  const auto job = due_in(10 * minute);
  const std::vector planned{part_in(1, PartState::planned, 9'000)}; // 9 minutes
  CHECK_FALSE(switch_of(job, planned, seen, Millis{1'000}, noon)->is_too_late);
  CHECK(switch_of(job, planned, seen, Millis{1'000}, noon)->at < noon); // all of it goes in real time at once
  CHECK(switch_of(job, {running(9'000, 0)}, seen, Millis{1'000}, noon)->is_too_late);
  CHECK(switch_of(job, planned, seen, Millis{1'000}, noon + minute)->is_too_late);
  CHECK(switch_of(job, planned, seen, Millis{1'000}, noon + minute)->rest.rate == 1'000);
  CHECK_FALSE(switch_of(Job{}, planned, seen, minute, noon));
}

TEST_CASE("a batch rests that was seen past nine tenths, and again without progress after the patience")
{
  const Policy patient{.patience = hour};
  auto p = running(100, 85, 5);
  p.progress_at = noon;
  p.seen_live_at = noon + hour;
  CHECK(has_stalled(p, patient));
  p.seen_live_at = noon + hour - Millis{1};
  CHECK_FALSE(has_stalled(p, patient));
  p.seen_live_at = noon; // long ago: nobody knows what it did since
  CHECK_FALSE(has_stalled(p, patient));
  p.seen_live_at = noon + 2 * hour;
  CHECK(has_stalled(p, patient));
  CHECK_FALSE(has_stalled(p, {})); // no patience was given

  for (const auto& [completed, failed, rests] :
       {std::tuple{89, 0, false}, std::tuple{90, 0, true}, std::tuple{0, 90, true}}) {
    CAPTURE(completed);
    p.remote.completed = completed;
    p.remote.failed = failed;
    CHECK(has_stalled(p, patient) == rests);
  }
  p.withdrawn = true;
  CHECK_FALSE(has_stalled(p, patient));
  p.withdrawn = false;
  p.state = PartState::cancelling;
  CHECK_FALSE(has_stalled(p, patient));
}

TEST_CASE("after the switch each part goes to real time by the way that no answer is lost on")
{
  auto job = due_in(hour);
  job.switched_at = noon;
  const std::pair<PartState, Do> table[] = {
      {PartState::planned, Do::reroute},         {PartState::uploading, Do::reroute}, {PartState::queued, Do::reroute},
      {PartState::creating, Do::look_for_batch}, {PartState::running, Do::cancel},    {PartState::cancelling, Do::poll},
      {PartState::ended, Do::download},          {PartState::fetched, Do::settle},
  };
  for (const auto& row : table) {
    CAPTURE(std::string{name(row.first)});
    CHECK(now_due(job, {part_in(1, row.first, 10)}) == std::vector{Action{row.second, 1}});
  }
  auto waiting = part_in(1, PartState::queued, 10);
  waiting.due = noon + hour; // for room, of which it needs none any more
  CHECK(now_due(job, {waiting}) == std::vector{Action{Do::reroute, 1}});
  CHECK(now_due(job, {part_in(1, PartState::settled, 10)}).empty());
  CHECK(now_due(job, {part_in(1, PartState::planned, 10)}, Sending::no).empty()); // `fetch` sends nothing
  CHECK(now_due(job, {part_in(1, PartState::running, 10)}, Sending::no) == std::vector{Action{Do::cancel, 1}});
  job.pause = Pause::quota;
  CHECK(now_due(job, {part_in(1, PartState::queued, 10)}).empty());
  job.pause = Pause::none;
  job.cancel = Cancel::harvest; // outranks it
  CHECK(now_due(job, {part_in(1, PartState::queued, 10)}) == std::vector{Action{Do::give_up, 1}});
}

TEST_CASE("a batch that was given up for its rest is stopped, and the others go on")
{
  auto stuck = running(100, 95);
  stuck.withdrawn = true;
  auto other = running(100, 95);
  other.number = 2;
  CHECK(now_due({}, {stuck, other}) == std::vector{Action{Do::cancel, 1}, Action{Do::poll, 2}});
}

TEST_CASE("what a batch leaves goes in real time where the fallback says so, as another attempt")
{
  auto faults = fast();
  faults.transient_share = 0.3;
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  const auto job = process.make(hybrid(arena.ask(60, 60)));
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 60);
  const auto live = of_route(view, Route::realtime);
  REQUIRE(live.size() == 1);
  CHECK(live.front().attempt == 2);
  CHECK(of_route(view, Route::batch).size() == 1);
  tests::check_answers(process.merged(job), 60, question);
  CHECK(attempts_of(process.merged(job)) == std::set<std::int64_t>{1, 2});
  CHECK(arena.ledger("billed_on_both_routes") == 0);
  CHECK(arena.ledger("answers_beyond_copies") == 0);
}

TEST_CASE("the rest of a batch that failed for one of its lines never ran: it goes into a batch again")
{
  auto faults = fast();
  faults.fail_batches = {{.batches = {.nth = {1}}, .code = "invalid_json_line", .message = "Bad.", .line = 3}};
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  const auto job = process.make(hybrid(arena.ask(20, 20)));
  const auto view = [&] {
    tests::HandClock clock;
    auto tools = process.tools_with(clock);
    for (int round = 0; round < 300; ++round) {
      const auto seen = advance(tools, process.server, job, {.until = Until::idle, .sending = Sending::yes});
      if (seen.state == JobState::done) return seen;
      clock.tick(Millis{5'000});
      std::this_thread::sleep_for(Millis{5});
    }
    FAIL("it never ended");
    return JobView{};
  }();
  CHECK(view.items.succeeded == 19);
  CHECK(view.items.failed == 1);
  CHECK(of_route(view, Route::realtime).empty());
  CHECK(attempts_of(process.merged(job)) == std::set<std::int64_t>{1});
  CHECK(arena.ledger("live_executed") == 0);
}

TEST_CASE("a job that is switched leaves its batches: what they did counts, and no attempt is lost")
{
  auto faults = fast();
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  const auto job = process.make(arena.ask(90, 30)); // of mode batch
  poll_until(process, job, [](const JobView& v) {
    return std::all_of(v.parts.begin(), v.parts.end(), [](const Part& p) { return p.remote.completed >= 10; });
  });
  const auto plan = plan_finish(process.tools, job);
  CHECK(plan.batches == 3);
  CHECK(plan.items > 0);
  CHECK(plan.items <= 60);
  REQUIRE(plan.cost);
  CHECK(plan.cost->n > 0);
  begin_finish(process.tools, job);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.mode == Mode::hybrid);
  tests::check_answers(process.merged(job), 90, question);
  CHECK(attempts_of(process.merged(job)) == std::set<std::int64_t>{1});
  CHECK(arena.ledger("batch_billed") >= 30);
  CHECK(arena.ledger("requests_billed") == 90);
  CHECK(arena.ledger("batches_cancelled") == 3);
  CHECK(arena.ledger("billed_on_both_routes") == 0);
}

TEST_CASE("of a batch that had ended by itself nobody says that it is being stopped")
{
  auto faults = fast();
  faults.in_progress_ms = 100;
  const auto told = [](const Process& process, std::string_view words) {
    const auto& notes = process.recorder.notes;
    return std::any_of(notes.begin(), notes.end(),
                       [&](const std::string& note) { return note.find(words) != std::string::npos; });
  };
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  const auto job = process.make(arena.ask(10));
  process.advance(job, Until::sent);
  for (int round = 0; process.client.batch(process.store.parts(job).front().batch).value.status != "completed";
       ++round) {
    REQUIRE(round < 500);
    std::this_thread::sleep_for(Millis{10});
  }
  begin_finish(process.tools, job);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.items.succeeded == 10);
  CHECK(told(process, "part 1: its batch ended before it was stopped: it is completed"));
  CHECK_FALSE(told(process, "stopped;"));
  CHECK(arena.ledger("live_billed") == 0);
}

TEST_CASE("when a job ended is written down with its last item, and no longer once items are sent again")
{
  auto faults = fast();
  faults.fail_share = 0.5;
  Arena arena{faults};
  auto process = arena.process();
  const auto job = process.make(arena.ask(20, 5));
  CHECK_FALSE(engine::look(process.tools, job).ended_at);
  process.advance(job, Until::sent);
  CHECK_FALSE(engine::look(process.tools, job).ended_at);
  const auto before = process.tools.clock.now();
  const auto view = process.advance(job, Until::ended);
  REQUIRE(view.state == JobState::done);
  REQUIRE(view.items.failed > 0);
  const auto ended = engine::look(process.tools, job).ended_at;
  REQUIRE(ended);
  CHECK(*ended >= before);
  CHECK(*ended <= process.tools.clock.now());
  CHECK(view.ended_at == ended);
  begin_retry(process.tools, plan_retry(process.tools, job, {}));
  CHECK_FALSE(engine::look(process.tools, job).ended_at);
}

TEST_CASE("parts without a batch change their route, keep their file, and no item is lost or counted twice")
{
  auto faults = fast();
  faults.in_progress_ms = 60'000;
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  auto ask = arena.ask(50, 10);
  ask.job.policy.keep_requests = true;
  ask.job.policy.enqueued_tokens = 200; // room for one part
  const auto job = process.make(ask);
  process.advance(job, Until::admitted);
  const auto before = process.store.parts(job);
  const auto waiting = static_cast<std::size_t>(
      std::count_if(before.begin(), before.end(), [](const Part& p) { return p.batch.empty() && !p.sha256.empty(); }));
  REQUIRE(waiting >= 2);
  begin_finish(process.tools, job);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(view.items.succeeded == 50);
  for (const auto& was : before) {
    if (!was.batch.empty() || was.sha256.empty()) continue;
    const auto is =
        *std::find_if(view.parts.begin(), view.parts.end(), [&](const Part& p) { return p.number == was.number; });
    CHECK(is.route == Route::realtime);
    CHECK(is.sha256 == was.sha256);
    CHECK(is.items == was.items);
    CHECK(is.attempt == 1);
  }
  tests::check_answers(process.merged(job), 50, question);
  CHECK(arena.ledger("requests_billed") == 50);
  CHECK(arena.ledger("billed_on_both_routes") == 0);
}

TEST_CASE("a batch that shows late is not taken for a part that goes in real time: it is cancelled")
{
  auto faults = fast();
  faults.in_progress_ms = 60'000;
  faults.list_lag_ms = 4'000;
  bool shows_before = false;
  SUBCASE("after the real-time calls") {}
  SUBCASE("before them, and they take long")
  {
    shows_before = true;
    faults.chat_latency_ms = 1'500;
  }
  faults.http = {{.method = "POST",
                  .path = "/v1/batches",
                  .calls = {.nth = {1}},
                  .effect = {.phase = emulator::Phase::after_effect, .action = emulator::Action::status},
                  .status = 500}};
  if (shows_before) { // and the look for it takes its time
    faults.http.push_back({.method = "GET", .path = "/v1/batches", .effect = emulator::Effect::delay, .delay_ms = 500});
  }
  Arena arena{faults};
  auto ask = hybrid(arena.ask(10, 10));
  ask.job.policy.adopt_grace = Millis{0};
  std::string job;
  {
    auto process = arena.process();
    job = process.make(ask);
    process.recorder.on_move = [&](const PartMoved& moved) {
      if (moved.from == PartState::creating && moved.to == PartState::queued) process.interrupt.ask(2);
    };
    process.advance(job, Until::ended);
    REQUIRE(process.store.parts(job).front().state == PartState::queued); // twice looked for in vain
    begin_finish(process.tools, job);
  }
  const Millis lag{4'000}; // the server's, not ours
  if (shows_before) std::this_thread::sleep_for(lag);
  auto process = arena.process();
  let_call(process);
  const auto view = process.advance(job, Until::ended);
  CHECK(view.state == JobState::done);
  CHECK(of_route(view, Route::realtime).size() == 1);
  if (shows_before) {
    CHECK(arena.ledger("cancels_asked") == 1);
  } else {
    std::this_thread::sleep_for(lag);
  }
  auto later = arena.process();
  let_call(later);
  CHECK(later.advance(job, Until::ended).state == JobState::done);
  tests::check_answers(later.merged(job), 10, question);
  CHECK(arena.ledger("cancels_asked") == 1);
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("what was put off long ago does not stop a job that is answered now")
{
  auto faults = fast();
  faults.chat_latency_ms = 20;
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  auto ask = arena.ask(100);
  ask.job.mode = Mode::realtime;
  ask.job.policy.realtime.max_in_flight = 4;
  ask.job.policy.fallback = Fallback::realtime;
  const auto job = process.make(ask);
  const auto now = process.tools.clock.now();
  Millis seen{};
  SUBCASE("seen last before the weekend")
  {
    seen = 60 * hour;
  }
  SUBCASE("seen a while ago")
  {
    seen = hour;
  }
  {
    store::Transaction tx{process.store};
    tx.put(Queue{.account = process.server.account,
                 .model = "gpt-5.4-mini",
                 .failing_since = now - 70 * hour,
                 .failing_seen = now - seen});
    tx.commit();
  }
  const auto view = process.advance(job, Until::ended);
  CHECK(view.pause == Pause::none);
  CHECK(view.items.succeeded == 100);
  CHECK_FALSE(process.store.queue(process.server.account, "gpt-5.4-mini").failing_since);
}

TEST_CASE("a request that alone exceeds the limit that the server named goes in real time, where that is the fallback")
{
  auto faults = fast();
  faults.enqueued_token_limit = 50;
  Arena arena{faults};
  for (const auto fallback : {Fallback::realtime, Fallback::batch}) {
    auto process = Process{arena.directory / std::string{name(fallback)}, arena.server.url()};
    let_call(process);
    auto ask = hybrid(arena.ask(1));
    ask.inputs = {arena.directory.file("long.txt", std::string(4'000, 'x') + " y\n").native()};
    ask.job.request.prompt = "{{text}}";
    ask.job.policy.fallback = fallback;
    const auto job = process.make(ask);
    const auto view = process.advance(job, Until::ended);
    CHECK(view.state == JobState::done);
    CHECK(view.items.succeeded == (fallback == Fallback::realtime ? 1 : 0));
    const bool names_limit = process.merged(job).find("token_limit_exceeded") != std::string::npos;
    CHECK(names_limit == (fallback == Fallback::batch));
  }
  CHECK(arena.ledger("live_billed") == 1);
}

TEST_CASE("how long a batch took to stop is remembered for the next time")
{
  auto faults = fast();
  faults.stuck_batches = {{.batches = {}, .after_share = 0.5}};
  faults.cancelling_ms = 300;
  Arena arena{faults};
  auto process = arena.process();
  let_call(process);
  const auto job = process.make(arena.ask(10));
  process.advance(job, Until::admitted);
  begin_finish(process.tools, job);
  process.advance(job, Until::ended);
  const auto seen = process.store.rate(process.server.account, "gpt-5.4-mini");
  REQUIRE(seen);
  REQUIRE(seen->cancelling);
  CHECK(*seen->cancelling >= Millis{250});
  CHECK(seen->latency);
}

TEST_SUITE_END();
