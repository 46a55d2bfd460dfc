#include "tests/emulator/raw_client.hpp"

#include <batchwright/base/sha256.hpp>
#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/identity.hpp>

#include <Poco/Exception.h>
#include <doctest/doctest.h>

#include <map>

using namespace batchwright;
using emulator::Fate;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::packs");

namespace {

std::string respond(const std::string& more)
{
  return R"({"model":"gpt-5.4-mini",)" + more + "}";
}

std::string embed(const std::string& input, const std::string& more = {})
{
  return R"({"model":"text-embedding-3-small","input":)" + input + more + "}";
}

std::string list_of(std::size_t count, const std::string& element)
{
  std::string list = "[";
  for (std::size_t i = 0; i < count; ++i)
    list += (i > 0 ? "," : "") + element;
  return list + "]";
}

std::string pack_line(const std::string& custom_id, const std::string& input)
{
  return R"({"custom_id":")" + custom_id + R"(","method":"POST","url":"/v1/embeddings","body":)" +
         embed(input, R"(,"dimensions":3)") + "}\n";
}

std::string sha256(std::string_view text)
{
  Sha256 sha;
  sha.update(text);
  return sha.hex();
}

std::string submit(RawClient& client, const std::string& endpoint, const std::string& lines)
{
  auto body = RawClient::batch_body(client.upload(lines).text("id"));
  const std::string chat = "/v1/chat/completions";
  return client.post("/v1/batches", body.replace(body.find(chat), chat.size(), endpoint)).text("id");
}

Object run(RawClient& client, const std::string& lines)
{
  return client.wait_for_status(submit(client, "/v1/embeddings", lines), "completed");
}

void check(RawClient& client, const std::map<std::string, int>& totals)
{
  const auto ledger = client.ledger();
  for (const auto& total : totals) {
    CAPTURE(total.first);
    CHECK(ledger->getValue<int>(total.first) == total.second);
  }
}

} // namespace

TEST_CASE("every endpoint answers in a batch as in real time")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const std::map<std::string, std::string> bodies{
      {"/v1/embeddings", embed("[\"a\",\"b\"]", ",\"dimensions\":4")},
      {"/v1/completions", R"({"model":"gpt-3.5-turbo-instruct","prompt":"x"})"},
      {"/v1/responses", respond(R"("input":"x")")},
      {"/v1/moderations", R"({"model":"omni-moderation-latest","input":"x"})"},
      {"/v1/images/generations", R"({"model":"gpt-image-1","prompt":"x"})"},
      {"/v1/images/edits", R"({"model":"gpt-image-1","prompt":"x","images":[{"file_id":"f"}]})"},
      {"/v1/videos", R"({"model":"sora-2","prompt":"x"})"}};
  for (const auto& one : bodies) {
    const auto& path = one.first;
    const auto& body = one.second;
    CAPTURE(path);
    CHECK(client.post(path, body).status == 200);
    const auto line = R"({"custom_id":"a","method":"POST","url":")" + path + R"(","body":)" + body + "}\n";
    const auto batch = client.wait_for_status(submit(client, path, line), "completed");
    const auto lines = client.lines(batch, "output_file_id");
    REQUIRE(lines.size() == 1);
    CHECK(tests::parsed(lines[0])->getObject("response")->getValue<int>("status_code") == 200);
    CHECK(batch->getValue<std::string>("endpoint") == path);
    const bool dated = path == "/v1/responses";
    CHECK(batch->getValue<std::string>("model").ends_with("-2026-03-17") == dated);
  }
  const auto refused =
      client.post("/v1/batches", R"({"input_file_id":"f","endpoint":"/v1/audio/speech","completion_window":"24h"})");
  CHECK(refused.status == 400);
  CHECK(refused.message().find("'/v1/embeddings', '/v1/completions'") != std::string::npos);
}

TEST_CASE("a batch of more than 50,000 embedding inputs fails")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::string lines;
  for (int i = 0; i < 25; ++i)
    lines += pack_line("p" + std::to_string(i), list_of(2000, "\"x\""));
  run(client, lines);
  const auto failed =
      client.wait_for_status(submit(client, "/v1/embeddings", lines + pack_line("one", "\"more\"")), "failed");
  const auto error = failed->getObject("errors")->getArray("data")->getObject(0);
  CHECK(error->getValue<std::string>("code") == "too_many_tasks");
  CHECK(error->getValue<std::string>("message") ==
        "The batch input file contains 50001 embedding inputs, more than the maximum of 50000.");
  CHECK_FALSE(failed->has("usage"));
}

TEST_CASE("the usage of a batch is the sum over its lines, and is there once a line ran")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto line = [](const std::string& id) {
    return R"({"custom_id":")" + id + R"(","method":"POST","url":"/v1/responses","body":)" + respond(R"("input":"x")") +
           "}\n";
  };
  const auto id = submit(client, "/v1/responses", line("a") + line("b"));
  const auto usage = client.wait_for_status(id, "completed")->getObject("usage");
  const auto one = client.post("/v1/responses", respond(R"("input":"x")")).json()->getObject("usage");
  for (const auto* key : {"input_tokens", "output_tokens", "total_tokens"})
    CHECK(usage->getValue<int>(key) == 2 * one->getValue<int>(key));
  CHECK(usage->getObject("output_tokens_details")->getValue<int>("reasoning_tokens") == 16);
}

TEST_CASE("one bad input refuses the whole pack without being named")
{
  emulator::Server server{tests::quick({.bad_text = "poison"})};
  RawClient client{server};
  const auto refused = client.post("/v1/embeddings", embed(R"(["a","some poison","b"])"));
  CHECK(refused.status == 400);
  CHECK(refused.code().empty());
  CHECK(refused.error()->isNull("param"));
  CHECK(refused.message().find("poison") == std::string::npos);
  CHECK(client.post("/v1/embeddings", embed(R"(["a","b"])")).status == 200);
  CHECK(client.post("/v1/embeddings", embed(R"("some poison")")).status == 400);
  CHECK(client.post("/v1/moderations", R"({"input":["a","poison"]})").status == 400);
  CHECK(client.post("/v1/responses", respond(R"("input":"poison")")).code() == "invalid_prompt");
  CHECK(client.post("/v1/responses", respond(R"("input":"x")")).status == 200);
}

TEST_CASE("a share of bad inputs strikes each input alike, in whatever pack it stands")
{
  const emulator::Faults faults{.fail_share = 0.3};
  const auto& endpoint = *emulator::endpoint_at("/v1/embeddings");
  const auto fate = [&](const std::string& body) {
    json::Document document;
    REQUIRE(document.parse(body));
    return emulator::fate_of(faults, 1, endpoint, document.root(), emulator::body_sha256(document.root()), 0);
  };
  int bad = 0;
  for (int i = 0; i < 400; i += 2) {
    const auto one = "\"text " + std::to_string(i) + "\"";
    const auto other = "\"text " + std::to_string(i + 1) + "\"";
    const bool first = fate(embed(one)) == Fate::failed;
    const bool second = fate(embed(other)) == Fate::failed;
    bad += (first ? 1 : 0) + (second ? 1 : 0);
    CHECK((fate(embed("[" + one + "," + other + "]")) == Fate::failed) == (first || second));
    CHECK((fate(embed("[" + other + "]", ",\"dimensions\":5")) == Fate::failed) == second);
  }
  CHECK(bad == doctest::Approx(120).epsilon(0.25));
}

TEST_CASE("an input is known by its endpoint, its model and its text")
{
  const auto sha = [](const std::string& path, const std::string& model, const std::string& input) {
    json::Document document;
    REQUIRE(document.parse(input));
    return emulator::input_sha256(path, model, document.root());
  };
  CHECK(sha("/v1/embeddings", "m", "\"a\"") == sha256("/v1/embeddings\nm\na"));
  CHECK(sha("/v1/embeddings", "m", "\"\\u0061\"") == sha256("/v1/embeddings\nm\na"));
  CHECK(sha("/v1/embeddings", "m", "[1,2]") == sha256("/v1/embeddings\nm\n[1,2]"));
}

TEST_CASE("inputs that are packed anew are the same inputs in the ledger")
{
  emulator::Server server{tests::quick({.bad_text = "bad"})};
  RawClient client{server};
  run(client, pack_line("p0", R"(["a","b"])") + pack_line("p1", R"(["c","bad"])"));
  check(client, {{"distinct_inputs", 4}, {"inputs_executed", 4}, {"inputs_billed", 2}, {"inputs_delivered", 2}});
  run(client, pack_line("h0", R"(["c"])") + pack_line("h1", R"(["bad"])"));
  check(client, {{"distinct_inputs", 4}, {"inputs_executed", 6}, {"inputs_delivered", 3}, {"inputs_beyond_copies", 0}});
  run(client, pack_line("again", R"(["x","b"])"));
  check(client, {{"inputs_delivered", 5}, {"inputs_beyond_copies", 1}, {"answers_beyond_copies", 0}});
  CHECK(client.post("/v1/embeddings", embed("\"a\"")).status == 200); // by the other route
  check(client, {{"inputs_delivered", 6}, {"inputs_beyond_copies", 2}, {"live_again_after_answer", 0}});
  const auto rows = client.ledger("?items=1")->getArray("inputs");
  REQUIRE(rows->size() == 5);
  CHECK(rows->getObject(0)->getValue<std::string>("input_sha256").size() == 64);
}

TEST_CASE("chat's requests are in no tally of inputs, and copies are allowed for")
{
  emulator::Server server{tests::quick({.copies = 2})};
  RawClient client{server};
  client.run(tests::request_lines(3));
  check(client, {{"requests_executed", 3}, {"distinct_inputs", 0}, {"inputs_executed", 0}});
  CHECK(client.post("/v1/moderations", R"({"input":["a","a"]})").status == 200);
  check(client, {{"distinct_inputs", 1}, {"inputs_delivered", 2}, {"inputs_beyond_copies", 0}});
  CHECK(client.post("/v1/moderations", R"({"input":"a"})").status == 200);
  check(client, {{"inputs_beyond_copies", 1}});
}

TEST_CASE("an input whose answer was cut may be asked for again")
{
  emulator::Server server{tests::quick(
      {.http = {{.path = "/v1/embeddings", .calls = {.first = 1}, .effect = emulator::Effect::close_after}}})};
  RawClient client{server};
  CHECK_THROWS_AS(client.post("/v1/embeddings", embed("\"a\"")), Poco::Exception);
  client.session().reset();
  CHECK(client.post("/v1/embeddings", embed("\"a\"")).status == 200);
  check(client, {{"inputs_billed", 2}, {"inputs_delivered", 1}, {"inputs_beyond_copies", 0}});
}
