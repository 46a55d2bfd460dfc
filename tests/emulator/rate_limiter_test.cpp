#include "tests/support/hand_clock.hpp"

#include <batchwright/emulator/rate_limiter.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using emulator::RateLimiter;
using tests::HandClock;

TEST_SUITE_BEGIN("emulator::rate_limiter");

namespace {

std::int64_t wait_of(const RateLimiter::Verdict& verdict)
{
  REQUIRE(verdict.refusal);
  return std::stoll(verdict.refusal->headers.at("retry-after-ms"));
}

/// How often a client is refused until it gets through, that waits as long as it is told each time.
int refusals(RateLimiter& limiter, HandClock& clock, std::int64_t tokens)
{
  for (int n = 0; n < 10; ++n) {
    const auto verdict = limiter.take("a", "m", tokens);
    if (!verdict.refusal) return n;
    clock.tick(Millis{wait_of(verdict)});
  }
  return 10;
}

} // namespace

TEST_CASE("a client that waits as it is told gets through, at any rate")
{
  for (const std::int64_t rpm : {1, 2, 3, 7, 60, 999}) {
    CAPTURE(rpm);
    const emulator::Rate rate{.rpm = rpm, .tpm = 1'000'000};
    HandClock clock;
    RateLimiter limiter{rate, clock};
    for (std::int64_t i = 0; i < rpm; ++i)
      CHECK_FALSE(limiter.take("a", "m", 1).refusal);
    clock.tick(Millis{60'000 / rpm - 10}); // almost one has come back
    CHECK(refusals(limiter, clock, 1) == 1);
    CHECK(refusals(limiter, clock, 1) == 1);
  }
}

TEST_CASE("the wait is that of both buckets")
{
  const emulator::Rate rate{.rpm = 2, .tpm = 600};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  CHECK_FALSE(limiter.take("a", "m", 600).refusal);
  const auto first = limiter.take("a", "m", 60); // for want of tokens; takes the second request
  CHECK(first.refusal->body.find("\"type\":\"tokens\"") != std::string::npos);
  CHECK(wait_of(first) == 30'000); // 60 tokens are back after 6 s, a request after 30
  clock.tick(Millis{wait_of(first)});
  CHECK_FALSE(limiter.take("a", "m", 60).refusal);
}

TEST_CASE("headers, text and reset tell one state")
{
  const emulator::Rate rate{.rpm = 2, .tpm = 1000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  limiter.take("a", "m", 10);
  limiter.take("a", "m", 10);
  clock.tick(Millis{15'500}); // half a request has come back, and the refusal takes it
  const auto verdict = limiter.take("a", "m", 10);
  REQUIRE(verdict.refusal);
  CHECK(verdict.refusal->headers.at("retry-after-ms") == "30000");
  CHECK(verdict.refusal->headers.at("retry-after") == "30");
  CHECK(verdict.refusal->body.find("Limit 2, Used 2, Requested 1. Please try again in 30s.") != std::string::npos);
  CHECK(verdict.headers.at("x-ratelimit-remaining-requests") == "0");
  CHECK(verdict.headers.at("x-ratelimit-reset-requests") == "1m0s");
}

TEST_CASE("what is larger than the limit is told so, without a wait")
{
  const emulator::Rate rate{.rpm = 2, .tpm = 1000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  const auto verdict = limiter.take("a", "m", 1001);
  REQUIRE(verdict.refusal);
  CHECK_FALSE(verdict.refusal->headers.contains("retry-after"));
  CHECK(verdict.headers.at("x-ratelimit-remaining-requests") == "1");
  CHECK_FALSE(limiter.take("b", "m", 1000).refusal);
}

TEST_CASE("other traffic takes its share, and who waits as told still gets through")
{
  const emulator::Rate rate{.rpm = 60, .tpm = 60'000, .foreign_rpm = 45, .foreign_tpm = 30'000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  for (int i = 0; i < 60; ++i)
    CHECK_FALSE(limiter.take("a", "m", 1000).refusal);
  clock.tick(Millis{60'000});
  int passed = 0;
  while (!limiter.take("a", "m", 1).refusal)
    ++passed;
  CHECK(passed == 15); // what the others left of 60
  CHECK(wait_of(limiter.take("a", "m", 1)) == 4'000);
  clock.tick(Millis{4'000});
  CHECK(refusals(limiter, clock, 1) == 0);
  CHECK(refusals(limiter, clock, 20'000) == 1); // for want of tokens: 30 of 60 thousand came back a minute
}

TEST_CASE("other traffic that takes all empties the buckets, and headers say so")
{
  const emulator::Rate rate{.rpm = 60, .tpm = 6000, .foreign_rpm = 90, .foreign_tpm = 6000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  CHECK_FALSE(limiter.take("a", "m", 1000).refusal);
  clock.tick(Millis{60'000});
  const auto later = limiter.take("a", "m", 0);
  CHECK_FALSE(later.refusal);
  CHECK(later.headers.at("x-ratelimit-remaining-requests") == "28"); // 60 - 2 - 30
  CHECK(later.headers.at("x-ratelimit-remaining-tokens") == "5000"); // nothing came back, nothing more went
  clock.tick(Millis{3'600'000});
  const auto refused = limiter.take("a", "m", 0);
  CHECK(refused.lack == emulator::Refusal::requests);
  CHECK(wait_of(refused) == 1000); // as if there were no others
}

TEST_CASE("over a second no more than a second's worth passes, while headers tell the minute's")
{
  const emulator::Rate rate{.rpm = 6000, .tpm = 1'000'000, .window_ms = 1000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  for (int i = 0; i < 99; ++i)
    CHECK_FALSE(limiter.take("a", "m", 1).refusal);
  const auto last = limiter.take("a", "m", 1);
  CHECK_FALSE(last.refusal);
  CHECK(last.headers.at("x-ratelimit-limit-requests") == "6000");
  CHECK(last.headers.at("x-ratelimit-remaining-requests") == "5900");
  const auto refused = limiter.take("a", "m", 1);
  CHECK(refused.lack == emulator::Refusal::requests);
  CHECK(wait_of(refused) == 10);
  clock.tick(Millis{60'000}); // what was not used is not saved up
  int passed = 0;
  while (!limiter.take("a", "m", 1).refusal)
    ++passed;
  CHECK(passed == 100);
}

TEST_CASE("a request larger than a second's worth passes a full bucket, and is waited for after it")
{
  const emulator::Rate rate{.rpm = 30, .tpm = 60'000, .window_ms = 1000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  CHECK_FALSE(limiter.take("a", "m", 5000).refusal);
  clock.tick(Millis{4'000}); // a request is back after two
  const auto refused = limiter.take("a", "m", 1000);
  CHECK(refused.lack == emulator::Refusal::tokens);
  CHECK(refusals(limiter, clock, 1000) <= 2);
  CHECK(limiter.take("b", "m", 60'001).lack == emulator::Refusal::too_large);
}

TEST_CASE("a project's tokens are those of all its models")
{
  const emulator::Rate rate{.rpm = 100, .tpm = 6000, .project_tpm = 9000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  CHECK_FALSE(limiter.take("a", "m", 6000).refusal);
  const auto second = limiter.take("a", "n", 2000);
  CHECK(second.headers.at("x-ratelimit-limit-project-tokens") == "9000");
  CHECK(second.headers.at("x-ratelimit-remaining-project-tokens") == "1000");
  CHECK(second.headers.at("x-ratelimit-reset-project-tokens") == "53.334s");
  CHECK(second.headers.at("x-ratelimit-remaining-tokens") == "4000");
  const auto refused = limiter.take("a", "n", 2000);
  CHECK(refused.lack == emulator::Refusal::tokens);
  CHECK(refused.refusal->body.find("in project proj_emulator on tokens per min (TPM): Limit 9000, Used 8000, "
                                   "Requested 2000. Please try again in") != std::string::npos);
  CHECK_FALSE(limiter.take("b", "n", 2000).refusal);
  CHECK_FALSE(RateLimiter{{}, clock}.take("a", "m", 1).headers.contains("x-ratelimit-limit-project-tokens"));
}

TEST_CASE("a server may keep its limits, and its waits, to itself")
{
  const emulator::Rate rate{.rpm = 1, .tpm = 1000, .headers = false, .retry_after = false};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  CHECK(limiter.take("a", "m", 1).headers.empty());
  const auto refused = limiter.take("a", "m", 1);
  REQUIRE(refused.refusal);
  CHECK(refused.headers.empty());
  CHECK(refused.refusal->headers.empty());
  CHECK(refused.refusal->body.find("Limit 1, Used 1, Requested 1.") != std::string::npos);
  CHECK(refused.refusal->body.find("try again") == std::string::npos);
}

TEST_CASE("limits that are changed hold and are told from the next call on, up and down")
{
  const emulator::Rate rate{.rpm = 100, .tpm = 1000};
  HandClock clock;
  RateLimiter limiter{rate, clock};
  for (int i = 0; i < 30; ++i)
    limiter.take("a", "m", 1);
  limiter.change({.rpm = 300, .tpm = 2000});
  const auto up = limiter.take("a", "m", 1);
  CHECK(up.headers.at("x-ratelimit-limit-requests") == "300");
  CHECK(up.headers.at("x-ratelimit-remaining-requests") == "269");
  CHECK(up.headers.at("x-ratelimit-remaining-tokens") == "1969");
  clock.tick(Millis{6'000}); // 30 come back at the former rate
  limiter.change({.rpm = 10, .tpm = 2000});
  const auto down = limiter.take("a", "m", 1);
  CHECK_FALSE(down.refusal);
  CHECK(down.headers.at("x-ratelimit-limit-requests") == "10");
  CHECK(down.headers.at("x-ratelimit-remaining-requests") == "8");
  for (int i = 0; i < 8; ++i)
    CHECK_FALSE(limiter.take("a", "m", 1).refusal);
  limiter.change({.rpm = 5, .tpm = 2000}); // 10 used up are 5
  CHECK(wait_of(limiter.take("a", "m", 1)) == 12'000);
}

TEST_CASE("durations are written as the reset headers have them")
{
  CHECK(emulator::go_duration(20) == "20ms");
  CHECK(emulator::go_duration(1000) == "1s");
  CHECK(emulator::go_duration(8640) == "8.64s");
  CHECK(emulator::go_duration(360'000) == "6m0s");
  CHECK(emulator::go_duration(62'500) == "1m2.5s");
}
