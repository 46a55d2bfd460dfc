#include <batchwright/base/clock.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace std::chrono_literals;

TEST_SUITE_BEGIN("base::clock");

TEST_CASE("durations are numbers with units, repeated")
{
  CHECK(parse_duration("250ms") == 250ms);
  CHECK(parse_duration("38s") == 38s);
  CHECK(parse_duration("5m") == 5min);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("2d1h") == 49h);
  CHECK(parse_duration("1m500ms") == 60'500ms);
  CHECK(parse_duration("0s") == 0ms);
  CHECK(parse_duration("1s1s") == 2s);
}

TEST_CASE("what has no unit, or another, is no duration")
{
  for (const auto* text : {"", "5", "s", "-5s", "+5s", "5 s", " 5s", "5s ", "1h30", "5x", "5S", "1.5h", "5mm", "0x5s",
                           "9223372036854775807d", "99999999999999999999s", "9223372036854775807ms1ms"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
  CHECK(parse_duration("9223372036854775807ms") == Millis::max());
}

TEST_CASE("times are written in UTC to the second, whatever the millisecond")
{
  CHECK(rfc3339(from_unix(0)) == "1970-01-01T00:00:00Z");
  CHECK(rfc3339(from_unix(1'795'300'000)) == "2026-11-21T22:26:40Z");
  CHECK(rfc3339(from_unix(1'709'164'800)) == "2024-02-29T00:00:00Z");
  CHECK(rfc3339(from_unix(1) + 999ms) == "1970-01-01T00:00:01Z");
  CHECK(rfc3339(from_unix(0) - 1ms) == "1969-12-31T23:59:59Z"); // down, not towards zero
}

TEST_CASE("times are read with any offset and fraction")
{
  CHECK(parse_rfc3339("2026-11-22T10:00:00Z") == from_unix(1'795'341'600));
  CHECK(parse_rfc3339("2026-11-22t10:00:00z") == from_unix(1'795'341'600));
  CHECK(parse_rfc3339("2026-11-22 10:00:00Z") == from_unix(1'795'341'600));
  CHECK(parse_rfc3339("2026-11-22T10:00:00.123456Z").has_value());
  CHECK(parse_rfc3339("2026-11-22T11:30:00+01:30") == from_unix(1'795'341'600));
  CHECK(parse_rfc3339("2026-11-22T02:00:00-08:00") == from_unix(1'795'341'600));
  for (const std::int64_t t : {0LL, 951'782'400LL, 1'795'341'600LL, 4'102'444'800LL})
    CHECK(parse_rfc3339(rfc3339(from_unix(t))) == from_unix(t));
}

TEST_CASE("what is no time is none")
{
  for (const auto* text :
       {"", "now", "2026-11-22", "10:00", "2026-11-22T10:00Z", "2026-11-22T10:00:00", "2026-02-29T10:00:00Z",
        "2026-13-01T10:00:00Z", "2026-11-22T24:00:00Z", "2026-11-22T10:60:00Z", "2026-11-22T10:00:00ZZ",
        "2026-11-22T10:00:00+0100", "2026-11-22T10:00:00+xx:00", "2026-11-22T10:00:00."}) {
    CAPTURE(text);
    CHECK_FALSE(parse_rfc3339(text).has_value());
  }
}

TEST_CASE("the machine's clock goes")
{
  const auto first = system_clock().now();
  CHECK(first > *parse_rfc3339("2020-01-01T00:00:00Z"));
  CHECK(&system_clock() == &system_clock());
}

TEST_SUITE_END();
