#include <batchwright/report/report.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace batchwright;
using namespace batchwright::report;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("report::figures");

TEST_CASE("counts carry commas")
{
  CHECK(count(0) == "0");
  CHECK(count(999) == "999");
  CHECK(count(1000) == "1,000");
  CHECK(count(1234567) == "1,234,567");
  CHECK(count(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
}

TEST_CASE("what is counted has the number it has")
{
  CHECK(counted(1, "batch", "batches") == "1 batch");
  CHECK(counted(0, "batch", "batches") == "0 batches");
  CHECK(counted(2'000, "batch", "batches") == "2,000 batches");
}

TEST_CASE("about how long is rounded up, and never nothing")
{
  CHECK(about(0s) == "1s");
  CHECK(about(200ms) == "1s");
  CHECK(about(89'001ms) == "90s");
  CHECK(about(119s) == "119s");
  CHECK(about(2min) == "2m");
  CHECK(about(7min + 1s) == "8m");
  CHECK(about(59min + 1s) == "1h 00m");
  CHECK(about(2h + 4min + 1s) == "2h 05m");
}

TEST_CASE("a time of day has seconds where it is near, and its day where that is another")
{
  const auto now = *parse_rfc3339("2026-11-22T10:00:00Z");
  CHECK(clock_time(now + 9min + 59s, now) == "10:09:59 UTC");
  CHECK(clock_time(now - 9min - 59s, now) == "09:50:01 UTC");
  CHECK(clock_time(now + 10min, now) == "10:10 UTC");
  CHECK(clock_time(now + 20h, now) == "2026-11-23 06:00 UTC");
}

TEST_CASE("sizes step up before they would read 1024")
{
  CHECK(bytes(0) == "0 B");
  CHECK(bytes(1023) == "1023 B");
  CHECK(bytes(1024) == "1.0 KiB");
  CHECK(bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(bytes(100'000'000) == "95.4 MiB");
  CHECK(bytes(std::numeric_limits<std::uint64_t>::max()) == "16.0 EiB");
}

TEST_CASE("money is rounded to cents, small amounts to two digits that count, and something never reads as nothing")
{
  CHECK(money({0}) == "$0.00");
  CHECK(money({12'340'000'000'000}) == "$12.34");
  CHECK(money({12'345'000'000'000}) == "$12.35");
  CHECK(money({1'234'567'000'000'000'000}) == "$1,234,567.00");
  CHECK(money({100'000'000'000}) == "$0.10");
  CHECK(money({99'999'999'999}) == "$0.10");
  CHECK(money({99'400'000'000}) == "$0.099");
  CHECK(money({50'000'000'000}) == "$0.05");
  CHECK(money({4'200'000'000}) == "$0.0042");
  CHECK(money({1'350'000}) == "$0.0000014");
  CHECK(money({1}) == "$0.000000000001");
  CHECK(money({-250'000'000'000}) == "-$0.25");
  CHECK(money({std::numeric_limits<std::int64_t>::min()}) == "-$9,223,372.04");
}

TEST_CASE("a span has two units at most")
{
  CHECK(span(-5s) == "0s");
  CHECK(span(999ms) == "0s");
  CHECK(span(38s) == "38s");
  CHECK(span(60s) == "1m 00s");
  CHECK(span(59min + 59s) == "59m 59s");
  CHECK(span(2h + 5min + 59s) == "2h 05m");
  CHECK(span(50h) == "2d 02h");
}

TEST_CASE("100% is said only of all, 0% only of none")
{
  CHECK(share(0, 1000) == "0%");
  CHECK(share(1, 1'000'000) == "0.1%");
  CHECK(share(410, 1000) == "41.0%");
  CHECK(share(999'999, 1'000'000) == "99.9%");
  CHECK(share(1'000'000, 1'000'000) == "100%");
  CHECK(share(0, 0) == "100%");
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  CHECK(share(most - 1, most) == "99.9%");
}

TEST_CASE("times are told as a distance, in a unit that keeps the figure small")
{
  const auto now = *parse_rfc3339("2026-11-22T10:00:00Z");
  CHECK(relative(now, now) == "now");
  CHECK(relative(now - 38s, now) == "38 s ago");
  CHECK(relative(now - 119s, now) == "119 s ago");
  CHECK(relative(now - 12min, now) == "12 min ago");
  CHECK(relative(now - 47h, now) == "47 h ago");
  CHECK(relative(now - 72h, now) == "3 days ago");
  CHECK(relative(now + 38s, now) == "in 38 s");
  CHECK(relative(now + 5min, now) == "in 5 min");
  CHECK(utc(now) == "2026-11-22 10:00:00 UTC");
}

TEST_SUITE_END();
