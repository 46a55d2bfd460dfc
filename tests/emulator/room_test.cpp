#include "tests/emulator/raw_client.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;
using tests::Answer;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::room");

namespace {

emulator::Options lasting(const std::string& faults)
{
  auto options = tests::quick_with(faults);
  options.faults.in_progress_ms = 3'600'000;
  return options;
}

std::string embed_lines(int count)
{
  std::string lines;
  for (int i = 0; i < count; ++i)
    lines += R"({"custom_id":"e)" + std::to_string(i) +
             R"(","method":"POST","url":"/v1/embeddings","body":{"model":"text-embedding-3-small","input":"x"}})" +
             "\n";
  return lines;
}

Answer create(RawClient& client, const std::string& lines, const std::string& endpoint = "/v1/chat/completions")
{
  return client.post("/v1/batches", R"({"input_file_id":")" + client.upload(lines).text("id") + R"(","endpoint":")" +
                                        endpoint + R"(","completion_window":"24h"})");
}

std::string with_model(std::string line, const std::string& model)
{
  const std::string usual = "gpt-5.4-mini";
  return line.replace(line.find(usual), usual.size(), model);
}

Object error_of(const Object& batch)
{
  return batch->getObject("errors")->getArray("data")->getObject(0);
}

int total(RawClient& client, const std::string& key)
{
  return client.ledger()->getValue<int>(key);
}

} // namespace

TEST_CASE("a model has a limit of its own, in place of that of all")
{
  emulator::Server server{lasting(R"({"enqueued_token_limit":1000000,"enqueued_token_limits":{"gpt-4o":8}})")};
  RawClient client{server};
  client.wait_for_status(create(client, tests::request_lines(3)).text("id"), "in_progress");
  const auto refused =
      client.wait_for_status(create(client, with_model(tests::request_lines(1), "gpt-4o")).text("id"), "failed");
  CHECK(error_of(refused)->getValue<std::string>("code") == "token_limit_exceeded");
  CHECK(error_of(refused)->getValue<std::string>("message").find("Limit: 8 enqueued tokens.") != std::string::npos);
  CHECK(total(client, "refused_for_room") == 1);
}

TEST_CASE("requests to embeddings have a limit of their number")
{
  emulator::Server server{lasting(R"({"enqueued_request_limit":1000})")};
  RawClient client{server};
  client.wait_for_status(create(client, embed_lines(600), "/v1/embeddings").text("id"), "in_progress");
  const auto refused = client.wait_for_status(create(client, embed_lines(401), "/v1/embeddings").text("id"), "failed");
  CHECK(error_of(refused)->getValue<std::string>("message") ==
        "Enqueued request limit reached for text-embedding-3-small in organization org-emulator. Limit: 1,000 enqueued "
        "requests. Please try again once some in_progress batches have been completed.");
  client.wait_for_status(create(client, embed_lines(400), "/v1/embeddings").text("id"), "in_progress");
  client.wait_for_status(create(client, tests::request_lines(1200)).text("id"), "in_progress");
  CHECK(total(client, "refused_for_room") == 1);
}

TEST_CASE("want of room may be told when the batch is to be created, and then there is none")
{
  for (const int status : {429, 400}) {
    CAPTURE(status);
    emulator::Server server{lasting(R"({"enqueued_token_limit":50,"no_room":")" + std::to_string(status) + "\"}")};
    RawClient client{server};
    const auto first = create(client, tests::request_lines(4));
    REQUIRE(first.status == 200);
    const auto refused = create(client, tests::request_lines(4)); // at once, while the first validates
    CHECK(refused.status == status);
    CHECK(refused.code() == "token_limit_exceeded");
    CHECK(refused.message().find("Enqueued token limit reached for gpt-5.4-mini") != std::string::npos);
    CHECK(refused.message().find("Limit: 50 enqueued tokens") != std::string::npos);
    CHECK(total(client, "batches_created") == 1);
    CHECK(total(client, "refused_for_room") == 1);
    client.post("/v1/batches/" + first.text("id") + "/cancel", "");
    client.wait_for_status(first.text("id"), "cancelled");
    CHECK(create(client, tests::request_lines(4)).status == 200);
    // A file that is bad anyhow is not refused for room, but fails as ever.
    client.wait_for_status(create(client, "{}\n").text("id"), "failed");
  }
}

TEST_CASE("batches of others take room, show in listings without metadata, and end in their time")
{
  emulator::Server server{lasting(R"({"enqueued_token_limit":100,"foreign_batches":[
{"tokens":95,"requests":7,"until_ms":3600000},{"model":"gpt-4o","tokens":95}]})")};
  RawClient client{server};
  const auto listed = client.get("/v1/batches").json()->getArray("data");
  REQUIRE(listed->size() == 2);
  const auto other = listed->getObject(1);
  CHECK(other->getValue<std::string>("status") == "in_progress");
  CHECK(other->getValue<std::string>("model") == "gpt-5.4-mini-2026-03-17");
  CHECK(other->isNull("metadata"));
  CHECK(other->getObject("request_counts")->getValue<int>("total") == 7);
  client.wait_for_status(create(client, tests::request_lines(1)).text("id"), "failed");
  CHECK(client.post("/emulator/clock", R"({"advance_ms":3600000})").status == 200);
  CHECK(client.get("/v1/batches/" + other->getValue<std::string>("id")).text("status") == "completed");
  client.wait_for_status(create(client, tests::request_lines(1)).text("id"), "in_progress");
  CHECK(total(client, "batches_created") == 2);
  CHECK(total(client, "foreign_batches_cancelled") == 0);
  const auto last = listed->getObject(0)->getValue<std::string>("id");
  CHECK(client.post("/v1/batches/" + last + "/cancel", "").text("status") == "cancelled");
  CHECK(total(client, "foreign_batches_cancelled") == 1);
  CHECK(total(client, "batches_cancelled") == 0);
}

TEST_CASE("other faults end the foreign batches of the former")
{
  emulator::Server server{lasting(R"({"foreign_batches":[{"tokens":1}]})")};
  RawClient client{server};
  CHECK(client.call("PUT", "/emulator/faults", R"({"foreign_batches":[{"tokens":2},{"tokens":3}]})").status == 200);
  const auto data = client.get("/v1/batches").json()->getArray("data");
  REQUIRE(data->size() == 3);
  CHECK(data->getObject(0)->getValue<std::string>("status") == "in_progress");
  CHECK(data->getObject(2)->getValue<std::string>("status") == "completed");
}

TEST_CASE("twins are seen: live at once for one file, or for the same bytes, and calls that were sent twice")
{
  emulator::Server server{lasting("{}")};
  RawClient client{server};
  const auto lines = tests::request_lines(2);
  const auto make = [&](const std::string& file, const std::string& call) {
    const auto body = RawClient::batch_body(file);
    const auto id =
        client.post("/v1/batches", body.substr(0, body.size() - 1) + R"(,"metadata":{"bw_call":")" + call + "\"}}")
            .text("id");
    client.wait_for_status(id, "in_progress");
    return id;
  };
  const auto check = [&](int per_file, int per_content, int per_call, int files) {
    CHECK(total(client, "peak_live_batches_per_file") == per_file);
    CHECK(total(client, "peak_live_batches_per_content") == per_content);
    CHECK(total(client, "most_batches_per_call") == per_call);
    CHECK(total(client, "most_batches_per_file") == files);
  };
  check(0, 0, 0, 0);
  const auto file = client.upload(lines).text("id");
  const auto first = make(file, "a");
  check(1, 1, 1, 1);
  client.post("/v1/batches/" + first + "/cancel", "");
  client.wait_for_status(first, "cancelled");
  make(file, "b"); // one after the other
  check(1, 1, 1, 2);
  const auto again = client.upload(lines).text("id");
  make(again, "c"); // the same bytes, uploaded twice
  check(1, 2, 1, 2);
  make(again, "c"); // twins of one file, by one call
  check(2, 3, 2, 2);
  CHECK(total(client, "peak_live_batches") == 3);
}
