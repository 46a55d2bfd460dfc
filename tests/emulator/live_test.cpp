#include "tests/emulator/raw_client.hpp"

#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/which.hpp>

#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <memory>
#include <thread>

using namespace batchwright;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::live");

namespace {

const std::string route = "/v1/chat/completions";

/// A body that asks `text`, with more members.
std::string asking(const std::string& text, const std::string& more = {}, const std::string& model = "gpt-5.4-mini")
{
  return R"({"model":")" + model + R"(","messages":[{"role":"user","content":")" + text + "\"}]" + more + "}";
}

std::string in_tier(const std::string& tier, const std::string& model = "gpt-5.4-mini")
{
  return asking("x", R"(,"service_tier":)" + tier, model);
}

void put(RawClient& client, const std::string& faults)
{
  const auto answer = client.call("PUT", "/emulator/faults", faults);
  INFO(answer.body);
  REQUIRE(answer.status == 200);
}

void let_pass(RawClient& client, int ms)
{
  REQUIRE(client.post("/emulator/clock", R"({"advance_ms":)" + std::to_string(ms) + "}").status == 200);
}

int total(RawClient& client, const std::string& name)
{
  return client.ledger()->getValue<int>(name);
}

/// How many real-time calls were answered with this status.
int answers(RawClient& client, int status)
{
  const auto rows = client.ledger()->getArray("live_answers");
  for (unsigned i = 0; i < rows->size(); ++i)
    if (rows->getObject(i)->getValue<int>("status") == status) return rows->getObject(i)->getValue<int>("answers");
  return 0;
}

/// The status; 0 where the connection ends without a whole answer, or the client gives up.
int status_of(RawClient& client, const std::string& body)
{
  try {
    return client.post(route, body).status;
  } catch (const Poco::Exception&) {
    client.session().reset();
    return 0;
  }
}

/// A call on a connection of its own, of which nothing is read.
std::unique_ptr<Poco::Net::StreamSocket> sent(const emulator::Server& server, const std::string& body)
{
  auto socket = std::make_unique<Poco::Net::StreamSocket>(Poco::Net::SocketAddress{"127.0.0.1", server.port()});
  const auto call = "POST " + route + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body;
  socket->sendBytes(call.data(), static_cast<int>(call.size()));
  return socket;
}

/// Waits for what must come; fails the test where it does not within 30 s.
template<class Came>
void wait_until(Came came)
{
  for (int i = 0; i < 15'000; ++i) {
    if (came()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  FAIL("what was waited for never came");
}

std::string sha256(const std::string& bytes)
{
  Sha256 sha;
  sha.update(bytes);
  return sha.hex();
}

std::int64_t millis_since(std::chrono::steady_clock::time_point begun)
{
  return std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begun).count();
}

} // namespace

TEST_CASE("a rule holds for its time, by the server's clock, from when it was given")
{
  emulator::Server server{tests::quick_with(
      R"({"http":[{"path":"/v1/chat/completions","from_ms":600000,"for_ms":600000,"action":"status","status":429},
                  {"path":"/v1/models","for_ms":600000,"action":"html","status":200}]})")};
  RawClient client{server};
  CHECK(status_of(client, asking("x")) == 200);
  CHECK(client.get("/v1/models").headers.at("Content-Type") == "text/html");
  let_pass(client, 600'000);
  CHECK(status_of(client, asking("x")) == 429);
  CHECK(client.get("/v1/models").headers.at("Content-Type") == "application/json");
  let_pass(client, 600'000);
  CHECK(status_of(client, asking("x")) == 200);
  put(client, R"({"http":[{"path":"/v1/chat/completions","from_ms":600000,"nth":1,"action":"reset"}]})");
  CHECK(status_of(client, asking("x")) == 200); // not counted: the rule is not yet about it
  let_pass(client, 600'000);
  CHECK(status_of(client, asking("x")) == 0);
  CHECK(status_of(client, asking("x")) == 200);
}

TEST_CASE("slow down is a 503 in the API's words")
{
  emulator::Server server{tests::quick_with(
      R"({"http":[{"path":"/v1/chat/completions","nth":1,"action":"slow_down","headers":{"retry-after":"7"}}]})")};
  RawClient client{server};
  const auto answer = client.post(route, asking("x"));
  CHECK(answer.status == 503);
  CHECK(answer.message().starts_with("Slow Down"));
  CHECK(answer.code() == "slow_down");
  CHECK(answer.headers.at("retry-after") == "7");
  CHECK(total(client, "live_executed") == 0);
}

TEST_CASE("a used-up quota is a rule with the API's body")
{
  emulator::Server server{tests::quick_with(
      R"({"http":[{"path":"/v1/chat/completions","action":"status","status":429,"body":{"error":{"message":"No quota.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}}]})")};
  RawClient client{server};
  const auto answer = client.post(route, asking("x"));
  CHECK(answer.status == 429);
  CHECK(answer.code() == "insufficient_quota");
}

TEST_CASE("the service tier that was asked for is told again")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const std::map<std::string, std::string> told{
      {"null", "default"},          {"\"auto\"", "default"},  {"\"default\"", "default"}, {"\"flex\"", "flex"},
      {"\"priority\"", "priority"}, {"\"fast\"", "priority"}, {"\"scale\"", "scale"}};
  for (const auto& [asked, tier] : told) {
    CAPTURE(asked);
    CHECK(client.post(route, in_tier(asked)).text("service_tier") == tier);
    const auto body = R"({"model":"o3","input":"x","service_tier":)" + asked + "}";
    CHECK(client.post("/v1/responses", body).text("service_tier") == tier);
  }
  CHECK(client.post(route, asking("x")).text("service_tier") == "default");
  CHECK(client.post(route, in_tier("\"gold\"")).code() == "invalid_value");
  CHECK(client.post(route, in_tier("1")).code() == "invalid_type");
}

TEST_CASE("flex is for the models that have it")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  for (const auto* model : {"gpt-5", "gpt-5.4-mini-2026-03-17", "gpt-5.6-anything", "gpt-6.1-terra", "o4-mini"})
    CHECK_MESSAGE(client.post(route, in_tier("\"flex\"", model)).status == 200, model);
  for (const auto* model : {"gpt-4o", "gpt-4.1-mini", "gpt-5-pro", "gpt-5.2-pro", "gpt-6.2-sol"}) {
    const auto refused = client.post(route, in_tier("\"flex\"", model));
    CHECK_MESSAGE(refused.status == 400, model);
    CHECK(refused.message().find("flex is not available for the model `" + std::string{model}) != std::string::npos);
    CHECK(refused.error()->getValue<std::string>("param") == "service_tier");
    CHECK(client.post(route, in_tier("\"auto\"", model)).status == 200);
  }
  CHECK(client.post("/v1/embeddings", R"({"model":"m","input":"x","service_tier":"flex"})").status == 200);
}

TEST_CASE("in a batch the service tier means nothing")
{
  emulator::Server server{tests::quick_with(R"({"flex_unavailable_share":1})")};
  RawClient client{server};
  const auto lines =
      client.lines(client.run(tests::request_line("a", "x", R"(,"service_tier":"flex")")), "output_file_id");
  REQUIRE(lines.size() == 1);
  const auto body = tests::parsed(lines[0])->getObject("response")->getObject("body");
  CHECK(body->getValue<std::string>("service_tier") == "default");
}

TEST_CASE("flex that is out is refused without a charge, and another tier is served")
{
  emulator::Server server{tests::quick_with(R"({"flex_unavailable_share":1,"rate":{"rpm":2,"tpm":1000}})")};
  RawClient client{server};
  for (int i = 0; i < 3; ++i) {
    const auto refused = client.post(route, in_tier("\"flex\""));
    CHECK(refused.status == 429);
    CHECK(refused.code() == "resource_unavailable");
    CHECK(refused.message().starts_with("Resource unavailable"));
    CHECK_FALSE(refused.headers.contains("x-ratelimit-reset-requests"));
    CHECK_FALSE(refused.headers.contains("retry-after"));
  }
  CHECK(client.post(route, in_tier("\"auto\"")).headers.at("x-ratelimit-remaining-requests") == "1");
  CHECK(total(client, "live_refused_flex") == 3);
  CHECK(total(client, "live_executed") == 1);
}

TEST_CASE("which flex calls are out follows from body, turn and seed")
{
  const auto body = [](int i) { return asking("text " + std::to_string(i), R"(,"service_tier":"flex")"); };
  auto options = tests::quick_with(R"({"flex_unavailable_share":0.3})");
  options.seed = 5;
  emulator::Server server{options};
  RawClient client{server};
  int out = 0;
  for (std::size_t turn = 1; turn <= 2; ++turn) {
    for (int i = 0; i < 100; ++i) {
      const auto sha = sha256(asking("text " + std::to_string(i))); // the tier does not count
      const bool expected =
          emulator::chance_of(emulator::salt_of(5, "flex_unavailable_share", turn), emulator::fnv1a(sha)) < 0.3;
      CHECK((status_of(client, body(i)) == 429) == expected);
      out += expected ? 1 : 0;
    }
  }
  CHECK(out > 40);
  CHECK(out < 80);
}

TEST_CASE("some calls take longer than others, the same ones each time")
{
  const auto share = [](const std::string& body) {
    return emulator::chance_of(emulator::fnv1a(sha256(body)), emulator::salt_of(0, "chat_latency_spread_ms", 1));
  };
  emulator::Server server{tests::quick_with(R"({"chat_latency_ms":20,"chat_latency_spread_ms":300})")};
  RawClient client{server};
  for (int i = 0; i < 8; ++i) {
    const auto body = asking("text " + std::to_string(i));
    const auto begun = std::chrono::steady_clock::now();
    CHECK(status_of(client, body) == 200);
    CHECK(millis_since(begun) >= 20 + static_cast<std::int64_t>(share(body) * 300) - 1);
  }
  int quick = 0;
  while (share(asking("text " + std::to_string(quick))) > 0.001)
    ++quick;
  put(client, R"({"chat_latency_spread_ms":60000})");
  const auto begun = std::chrono::steady_clock::now();
  CHECK(status_of(client, asking("text " + std::to_string(quick))) == 200);
  CHECK(millis_since(begun) < 30'000); // it has 60 ms to wait
}

TEST_CASE("the book says which limit refused, and what each minute saw")
{
  emulator::Server server{tests::quick_with(R"({"rate":{"rpm":4,"tpm":200}})")};
  RawClient client{server};
  CHECK(status_of(client, asking("a", R"(,"max_completion_tokens":150)")) == 200);
  CHECK(status_of(client, asking("b", R"(,"max_completion_tokens":150)")) == 429);
  CHECK(status_of(client, asking("c", R"(,"max_completion_tokens":201)")) == 429);
  CHECK(status_of(client, asking("d")) == 200);
  CHECK(status_of(client, asking("e")) == 429);
  CHECK(total(client, "live_refused_tokens") == 1);
  CHECK(total(client, "live_refused_too_large") == 1);
  CHECK(total(client, "live_refused_requests") == 1);
  CHECK(total(client, "live_calls") == 5);
  CHECK(answers(client, 200) == 2);
  CHECK(answers(client, 429) == 3);
  CHECK(total(client, "live_unheard") == 0);
  let_pass(client, 3'600'000);
  CHECK(status_of(client, asking("f", R"(,"max_completion_tokens":70)")) == 200);
  const auto minutes = client.ledger()->getArray("live_minutes");
  REQUIRE(minutes->size() >= 2); // the first may have been two
  int calls = 0, refused = 0, admitted = 0;
  for (unsigned i = 0; i + 1 < minutes->size(); ++i) {
    calls += minutes->getObject(i)->getValue<int>("calls");
    refused += minutes->getObject(i)->getValue<int>("answered_429");
    admitted += minutes->getObject(i)->getValue<int>("admitted");
  }
  CHECK(calls == 5);
  CHECK(refused == 3);
  CHECK(admitted == 2);
  const auto last = minutes->getObject(static_cast<unsigned>(minutes->size()) - 1);
  CHECK(last->getValue<int>("calls") == 1);
  CHECK(last->getValue<int>("admitted") == 1);
  CHECK(last->getValue<int>("tokens") == 70);
  CHECK(last->getValue<int>("answered_429") == 0);
  CHECK(last->getValue<int>("minute") - minutes->getObject(0)->getValue<int>("minute") >= 60);
}

TEST_CASE("calls that a rule answers 429 are in the book too")
{
  emulator::Server server{
      tests::quick_with(R"({"http":[{"path":"/v1/chat/completions","first":2,"action":"status","status":429},
                                    {"path":"/v1/models","action":"status","status":429}]})")};
  RawClient client{server};
  CHECK(status_of(client, asking("x")) == 429);
  CHECK(status_of(client, asking("x")) == 429);
  CHECK(status_of(client, asking("x")) == 200);
  CHECK(client.get("/v1/models").status == 429); // no real-time call
  CHECK(answers(client, 429) == 2);
  CHECK(total(client, "live_calls") == 3);
  CHECK(total(client, "live_refused_requests") == 0);
}

TEST_CASE("answers that no client heard are counted, whoever cut them, run or not")
{
  emulator::Server server{tests::quick_with(
      R"({"http":[{"path":"/v1/chat/completions","nth":1,"action":"close"},
                  {"path":"/v1/chat/completions","nth":2,"phase":"after-effect","action":"reset"},
                  {"path":"/v1/chat/completions","nth":3,"phase":"mid-body","action":"close"},
                  {"path":"/v1/chat/completions","nth":4,"action":"hang"},
                  {"path":"/v1/chat/completions","nth":5,"delay_ms":300}]})")};
  RawClient client{server};
  for (int i = 0; i < 2; ++i)
    CHECK(status_of(client, asking("x")) == 0);
  status_of(client, asking("x"));
  client.session().reset();
  sent(server, asking("x")); // hangs until the client leaves, which it does at once
  sent(server, asking("x"));
  wait_until([&] { return total(client, "live_unheard") == 5; });
  CHECK(total(client, "live_calls") == 5);
  CHECK(total(client, "live_cut") == 3);
  CHECK(total(client, "answers_delivered") == 0);
  CHECK(status_of(client, asking("x")) == 200);
  CHECK(total(client, "live_unheard") == 5);
  CHECK(total(client, "live_again_after_answer") == 0);
}

TEST_CASE("a call that hangs is unheard from the start, and in flight no more")
{
  emulator::Server server{tests::quick_with(R"({"http":[{"path":"/v1/chat/completions","first":3,"action":"hang"}]})")};
  RawClient client{server};
  const auto first = sent(server, asking("a"));
  wait_until([&] { return total(client, "live_unheard") == 1; });
  const auto second = sent(server, asking("b"));
  wait_until([&] { return total(client, "live_unheard") == 2; });
  CHECK(total(client, "peak_live") == 1);
}

TEST_CASE("an answer that its client gave up on the way was not delivered")
{
  emulator::Server server{tests::quick_with(
      R"({"http":[{"nth":1,"path":"/v1/chat/completions","action":"drip","bytes_per_second":100}]})")};
  RawClient client{server};
  {
    const auto socket = sent(server, asking("x"));
    wait_until([&] { return total(client, "live_billed") == 1; });
    CHECK(total(client, "live_cut") == 0);
  }
  wait_until([&] { return total(client, "live_cut") == 1; });
  CHECK(total(client, "live_unheard") == 1);
  CHECK(status_of(client, asking("x")) == 200);
  CHECK(total(client, "answers_beyond_copies") == 0);
  CHECK(total(client, "live_again_after_answer") == 0);
}

TEST_CASE("executions are told apart by their route, those too many as well")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto line = [](const std::string& text) {
    return R"({"custom_id":")" + text + R"(","method":"POST","url":"/v1/chat/completions","body":)" + asking(text) +
           "}\n";
  };
  CHECK(status_of(client, asking("one")) == 200);
  client.run(line("two") + line("three"));
  CHECK(total(client, "batch_executed") == 2);
  CHECK(total(client, "batch_billed") == 2);
  CHECK(total(client, "live_executed") == 1);
  CHECK(total(client, "batch_again_after_answer") == 0);
  CHECK(total(client, "executed_on_both_routes") == 0);
  client.run(line("one") + line("two"));
  CHECK(total(client, "batch_executed") == 4);
  CHECK(total(client, "batch_again_after_answer") == 2);
  CHECK(total(client, "live_again_after_answer") == 0);
  CHECK(total(client, "executed_on_both_routes") == 1);
  CHECK(status_of(client, asking("three")) == 200);
  CHECK(total(client, "batch_again_after_answer") == 2);
  CHECK(total(client, "live_again_after_answer") == 1);
  CHECK(total(client, "executed_on_both_routes") == 2);
}

TEST_CASE("hundreds of calls are in flight at once, and the most of them is told")
{
  constexpr int many = 300;
  emulator::Server server{tests::quick({.chat_latency_ms = 1500})};
  RawClient client{server};
  std::vector<std::unique_ptr<Poco::Net::StreamSocket>> calls;
  for (int i = 0; i < many; ++i)
    calls.push_back(sent(server, asking("text " + std::to_string(i))));
  for (const auto& call : calls) {
    char start[12];
    call->receiveBytes(start, sizeof start);
    CHECK(std::string(start, sizeof start) == "HTTP/1.1 200");
  }
  CHECK(total(client, "peak_live") == many);
  CHECK(total(client, "peak_chats") == many);
  CHECK(total(client, "live_executed") == many);
}

TEST_CASE("one after the other is one in flight, whatever a rule does to them")
{
  emulator::Server server{
      tests::quick_with(R"({"http":[{"path":"/v1/chat/completions","every":2,"phase":"after-effect","action":"close"},
                                    {"path":"/v1/chat/completions","every":3,"action":"delay","delay_ms":3}]})")};
  RawClient client{server};
  for (int i = 0; i < 40; ++i)
    status_of(client, asking("text " + std::to_string(i)));
  CHECK(total(client, "peak_live") == 1);
  CHECK(total(client, "live_unheard") == 20);
}

TEST_CASE("a call that a rule delays is in flight")
{
  emulator::Server server{
      tests::quick_with(R"({"http":[{"path":"/v1/chat/completions","action":"delay","delay_ms":700}]})")};
  RawClient client{server};
  const auto first = sent(server, asking("a"));
  const auto second = sent(server, asking("b"));
  wait_until([&] { return total(client, "live_executed") == 2; });
  CHECK(total(client, "peak_live") == 2);
}

TEST_CASE("a connection beyond those served waits until one ends")
{
  auto options = tests::quick();
  options.connections = 2;
  emulator::Server server{options};
  auto first = std::make_unique<RawClient>(server);
  RawClient second{server};
  CHECK(status_of(*first, asking("a")) == 200);
  CHECK(status_of(second, asking("b")) == 200);
  const auto third = sent(server, asking("c"));
  CHECK_FALSE(third->poll(Poco::Timespan{0, 100'000}, Poco::Net::Socket::SELECT_READ));
  first.reset();
  CHECK(third->poll(Poco::Timespan{10, 0}, Poco::Net::Socket::SELECT_READ));
  CHECK(total(second, "peak_connections") == 2);
}
