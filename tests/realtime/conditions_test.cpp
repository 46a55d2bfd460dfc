#include "tests/realtime/scripted_caller.hpp"

#include <batchwright/realtime/conditions.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::realtime;
using namespace tests;

namespace {

struct Fixture {
  Instant now{Millis{1'000'000}};
  Conditions conditions{{}, now};

  /// So many requests go, and are answered like that.
  void meet(int times, const Answered& answered)
  {
    for (int i = 0; i < times; ++i) {
      Call call{.tokens = 10};
      call.ticket = conditions.limiter.take(call.tokens, now);
      const auto decision = decide(answered, Millis{600'000});
      conditions.hear(call, answered, decision, now);
      conditions.note(call, answered, decision, now);
    }
  }
};

Answered limited(std::int64_t requests, std::int64_t tokens, Millis took)
{
  auto answered = answer_ok();
  answered.rates = {.limit_requests = requests, .limit_tokens = tokens};
  answered.took = took;
  return answered;
}

} // namespace

TEST_SUITE_BEGIN("realtime::conditions");

TEST_CASE_FIXTURE(Fixture, "what may be in flight doubles with each round of answers, and starts over where all fails")
{
  CHECK(conditions.most_in_flight(1'000) == 16);
  CHECK(conditions.most_in_flight(3) == 3);
  meet(16, answer_ok());
  CHECK(conditions.most_in_flight(1'000) == 32);
  meet(10, answer_error(429));
  meet(10, answer_error(500));
  CHECK(conditions.most_in_flight(1'000) == 32);
  meet(2'000, answer_ok());
  CHECK(conditions.most_in_flight(1'000) == 1'000);
  CHECK(conditions.most_in_flight(0) == 256); // no limit is known
  meet(20, answer_error(500));
  CHECK(conditions.most_in_flight(1'000) == 16);
}

TEST_CASE_FIXTURE(Fixture,
                  "without a bound of the user's it is what the rate and the latency make of themselves, and more")
{
  meet(3'000, limited(6'000, 1'000'000'000, Millis{2'000}));
  const auto by_requests = conditions.most_in_flight(0); // 200 are under way on the average
  CHECK(by_requests > 250);
  CHECK(by_requests < 350);
  CHECK(conditions.latency() > Millis{1'900});
  meet(100, limited(6'000, 21'000, Millis{2'000})); // 7 tokens each: 3,000 a minute
  CHECK(conditions.most_in_flight(0) < by_requests * 2 / 3);
  meet(100, limited(30, 1'000'000'000, Millis{100}));
  CHECK(conditions.most_in_flight(0) == 16);
}

TEST_CASE_FIXTURE(Fixture, "where all is put off by a rate limit, one at a time is sent until one is answered")
{
  meet(19, answer_error(429));
  CHECK_FALSE(conditions.is_probing());
  meet(1, answer_ok());
  meet(19, answer_error(429));
  CHECK_FALSE(conditions.is_probing());
  meet(1, answer_error(503, "Slow Down"));
  CHECK(conditions.is_probing());
  CHECK_FALSE(conditions.breaker.is_open());
  meet(1, answer_error(500));
  CHECK(conditions.is_probing());
  meet(1, answer_ok());
  CHECK_FALSE(conditions.is_probing());
}

TEST_CASE_FIXTURE(Fixture, "a request is large where it asks for more than a minute has")
{
  CHECK_FALSE(conditions.is_large(1'000'000));
  meet(1, limited(10, 5'000, Millis{5}));
  CHECK_FALSE(conditions.is_large(5'000));
  CHECK(conditions.is_large(5'001));
}

TEST_CASE_FIXTURE(Fixture, "since when all is put off is told until something is answered")
{
  meet(1, answer_error(500));
  CHECK_FALSE(conditions.putting_off());
  meet(1, answer_error(429));
  const auto since = now;
  now += Millis{5'000};
  meet(1, answer_error(429));
  CHECK(conditions.putting_off() == since);
  CHECK_FALSE(conditions.last_answer());
  meet(1, answer_error(400)); // an answer, too
  CHECK_FALSE(conditions.putting_off());
  CHECK(conditions.last_answer() == now);
}

TEST_CASE("an answer is charged as it says it was used, and where the server tells what remains, as that charges")
{
  const Instant now{Millis{1'000'000}};
  const auto waits_after = [&](const Answered& answered) {
    Conditions conditions{{.given = {.requests = {}, .tokens = 6'000}}, now}; // 90 may go at once
    Call call{.tokens = 80};
    call.ticket = conditions.limiter.take(call.tokens, now);
    conditions.hear(call, answered, decide(answered, Millis{600'000}), now);
    return conditions.limiter.ready_at(10, now) - now;
  };
  auto answered = answer_ok(); // 90 in all
  answered.body = R"({"usage":{"prompt_tokens":50,"completion_tokens":40,"total_tokens":90}})";
  CHECK(waits_after(answered) > Millis{0});
  answered.rates = {.limit_tokens = 6'000, .remaining_tokens = 5'920}; // its bound of 80
  CHECK(waits_after(answered) == Millis{0});
  answered.body = R"({"usage":{"input_tokens":89,"output_tokens":1,"total_tokens":90}})"; // more than was thought
  CHECK(waits_after(answered) > Millis{0});
}

TEST_SUITE_END();
