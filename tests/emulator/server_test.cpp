#include "tests/emulator/raw_client.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/emulator/answer.hpp>

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SSLException.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <thread>

using namespace batchwright;
using emulator::Effect;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::server");

namespace {

const std::string hello = R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":"hello"}]})";

int calls_of(const Object& ledger, const std::string& method, const std::string& route, const std::string& key)
{
  const auto calls = ledger->getArray("calls");
  for (unsigned i = 0; i < calls->size(); ++i) {
    const auto row = calls->getObject(i);
    if (row->getValue<std::string>("method") == method && row->getValue<std::string>("route") == route)
      return row->getValue<int>(key);
  }
  return 0;
}

emulator::Options with_rule(emulator::HttpFault rule)
{
  return tests::quick({.http = {std::move(rule)}});
}

} // namespace

TEST_CASE("a chat call is answered as the batch route would answer it")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto answer = client.post("/v1/chat/completions", hello);
  REQUIRE(answer.status == 200);
  const auto choice = answer.json()->getArray("choices")->getObject(0);
  CHECK(choice->getObject("message")->getValue<std::string>("content") == emulator::answer_for("hello"));
  CHECK(answer.text("model") == "gpt-5.4-mini-2026-03-17");
  CHECK(answer.headers.at("Content-Type") == "application/json");
  CHECK(answer.headers.at("x-request-id").starts_with("req_"));
  CHECK(answer.headers.contains("openai-processing-ms"));
  CHECK(answer.headers.contains("Date"));
  for (const auto* what : {"limit", "remaining", "reset"}) {
    CHECK(answer.headers.contains("x-ratelimit-" + std::string{what} + "-requests"));
    CHECK(answer.headers.contains("x-ratelimit-" + std::string{what} + "-tokens"));
  }
  CHECK(client.post("/v1/chat/completions", "{").status == 400);
  CHECK(client.post("/v1/chat/completions", R"({"model":"no-such-model","messages":[]})").code() == "model_not_found");
}

TEST_CASE("what is no endpoint is 404, what is no method of one 405")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto unknown = client.get("/v1/nothing");
  CHECK(unknown.status == 404);
  CHECK(unknown.message().starts_with("Invalid URL (GET /v1/nothing)"));
  CHECK(client.get("/").status == 404);
  CHECK(client.get("/v1/files/").status == 404);
  CHECK(client.call("DELETE", "/v1/batches").status == 405);
}

TEST_CASE("a body of more than 32 MiB is refused unread")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const std::string body(std::size_t{32} << 20, ' ');
  for (const auto* path : {"/v1/chat/completions", "/v1/batches"}) {
    CHECK(client.post(path, body).status == 400);
    const auto refused = client.post(path, body + " ");
    CHECK(refused.status == 413);
    CHECK(refused.error()->getValue<std::string>("type") == "invalid_request_error");
  }
}

TEST_CASE("models are listed and looked up")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto list = client.get("/v1/models").json();
  CHECK(list->getValue<std::string>("object") == "list");
  CHECK(list->getArray("data")->getObject(0)->getValue<std::string>("object") == "model");
  CHECK(client.get("/v1/models/gpt-5.4-mini").text("id") == "gpt-5.4-mini");
  CHECK(client.get("/v1/models/no-such-model").code() == "model_not_found");
}

TEST_CASE("calls beyond the rate are refused with the wait")
{
  emulator::Server server{tests::quick({.rate = {.rpm = 2, .tpm = 1000}})};
  RawClient client{server};
  CHECK(client.post("/v1/chat/completions", hello).headers.at("x-ratelimit-remaining-requests") == "1");
  client.post("/v1/chat/completions", hello);
  const auto refused = client.post("/v1/chat/completions", hello);
  CHECK(refused.status == 429);
  CHECK(refused.code() == "rate_limit_exceeded");
  CHECK(refused.error()->getValue<std::string>("type") == "requests");
  CHECK(refused.message().find("requests per min (RPM): Limit 2, Used 2, Requested 1. Please try again in ") !=
        std::string::npos);
  const auto millis = std::stol(refused.headers.at("retry-after-ms"));
  CHECK(millis > 0);
  CHECK(millis <= 60'000); // nothing was left, and two a minute come back; a refusal takes what came back
  CHECK(std::stol(refused.headers.at("retry-after")) == (millis + 999) / 1000);
  CHECK(refused.headers.at("x-ratelimit-limit-tokens") == "1000");

  RawClient other{server, "sk-other"};
  const auto too_large = other.post(
      "/v1/chat/completions", R"({"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"max_tokens":1001})");
  CHECK(too_large.status == 429);
  CHECK(too_large.message().starts_with("Request too large for gpt-4o"));
  CHECK_FALSE(too_large.headers.contains("retry-after"));
  CHECK(client.ledger()->getValue<int>("requests_executed") == 2);
}

TEST_CASE("a status rule strikes the calls it picks and no others")
{
  emulator::Server server{with_rule({.method = "POST",
                                     .path = "/v1/batches/*/cancel",
                                     .calls = {.nth = {1, 3}},
                                     .effect = Effect::status,
                                     .status = 503,
                                     .headers = {{"retry-after", "7"}}})};
  RawClient client{server};
  const auto struck = client.post("/v1/batches/batch_x/cancel", "{}");
  CHECK(struck.status == 503);
  CHECK(struck.error()->getValue<std::string>("type") == "server_error");
  CHECK(struck.headers.at("retry-after") == "7");
  CHECK(client.get("/v1/batches/batch_x").status == 404);
  CHECK(client.post("/v1/batches/batch_x/cancel", "{}").status == 404);
  CHECK(client.post("/v1/batches/batch_x/cancel", "{}").status == 503);
  CHECK(client.post("/v1/batches/batch_x/cancel", "{}").status == 404);
}

TEST_CASE("a status rule without a body answers in the API's words for the status")
{
  struct Case {
    int status;
    std::string type;
    std::string code;
  };
  const Case cases[] = {{400, "invalid_request_error", "invalid_value"},
                        {401, "invalid_request_error", "invalid_api_key"},
                        {404, "invalid_request_error", "model_not_found"},
                        {413, "invalid_request_error", ""},
                        {418, "invalid_request_error", ""},
                        {429, "requests", "rate_limit_exceeded"},
                        {500, "server_error", ""},
                        {503, "server_error", ""},
                        {507, "server_error", ""}};
  for (const auto& c : cases) {
    CAPTURE(c.status);
    emulator::Server server{with_rule({.effect = Effect::status, .status = c.status})};
    const auto answer = RawClient{server}.post("/v1/chat/completions", hello);
    CHECK(answer.status == c.status);
    CHECK(answer.error()->getValue<std::string>("type") == c.type);
    CHECK(answer.code() == c.code);
    CHECK_FALSE(answer.message().empty());
    CHECK(answer.error()->isNull("param"));
  }
}

TEST_CASE("a struck upload is read to its end, so that the connection goes on")
{
  emulator::Server server{
      with_rule({.path = "/v1/files", .calls = {.first = 1}, .effect = Effect::html, .status = 502})};
  RawClient client{server};
  const auto html = client.upload(std::string(3'000'000, 'x'));
  CHECK(html.status == 502);
  CHECK(html.headers.at("Content-Type") == "text/html");
  CHECK(html.body.starts_with("<html>"));
  CHECK(client.upload("{}\n").status == 200);
  const auto ledger = client.ledger();
  CHECK(ledger->getValue<int>("uploads") == 1);
  CHECK(ledger->getValue<int>("peak_connections") == 1);
  CHECK(calls_of(ledger, "POST", "/v1/files", "calls") == 2);
}

TEST_CASE("a call cut before was not done, one cut after was")
{
  emulator::Server server{
      tests::quick({.http = {{.path = "/v1/batches", .calls = {.nth = {1}}, .effect = Effect::close_before},
                             {.path = "/v1/batches", .calls = {.nth = {2}}, .effect = Effect::close_after}}})};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(1)).text("id");
  for (const int created : {0, 1}) {
    CHECK_THROWS_AS(client.post("/v1/batches", RawClient::batch_body(file)), Poco::Exception);
    client.session().reset();
    CHECK(client.ledger()->getValue<int>("batches_created") == created);
  }
  CHECK(client.post("/v1/batches", RawClient::batch_body(file)).status == 200);
  const auto ledger = client.ledger();
  CHECK_FALSE(ledger->getArray("batches")->getObject(0)->getValue<bool>("answered"));
  CHECK(ledger->getArray("batches")->getObject(1)->getValue<bool>("answered"));
  CHECK(calls_of(ledger, "POST", "/v1/batches", "calls") == 3);
  CHECK(calls_of(ledger, "POST", "/v1/batches", "unanswered") == 2);
}

TEST_CASE("a short body announces more than it gives")
{
  emulator::Server server{
      with_rule({.path = "/v1/files/*/content", .calls = {.first = 1}, .effect = Effect::short_body})};
  RawClient client{server};
  const std::string content(1'000'000, 'x');
  const auto path = "/v1/files/" + client.upload(content).text("id") + "/content";
  const auto cut = client.get(path);
  CHECK(cut.headers.at("Content-Length") == "1000000");
  CHECK(cut.body.size() == 500'000);
  client.session().reset();
  CHECK(client.get(path).body == content);
}

TEST_CASE("the lines of struck items are what their share says")
{
  struct Case {
    emulator::Faults faults;
    std::size_t output;
    std::size_t error;
    int completed;
    int failed;
    int executed;
    int billed;
  };
  const Case cases[] = {
      {{.fail_share = 1}, 0, 5, 0, 5, 5, 0},       {{.never_ran_share = 1}, 0, 5, 0, 5, 0, 0},
      {{.transient_share = 1}, 0, 5, 0, 5, 5, 0},  {{.drop_share = 1}, 0, 0, 0, 0, 0, 0},
      {{.duplicate_share = 1}, 10, 0, 5, 0, 5, 5}, {{.unreadable_share = 1}, 5, 0, 5, 0, 5, 5},
      {{.refuse_share = 1}, 5, 0, 5, 0, 5, 5},
  };
  for (const auto& c : cases) {
    emulator::Server server{tests::quick(c.faults)};
    RawClient client{server};
    const auto batch = client.run(tests::request_lines(5));
    CHECK(client.lines(batch, "output_file_id").size() == c.output);
    CHECK(client.lines(batch, "error_file_id").size() == c.error);
    const auto counts = batch->getObject("request_counts");
    CHECK(counts->getValue<int>("completed") == c.completed);
    CHECK(counts->getValue<int>("failed") == c.failed);
    const auto ledger = client.ledger();
    CHECK(ledger->getValue<int>("requests_executed") == c.executed);
    CHECK(ledger->getValue<int>("requests_billed") == c.billed);
  }
}

TEST_CASE("a request has the same fate in a batch and in real time")
{
  emulator::Server batches{tests::quick({.fail_share = 0.5})};
  RawClient client{batches};
  std::set<std::string> failed;
  for (const auto& line : client.lines(client.run(tests::request_lines(40)), "error_file_id"))
    failed.insert(tests::parsed(line)->getValue<std::string>("custom_id"));
  CHECK(failed.size() > 5);
  CHECK(failed.size() < 35);
  emulator::Server live{tests::quick({.fail_share = 0.5})};
  RawClient other{live};
  for (int i = 0; i < 40; ++i) {
    const auto n = std::to_string(i);
    const auto body =
        R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":"text )" + n + R"("}],"service_tier":"auto"})";
    CHECK((other.post("/v1/chat/completions", body).status == 400) == failed.contains("item-" + n));
  }
}

TEST_CASE("a passing fault met in a batch has passed in real time")
{
  emulator::Server server{tests::quick({.transient_share = 1})};
  RawClient client{server};
  client.run(tests::request_line("a", "hello"));
  CHECK(client.post("/v1/chat/completions", hello).status == 200);
}

TEST_CASE("the error file has both shapes, and unreadable lines are no JSON")
{
  emulator::Server refusing{tests::quick({.fail_share = 1})};
  RawClient client{refusing};
  const auto refused = tests::parsed(client.lines(client.run(tests::request_line("a", "x")), "error_file_id").at(0));
  CHECK(refused->isNull("error"));
  CHECK(refused->getObject("response")->getValue<int>("status_code") == 400);
  CHECK(refused->getObject("response")->getObject("body")->getObject("error")->getValue<std::string>("code") ==
        "invalid_prompt");

  emulator::Server idle{tests::quick({.never_ran_share = 1})};
  RawClient other{idle};
  const auto never = tests::parsed(other.lines(other.run(tests::request_line("a", "x")), "error_file_id").at(0));
  CHECK(never->isNull("response"));
  CHECK(never->getObject("error")->getValue<std::string>("code") == "server_error");

  emulator::Server cutting{tests::quick({.unreadable_share = 1})};
  RawClient third{cutting};
  const auto line = third.lines(third.run(tests::request_line("a", "x")), "output_file_id").at(0);
  CHECK_THROWS_AS(tests::parsed(line), Poco::Exception);
  CHECK(line.find("\"custom_id\":\"a\"") != std::string::npos);
}

TEST_CASE("the ledger sees what ran twice, and what ran again after it had been paid")
{
  emulator::Server server{tests::quick({.transient_share = 1})};
  RawClient client{server};
  const auto totals = [&](const std::string& key) { return client.ledger()->getValue<int>(key); };
  const auto input = tests::request_lines(3);
  client.run(input); // all fail, once
  CHECK(totals("requests_billed") == 0);
  CHECK(totals("executed_twice") == 0);
  client.run(input); // sent again as they should be
  CHECK(totals("requests_executed") == 6);
  CHECK(totals("requests_billed") == 3);
  CHECK(totals("executed_twice") == 3);
  CHECK(totals("executed_again_after_success") == 0);
  client.run(tests::request_line("item-1", "text 1")); // nobody should have asked for this
  CHECK(totals("executed_again_after_success") == 1);
  CHECK(totals("billed_twice") == 1);
  client.run(tests::request_line("item-1", "another text"));
  CHECK(totals("executed_again_after_success") == 1);
  CHECK(totals("distinct_items") == 4);

  const auto ledger = client.ledger("?items=1");
  CHECK_FALSE(client.ledger()->has("items"));
  const auto items = ledger->getArray("items");
  REQUIRE(items->size() == 4);
  int executed = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const auto item = items->getObject(i);
    executed += item->getValue<int>("executed");
    CHECK(item->getValue<std::string>("custom_id").starts_with("item-"));
    CHECK(item->getValue<std::string>("body_sha256").size() == 64);
  }
  CHECK(executed == ledger->getValue<int>("requests_executed"));
  const auto batch = ledger->getArray("batches")->getObject(0);
  CHECK(batch->getValue<std::string>("status") == "completed");
  CHECK(batch->getValue<int>("executed") == 3);
  CHECK(batch->getValue<int>("failed") == 3);
}

TEST_CASE("two batches of one file both run")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto file = client.upload(tests::request_lines(4)).text("id");
  for (int i = 0; i < 2; ++i) {
    const auto id = client.post("/v1/batches", RawClient::batch_body(file)).text("id");
    client.wait_for_status(id, "completed");
  }
  CHECK(client.ledger()->getValue<int>("executed_twice") == 4);
}

TEST_CASE("many requests go over one connection, and many connections at once")
{
  emulator::Server server{tests::quick()};
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back([&] {
      RawClient client{server};
      for (int n = 0; n < 20; ++n)
        good += client.post("/v1/chat/completions", hello).status == 200 ? 1 : 0;
    });
  }
  for (auto& client : clients)
    client.join();
  CHECK(good == 32 * 20);
  const auto ledger = RawClient{server}.ledger();
  CHECK(ledger->getValue<int>("requests_executed") == 32 * 20);
  CHECK(ledger->getValue<int>("peak_connections") <= 33);
}

TEST_CASE("stopping ends calls, batches and idle connections at once, and the ledger stays readable")
{
  auto options = tests::quick({.chat_latency_ms = 3'600'000});
  options.faults.in_progress_ms = 3'600'000;
  emulator::Server server{options};
  RawClient idle{server};
  idle.submit(tests::request_lines(5));
  std::thread waiting{[&] {
    RawClient client{server};
    try {
      client.post("/v1/chat/completions", hello);
    } catch (const Poco::Exception&) { // cut, or answered in the last moment: either will do
    }
  }};
  while (idle.ledger()->getValue<int>("peak_chats") == 0)
    std::this_thread::yield();
  server.stop();
  waiting.join();
  CHECK_THROWS_AS(idle.get("/v1/files"), Poco::Exception);
  CHECK(tests::parsed(server.ledger())->getValue<int>("batches_created") == 1);
  server.stop();
}

TEST_CASE("stopping misses no connection, however many came and went")
{
  emulator::Server server{tests::quick()};
  std::vector<std::thread> clients;
  std::vector<std::unique_ptr<RawClient>> idle(8);
  for (auto& last : idle) {
    clients.emplace_back([&] {
      for (int n = 0; n < 100; ++n) {
        last = std::make_unique<RawClient>(server);
        last->get("/v1/models");
      }
    });
  }
  for (auto& client : clients)
    client.join();
  server.stop(); // an idle connection that is missed would hold it up for minutes
  for (auto& last : idle)
    CHECK_THROWS_AS(last->get("/v1/models"), Poco::Exception);
}

TEST_CASE("a port that is taken is said so")
{
  emulator::Server first{tests::quick()};
  auto options = tests::quick();
  options.port = first.port();
  try {
    const emulator::Server second{options};
    FAIL("two servers on one port");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::network);
    CHECK(std::string{e.what()}.find(std::to_string(first.port())) != std::string::npos);
  }
}

TEST_CASE("with TLS, a client that trusts the authority gets through, another does not")
{
  using Poco::Net::Context;
  auto options = tests::quick();
  options.tls = true;
  emulator::Server server{options};
  CHECK(server.url() == "https://127.0.0.1:" + std::to_string(server.port()) + "/v1");
  const auto status = [&](const std::string& authority) {
    const Context::Ptr context{new Context{Context::TLS_CLIENT_USE, "", "", authority, Context::VERIFY_STRICT}};
    Poco::Net::HTTPSClientSession session{"127.0.0.1", server.port(), context};
    Poco::Net::HTTPRequest request{"GET", "/v1/files", Poco::Net::HTTPMessage::HTTP_1_1};
    request.set("Authorization", "Bearer k");
    session.sendRequest(request);
    Poco::Net::HTTPResponse response;
    session.receiveResponse(response);
    return static_cast<int>(response.getStatus());
  };
  CHECK(status(server.ca_file().native()) == 200);
  emulator::Server other{options};
  CHECK_THROWS_AS(status(other.ca_file().native()), Poco::Net::SSLException);
}
