#include "tests/emulator/raw_client.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

using namespace batchwright;
using tests::Answer;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::batch_faults");

namespace {

std::string status_of(RawClient& client, const std::string& id)
{
  return client.get("/v1/batches/" + id).text("status");
}

void advance(RawClient& client, std::int64_t ms)
{
  REQUIRE(client.post("/emulator/clock", "{\"advance_ms\":" + std::to_string(ms) + "}").status == 200);
}

void put(RawClient& client, const std::string& faults)
{
  REQUIRE(client.call("PUT", "/emulator/faults", faults).status == 200);
}

/// The batch stays as it is for a while.
void stays(RawClient& client, const std::string& id, const std::string& status)
{
  client.wait_for_status(id, status);
  std::this_thread::sleep_for(std::chrono::milliseconds{150});
  CHECK(status_of(client, id) == status);
}

constexpr std::int64_t day_ms = 86'400'000;
const std::string fast = R"("validating_ms":0,"in_progress_ms":0,"finalizing_ms":0,"cancelling_ms":0)";

std::vector<std::string> ids_of(const Answer& listing)
{
  std::vector<std::string> ids;
  const auto data = listing.json()->getArray("data");
  for (unsigned i = 0; i < data->size(); ++i)
    ids.push_back(data->getObject(i)->getValue<std::string>("id"));
  return ids;
}

} // namespace

TEST_CASE("a batch is stuck in any state until the rule goes")
{
  for (const auto* state : {"validating", "in_progress", "finalizing"}) {
    CAPTURE(state);
    emulator::Server server{
        tests::quick_with(R"({"stuck_batches":[{"batch":1,"state":")" + std::string{state} + "\"}]}")};
    RawClient client{server};
    const auto id = client.submit(tests::request_lines(4));
    client.run(tests::request_lines(1));
    stays(client, id, state);
    put(client, "{" + fast + "}");
    const auto batch = client.wait_for_status(id, "completed");
    CHECK(client.lines(batch, "output_file_id").size() == 4);
  }
}

TEST_CASE("a stuck batch is cancelled, or expires when its 24 hours are over")
{
  for (const auto* state : {"validating", "in_progress", "finalizing"}) {
    CAPTURE(state);
    emulator::Server server{tests::quick_with(R"({"stuck_batches":[{"state":")" + std::string{state} + "\"}]}")};
    RawClient client{server};
    const auto first = client.submit(tests::request_lines(4));
    const auto second = client.submit(tests::request_lines(4));
    stays(client, first, state);
    CHECK(client.post("/v1/batches/" + first + "/cancel", "").status == 200);
    client.wait_for_status(first, "cancelled");
    client.wait_for_status(second, state);
    advance(client, day_ms);
    client.wait_for_status(second, "expired");
  }
}

TEST_CASE("a cancel may be refused, ignored, or never come to its end")
{
  auto options = tests::quick_with(R"({"cancel_faults":[{"batch":1},{"batch":2,"how":"ignored"}],
"stuck_batches":[{"batch":3,"state":"cancelling"}]})");
  options.faults.in_progress_ms = 1000;
  emulator::Server server{std::move(options)};
  RawClient client{server};
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(client.submit(tests::request_lines(2)));
    client.wait_for_status(ids.back(), "in_progress");
  }
  const auto cancel = [&](std::size_t n) { return client.post("/v1/batches/" + ids[n] + "/cancel", ""); };
  CHECK(cancel(0).status == 409);
  CHECK(cancel(1).status == 200);
  CHECK(cancel(1).text("status") == "in_progress");
  CHECK(cancel(2).text("status") == "cancelling");
  client.wait_for_status(ids[0], "completed");
  client.wait_for_status(ids[1], "completed");
  stays(client, ids[2], "cancelling");
  advance(client, day_ms);
  client.wait_for_status(ids[2], "cancelled");
  const auto ledger = client.ledger();
  CHECK(ledger->getValue<int>("cancels_asked") == 4);
  CHECK(ledger->getValue<int>("batches_cancelled") == 1);
}

TEST_CASE("counts do not match once a batch has ended")
{
  emulator::Server server{
      tests::quick_with(R"({"miscount_batches":[{"batch":1,"completed":-2,"failed":1},{"batch":2,"total":-100}]})")};
  RawClient client{server};
  const auto counts = [&](const std::string& key) {
    return client.run(tests::request_lines(5))->getObject("request_counts")->getValue<int>(key);
  };
  CHECK(counts("completed") == 3);
  CHECK(counts("total") == 0);
  CHECK(counts("completed") == 5);
}

TEST_CASE("files are named late")
{
  emulator::Server server{tests::quick_with(R"({"ids_late_ms":3600000,"fail_share":0.5})")};
  RawClient client{server};
  const auto batch = client.run(tests::request_lines(20));
  CHECK(batch->isNull("output_file_id"));
  CHECK(batch->isNull("error_file_id"));
  CHECK(batch->getObject("request_counts")->getValue<int>("total") == 20);
  advance(client, 3'600'000);
  const auto later = client.get("/v1/batches/" + batch->getValue<std::string>("id")).json();
  CHECK(client.lines(later, "output_file_id").size() + client.lines(later, "error_file_id").size() == 20);
}

TEST_CASE("lines that nobody asked for, and lines that are no JSON, stand between the others")
{
  emulator::Server server{tests::quick_with(R"({"stranger_share":0.4,"garbage_share":0.4})")};
  RawClient client{server};
  const auto batch = client.run(tests::request_lines(50));
  std::set<std::string> known;
  int strangers = 0, garbage = 0;
  for (const auto& line : client.lines(batch, "output_file_id")) {
    json::Document document;
    if (!document.parse(line)) {
      ++garbage;
      continue;
    }
    const auto id = *document.root().find("custom_id")->text();
    if (id.starts_with("item-"))
      CHECK(known.insert(id).second);
    else
      ++strangers;
  }
  CHECK(known.size() == 50);
  CHECK(strangers > 5);
  CHECK(garbage > 5);
  CHECK(batch->getObject("request_counts")->getValue<int>("completed") == 50);
}

TEST_CASE("chosen files vanish: all of them, or the content alone, at once or later")
{
  emulator::Server server{tests::quick_with(R"({"fail_share":0.5,"vanish_files":[{"batch":1},
{"batch":2,"file":"error","part":"content"},{"batch":3,"after_ms":3600000},{"file":"input","upload":4}]})")};
  RawClient client{server};
  const auto seen = [&](const std::string& id) {
    return std::pair{client.get("/v1/files/" + id).status, client.get("/v1/files/" + id + "/content").status};
  };
  const auto file_of = [](const Object& batch, const std::string& kind) {
    return batch->getValue<std::string>(kind + "_file_id");
  };
  const auto first = client.run(tests::request_lines(20));
  CHECK(seen(file_of(first, "output")) == std::pair{404, 404});
  CHECK(seen(file_of(first, "error")) == std::pair{200, 200});
  const auto second = client.run(tests::request_lines(20));
  CHECK(seen(file_of(second, "output")) == std::pair{200, 200});
  CHECK(seen(file_of(second, "error")) == std::pair{200, 404});
  const auto third = client.run(tests::request_lines(20));
  CHECK(seen(file_of(third, "output")) == std::pair{200, 200});
  advance(client, 3'600'000);
  CHECK(seen(file_of(third, "output")) == std::pair{404, 404});
  CHECK(seen(client.upload("{}\n").text("id")) == std::pair{404, 404});
}

TEST_CASE("a range is ignored where the server knows none")
{
  emulator::Server server{tests::quick_with(R"({"no_range":true})")};
  emulator::Server usual{tests::quick()};
  for (auto* one : {&server, &usual}) {
    RawClient client{*one};
    const auto path = "/v1/files/" + client.upload("0123456789").text("id") + "/content";
    const auto some = client.call("GET", path, {}, {{"Range", "bytes=4-"}});
    CHECK(some.status == (one == &server ? 200 : 206));
    CHECK(some.body == (one == &server ? "0123456789" : "456789"));
    CHECK(some.headers.contains("Content-Range") == (one == &usual));
  }
}

TEST_CASE("a listing may ignore how it is asked, and say nothing of metadata")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::vector<std::string> made;
  for (int i = 0; i < 3; ++i) {
    const auto file = client.upload(tests::request_lines(1)).text("id");
    const auto body = RawClient::batch_body(file);
    made.insert(
        made.begin(),
        client.post("/v1/batches", body.substr(0, body.size() - 1) + R"(,"metadata":{"bw_call":"c"}})").text("id"));
  }
  const auto page = "/v1/batches?limit=2&after=" + made[0];
  CHECK(ids_of(client.get(page)) == std::vector{made[1], made[2]});
  put(client, R"({"list_ignores_after":true})");
  CHECK(ids_of(client.get(page)) == std::vector{made[0], made[1]});
  CHECK(client.get(page).json()->getValue<bool>("has_more"));
  put(client, R"({"list_ignores_limit":true})");
  CHECK(ids_of(client.get("/v1/batches?limit=1")) == made);
  CHECK(ids_of(client.get("/v1/files?limit=1")).size() >= 3);
  put(client, R"({"list_without_metadata":true})");
  CHECK(client.get("/v1/batches").json()->getArray("data")->getObject(0)->isNull("metadata"));
  CHECK_FALSE(client.get("/v1/batches/" + made[0]).json()->isNull("metadata"));
  put(client, R"({"http":[{"method":"GET","path":"/v1/batches","action":"status","status":501}]})");
  CHECK(client.get("/v1/batches").status == 501);
}

TEST_CASE("batches are picked by a probability too, and differently by each rule")
{
  const std::string faults =
      R"({"expire_batches":[{"probability":0.5,"after_share":0}],"fail_batches":[{"probability":0.5}]})";
  const auto ends = [&](std::uint64_t seed) {
    auto options = tests::quick_with(faults);
    options.seed = seed;
    emulator::Server server{std::move(options)};
    RawClient client{server};
    std::string all;
    for (int i = 0; i < 20; ++i) {
      const auto end = client.wait_for(client.submit(tests::request_lines(1)), [](const Object& batch) {
        const auto status = batch->getValue<std::string>("status");
        return status == "completed" || status == "failed" || status == "expired";
      });
      all += end->getValue<std::string>("status").front();
    }
    return all;
  };
  const auto once = ends(3);
  for (const char end : {'c', 'f', 'e'})
    CHECK(once.find(end) != std::string::npos);
  CHECK(ends(3) == once);
  CHECK(ends(4) != once);
}
