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

TEST_CASE("durations are written as the reset headers have them")
{
  CHECK(emulator::go_duration(20) == "20ms");
  CHECK(emulator::go_duration(1000) == "1s");
  CHECK(emulator::go_duration(8640) == "8.64s");
  CHECK(emulator::go_duration(360'000) == "6m0s");
  CHECK(emulator::go_duration(62'500) == "1m2.5s");
}
