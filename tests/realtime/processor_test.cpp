// The processor against a server in the process, on a clock that runs as fast as the test waits.

#include "tests/realtime/scripted_caller.hpp"
#include "tests/support/answers.hpp"
#include "tests/support/file_size_limit.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/realtime/journal.hpp>
#include <batchwright/realtime/processor.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <thread>

using namespace batchwright;
using namespace batchwright::realtime;
using namespace tests;

namespace {

/// Moved by hand, and looked at by other threads meanwhile.
class SharedClock final : public Clock {
public:
  Instant now() const override { return Instant{Millis{m_millis}}; }
  void tick(Millis by) { m_millis += by.count(); }

private:
  std::atomic<std::int64_t> m_millis = system_clock().now().time_since_epoch().count();
};

constexpr std::chrono::seconds long_enough{60};

struct World {
  explicit World(ScriptedCaller::Script script, const ProcessorOptions& options_ = {})
      : caller(std::move(script)), options(options_)
  {
    renew();
  }

  /// As after a restart of the program.
  void renew()
  {
    processor.reset();
    processor = std::make_unique<Processor>(caller, options, clock);
  }

  /// A work of so many requests; their bodies are {"n":"NAME-0"}, and so on.
  Work work(const std::string& name, int count, const std::string& more = "") const
  {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += fmt::format(
          R"({{"custom_id":"{0}-{1}","method":"POST","url":"/v1/chat/completions","body":{{"n":"{0}-{1}"{2}}}}})", name,
          i, more);
      lines += '\n';
    }
    Work made;
    made.owner = name;
    made.requests = dir.file(name + ".requests", lines);
    made.journal = dir / (name + ".journal");
    made.count = static_cast<std::uint64_t>(count);
    return made;
  }

  struct Started {
    Processor::Id id = 0;
    std::future<Result> result = {};
  };

  Started start(const Work& work)
  {
    const auto told = std::make_shared<std::promise<Result>>();
    auto result = told->get_future();
    return {processor->start(work, [told](const Result& r) { told->set_value(r); }), std::move(result)};
  }

  /// Lets the time go by, fast, until `done`.
  template<class Done>
  void pass(const Done& done)
  {
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (!done()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      clock.tick(step);
      processor->adjust(options); // looks at the clock
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }

  void pass_a_second()
  {
    const auto until = clock.now() + Millis{1'000};
    pass([&] { return clock.now() >= until; });
  }

  Result wait(Started& started)
  {
    pass([&] { return started.result.wait_for(std::chrono::seconds{0}) == std::future_status::ready; });
    return started.result.get();
  }

  Result run(const Work& work)
  {
    auto started = start(work);
    return wait(started);
  }

  std::vector<std::string> lines(const std::string& name) const
  {
    return split_lines(slurp(dir / (name + ".journal")));
  }

  /// The answer lines of a journal.
  std::vector<std::string> answers(const std::string& name) const
  {
    std::vector<std::string> found;
    for (const auto& line : lines(name))
      if (!is_journal_mark(line)) found.push_back(line);
    return found;
  }

  FreshDirectory dir = {};
  SharedClock clock = {};
  Millis step{20}; // of the clock, in a millisecond
  ScriptedCaller caller;
  ProcessorOptions options;
  std::unique_ptr<Processor> processor = {};
};

std::int64_t number_at(const std::string& line, std::string_view member, std::string_view inner)
{
  json::Document document;
  REQUIRE(document.parse(line));
  const auto value = document.root().find(member, inner);
  return value ? value->integer().value_or(-1) : -1;
}

std::string text_at(const std::string& line, std::string_view member, std::string_view inner)
{
  json::Document document;
  REQUIRE(document.parse(line));
  const auto value = document.root().find(member, inner);
  return value ? value->text().value_or("") : "";
}

bool has(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

bool is_disk_fault(const Result& result)
{
  REQUIRE(result.fault);
  try {
    std::rethrow_exception(result.fault);
  } catch (const Error& error) {
    return error.fault() == Fault::disk;
  }
}

ProcessorOptions at_most(std::uint64_t count)
{
  return {.max_in_flight = count};
}

} // namespace

TEST_SUITE_BEGIN("realtime::processor");

TEST_CASE("every request is answered once, its journal holds the answers, and figures say so")
{
  World world{[](const auto& asked) { return answer_ok(asked.body.substr(6, 3)); }};
  const auto result = world.run(world.work("a", 200));
  CHECK(result.end == End::answered);
  CHECK(result.obstacle == Obstacle::none);
  CHECK(result.answered == 200);
  CHECK(result.billed_again == 0);
  CHECK(result.in_flight == 0);
  CHECK(world.caller.calls() == 200);
  CHECK(world.caller.bodies().size() == 200);
  const auto answers = world.answers("a");
  REQUIRE(answers.size() == 200);
  std::set<std::string> ids;
  for (const auto& line : answers) {
    ids.insert(line.substr(0, line.find(R"(,"response")")));
    CHECK(number_at(line, "response", "status_code") == 200);
  }
  CHECK(ids.size() == 200);
  const auto condition = world.processor->condition();
  CHECK(condition.in_flight == 0);
  CHECK(condition.latency == Millis{5});
  CHECK(condition.last_answer);
  CHECK_FALSE(condition.putting_off);
}

TEST_CASE("a part of no requests, and one whose journal holds them all, are over at once, also one at a time")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(1)};
  CHECK(world.start(world.work("none", 0)).result.wait_for(long_enough) == std::future_status::ready);
  auto started = world.start(world.work("a", 5));
  REQUIRE(started.result.wait_for(long_enough / 2) == std::future_status::ready); // no clock goes on meanwhile
  CHECK(started.result.get().end == End::answered);
  world.renew();
  auto again = world.start(world.work("a", 5));
  REQUIRE(again.result.wait_for(long_enough / 2) == std::future_status::ready);
  CHECK(again.result.get().answered == 5);
  CHECK(world.caller.calls() == 5);
  CHECK(world.caller.most() == 1);
}

TEST_CASE("no more are in flight than may be, and at first fewer")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(48)};
  world.caller.open(false);
  auto started = world.start(world.work("a", 400));
  world.caller.wait_in_flight(16);
  world.pass_a_second();
  CHECK(world.caller.in_flight() == 16);
  CHECK(world.processor->condition().most_in_flight == 16);
  CHECK(world.processor->condition().in_flight == 16);
  CHECK(world.processor->pulse(started.id)->in_flight == 16);
  world.caller.take(Millis{3});
  world.caller.open(true);
  CHECK(world.wait(started).end == End::answered);
  CHECK(world.caller.most() <= 48);
  CHECK(world.caller.most() > 16);
  CHECK(world.processor->condition().most_in_flight == 48);
}

TEST_CASE("of several bounds the tightest holds, at once")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(5)};
  world.caller.open(false);
  auto started = world.start(world.work("a", 40));
  world.caller.wait_in_flight(5);
  for (const std::uint64_t bound : {2, 9, 0}) {
    world.options = at_most(bound);
    world.processor->adjust(world.options);
    CHECK(world.processor->condition().most_in_flight == 2);
  }
  world.caller.open(true);
  CHECK(world.wait(started).end == End::answered);
  CHECK(world.caller.most() == 5);
}

TEST_CASE("of several rates the tightest holds, and none is taken for the server's word")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(5)};
  world.options.limits.given = {.requests = 600, .tokens = {}};
  world.processor->adjust(world.options);
  world.options.limits.given = {.requests = 60, .tokens = {}};
  world.processor->adjust(world.options);
  world.options.limits.given = {.requests = 6'000, .tokens = {}};
  world.processor->adjust(world.options);
  CHECK(world.processor->condition().limits.requests == 60);
  CHECK_FALSE(world.processor->condition().told.requests);
}

TEST_CASE("requests of one owner go in their order, and owners take turns")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(1)};
  world.caller.open(false);
  auto first = world.start(world.work("a", 30));
  world.caller.wait_in_flight(1);
  auto second = world.start(world.work("b", 10));
  auto third_work = world.work("c", 10);
  third_work.owner = "b"; // behind the other work of its owner
  auto third = world.start(third_work);
  world.caller.open(true);
  CHECK(world.wait(first).end == End::answered);
  CHECK(world.wait(second).end == End::answered);
  CHECK(world.wait(third).end == End::answered);
  std::vector<std::string> expected{R"({"n":"a-0"})"};
  for (int i = 0; i < 20; ++i) {
    expected.push_back(i < 10 ? fmt::format(R"({{"n":"b-{}"}})", i) : fmt::format(R"({{"n":"c-{}"}})", i - 10));
    expected.push_back(fmt::format(R"({{"n":"a-{}"}})", i + 1));
  }
  for (int i = 21; i < 30; ++i)
    expected.push_back(fmt::format(R"({{"n":"a-{}"}})", i));
  CHECK(world.caller.order() == expected);
}

TEST_CASE("a work goes on where its journal ends: what is answered is not sent again, and attempts go on")
{
  World world{[](const auto& asked) { return has(asked.body, "a-3") ? no_answer(Ending::unknown) : answer_ok(); }};
  auto work = world.work("a", 6);
  {
    Journal journal{work.journal, 6};
    journal.begin(0, 1);
    journal.answer(0, R"({"id":"realtime-0-1","custom_id":"a-0","response":{},"error":null})"
                      "\n");
    journal.begin(3, 1);
    journal.missed({.request = 3, .attempt = 1}, "HTTP 500");
    journal.begin(3, 2);
    journal.begin(4, 1);
  }
  const auto result = world.run(work);
  CHECK(result.end == End::answered);
  CHECK(result.answered == 6);
  CHECK(result.billed_again == 3); // those that were in flight, and the second attempt
  const auto bodies = world.caller.bodies();
  CHECK(bodies.size() == 5);
  CHECK_FALSE(bodies.contains(R"({"n":"a-0"})"));
  CHECK(bodies.at(R"({"n":"a-3"})") == 2); // the second and the third attempt
  for (const auto& line : world.answers("a"))
    if (has(line, "\"a-3\"")) CHECK(has(line, R"("id":"realtime-3-3")"));
}

TEST_CASE("failures are tried again until attempts are used up, and the last answer is kept")
{
  World world{[](const auto& asked) {
    if (has(asked.body, "a-0")) return answer_error(500, fmt::format("failure {}", asked.nth_of_body));
    if (has(asked.body, "a-1") && asked.nth_of_body < 3) return no_answer(Ending::unknown);
    if (has(asked.body, "a-2") && asked.nth_of_body < 3) return answer_page(200);
    if (has(asked.body, "a-3")) return no_answer(Ending::unknown);
    if (has(asked.body, "a-4")) return answer_error(400, "bad");
    return answer_ok();
  }};
  auto work = world.work("a", 8);
  work.first_attempt = 2;
  work.max_attempts = 4;
  auto started = world.start(work);
  const auto result = world.wait(started);
  CHECK(result.end == End::answered);
  CHECK(result.answered == 8);
  CHECK(result.billed_again == 6);
  const auto tries = world.caller.bodies().at(R"({"n":"a-0"})");
  CHECK(tries > 3); // some for nothing, while no other request told whether the server is there
  CHECK(world.caller.calls() == 4 + 3 * 3 + tries);
  const auto answers = world.answers("a");
  REQUIRE(answers.size() == 8);
  for (const auto& line : answers) {
    if (has(line, "\"a-0\"")) CHECK(has(line, fmt::format("failure {}", tries)));
    if (has(line, "\"a-0\"") || has(line, "\"a-1\"") || has(line, "\"a-2\"")) CHECK(has(line, "-4\","));
    if (has(line, "\"a-3\"")) CHECK(text_at(line, "error", "code") == "connection_lost");
    if (has(line, "\"a-4\"")) CHECK(has(line, R"("id":"realtime-4-2")"));
  }
}

TEST_CASE("what uses up no attempt is sent again as often as it takes")
{
  World world{[](const auto& asked) {
    if (asked.nth_of_body > 4) return answer_ok();
    if (has(asked.body, "a-0")) return answer_error(429, "Rate limit reached", "rate_limit_exceeded");
    if (has(asked.body, "a-1")) return answer_error(503, "Slow Down");
    if (has(asked.body, "a-2")) return no_answer(Ending::not_sent);
    if (has(asked.body, "a-3")) return answer_error(429, "Resource unavailable", "resource_unavailable");
    return answer_ok();
  }};
  auto work = world.work("a", 5);
  work.max_attempts = 1;
  const auto result = world.run(work);
  CHECK(result.answered == 5);
  CHECK(result.billed_again == 0);
  CHECK(world.caller.calls() == 4 * 5 + 1);
  for (const auto& line : world.answers("a"))
    CHECK(number_at(line, "response", "status_code") == 200);
}

TEST_CASE("a 429 with a hint holds all back, says why, and is no failure of the request")
{
  World world{[](const auto& asked) {
                auto busy = answer_error(429, "Rate limit reached", "rate_limit_exceeded");
                busy.retry_after = Millis{30'000};
                return asked.nth == 1 ? busy : answer_ok();
              },
              at_most(1)};
  const auto begun = world.clock.now();
  auto started = world.start(world.work("a", 3));
  world.pass([&] { return world.processor->condition().waits_until.has_value(); });
  const auto condition = world.processor->condition();
  CHECK(condition.why == "the server asked to wait");
  CHECK(*condition.waits_until >= begun + Millis{30'000});
  CHECK(condition.putting_off);
  CHECK(world.wait(started).answered == 3);
  CHECK(world.clock.now() >= begun + Millis{30'000});
  CHECK(world.caller.calls() == 4);
  CHECK_FALSE(world.processor->condition().putting_off);
}

TEST_CASE("a time of nothing but 429 is waited out by one request at a time")
{
  std::atomic<bool> is_up = false;
  World world{[&](const auto&) {
                if (is_up) return answer_ok();
                auto refusal = answer_error(429);
                refusal.retry_after = Millis{1'000};
                return refusal;
              },
              {.max_in_flight = 32}};
  auto work = world.work("a", 300);
  auto started = world.start(work);
  world.pass([&] { return world.caller.calls() >= 32; });
  const auto begun = world.clock.now();
  const auto calls = world.caller.calls();
  world.pass([&] { return world.clock.now() > begun + Millis{60'000}; });
  CHECK(world.caller.calls() - calls <= 61);
  CHECK(world.caller.calls() - calls >= 5);
  is_up = true;
  CHECK(world.wait(started).end == End::answered);
  for (const auto& line : world.answers("a"))
    CHECK(has(line.substr(0, line.find(',')), "-1\""));
}

TEST_CASE("failures that take a minute each use up no item's attempts, however few are in flight")
{
  World* all = nullptr;
  std::atomic<bool> is_up = false;
  World world{[&](const auto&) {
                if (is_up) return answer_ok();
                const auto until = all->clock.now() + Millis{60'000}; // a gateway's patience
                while (all->clock.now() < until && !is_up)
                  std::this_thread::sleep_for(std::chrono::milliseconds{1});
                return answer_page(504);
              },
              {.max_in_flight = 4}};
  all = &world;
  world.step = Millis{500};
  auto work = world.work("a", 100);
  work.max_attempts = 3;
  auto started = world.start(work);
  world.pass([&] { return has(world.processor->condition().why, "20 requests failed in a row"); });
  is_up = true;
  CHECK(world.wait(started).end == End::answered);
  for (const auto& line : world.answers("a"))
    CHECK(number_at(line, "response", "status_code") == 200);
}

TEST_CASE("a rate is kept, and said")
{
  World world{[](const auto&) { return answer_ok(); }, {.limits = {.given = {.requests = 60.0}}}};
  const auto begun = world.clock.now();
  auto started = world.start(world.work("a", 5));
  world.pass([&] { return world.processor->condition().why == "the rate limit"; });
  CHECK(world.processor->condition().limits.requests == 60.0);
  CHECK(world.wait(started).answered == 5);
  CHECK(world.clock.now() >= begun + Millis{3'900});
}

TEST_CASE("what asks for more than there is fails, by the server's word or after three refusals alone")
{
  World world{[](const auto& asked) {
                if (has(asked.body, "a-1")) return answer_error(429, "Limit 1000, Requested 2000", "too_large");
                if (has(asked.body, "a-2")) return answer_error(429, "Rate limit reached", "rate_limit_exceeded");
                return answer_ok();
              },
              {.limits = {.given = {.tokens = 1'000.0}}}};
  auto work = world.work("a", 4);
  work.tokens_of = [](std::string_view line) { return line.find("a-2") != std::string_view::npos ? 1'500 : 10; };
  const auto result = world.run(work);
  CHECK(result.end == End::answered);
  CHECK(world.caller.bodies().at(R"({"n":"a-1"})") == 1);
  CHECK(world.caller.bodies().at(R"({"n":"a-2"})") == 3);
  for (const auto& line : world.answers("a")) {
    if (has(line, "\"a-1\"")) CHECK(text_at(line, "error", "code") == "too_large");
    if (has(line, "\"a-2\"")) CHECK(text_at(line, "error", "code") == "rate_limit_exceeded");
  }
}

TEST_CASE("a timeout is tried once more and then told as one, and counted as possibly billed")
{
  World world{[](const auto& asked) {
    CHECK(asked.timeout == Millis{1'000});
    return has(asked.body, "a-0") ? no_answer(Ending::unknown, Millis{1'000}) : answer_ok();
  }};
  auto work = world.work("a", 3);
  work.timeout = Millis{1'000};
  work.max_attempts = 9;
  const auto result = world.run(work);
  CHECK(result.answered == 3);
  CHECK(result.billed_again == 1);
  CHECK(world.caller.bodies().at(R"({"n":"a-0"})") == 2);
  for (const auto& line : world.answers("a"))
    if (has(line, "\"a-0\"")) CHECK(text_at(line, "error", "code") == "request_timeout");
}

TEST_CASE("what timed out before a restart is tried no more than once after it")
{
  World world{[](const auto&) { return no_answer(Ending::unknown, Millis{1'000}); }};
  auto work = world.work("a", 1);
  work.timeout = Millis{1'000};
  work.max_attempts = 9;
  {
    auto started = world.start(work);
    world.pass([&] { return world.caller.calls() == 1 && world.lines("a").size() == 2; }); // begun and missed
    world.processor->drop(started.id);
    started.result.wait();
  }
  world.renew();
  CHECK(world.run(work).end == End::answered);
  CHECK(world.caller.calls() == 2);
  CHECK(text_at(world.answers("a").front(), "error", "code") == "request_timeout");
}

TEST_CASE("403 for all is an obstacle: no answer is kept, no more than a few are asked, and the next run asks again")
{
  std::atomic<bool> is_allowed = false;
  World world{[&](const auto&) { return is_allowed ? answer_ok() : answer_error(403, "no permission"); }};
  const auto result = world.run(world.work("a", 300));
  CHECK(result.end == End::obstacle);
  CHECK(result.obstacle == Obstacle::forbidden);
  CHECK(has(result.words, "no permission"));
  CHECK(result.answered == 0);
  CHECK(result.billed_again == 0);
  CHECK(world.answers("a").empty());
  CHECK(world.caller.calls() <= 20 + 16);
  is_allowed = true;
  const auto next = world.run(world.work("a", 300));
  CHECK(next.end == End::answered);
  CHECK(next.billed_again == 0);

  World small{[](const auto&) { return answer_error(403, "no permission"); }};
  CHECK(small.run(small.work("a", 1)).obstacle == Obstacle::forbidden);
  CHECK(small.answers("a").empty());
}

TEST_CASE("403 for some is theirs: kept at the latest when another is answered, and never sent again")
{
  World world{[](const auto& asked) { return has(asked.body, "a-1") ? answer_error(403, "region") : answer_ok(); }};
  const auto result = world.run(world.work("a", 15)); // 1, and 10 to 14
  CHECK(result.end == End::answered);
  CHECK(result.obstacle == Obstacle::none);
  CHECK(world.caller.calls() == 15);
  CHECK(world.answers("a").size() == 15);

  World one_by_one{[](const auto& asked) { return asked.nth == 3 ? answer_ok() : answer_error(403, "region"); },
                   at_most(1)};
  one_by_one.caller.take(Millis{1});
  auto started = one_by_one.start(one_by_one.work("a", 300));
  one_by_one.pass([&] { return one_by_one.caller.calls() > 100; });
  CHECK(one_by_one.processor->pulse(started.id)->failed > 50); // not held back until the end
  CHECK(one_by_one.wait(started).end == End::answered);
}

TEST_CASE("401, a quota that is used up and another address stop all works, and nothing is journaled as an answer")
{
  struct Case {
    Answered answered;
    Obstacle obstacle;
  };
  const Case cases[] = {{answer_error(401, "wrong key", "invalid_api_key"), Obstacle::key},
                        {answer_error(429, "quota", "insufficient_quota"), Obstacle::quota},
                        {answer_error(308, "moved"), Obstacle::address}};
  for (const auto& c : cases) {
    CAPTURE(c.answered.trouble);
    World world{[&](const auto& asked) { return has(asked.body, "a-7") ? c.answered : answer_ok(); }, at_most(1)};
    world.caller.open(false);
    auto first = world.start(world.work("a", 100));
    auto second = world.start(world.work("b", 100));
    world.caller.open(true);
    const auto result = world.wait(first);
    const auto other = world.wait(second);
    for (const auto& r : {result, other}) {
      CHECK(r.end == End::obstacle);
      CHECK(r.obstacle == c.obstacle);
      CHECK(r.words == c.answered.trouble);
      CHECK(r.billed_again == 0);
    }
    CHECK(result.answered == 7);
    CHECK(other.answered < 10);
    CHECK(world.caller.calls() < 20);
    CHECK(world.answers("a").size() == 7);
  }
}

TEST_CASE("after twenty failures in a row one at a time is tried, which uses up no attempt, until one is answered")
{
  std::atomic<bool> is_up = false;
  std::atomic<bool> is_probing = false;
  std::atomic<int> most_at_once = 0;
  ScriptedCaller* caller = nullptr;
  World world{[&](const auto&) {
    if (is_up) return answer_ok();
    if (is_probing) most_at_once = std::max(most_at_once.load(), caller->in_flight());
    return no_answer(Ending::unknown);
  }};
  caller = &world.caller;
  world.caller.take(Millis{1});
  auto work = world.work("a", 300);
  work.max_attempts = 3;
  auto started = world.start(work);
  world.pass([&] { return has(world.processor->condition().why, "20 requests failed in a row"); });
  world.pass([&] { return world.caller.in_flight() == 0; }); // those that were under way
  is_probing = true;
  const auto calls = world.caller.calls();
  CHECK(calls <= 20 + 16);
  const auto begun = world.clock.now();
  world.pass([&] { return world.caller.calls() >= calls + 4; }); // 2 + 4 + 8 seconds
  CHECK(world.clock.now() >= begun + Millis{12'000});
  CHECK(most_at_once == 1);
  CHECK(world.processor->condition().putting_off);
  is_probing = false;
  is_up = true;
  const auto result = world.wait(started);
  CHECK(result.end == End::answered);
  for (const auto& line : world.answers("a")) {
    CHECK(number_at(line, "response", "status_code") == 200);
    CHECK_FALSE(has(line.substr(0, line.find(',')), "-3\"")); // a try or two before it opened, and none after
  }
}

TEST_CASE("a server that is gone costs few requests in flight an attempt at most, however long")
{
  const auto until = std::make_shared<std::atomic<bool>>(false);
  World world{[until](const auto&) { return *until ? answer_ok() : answer_error(500); }, {.max_in_flight = 4}};
  auto started = world.start(world.work("a", 200));
  world.pass([&] { return has(world.processor->condition().why, "20 requests failed in a row"); });
  const auto calls = world.caller.calls();
  world.pass([&] { return world.caller.calls() > calls + 8; }); // minutes of the clock
  *until = true;
  CHECK(world.wait(started).end == End::answered);
  const auto answers = world.answers("a");
  REQUIRE(answers.size() == 200);
  std::size_t tried_again = 0;
  for (const auto& line : answers) {
    CHECK(number_at(line, "response", "status_code") == 200);
    const auto id = line.substr(0, line.find(','));
    CHECK((has(id, "-1\"") || has(id, "-2\"")));
    tried_again += has(id, "-2\"") ? 1 : 0;
  }
  CHECK(tried_again >= 19);
  CHECK(tried_again <= 19 + 4);
}

TEST_CASE("the last few, where no other request tells whether it is they or the server, are tried for a minute")
{
  World world{[](const auto& asked) { return has(asked.body, "b-1") ? answer_error(500) : answer_ok(); }};
  auto others = world.work("b", 40); // b-1 and b-10 to b-19
  others.max_attempts = 3;
  const auto begun = world.clock.now();
  const auto result = world.run(others);
  CHECK(result.end == End::answered);
  CHECK(world.clock.now() >= begun + Millis{30'000});
  CHECK(world.clock.now() < begun + Millis{300'000}); // no breaker holds them for a day
  std::size_t failed = 0;
  for (const auto& line : world.answers("b")) {
    if (number_at(line, "response", "status_code") != 500) continue;
    ++failed;
    CHECK(has(line.substr(0, line.find(',')), "-3\""));
  }
  CHECK(failed == 11);
}

TEST_CASE("what may have been billed is not tried for nothing")
{
  World world{[](const auto&) { return no_answer(Ending::unknown); }};
  auto work = world.work("a", 3);
  work.max_attempts = 3;
  const auto begun = world.clock.now();
  CHECK(world.run(work).end == End::answered);
  CHECK(world.caller.calls() == 9);
  CHECK(world.clock.now() >= begun + Millis{10'000}); // but not in a hurry: the trouble may pass
}

TEST_CASE("of what may have been billed, one try for each request is for nothing while all of them fail")
{
  World world{[](const auto&) { return no_answer(Ending::unknown); }};
  world.step = Millis{2'000};
  auto work = world.work("a", 40);
  work.max_attempts = 2;
  CHECK(world.run(work).end == End::answered);
  for (const auto& [body, calls] : world.caller.bodies())
    CHECK(calls <= 3);
  for (const auto& line : world.answers("a"))
    CHECK(text_at(line, "error", "code") == "connection_lost");
}

TEST_CASE("answers to what was sent before do not tell that a failure is the request's own")
{
  // One fails again and again; slow answers of the others, which were sent before, come home between its tries.
  std::atomic<bool> is_up = false;
  ScriptedCaller* caller = nullptr;
  const auto wait_for_calls = [&](int calls) {
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (!is_up && caller->calls() < calls && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
  };
  World world{[&](const auto& asked) {
    const bool fails = has(asked.body, "a-0");
    wait_for_calls(fails ? 6 : 5 + asked.nth);
    return fails && !is_up ? answer_error(503) : answer_ok();
  }};
  caller = &world.caller;
  auto work = world.work("a", 6);
  work.max_attempts = 3;
  auto started = world.start(work);
  world.pass([&] { return world.caller.calls() >= 6 + 5; });
  is_up = true;
  CHECK(world.wait(started).end == End::answered);
  for (const auto& line : world.answers("a"))
    CHECK(number_at(line, "response", "status_code") == 200);
}

TEST_CASE("behind many that always fail, those that would be answered are found, and then the others fail for good")
{
  World world{[](const auto& asked) {
    const auto digits = asked.body.substr(asked.body.find("a-") + 2);
    return std::stoi(digits) < 60 ? answer_page(413) : answer_ok();
  }};
  world.step = Millis{500};
  auto work = world.work("a", 200);
  work.max_attempts = 2;
  const auto begun = world.clock.now();
  CHECK(world.run(work).end == End::answered);
  CHECK(world.clock.now() < begun + Millis{12 * 3'600'000}); // before a day of failures pauses the job
  std::size_t answered = 0;
  for (const auto& line : world.answers("a"))
    answered += number_at(line, "response", "status_code") == 200 ? 1 : 0;
  CHECK(answered == 140);
}

TEST_CASE("a server that is back is found while an old request still hangs")
{
  std::atomic<bool> is_up = false;
  std::promise<void> freed;
  const auto free = freed.get_future().share();
  World world{[&](const auto& asked) {
    if (has(asked.body, "a-0") && asked.nth_of_body == 1) free.wait();
    return is_up ? answer_ok() : no_answer(Ending::unknown);
  }};
  auto started = world.start(world.work("a", 60));
  world.pass([&] { return has(world.processor->condition().why, "20 requests failed in a row"); });
  is_up = true;
  world.pass([&] { return world.processor->pulse(started.id)->answered == 59; });
  freed.set_value();
  CHECK(world.wait(started).answered == 60);
}

TEST_CASE("a work that is stopped sends nothing more, and what is in flight comes home")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(8)};
  world.caller.open(false);
  auto started = world.start(world.work("a", 100));
  world.caller.wait_in_flight(8);
  world.processor->stop(started.id);
  CHECK(started.result.wait_for(std::chrono::milliseconds{50}) == std::future_status::timeout);
  world.caller.open(true);
  const auto result = world.wait(started);
  CHECK(result.end == End::stopped);
  CHECK(result.answered == 8);
  CHECK(result.billed_again == 0);
  CHECK(result.in_flight == 0);
  CHECK_FALSE(world.processor->pulse(started.id));
  world.processor->stop(started.id); // it is over
  world.processor->drop(started.id);
  const auto next = world.run(world.work("a", 100));
  CHECK(next.end == End::answered);
  CHECK(next.billed_again == 0);
  CHECK(world.caller.calls() == 100);
}

TEST_CASE("a work that is dropped is over at once; what was in flight is told, and stays begun")
{
  std::atomic<bool> is_later = false;
  std::promise<void> freed;
  const auto free = freed.get_future().share();
  World world{[&](const auto&) {
                if (!is_later) free.wait();
                return answer_ok();
              },
              at_most(16)};
  const auto work = world.work("a", 8);
  auto started = world.start(work);
  auto other = world.start(world.work("b", 4));
  world.caller.wait_in_flight(12);
  is_later = true;
  const auto of_it = world.processor->pulse(started.id)->in_flight;
  CHECK(of_it == 8);
  world.processor->drop(started.id);
  REQUIRE(started.result.wait_for(std::chrono::seconds{0}) == std::future_status::ready);
  const auto result = started.result.get();
  CHECK(result.end == End::stopped);
  CHECK(result.in_flight == of_it);
  CHECK(result.answered == 0);

  // Its file may be taken up at once, and what comes home late does nothing to it.
  auto next = world.start(work);
  const auto last = world.wait(next);
  freed.set_value();
  CHECK(last.end == End::answered);
  CHECK(last.billed_again == of_it);
  CHECK(world.wait(other).end == End::answered);
  world.pass([&] { return world.processor->condition().in_flight == 0; });
  world.processor.reset();
  CHECK(world.answers("a").size() == 8);
  CHECK(Journal{work.journal, 8}.answered() == 8);
  CHECK(world.caller.calls() == static_cast<int>(of_it) + 4 + 8);
}

TEST_CASE("a processor that ends ends its calls, and leaves them begun")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(4)};
  world.caller.open(false);
  auto started = world.start(world.work("a", 10));
  world.caller.wait_in_flight(4);
  world.processor.reset();
  CHECK(world.caller.in_flight() == 0);
  Journal journal{world.dir / "a.journal", 10};
  int open = 0;
  for (std::uint64_t request = 0; request < 10; ++request)
    open += journal.known(request).open ? 1 : 0;
  CHECK(open == 4);
  CHECK(journal.answered() == 0);
}

TEST_CASE("where the disk takes no more, the work breaks off, and nothing more is sent")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(4)};
  const auto work = world.work("a", 2'000);
  Result result;
  {
    const FileSizeLimit limit{20'000};
    result = world.run(work);
  }
  CHECK(result.end == End::broken);
  CHECK(is_disk_fault(result));
  CHECK(result.answered < 200);
  CHECK(world.caller.calls() <= static_cast<int>(result.answered) + 4);
  const auto sent = world.caller.calls();
  const auto next = world.run(work);
  CHECK(next.end == End::answered);
  CHECK(world.caller.calls() == sent + 2'000 - static_cast<int>(result.answered));
}

TEST_CASE("what cannot be noted as begun is not sent")
{
  World world{[](const auto&) { return answer_ok(); }};
  const auto work = world.work("a", 3);
  {
    const FileSizeLimit limit{10};
    const auto result = world.run(work);
    CHECK(result.end == End::broken);
    CHECK(is_disk_fault(result));
  }
  CHECK(world.caller.calls() == 0);
  CHECK(world.run(work).end == End::answered);
}

TEST_CASE("where an answer in flight finds no room in the journal, the work breaks off, and says that it was lost")
{
  World world{[](const auto&) { return answer_ok(); }, at_most(1)};
  const auto work = world.work("a", 1);
  world.caller.open(false);
  auto started = world.start(work);
  world.caller.wait_in_flight(1);
  {
    const FileSizeLimit limit{40};
    world.caller.open(true);
    const auto result = world.wait(started);
    CHECK(result.end == End::broken);
    CHECK(is_disk_fault(result));
    CHECK(result.answered == 0);
  }
  CHECK(world.caller.calls() == 1);
  const auto next = world.run(work);
  CHECK(next.end == End::answered);
  CHECK(next.billed_again == 1);
}

TEST_CASE("an answer that cannot be held breaks the work off, and is no answer, no failure and no attempt")
{
  World world{[](const auto& asked) -> Answered {
                if (asked.nth == 3) throw Error{Fault::disk, "no room for the answer"};
                return answer_ok();
              },
              at_most(1)};
  auto work = world.work("a", 10);
  work.max_attempts = 1;
  const auto result = world.run(work);
  CHECK(result.end == End::broken);
  CHECK(result.answered == 2);
  CHECK(world.caller.calls() == 3);
  const auto next = world.run(work);
  CHECK(next.end == End::answered);
  CHECK(next.billed_again == 1);
  for (const auto& line : world.answers("a"))
    CHECK(has(line.substr(0, line.find(',')), "-1\""));
}

TEST_CASE("a request file that is not what it was breaks the work off")
{
  World world{[](const auto&) { return answer_ok(); }};
  auto work = world.work("a", 3);
  work.count = 4;
  auto started = world.start(work);
  REQUIRE(started.result.wait_for(long_enough / 2) == std::future_status::ready); // no clock goes on meanwhile
  const auto result = started.result.get();
  CHECK(result.end == End::broken);
  CHECK(result.fault);
  CHECK(result.answered == 3);
}

TEST_CASE("after an obstacle one goes alone until one is answered, whatever other works there are")
{
  World world{[](const auto& asked) { return asked.nth < 4 ? answer_error(500) : answer_ok(); }};
  world.caller.open(false);
  std::vector<World::Started> works;
  for (const auto* name : {"a", "b", "c"}) {
    auto work = world.work(name, 40);
    work.owner = "one";
    work.careful = true;
    works.push_back(world.start(work));
  }
  world.caller.wait_in_flight(1);
  world.pass_a_second();
  CHECK(world.caller.in_flight() == 1);
  world.caller.take(Millis{2});
  world.caller.open(true);
  world.pass([&] { return world.caller.calls() >= 4; });
  for (auto& work : works)
    CHECK(world.wait(work).end == End::answered);
  CHECK(world.caller.most() > 4);
}

TEST_CASE("the tier that is asked for is written into requests that name none, and given up where it is refused")
{
  World world{[](const auto& asked) {
                const bool is_flex = has(asked.body, R"("service_tier":"flex")");
                if (is_flex && asked.nth < 3) return answer_error(429, "Resource unavailable");
                if (is_flex && asked.nth > 6) return answer_error(400, "no such tier", "", "", "service_tier");
                return answer_ok();
              },
              at_most(1)};
  auto work = world.work("a", 10);
  work.service_tier = "flex";
  work.max_attempts = 1;
  const auto result = world.run(work);
  CHECK(result.end == End::answered);
  for (const auto& line : world.answers("a"))
    CHECK(number_at(line, "response", "status_code") == 200);
  const std::vector<std::string> expected{R"({"service_tier":"flex","n":"a-0"})",
                                          R"({"n":"a-0"})",
                                          R"({"service_tier":"flex","n":"a-1"})",
                                          R"({"service_tier":"flex","n":"a-2"})",
                                          R"({"service_tier":"flex","n":"a-3"})",
                                          R"({"service_tier":"flex","n":"a-4"})",
                                          R"({"service_tier":"flex","n":"a-5"})",
                                          R"({"n":"a-5"})", // not known: no other asks for it
                                          R"({"n":"a-6"})",
                                          R"({"n":"a-7"})",
                                          R"({"n":"a-8"})",
                                          R"({"n":"a-9"})"};
  CHECK(world.caller.order() == expected);
}

TEST_CASE("a tier that is refused for one job is no other job's matter")
{
  World world{[](const auto& asked) {
    if (has(asked.body, "flex")) return answer_error(400, "no such tier", "invalid_value", "", "service_tier");
    return answer_ok();
  }};
  auto flex = world.work("a", 3);
  flex.service_tier = "flex";
  auto fast = world.work("b", 3);
  fast.service_tier = "priority";
  CHECK(world.run(flex).answered == 3);
  CHECK(world.run(fast).answered == 3);
  std::size_t asked_fast = 0;
  for (const auto& [body, calls] : world.caller.bodies())
    asked_fast += has(body, "priority") ? 1 : 0;
  CHECK(asked_fast == 3);
}

TEST_CASE("a work is over at once when its last request is home, though others take all the room")
{
  std::promise<void> freed;
  const auto free = freed.get_future().share();
  World world{[&](const auto& asked) {
                if (has(asked.body, "b-")) free.wait();
                return answer_ok();
              },
              {.max_in_flight = 4}};
  auto first = world.start(world.work("a", 4));
  auto second = world.start(world.work("b", 40));
  // Nobody else wakes the processor: no time passes, and nothing is adjusted.
  CHECK(first.result.wait_for(std::chrono::seconds{20}) == std::future_status::ready);
  freed.set_value();
  CHECK(world.wait(second).answered == 40);
}

TEST_CASE("a tier that requests name is left as it is, and waited for, longer each time")
{
  World world{[](const auto& asked) {
    return asked.nth_of_body < 6 ? answer_error(429, "Resource unavailable") : answer_ok();
  }};
  auto work = world.work("a", 1, R"(,"service_tier":"flex")");
  work.service_tier = "priority";
  const auto begun = world.clock.now();
  CHECK(world.run(work).end == End::answered);
  CHECK(world.clock.now() - begun > Millis{250 + 500 + 1'000 + 2'000 + 4'000});
  CHECK(world.caller.bodies() == std::map<std::string, int>{{R"({"n":"a-0","service_tier":"flex"})", 6}});
}

TEST_CASE("a clock that is set back by a day holds nothing up")
{
  World world{[](const auto& asked) { return asked.nth_of_body < 3 ? answer_error(500) : answer_ok(); }};
  auto started = world.start(world.work("a", 5));
  world.pass([&] { return world.caller.calls() >= 5; });
  world.clock.tick(-std::chrono::hours{24});
  CHECK(world.wait(started).end == End::answered);
}

TEST_SUITE_END();
