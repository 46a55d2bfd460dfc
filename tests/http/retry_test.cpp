#include <batchwright/http/head.hpp>
#include <batchwright/http/retry.hpp>

#include <doctest/doctest.h>

#include <array>
#include <deque>

using namespace batchwright;
using namespace batchwright::http;

namespace {

Response answered(int status, Headers headers = {}, std::string body = {})
{
  return {.delivery = Delivery::answered,
          .status = status,
          .headers = std::move(headers),
          .body = std::move(body),
          .whole = true};
}

/// Gives out prepared responses, in order.
class Prepared final : public Transport {
public:
  Response send(const Request&, Sink* sink) override
  {
    ++calls;
    auto response = responses.front();
    if (responses.size() > 1) responses.pop_front();
    if (sink && response.status / 100 == 2) {
      sink->begin(response);
      sink->write("block");
    }
    return response;
  }
  std::deque<Response> responses = {};
  int calls = 0;
};

} // namespace

TEST_SUITE_BEGIN("http::retry");

TEST_CASE("what a response means for another try")
{
  const Headers yes{{"X-Should-Retry", "true"}};
  const Headers no{{"x-should-retry", "False"}};
  Response cut = answered(200);
  cut.whole = false;
  struct Row {
    Response response;
    const char* code;
    Verdict verdict;
  };
  const std::array rows{
      Row{answered(200), "", Verdict::ok},
      Row{answered(206), "", Verdict::ok},
      Row{answered(204), "", Verdict::ok},
      Row{answered(200, no), "", Verdict::ok},
      Row{cut, "", Verdict::transient},
      Row{answered(301), "", Verdict::hopeless},
      Row{answered(304), "", Verdict::hopeless},
      Row{answered(400), "", Verdict::hopeless},
      Row{answered(401), "invalid_api_key", Verdict::hopeless},
      Row{answered(403), "", Verdict::hopeless},
      Row{answered(404), "", Verdict::hopeless},
      Row{answered(408), "", Verdict::transient},
      Row{answered(409), "", Verdict::transient},
      Row{answered(413), "", Verdict::hopeless},
      Row{answered(416), "", Verdict::hopeless},
      Row{answered(422), "", Verdict::hopeless},
      Row{answered(425), "", Verdict::transient},
      Row{answered(429), "", Verdict::throttled},
      Row{answered(429), "rate_limit_exceeded", Verdict::throttled},
      Row{answered(429), "insufficient_quota", Verdict::hopeless},
      Row{answered(429, {}, R"({"error":{"code":"insufficient_quota"}})"), "", Verdict::hopeless},
      Row{answered(429, {}, R"({"error":{"code":"rate_limit_exceeded"}})"), "", Verdict::throttled},
      Row{answered(499), "", Verdict::transient},
      Row{answered(500), "server_error", Verdict::transient},
      Row{answered(502), "", Verdict::transient},
      Row{answered(503), "", Verdict::transient},
      Row{answered(504), "", Verdict::transient},
      Row{answered(500, no), "", Verdict::hopeless},
      Row{answered(429, no), "", Verdict::hopeless},
      Row{answered(400, yes), "", Verdict::transient},
      Row{answered(429, yes), "insufficient_quota", Verdict::throttled},
      Row{answered(503, yes), "", Verdict::transient},
      Row{answered(404, {{"x-should-retry", "maybe"}}), "", Verdict::hopeless},
      Row{{.delivery = Delivery::not_sent}, "", Verdict::transient},
      Row{{.delivery = Delivery::unknown}, "", Verdict::transient},
  };
  for (const auto& row : rows) {
    CAPTURE(row.response.status);
    CAPTURE(row.code);
    CAPTURE(row.response.body);
    CHECK(classify(row.response, row.code) == row.verdict);
  }
}

TEST_CASE("the server's wait is read in all its forms, the exact one first")
{
  const auto now = from_unix(784111770);
  struct Row {
    Headers headers;
    std::optional<Millis> wait;
  };
  const std::array rows{
      Row{{}, std::nullopt},
      Row{{{"Retry-After", "46"}}, Millis{46'000}},
      Row{{{"retry-after", "1.5"}}, Millis{1'500}},
      Row{{{"retry-after", "0"}}, Millis{0}},
      Row{{{"retry-after-ms", "45190"}, {"retry-after", "46"}}, Millis{45'190}},
      Row{{{"retry-after-ms", "0.4"}}, Millis{1}},
      Row{{{"retry-after-ms", "soon"}, {"retry-after", "2"}}, Millis{2'000}},
      Row{{{"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}}, Millis{7'000}},
      Row{{{"retry-after", "Sun, 06 Nov 1994 08:49:17 GMT"}}, Millis{0}},
      Row{{{"retry-after", "-5"}}, std::nullopt},
      Row{{{"retry-after", "5 apples"}}, std::nullopt},
      Row{{{"retry-after", "nan"}}, std::nullopt},
      Row{{{"retry-after", "1e300"}}, std::nullopt},
      Row{{{"retry-after", "99999999999999999999"}}, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.headers.empty());
    CAPTURE((row.headers.empty() ? "" : row.headers.back().second));
    CHECK(retry_after(answered(429, row.headers), now) == row.wait);
  }
}

TEST_CASE("Go's durations are read, milliseconds before minutes")
{
  const std::pair<const char*, std::optional<Millis>> rows[] = {
      {"8.64s", Millis{8'640}},    {"20ms", Millis{20}},          {"1s", Millis{1'000}},
      {"6m0s", Millis{360'000}},   {"1h2m3s", Millis{3'723'000}}, {"1m2.5s", Millis{62'500}},
      {"51.189s", Millis{51'189}}, {"500us", Millis{1}},          {"1\xc2\xb5s", Millis{1}},
      {"10ns", Millis{1}},         {"3", Millis{3'000}},          {"0s", Millis{0}},
      {"", std::nullopt},          {"s", std::nullopt},           {"1x", std::nullopt},
      {"-1s", std::nullopt},       {"1s2", std::nullopt},         {"9999999h", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto& text = row.first;
    const auto& wait = row.second;
    CAPTURE(text);
    CHECK(parse_go_duration(text) == wait);
  }
}

TEST_CASE("waits double up to the ceiling, and a hint is a floor that no ceiling lowers, or too long to wait for")
{
  const RetryPolicy policy{.attempts = 40,
                           .base = Millis{500},
                           .throttled_base = Millis{2'000},
                           .ceiling = Millis{30'000},
                           .longest_hint = Millis{10'000}};
  struct Row {
    int attempt;
    Verdict verdict;
    std::optional<Millis> hint;
    double jitter;
    std::optional<Millis> wait;
  };
  constexpr auto transient = Verdict::transient;
  constexpr auto throttled = Verdict::throttled;
  const std::array rows{
      Row{1, transient, {}, 1.0, Millis{500}},
      Row{1, transient, {}, 0.0, Millis{250}},
      Row{2, transient, {}, 1.0, Millis{1'000}},
      Row{3, transient, {}, 0.5, Millis{1'500}},
      Row{7, transient, {}, 1.0, Millis{30'000}},
      Row{39, transient, {}, 1.0, Millis{30'000}},
      Row{1, throttled, {}, 1.0, Millis{2'000}},
      Row{4, throttled, {}, 1.0, Millis{16'000}},
      Row{5, throttled, {}, 1.0, Millis{30'000}},
      Row{1, transient, Millis{0}, 1.0, Millis{500}},
      Row{1, transient, Millis{7'000}, 1.0, Millis{7'500}},
      Row{1, throttled, Millis{10'000}, 1.0, Millis{12'000}},
      Row{9, transient, Millis{10'000}, 0.0, Millis{25'000}},
      Row{1, transient, Millis{10'001}, 0.0, std::nullopt},
      Row{1, throttled, Millis{120'000}, 1.0, std::nullopt},
      Row{9, transient, Millis{3'600'000}, 0.0, std::nullopt},
      Row{1, transient, {}, 7.0, Millis{500}},
      Row{1, transient, {}, -7.0, Millis{250}},
      Row{40, transient, {}, 1.0, std::nullopt},
      Row{41, throttled, Millis{1}, 1.0, std::nullopt},
      Row{1, Verdict::ok, {}, 1.0, std::nullopt},
      Row{1, Verdict::hopeless, Millis{1}, 1.0, std::nullopt},
  };
  for (const auto& row : rows) {
    CAPTURE(row.attempt);
    CAPTURE(row.jitter);
    CHECK(wait_before_retry(policy, row.attempt, row.verdict, row.hint, row.jitter) == row.wait);
  }
}

TEST_CASE("reads are tried again until the attempts run out, with the waits the server asks for")
{
  Prepared inner;
  std::vector<Millis> waits;
  const auto sleep = [&](Millis time) {
    waits.push_back(time);
    return true;
  };
  const auto transport = retrying(inner, {.attempts = 3, .base = Millis{100}}, sleep);
  SUBCASE("and succeed in the end")
  {
    inner.responses = {answered(503), {.delivery = Delivery::not_sent}, answered(200)};
    CHECK(transport->send({.path = "/x"}).status == 200);
    CHECK(inner.calls == 3);
    REQUIRE(waits.size() == 2);
    CHECK(waits[0] >= Millis{50});
    CHECK(waits[0] <= Millis{100});
    CHECK(waits[1] >= Millis{100});
  }
  SUBCASE("and give the last answer")
  {
    inner.responses = {answered(429, {{"retry-after", "9"}})};
    CHECK(transport->send({.method = Method::del, .path = "/x"}).status == 429);
    CHECK(inner.calls == 3);
    REQUIRE(waits.size() == 2);
    CHECK(waits[0] >= Millis{10'000});
  }
  SUBCASE("and give an answer that asks for a long wait at once, with that wait")
  {
    inner.responses = {answered(502), answered(503, {{"Retry-After", "3600"}}), answered(200)};
    const auto response = transport->send({.path = "/x"});
    CHECK(response.status == 503);
    CHECK(retry_after(response, Instant{}) == Millis{3'600'000});
    CHECK(inner.calls == 2);
    CHECK(waits.size() == 1);
  }
  SUBCASE("but not when it is hopeless")
  {
    inner.responses = {answered(404)};
    CHECK(transport->send({.path = "/x"}).status == 404);
    CHECK(inner.calls == 1);
  }
}

TEST_CASE("a POST is never tried again, and neither is what a sink has already seen")
{
  Prepared inner;
  const auto transport = retrying(inner, {}, [](Millis) { return true; });
  inner.responses = {answered(503)};
  CHECK(transport->send({.method = Method::post, .path = "/x"}).status == 503);
  CHECK(inner.calls == 1);

  struct Nothing final : Sink {
    void begin(const Response&) override {}
    void write(std::string_view) override {}
  } sink;
  Response cut = answered(200);
  cut.whole = false;
  inner.responses = {cut};
  CHECK_FALSE(transport->send({.path = "/x"}, &sink).whole);
  CHECK(inner.calls == 2);
  inner.responses = {answered(503), answered(200)};
  CHECK(transport->send({.path = "/x"}, &sink).ok());
  CHECK(inner.calls == 4);
}

TEST_CASE("who asks to stop is not made to wait")
{
  Interrupt interrupt;
  CHECK(sleep_unless(interrupt)(Millis{1}));
  interrupt.ask(2);
  CHECK_FALSE(sleep_unless(interrupt)(Millis{3'600'000}));
  Prepared inner;
  inner.responses = {answered(503)};
  CHECK(retrying(inner, {}, sleep_unless(interrupt))->send({.path = "/x"}).status == 503);
  CHECK(inner.calls == 1);
}

TEST_SUITE_END();
