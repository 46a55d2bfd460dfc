#include "tests/realtime/scripted_caller.hpp"

#include <batchwright/realtime/decide.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::realtime;
using namespace tests;

namespace {

constexpr Millis timeout{600'000};

Decision of(const Answered& answered)
{
  return decide(answered, timeout);
}

struct Row {
  std::string name;
  Answered answered;
  Then then;
  RateWord rate;
  Obstacle obstacle = Obstacle::none;
  bool billed = false;
  bool is_failure = false;
};

constexpr auto none = Obstacle::none;

const std::string large = "Request too large for gpt-5.4-mini in organization org-abc on tokens per min (TPM): Limit "
                          "30000, Requested 36205. The input or output tokens must be reduced.";

} // namespace

TEST_SUITE_BEGIN("realtime::decide");

TEST_CASE("what follows from an answer")
{
  auto slow_down = answer_error(503, "Slow Down");
  auto quota_by_type = answer_error(429, "You exceeded your current quota", "", "insufficient_quota");
  auto cut = no_answer(Ending::unknown);
  cut.status = 200;
  const Row rows[] = {
      {"200", answer_ok(), Then::keep, RateWord::answered},
      {"400", answer_error(400), Then::keep, RateWord::failed},
      {"404", answer_error(404, "no such model", "model_not_found"), Then::keep, RateWord::failed},
      {"413", answer_error(413), Then::keep, RateWord::failed},
      {"422", answer_error(422), Then::keep, RateWord::failed},
      {"401", answer_error(401), Then::again_free, RateWord::failed, Obstacle::key},
      {"403", answer_error(403), Then::hold, RateWord::failed, Obstacle::forbidden},
      {"307", answer_error(307), Then::again_free, RateWord::failed, Obstacle::address},
      {"308 with a page", answer_page(308), Then::again_free, RateWord::failed, Obstacle::address},
      {"429", answer_error(429, "Rate limit reached", "rate_limit_exceeded"), Then::again_free, RateWord::refused},
      {"429 with a page", answer_page(429), Then::again_free, RateWord::refused},
      {"quota", answer_error(429, "quota", "insufficient_quota"), Then::again_free, RateWord::failed, Obstacle::quota},
      {"quota by its type", quota_by_type, Then::again_free, RateWord::failed, Obstacle::quota},
      {"flex", answer_error(429, "Resource unavailable", "resource_unavailable"), Then::again_free, RateWord::unsent},
      {"slow down", slow_down, Then::again_free, RateWord::slow_down},
      {"503", answer_error(503, "overloaded"), Then::again, RateWord::failed, none, false, true},
      {"500", answer_error(500), Then::again, RateWord::failed, none, false, true},
      {"502 with a page", answer_page(502), Then::again, RateWord::failed, none, false, true},
      {"408", answer_error(408), Then::again, RateWord::failed, none, false, true},
      {"409", answer_error(409), Then::again, RateWord::failed, none, false, true},
      {"425", answer_error(425), Then::again, RateWord::failed, none, false, true},
      {"499", answer_error(499), Then::again, RateWord::failed, none, false, true},
      {"403 with a page", answer_page(403), Then::again, RateWord::failed, none, false, true},
      {"404 with a page", answer_page(404), Then::again, RateWord::failed, none, false, true},
      {"200 with a page", answer_page(200), Then::again, RateWord::failed, none, true, true},
      {"200, cut", cut, Then::again, RateWord::failed, none, true, true},
      {"reset", no_answer(Ending::unknown), Then::again, RateWord::failed, none, true, true},
      {"refused", no_answer(Ending::not_sent), Then::again_free, RateWord::unsent, none, false, true},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    const auto d = of(row.answered);
    CHECK(d.then == row.then);
    CHECK(d.rate == row.rate);
    CHECK(d.obstacle == row.obstacle);
    CHECK(d.billed == row.billed);
    CHECK(d.is_failure == row.is_failure);
    CHECK_FALSE(d.timed_out);
    CHECK_FALSE(d.too_large);
    CHECK(d.no_capacity == (row.name == "flex"));
    if (d.then != Then::keep) CHECK(d.why == row.answered.trouble);
  }
}

TEST_CASE("what an answer used is read from it, where it tells")
{
  REQUIRE(of(answer_ok()).used);
  CHECK(of(answer_ok()).used->total == 7);
  auto silent = answer_ok();
  silent.body = R"({"text":"yes"})";
  CHECK_FALSE(of(silent).used);
  CHECK_FALSE(of(answer_error(400)).used);
}

TEST_CASE("a request that took as long as it may has timed out, whether nothing or half an answer came")
{
  CHECK(of(no_answer(Ending::unknown, timeout)).timed_out);
  CHECK_FALSE(of(no_answer(Ending::unknown, timeout - Millis{1})).timed_out);
  CHECK_FALSE(of(no_answer(Ending::not_sent, timeout)).timed_out);
  auto half = answer_page(200);
  half.took = timeout;
  CHECK(of(half).timed_out);
  CHECK_FALSE(decide(no_answer(Ending::unknown, timeout), Millis{0}).timed_out);
}

TEST_CASE("a 429 that names a limit below what was asked for is told apart")
{
  struct Case {
    std::string message;
    bool too_large;
  };
  const Case cases[] = {
      {large, true},
      {"Rate limit reached for m in organization o on tokens per min (TPM): Limit 200000, Used 170633, Requested "
       "240002. Please try again in 3.2s.",
       true},
      {"Rate limit reached for m in organization o on tokens per min (TPM): Limit 200000, Used 170633, Requested "
       "40002. "
       "Please try again in 3.2s.",
       false},
      {"Limit: 200,000, Requested: 1,200,000", true},
      {"Limit: 1,200,000, Requested: 200,000", false},
      {"Limit 10, Requested 10", false},
      {"Requested 36205", false},
      {"Limit reached", false},
      {"", false},
      {"Limit 99999999999999999999999, Requested 5", false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.message);
    const auto d = of(answer_error(429, c.message, "rate_limit_exceeded"));
    CHECK(d.too_large == c.too_large);
    CHECK(d.rate == RateWord::refused);
  }
}

TEST_CASE("an answer is of use where it counts and the server works")
{
  CHECK(is_of_use(of(answer_ok())));
  CHECK(is_of_use(of(answer_error(400))));
  CHECK_FALSE(is_of_use(of(answer_error(403))));
  CHECK_FALSE(is_of_use(of(answer_error(429))));
  auto kept = of(answer_error(500));
  kept.then = Then::keep;
  CHECK_FALSE(is_of_use(kept));
}

TEST_CASE("failures use up attempts, and the answer to the last one is kept")
{
  Call call{.attempt = 2};
  auto d = of(answer_error(500));
  settle(d, call, {.max_attempts = 3});
  CHECK(d.then == Then::again);
  CHECK(call.failures == 1);
  call.attempt = 3;
  d = of(answer_error(500));
  settle(d, call, {.max_attempts = 3});
  CHECK(d.then == Then::keep);
  d = of(answer_error(500));
  settle(d, call, {.max_attempts = 3, .is_free = true});
  CHECK(d.then == Then::again_free);
  CHECK(call.failures == 3);
}

TEST_CASE("a timeout is tried once more, attempts or not")
{
  Call call{};
  auto d = of(no_answer(Ending::unknown, timeout));
  settle(d, call, {.max_attempts = 9});
  CHECK(d.then == Then::again);
  d = of(no_answer(Ending::unknown, timeout));
  settle(d, call, {.max_attempts = 9, .is_free = true});
  CHECK(d.then == Then::keep);
}

TEST_CASE("429 uses no attempt, but that of a request which would never be let through is kept")
{
  Call call{.attempt = 3};
  for (int i = 0; i < 10; ++i) {
    auto d = of(answer_error(429));
    settle(d, call, {.max_attempts = 3, .is_large = true}); // others were in flight
    CHECK(d.then == Then::again_free);
  }
  call.alone = true;
  for (int i = 0; i < 10; ++i) {
    auto d = of(answer_error(429));
    settle(d, call, {.max_attempts = 3}); // it asks for no more than there is
    CHECK(d.then == Then::again_free);
  }
  for (int i = 1; i <= 3; ++i) {
    auto d = of(answer_error(429));
    settle(d, call, {.max_attempts = 3, .is_large = true});
    CHECK(d.then == (i < 3 ? Then::again_free : Then::keep));
    CHECK(d.too_large == (i == 3));
  }
  Call other{};
  auto d = of(answer_error(429, large, "rate_limit_exceeded"));
  settle(d, other, {});
  CHECK(d.then == Then::keep);
}

TEST_CASE("where our tier has no room or is not known, the standard one is asked at once")
{
  struct Case {
    Answered answered;
    bool standard, unknown;
  };
  const Case cases[] = {
      {answer_error(429, "Resource unavailable"), true, false},
      {answer_error(400, "bad", "invalid_value", "", "service_tier"), true, true},
      {answer_error(400, "Unrecognized request argument supplied: service_tier"), true, true},
      {answer_error(400, "bad", "invalid_value", "", "temperature"), false, false},
      {answer_error(404, "service_tier"), false, false},
      {answer_error(429, "Rate limit"), false, false},
      {answer_ok("service_tier"), false, false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.answered.body);
    Call call{};
    auto d = of(c.answered);
    const auto before = d.then;
    CHECK(mind_tier(d, c.answered, call) == c.unknown);
    CHECK(call.standard == c.standard);
    CHECK(d.at_once == c.standard);
    CHECK(d.then == (c.standard ? Then::again_free : before));
    if (c.standard) CHECK(d.rate == RateWord::unsent);
  }
}

TEST_CASE("waits double from half a second to half a minute; the server's word is a floor, of an hour at most")
{
  CHECK(wait_before_again(1, {}, 0) == Millis{250});
  CHECK(wait_before_again(1, {}, 1) == Millis{500});
  CHECK(wait_before_again(3, {}, 1) == Millis{2'000});
  CHECK(wait_before_again(7, {}, 1) == Millis{30'000});
  CHECK(wait_before_again(1'000'000, {}, 0) == Millis{15'000});
  CHECK(wait_before_again(0, {}, 1) == Millis{500});
  CHECK(wait_before_again(1, Millis{4'000}, 0) == Millis{4'250});
  CHECK(wait_before_again(100, Millis{86'400'000}, 1) == longest_wait_before_again);
}

TEST_SUITE_END();
