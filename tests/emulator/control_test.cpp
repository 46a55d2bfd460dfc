#include "tests/emulator/raw_client.hpp"

#include <Poco/DateTimeParser.h>
#include <doctest/doctest.h>

#include <string>

using namespace batchwright;
using tests::Answer;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::control");

namespace {

constexpr std::int64_t hour_ms = 3'600'000;

Answer put(RawClient& client, const std::string& faults)
{
  return client.call("PUT", "/emulator/faults", faults);
}

Object advance(RawClient& client, std::int64_t ms)
{
  const auto answer = client.post("/emulator/clock", "{\"advance_ms\":" + std::to_string(ms) + "}");
  CAPTURE(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json();
}

std::int64_t number(const Object& object, const std::string& key)
{
  return object->getValue<std::int64_t>(key);
}

} // namespace

TEST_CASE("faults are replaced while the server runs, and their rules count anew")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  RawClient other{server};
  CHECK(client.get("/emulator/faults").body == "{}");
  const std::string faults = R"({"http":[{"path":"/v1/models","nth":2,"action":"status","status":503}]})";
  CHECK(put(client, faults).body == faults);
  CHECK(client.get("/emulator/faults").body == faults);
  CHECK(other.get("/v1/models").status == 200);
  CHECK(other.get("/v1/models").status == 503);
  CHECK(put(client, faults).status == 200);
  CHECK(other.get("/v1/models").status == 200);
  CHECK(other.get("/v1/models").status == 503);
  CHECK(put(client, "{}").status == 200);
  CHECK(other.get("/v1/models").status == 200);
  CHECK(put(client, R"({"rate":{"rpm":1,"tpm":1000}})").status == 200);
  const auto chat = other.post("/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"x"}]})");
  CHECK(chat.headers.at("x-ratelimit-limit-requests") == "1");
}

TEST_CASE("a speed holds from when it is given, for batches that are on their way too")
{
  auto options = tests::quick();
  options.faults.in_progress_ms = 48 * hour_ms;
  emulator::Server server{std::move(options)};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(2));
  client.wait_for_status(id, "in_progress");
  CHECK(put(client, R"({"in_progress_ms":0})").status == 200);
  CHECK(client.lines(client.wait_for_status(id, "completed"), "output_file_id").size() == 2);
}

TEST_CASE("malformed faults are refused with the key and what was expected, and change nothing")
{
  emulator::Server server{tests::quick_with(R"({"list_lag_ms":5})")};
  RawClient client{server};
  for (const auto& [faults, words] :
       {std::pair{R"({"list_lag_ms":-1})", "\"list_lag_ms\": expected a whole number, 0 or more"},
        std::pair{R"({"lag":1})", "unknown key \"lag\" (the keys here are validating_ms"},
        std::pair{"{", "not JSON"}}) {
    const auto answer = put(client, faults);
    CHECK(answer.status == 400);
    CHECK(answer.message().find("reading faults from the body of PUT /emulator/faults") != std::string::npos);
    CHECK(answer.message().find(words) != std::string::npos);
  }
  CHECK(client.get("/emulator/faults").body == R"({"list_lag_ms":5})");
}

TEST_CASE("a server in the same process is told in code")
{
  emulator::Server server{tests::quick({.list_lag_ms = 60'000})};
  RawClient client{server};
  client.upload("{}\n");
  const auto listed = [&] { return client.get("/v1/files").json()->getArray("data")->size(); };
  CHECK(listed() == 0);
  server.advance(std::chrono::minutes{1});
  CHECK(listed() == 1);
  client.upload("{}\n");
  CHECK(listed() == 1);
  server.change({});
  CHECK(listed() == 2);
  CHECK(client.get("/emulator/faults").body == "{}");
}

TEST_CASE("what the emulator offers beside the API needs no key")
{
  emulator::Server server{tests::quick()};
  RawClient client{server, ""};
  CHECK(put(client, "{}").status == 200);
  CHECK(number(advance(client, 0), "ahead_ms") == 0);
  CHECK(client.get("/v1/models").status == 401);
  CHECK(client.call("DELETE", "/emulator/faults").status == 405);
}

TEST_CASE("the clock goes forward only, and within its bounds")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  for (const auto* body : {R"({"advance_ms":-1})", R"({"advance_ms":"1"})", R"({})", "x", R"({"advance_ms":1e3})",
                           R"({"advance_ms":9223372036854775807})"})
    CHECK(client.post("/emulator/clock", body).status == 400);
  const auto before = number(client.get("/emulator/clock").json(), "now_ms");
  const auto moved = advance(client, 24 * hour_ms);
  CHECK(number(moved, "ahead_ms") == 24 * hour_ms);
  CHECK(number(moved, "now_ms") - before >= 24 * hour_ms);
  CHECK(number(moved, "now_ms") - before < 25 * hour_ms);
  CHECK(number(advance(client, hour_ms), "ahead_ms") == 25 * hour_ms);
}

TEST_CASE("the times of files, batches and answers go by the clock")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto made = client.upload("{}\n").json();
  const auto date_of = [&] {
    int zone = 0;
    return Poco::DateTimeParser::parse(client.get("/v1/models").headers.at("Date"), zone).timestamp().epochTime();
  };
  const auto date = date_of();
  advance(client, 30 * hour_ms);
  CHECK(date_of() - date >= 30 * 3600);
  CHECK(date_of() - date < 31 * 3600);
  const auto later = client.upload(tests::request_lines(1)).json();
  CHECK(number(later, "created_at") - number(made, "created_at") >= 30 * 3600);
  const auto batch = client.post("/v1/batches", RawClient::batch_body(later->getValue<std::string>("id"))).json();
  CHECK(number(batch, "created_at") - number(made, "created_at") >= 30 * 3600);
}

TEST_CASE("files lapse by the clock, as they were told to at upload or when the batch was created")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto brief = client.upload(
      tests::request_lines(1), "in.jsonl",
      {{"purpose", "batch"}, {"expires_after[anchor]", "created_at"}, {"expires_after[seconds]", "3600"}});
  const auto usual = client.upload(tests::request_lines(1));
  const auto body = RawClient::batch_body(usual.text("id"));
  const auto batch =
      client.post("/v1/batches", body.substr(0, body.size() - 1) +
                                     R"(,"output_expires_after":{"anchor":"created_at","seconds":7200}})");
  const auto output = client.wait_for_status(batch.text("id"), "completed")->getValue<std::string>("output_file_id");
  const auto there = [&](const std::string& id) {
    const auto status = client.get("/v1/files/" + id).status;
    CHECK(client.get("/v1/files/" + id + "/content").status == status);
    return status == 200;
  };
  CHECK(there(brief.text("id")));
  advance(client, hour_ms + 60'000);
  CHECK_FALSE(there(brief.text("id")));
  CHECK(there(output));
  advance(client, hour_ms);
  CHECK_FALSE(there(output));
  CHECK(there(usual.text("id")));
  advance(client, 30 * 24 * hour_ms);
  CHECK_FALSE(there(usual.text("id")));
  CHECK(client.post("/v1/batches", RawClient::batch_body(brief.text("id"))).status == 400);
}

TEST_CASE("a batch that 24 hours do not suffice for expires with what was done by then")
{
  auto options = tests::quick_with(R"({})");
  options.faults.in_progress_ms = 48 * hour_ms;
  emulator::Server server{std::move(options)};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(200));
  client.wait_for_status(id, "in_progress");
  advance(client, 12 * hour_ms);
  client.wait_for(
      id, [](const Object& batch) { return batch->getObject("request_counts")->getValue<int>("completed") == 50; });
  advance(client, 13 * hour_ms);
  const auto batch = client.wait_for_status(id, "expired");
  const auto done = batch->getObject("request_counts")->getValue<unsigned>("completed");
  CHECK(done <= 100);
  CHECK(done >= 98); // it did not begin at once
  CHECK(client.lines(batch, "output_file_id").size() == done);
  CHECK(client.lines(batch, "error_file_id").size() == 200 - done);
  CHECK(client.lines(batch, "error_file_id").front().find("batch_expired") != std::string::npos);
  CHECK(number(batch, "expired_at") == number(batch, "expires_at"));
}

TEST_CASE("24 hours at once are enough for a batch that needs less")
{
  auto options = tests::quick();
  options.faults.validating_ms = 60'000;
  options.faults.in_progress_ms = 5 * hour_ms;
  options.faults.finalizing_ms = 60'000;
  emulator::Server server{std::move(options)};
  RawClient client{server};
  const auto id = client.submit(tests::request_lines(300));
  advance(client, 25 * hour_ms);
  client.wait_for(
      id, [](const Object& batch) { return batch->getObject("request_counts")->getValue<int>("completed") == 300; });
  advance(client, hour_ms);
  const auto batch = client.wait_for_status(id, "completed");
  CHECK(number(batch, "completed_at") <= number(batch, "expires_at"));
}
