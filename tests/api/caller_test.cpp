#include "tests/support/fresh_directory.hpp"
#include "tests/support/scripted_server.hpp"

#include <batchwright/api/caller.hpp>
#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <future>

using namespace batchwright;
using namespace batchwright::api;
using tests::Peer;
using tests::ScriptedServer;

namespace {

constexpr Millis patience{20'000};
const std::string question = R"({"model":"m"})";
const std::string key = "sk-secret-key-1";

/// A server with so many equal connections, and a caller of it.
struct Calling {
  tests::FreshDirectory dir = {};
  ScriptedServer server;
  std::unique_ptr<Caller> caller;

  explicit Calling(const tests::Script& script, std::size_t connections = 8)
      : server(std::vector<tests::Script>(connections, script)),
        caller(open_caller({.base_url = server.url(), .key = Secret{key}}, dir.path()))
  {
  }
  Answered call(std::string_view url = "/v1/chat/completions") { return caller->call(url, question, patience); }
};

tests::Script answering(int status, const std::string& body, const std::string& header_lines = {})
{
  return [=](Peer& peer) {
    while (!peer.read_request().empty())
      peer.answer(status, body, header_lines);
  };
}

tests::Script sending(const std::string& bytes)
{
  return [bytes](Peer& peer) {
    peer.read_request();
    peer.send(bytes);
  };
}

/// An answer of so many bytes or a few more, in lines as servers write them, and the same in one line.
struct Large {
  std::string sent = "{\n  \"id\": \"x\",\n  \"data\": [\n";
  std::string kept = R"({"id":"x","data":[)";

  explicit Large(std::size_t bytes)
  {
    const std::string value = R"("a \" \\ \ud83d { , } z")";
    while (sent.size() < bytes) {
      sent += "    " + value + ",\n";
      kept += value + ",";
    }
    sent += "    null\n  ]\n}\n";
    kept += "null]}";
  }
};

bool is_waiting(std::future<Answered>& answer)
{
  return answer.wait_for(std::chrono::milliseconds{300}) == std::future_status::timeout;
}

http::Response with_headers(std::vector<std::pair<std::string, std::string>> headers)
{
  return {.delivery = http::Delivery::answered, .status = 200, .headers = std::move(headers)};
}

} // namespace

TEST_SUITE_BEGIN("api::caller");

TEST_CASE("a request line's URL goes out below the base URL, its version once")
{
  Calling calling{answering(200, "{}")};
  for (const auto* url : {"/v1/chat/completions", "/v1/embeddings", "/v2/rerank", "/v1x/y"})
    CHECK(calling.call(url).ending == Ending::ok);
  const auto requests = calling.server.requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
  CHECK(requests[0].ends_with("\r\n\r\n" + question));
  CHECK(requests[1].starts_with("POST /v1/embeddings HTTP/1.1\r\n"));
  CHECK(requests[2].starts_with("POST /v1/v2/rerank HTTP/1.1\r\n"));
  CHECK(requests[3].starts_with("POST /v1/v1x/y HTTP/1.1\r\n"));
  CHECK(calling.server.connections() == 1);
}

TEST_CASE("how a call ended, and what is kept of its answer")
{
  const std::string error = "{\n \"error\": {\"code\": \"invalid_value\", \"message\": \"No  such\"}\n}";
  const std::string error_kept = R"({"error":{"code":"invalid_value","message":"No  such"}})";
  struct Row {
    tests::Script script;
    Ending ending;
    int status;
    std::string body;
    bool is_json;
    std::string trouble;
  };
  const std::vector<Row> rows{
      {answering(200, "{\n  \"id\": \"a  b\",\n  \"x\": 1.0\n}\n"), Ending::ok, 200, R"({"id":"a  b","x":1.0})", true,
       ""},
      {answering(200, "<html> busy </html>"), Ending::unknown, 200, "<html> busy </html>", false,
       "HTTP 200, but the answer is no JSON: <html> busy </html>"},
      {answering(200, ""), Ending::unknown, 200, "", false, "HTTP 200, but the answer is empty"},
      {answering(200, R"({"id": )"), Ending::unknown, 200, R"({"id": )", false,
       R"(HTTP 200, but the answer is no JSON: {"id": )"},
      {sending("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\": 1, "), Ending::unknown, 200, "{\"id\": 1, ",
       false, "HTTP 200, but the answer was cut after 10 of 99 bytes"},
      {answering(400, error), Ending::refused, 400, error_kept, true, "HTTP 400 invalid_value: No  such"},
      {answering(429, error), Ending::refused, 429, error_kept, true, "HTTP 429 invalid_value: No  such"},
      {answering(500, error), Ending::unknown, 500, error_kept, true, "HTTP 500 invalid_value: No  such"},
      {answering(502, "<html>"), Ending::unknown, 502, "<html>", false, "HTTP 502: <html>"},
      {answering(401, "<html>"), Ending::unknown, 401, "<html>", false, "HTTP 401: <html>"},
      {sending(""), Ending::unknown, 0, "", false, "connection closed by the server without an answer"},
  };
  for (const auto& row : rows) {
    Calling calling{row.script};
    const auto answered = calling.call();
    CAPTURE(row.trouble);
    CHECK(answered.ending == row.ending);
    CHECK(answered.status == row.status);
    CHECK(answered.body == row.body);
    CHECK(answered.is_json == row.is_json);
    CHECK(answered.trouble == row.trouble);
    CHECK(answered.turn == nullptr);
  }
}

TEST_CASE("an answer brings the server's words on when to go on, and its id")
{
  Calling calling{answering(429, R"({"error":{"code":"rate_limit_exceeded","type":"requests","message":"Slow."}})",
                            "Retry-After: 7\r\nX-Request-Id: req_1\r\nX-Ratelimit-Remaining-Requests: 0\r\n"
                            "x-ratelimit-reset-requests: 6m0s\r\n")};
  const auto answered = calling.call();
  CHECK(answered.error.code == "rate_limit_exceeded");
  CHECK(answered.error.type == "requests");
  CHECK(answered.retry_after == Millis{7'000});
  CHECK(answered.request_id == "req_1");
  CHECK(answered.rates == RateHeaders{.remaining_requests = 0, .reset_requests = Millis{360'000}});
}

TEST_CASE("a key that the server repeats is in no word for people")
{
  const std::string large(2 << 20, ' ');
  for (const auto& script :
       {answering(200, "<html>" + key), answering(401, R"({"error":{"message":"Wrong key )" + key + "\"}}"),
        answering(503, key, "X-Request-Id: " + key + "\r\n"), answering(200, "{ " + key + large)}) {
    Calling calling{script};
    const auto answered = calling.call();
    CHECK(answered.trouble.find("***") != std::string::npos);
    CHECK(answered.trouble.find(key) == std::string::npos);
    CHECK(answered.error.message.find(key) == std::string::npos);
    CHECK(answered.request_id.find(key) == std::string::npos);
  }
}

TEST_CASE("a large answer comes through exactly, and leaves no file behind")
{
  for (const std::size_t bytes : {(std::size_t{1} << 20) - 64, std::size_t{1} << 20, std::size_t{9} << 20}) {
    const Large large{bytes};
    Calling calling{answering(200, large.sent)};
    const auto answered = calling.call();
    CHECK(answered.ending == Ending::ok);
    CHECK(answered.body == large.kept);
    CHECK(std::filesystem::is_empty(calling.dir.path()));
  }
}

TEST_CASE("a large answer that was cut keeps what came")
{
  const Large large{std::size_t{3} << 20};
  Calling calling{sending("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + large.sent)};
  const auto answered = calling.call();
  CHECK(answered.ending == Ending::unknown);
  CHECK(answered.body == large.kept);
  CHECK(answered.trouble.starts_with("HTTP 200, but the answer was cut after "));
}

TEST_CASE("a large answer waits until another thread has let go of its own; a small one does not")
{
  const Large large{std::size_t{2} << 20};
  Calling calling{[&](Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request())
      peer.answer(200, request.find("/large") != std::string::npos ? large.sent : "{}");
  }};
  auto held = std::make_unique<Answered>(calling.call("/v1/large"));
  auto copy = held->turn;
  REQUIRE(copy != nullptr);
  CHECK(calling.call("/v1/large").body == large.kept); // the same thread would wait for itself
  auto other = std::async(std::launch::async, [&] { return calling.call("/v1/large"); });
  CHECK(is_waiting(other));
  CHECK(calling.call("/v1/small").ending == Ending::ok);
  held.reset();
  CHECK(is_waiting(other));
  copy.reset();
  CHECK(other.get().body == large.kept);
}

TEST_CASE("an answer above 64 MiB is not taken, and says so")
{
  constexpr std::size_t largest = std::size_t{64} << 20;
  const auto padded = [](std::size_t bytes) { return "{}" + std::string(bytes - 2, ' '); };
  Calling just{answering(200, padded(largest))};
  CHECK(just.call().body == "{}");
  Calling above{answering(200, padded(largest + 1), "X-Request-Id: " + key + "\r\n")};
  const auto answered = above.call();
  CHECK(answered.ending == Ending::unknown);
  CHECK(answered.status == 200);
  CHECK(answered.trouble == "HTTP 200, but the answer is larger than 64 MiB");
  CHECK(answered.request_id == "***");
  CHECK(answered.body.empty());
  CHECK(answered.turn == nullptr);
}

TEST_CASE("silence is waited out up to the timeout, and no longer")
{
  Calling calling{[](Peer& peer) {
    if (peer.read_request().find("/slow") != std::string::npos && !peer.is_gone_within(400)) {
      peer.answer(200, "{}", "Connection: close\r\n");
    } else {
      peer.wait_for_close();
    }
  }};
  const auto slow = calling.caller->call("/v1/slow", question, patience);
  CHECK(slow.ending == Ending::ok);
  CHECK(slow.took >= Millis{400});
  const auto mute = calling.caller->call("/v1/mute", question, Millis{200});
  CHECK(mute.ending == Ending::unknown);
  CHECK(mute.trouble == "it took longer than 200 ms in all");
  CHECK(mute.took >= Millis{200});
}

TEST_CASE("nobody there is not sent")
{
  tests::FreshDirectory dir;
  std::string url;
  {
    const ScriptedServer gone{{}};
    url = gone.url();
  }
  const auto caller = open_caller({.base_url = url, .key = Secret{key}}, dir.path());
  const auto answered = caller->call("/v1/x", question, patience);
  CHECK(answered.ending == Ending::not_sent);
  CHECK(answered.trouble.starts_with("connection refused by 127.0.0.1:"));
}

TEST_CASE("all calls can be ended, those in flight and those to come")
{
  std::promise<void> read;
  Calling calling{[&](Peer& peer) {
    for (auto request = peer.read_request(); !request.empty(); request = peer.read_request()) {
      if (request.find("/mute") == std::string::npos) {
        peer.answer(200, "{}");
      } else {
        read.set_value();
      }
    }
  }};
  CHECK(calling.call().ending == Ending::ok);
  auto mute = std::async(std::launch::async, [&] { return calling.call("/v1/mute"); });
  read.get_future().wait();
  calling.caller->end_all();
  const auto ended = mute.get();
  CHECK(ended.ending == Ending::unknown);
  CHECK(ended.trouble == "interrupted");
  const auto later = calling.call();
  CHECK(later.ending == Ending::not_sent);
  CHECK(later.trouble == "interrupted");
  CHECK(calling.server.requests().size() == 2);
}

TEST_CASE("the rate headers, as the API and others write them")
{
  using Headers = std::vector<std::pair<std::string, std::string>>;
  const std::pair<Headers, RateHeaders> rows[] = {
      {{}, {}},
      {{{"x-ratelimit-limit-requests", "10000"},
        {"x-ratelimit-limit-tokens", "200000"},
        {"x-ratelimit-remaining-requests", "9999"},
        {"x-ratelimit-remaining-tokens", "0"},
        {"x-ratelimit-reset-requests", "8.64s"},
        {"X-RateLimit-Reset-Tokens", "1h2m3s"}},
       {10'000, 200'000, 9'999, 0, Millis{8'640}, Millis{3'723'000}}},
      {{{"x-ratelimit-reset-requests", "20ms"}, {"x-ratelimit-reset-tokens", "6m0s"}},
       {.reset_requests = Millis{20}, .reset_tokens = Millis{360'000}}},
      {{{"x-ratelimit-reset-requests", "1.5"}, {"x-ratelimit-reset-tokens", "60"}},
       {.reset_requests = Millis{1'500}, .reset_tokens = Millis{60'000}}},
      {{{"Date", "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"x-ratelimit-reset-requests", "1994-11-06T08:50:00Z"},
        {"x-ratelimit-reset-tokens", "1994-11-06T08:00:00Z"}},
       {.reset_requests = Millis{23'000}, .reset_tokens = Millis{0}}},
      {{{"x-ratelimit-limit-project-tokens", "500"},
        {"x-ratelimit-remaining-project-tokens", "400"},
        {"x-ratelimit-reset-project-tokens", "2s"}},
       {.limit_tokens = 500, .remaining_tokens = 400, .reset_tokens = Millis{2'000}}},
      {{{"x-ratelimit-limit-tokens", "1000"},
        {"x-ratelimit-remaining-tokens", "100"},
        {"x-ratelimit-reset-tokens", "54s"},
        {"x-ratelimit-limit-project-tokens", "500"},
        {"x-ratelimit-remaining-project-tokens", "400"},
        {"x-ratelimit-reset-project-tokens", "12s"}},
       {.limit_tokens = 500, .remaining_tokens = 100, .reset_tokens = Millis{54'000}}},
      {{{"x-ratelimit-limit-tokens", "500"}, {"x-ratelimit-limit-project-tokens", "1000"}}, {.limit_tokens = 500}},
      {{{"x-ratelimit-limit-requests", "many"},
        {"x-ratelimit-limit-tokens", "0"},
        {"x-ratelimit-remaining-requests", "-1"},
        {"x-ratelimit-remaining-tokens", "99999999999999999999"},
        {"x-ratelimit-reset-requests", "soon"},
        {"x-ratelimit-reset-tokens", ""},
        {"x-ratelimit-limit-project-tokens", "12x"},
        {"x-ratelimit-reset-project-tokens", "-5s"}},
       {}},
  };
  for (const auto& [headers, expected] : rows) {
    CAPTURE(headers.empty() ? "none" : headers.front().first + ": " + headers.front().second);
    CHECK(read_rate_headers(with_headers(headers)) == expected);
  }
}

TEST_SUITE_END();
