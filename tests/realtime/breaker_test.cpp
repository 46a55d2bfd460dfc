#include <batchwright/realtime/breaker.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using realtime::Breaker;

namespace {

struct Fixture {
  Breaker breaker = {};
  Instant now{Millis{1'000'000}};
  std::uint64_t serial = 0;

  /// So many fail, and others that were sent between them are still under way.
  void fail(int times)
  {
    for (int i = 0; i < times; ++i)
      breaker.failed(serial += 2, {}, now);
  }
  void fail_probe() { breaker.failed(++serial, {.is_probe = true}, now); }
  void succeed() { breaker.succeeded(++serial); }
};

} // namespace

TEST_SUITE_BEGIN("realtime::breaker");

TEST_CASE_FIXTURE(Fixture, "it opens at the twentieth failure in a row, and any success between starts over")
{
  fail(19);
  CHECK_FALSE(breaker.is_open());
  CHECK_FALSE(breaker.probe_at(now));
  succeed();
  fail(19);
  CHECK_FALSE(breaker.is_open());
  fail(1);
  CHECK(breaker.is_open());
  CHECK(breaker.probe_at(now) == now + Millis{2'000});
}

TEST_CASE_FIXTURE(Fixture, "probes that fail make the pauses longer, up to two minutes; what was under way does not")
{
  fail(20);
  auto pause = Millis{2'000};
  for (int probe = 0; probe < 10; ++probe) {
    const auto at = *breaker.probe_at(now);
    CHECK(at == now + pause);
    now = at;
    fail(30); // under way since before
    CHECK(breaker.probe_at(now) == at);
    fail_probe();
    pause = std::min(pause * 2, Millis{120'000});
  }
  CHECK(pause == Millis{120'000});
}

TEST_CASE_FIXTURE(Fixture, "an answer closes it, and the next time begins with a short pause")
{
  fail(20);
  fail_probe();
  fail_probe();
  succeed();
  CHECK_FALSE(breaker.is_open());
  fail_probe(); // another probe, late
  CHECK_FALSE(breaker.is_open());
  fail(19);
  CHECK(breaker.is_open());
  CHECK(breaker.probe_at(now) == now + Millis{2'000});
}

TEST_CASE_FIXTURE(Fixture, "answers to what was sent before a server died do not hide that it did")
{
  for (std::uint64_t i = 0; i < 19; ++i) {
    breaker.failed(1'000 + (i * 7) % 19, {}, now); // they come home in any order
    breaker.succeeded(900 + i);
    CHECK_FALSE(breaker.is_open());
  }
  breaker.failed(1'019, {}, now);
  CHECK(breaker.is_open());
  breaker.succeeded(999);
  CHECK(breaker.is_open());
  breaker.succeeded(1'020);
  CHECK_FALSE(breaker.is_open());
}

TEST_CASE_FIXTURE(Fixture, "failures among many that are under way, or answered, are no run")
{
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    breaker.failed(i * 5, {}, now);
    if (i % 10 == 0) breaker.succeeded(i * 5 + 1);
    breaker.failed(i * 5 + 2, {}, now);
    if (i % 5 == 0) breaker.succeeded(i * 5 + 3);
    CHECK_FALSE(breaker.is_open());
  }
}

TEST_CASE_FIXTURE(Fixture, "a few requests that fail again and again are no server that is gone")
{
  fail(19);
  for (int i = 0; i < 200; ++i)
    breaker.failed(++serial, {.is_news = false}, now);
  CHECK_FALSE(breaker.is_open());
  breaker.failed(++serial, {}, now);
  CHECK(breaker.is_open());
}

TEST_CASE_FIXTURE(Fixture, "where requests fail in the order in which they were sent, old ones between do not count")
{
  for (std::uint64_t i = 1; i <= 19; ++i) {
    breaker.succeeded(i); // of another time
    breaker.failed(1'000 + 2 * i, {}, now);
    breaker.failed(1'001 + 2 * i, {.is_news = false}, now);
    CHECK_FALSE(breaker.is_open());
  }
  breaker.succeeded(20);
  breaker.failed(1'040, {}, now);
  CHECK(breaker.is_open());
}

TEST_CASE_FIXTURE(Fixture, "a clock that was set back holds no probe up")
{
  fail(20);
  now -= Millis{3'600'000};
  CHECK(breaker.probe_at(now) == now);
}

TEST_SUITE_END();
