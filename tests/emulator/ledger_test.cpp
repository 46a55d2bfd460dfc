#include "tests/emulator/raw_client.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/json/json.hpp>

#include <Poco/Net/NetException.h>
#include <Poco/Net/StreamSocket.h>
#include <doctest/doctest.h>

#include <filesystem>
#include <map>

using namespace batchwright;
using emulator::Effect;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::ledger");

namespace {

const std::string route = "/v1/chat/completions";

/// The body of `tests::request_line` with this text.
std::string body_of(const std::string& text)
{
  const auto line = tests::request_line("x", text);
  const auto begin = line.find("\"body\":") + 7;
  return line.substr(begin, line.size() - begin - 2);
}

using Totals = std::map<std::string, int>;

/// The totals that `expected` names, as the ledger has them.
Totals totals(RawClient& client, const Totals& expected)
{
  const auto ledger = client.ledger();
  Totals found;
  for (const auto& [name, value] : expected)
    found[name] = ledger->getValue<int>(name);
  return found;
}

void check(RawClient& client, const Totals& expected)
{
  const auto found = totals(client, expected);
  for (const auto& total : expected) {
    CAPTURE(total.first);
    CHECK(found.at(total.first) == total.second);
  }
}

/// Calls in real time where the answer may be cut off.
int chat(RawClient& client, const std::string& body)
{
  try {
    return client.post(route, body).status;
  } catch (const Poco::Exception&) {
    client.session().reset();
    return 0;
  }
}

emulator::HttpFault strike(std::vector<std::int64_t> nth, Effect effect)
{
  return {.path = route, .calls = {.nth = std::move(nth)}, .effect = effect};
}

std::string sha_of(const std::string& json)
{
  json::Document document;
  REQUIRE(document.parse(json));
  return emulator::body_sha256(document.root());
}

std::string sha256(const std::string& bytes)
{
  Sha256 sha;
  sha.update(bytes);
  return sha.hex();
}

} // namespace

TEST_CASE("a request bought from a batch and again in real time is seen")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  client.run(tests::request_lines(3));
  check(client, {{"answers_delivered", 3}, {"answers_beyond_copies", 0}, {"executed_on_both_routes", 0}});
  CHECK(chat(client, body_of("text 1")) == 200);
  check(client, {{"requests_executed", 4},
                 {"requests_billed", 4},
                 {"answers_delivered", 4},
                 {"answers_beyond_copies", 1},
                 {"live_executed", 1},
                 {"live_again_after_answer", 1},
                 {"executed_on_both_routes", 1},
                 {"billed_on_both_routes", 1},
                 {"executed_twice", 0},
                 {"distinct_items", 3},
                 {"distinct_bodies", 3}});
}

TEST_CASE("a request bought in real time and again from a batch is seen")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  CHECK(chat(client, body_of("text 1")) == 200);
  client.run(tests::request_lines(3));
  check(client, {{"answers_beyond_copies", 1},
                 {"executed_on_both_routes", 1},
                 {"billed_on_both_routes", 1},
                 {"live_again_after_answer", 0},
                 {"executed_again_after_success", 0}});
}

TEST_CASE("what a batch left undone or failed may be done in real time")
{
  emulator::Faults faults{.transient_share = 1, .expire_batches = {{.batches = {.nth = {1}}, .after_share = 0.5}}};
  emulator::Server server{tests::quick(faults)};
  RawClient client{server};
  client.wait_for_status(client.submit(tests::request_lines(4)), "expired");
  check(client, {{"requests_executed", 2}, {"requests_billed", 0}, {"distinct_items", 4}});
  for (int i = 0; i < 4; ++i) {
    const auto body = body_of("text " + std::to_string(i));
    if (chat(client, body) == 500) CHECK(chat(client, body) == 200); // its first execution of all
  }
  check(client, {{"answers_delivered", 4},
                 {"answers_beyond_copies", 0},
                 {"executed_on_both_routes", 2},
                 {"billed_on_both_routes", 0},
                 {"live_again_after_answer", 0}});
}

TEST_CASE("equal lines of an input are copies, not a double execution")
{
  emulator::Server server{tests::quick({.copies = 2})};
  RawClient client{server};
  const Totals nothing_wrong{{"executed_twice", 0},
                             {"billed_twice", 0},
                             {"executed_again_after_success", 0},
                             {"answers_beyond_copies", 0},
                             {"live_again_after_answer", 0}};
  CHECK(chat(client, body_of("same")) == 200);
  CHECK(chat(client, body_of("same")) == 200);
  check(client, nothing_wrong);
  client.run(tests::request_line("a", "equal") + tests::request_line("b", "equal") + tests::request_line("c", "equal"));
  check(client, nothing_wrong);
  client.run(tests::request_line("d", "one of each"));
  CHECK(chat(client, body_of("one of each")) == 200);
  check(client, nothing_wrong);
  CHECK(chat(client, body_of("same")) == 200);
  check(client, {{"live_again_after_answer", 1}, {"answers_beyond_copies", 1}, {"executed_twice", 0}});
}

TEST_CASE("a copy that its batch left undone may be done in real time after its twin was answered")
{
  emulator::Server server{tests::quick({.expire_batches = {{.batches = {}, .after_share = 0.5}}})};
  RawClient client{server};
  client.wait_for_status(client.submit(tests::request_line("a", "equal") + tests::request_line("b", "equal")),
                         "expired");
  CHECK(chat(client, body_of("equal")) == 200);
  check(client, {{"live_again_after_answer", 0}, {"answers_beyond_copies", 0}, {"billed_on_both_routes", 1}});
}

TEST_CASE("a real-time call whose answer was cut may be sent again, one that was answered may not")
{
  emulator::Server server{tests::quick({.http = {strike({1}, Effect::close_after), strike({2}, Effect::short_body)}})};
  RawClient client{server};
  CHECK(chat(client, body_of("x")) == 0);
  chat(client, body_of("x"));
  client.session().reset();
  check(client, {{"live_billed", 2}, {"live_cut", 2}, {"answers_delivered", 0}, {"live_again_after_answer", 0}});
  CHECK(chat(client, body_of("x")) == 200);
  check(client, {{"live_billed", 3},
                 {"requests_billed", 3},
                 {"live_cut", 2},
                 {"answers_delivered", 1},
                 {"answers_beyond_copies", 0},
                 {"live_again_after_answer", 0},
                 {"executed_again_after_success", 0}});
  CHECK(chat(client, body_of("x")) == 200);
  check(client, {{"live_again_after_answer", 1}, {"answers_beyond_copies", 1}});
}

TEST_CASE("an answer for a client that has gone counts as cut")
{
  emulator::Server server{tests::quick({.chat_latency_ms = 500})};
  const auto body = body_of("x");
  {
    Poco::Net::StreamSocket socket{Poco::Net::SocketAddress{"127.0.0.1", server.port()}};
    const auto call = "POST " + route + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\nContent-Length: " +
                      std::to_string(body.size()) + "\r\n\r\n" + body;
    socket.sendBytes(call.data(), static_cast<int>(call.size()));
  }
  RawClient client{server};
  while (client.ledger()->getValue<int>("live_billed") == 0)
    std::this_thread::yield();
  check(client, {{"live_cut", 1}, {"answers_delivered", 0}});
  CHECK(chat(client, body) == 200);
  check(client, {{"live_cut", 1}, {"answers_delivered", 1}, {"live_again_after_answer", 0}});
}

TEST_CASE("a custom_id is the same however it is written")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  client.run(tests::request_line("a", "x"));
  client.run(tests::request_line("\\u0061", "x"));
  check(client, {{"distinct_items", 1}, {"executed_twice", 1}});
}

TEST_CASE("a body is known by its bytes, the service tier apart")
{
  CHECK(sha_of(R"({"model":"m","n":1})") == sha256(R"({"model":"m","n":1})"));
  CHECK(sha_of(R"( {"model": "m"} )") == sha256(R"({"model": "m"})"));
  for (const auto* body :
       {R"({"service_tier":"flex","model":"m","n":1})", R"({"model":"m","service_tier":"auto","n":1})",
        R"({"model":"m","n":1,"service_tier":null})"})
    CHECK(sha_of(body) == sha256(R"({"model":"m","n":1})"));
  CHECK(sha_of(R"({"service_tier":"flex"})") == sha256("{}"));
}

TEST_CASE("the rows of all bodies and items are told, and the page leaves no file behind")
{
  const tests::FreshDirectory directory;
  auto options = tests::quick();
  options.directory = directory / "emulator";
  emulator::Server server{options};
  RawClient client{server};
  client.run(tests::request_lines(2500)); // more than one slice
  CHECK(chat(client, body_of("text 7")) == 200);
  CHECK(chat(client, body_of("live only")) == 200);
  const auto ledger = client.ledger("?items=1");
  CHECK(ledger->getArray("items")->size() == 2500);
  const auto bodies = ledger->getArray("bodies");
  REQUIRE(bodies->size() == 2501);
  const auto row_of = [&](const std::string& text) {
    for (unsigned i = 0; i < bodies->size(); ++i)
      if (bodies->getObject(i)->getValue<std::string>("body_sha256") == sha256(body_of(text)))
        return bodies->getObject(i);
    return Object{};
  };
  const auto both = row_of("text 7");
  REQUIRE(both);
  const auto number = [](const Object& row, const std::string& key) { return row->getValue<int>(key); };
  CHECK(number(both, "met") == 2);
  CHECK(number(both, "custom_ids") == 1);
  CHECK(number(both, "batch_executed") == 1);
  CHECK(number(both, "batch_billed") == 1);
  CHECK(number(both, "live_executed") == 1);
  CHECK(number(both, "live_billed") == 1);
  CHECK(number(both, "live_cut") == 0);
  CHECK(number(both, "live_again_after_answer") == 1);
  const auto live = row_of("live only");
  REQUIRE(live);
  CHECK(number(live, "custom_ids") == 0);
  for (const auto& file : std::filesystem::directory_iterator{options.directory})
    CHECK_FALSE(file.path().filename().native().starts_with("ledger-page"));
  CHECK(client.ledger()->getValue<int>("peak_downloads") == 0);
}

TEST_CASE("a server that stops neither runs nor bills the calls that wait in it")
{
  emulator::Server server{tests::quick({.chat_latency_ms = 3'600'000})};
  RawClient looking{server};
  std::thread waiting{[&] {
    RawClient client{server};
    chat(client, body_of("x"));
  }};
  while (looking.ledger()->getValue<int>("peak_chats") == 0)
    std::this_thread::yield();
  server.stop();
  waiting.join();
  CHECK(tests::parsed(server.ledger())->getValue<int>("requests_executed") == 0);
}
