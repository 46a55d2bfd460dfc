#include "tests/emulator/raw_client.hpp"

#include <Poco/JSON/Array.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <string>

using namespace batchwright;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::usage");

namespace {

constexpr std::int64_t day = 86'400;
const std::string usage = "/v1/organization/usage/";
const std::string chat = "/v1/chat/completions";

std::string chat_body(const std::string& text)
{
  return R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":")" + text + R"("}]})";
}

std::int64_t number(const Object& object, const std::string& key)
{
  return object->getValue<std::int64_t>(key);
}

std::int64_t now(RawClient& client)
{
  return number(client.get("/emulator/clock").json(), "now_ms") / 1000;
}

struct Tokens {
  std::int64_t input = 0;
  std::int64_t output = 0;
};

void add(Tokens& sum, const Object& body)
{
  const auto used = body->getObject("usage");
  sum.input += number(used, "prompt_tokens");
  sum.output += number(used, "completion_tokens");
}

/// Asks all endpoints that tell usage for the time since this one.
std::vector<Object> results(RawClient& client, const std::string& query, const std::string& kind = "completions")
{
  const auto answer = client.get(fmt::format("{}{}?start_time={}{}", usage, kind, now(client) - 3 * day, query));
  CAPTURE(answer.body);
  REQUIRE(answer.status == 200);
  std::vector<Object> found;
  const auto buckets = answer.json()->getArray("data");
  for (unsigned i = 0; i < buckets->size(); ++i) {
    const auto some = buckets->getObject(i)->getArray("results");
    for (unsigned k = 0; k < some->size(); ++k)
      found.push_back(some->getObject(k));
  }
  return found;
}

} // namespace

TEST_CASE("what batches and calls were billed is told by route and model, to the token, as the answers say")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  std::map<bool, Tokens> used;
  for (const auto& line : client.lines(client.run(tests::request_lines(5)), "output_file_id"))
    add(used[true], tests::parsed(line)->getObject("response")->getObject("body"));
  for (const auto* text : {"one", "another"})
    add(used[false], client.post(chat, chat_body(text)).json());
  REQUIRE(used[true].output > 0);

  const auto rows = results(client, "&group_by=batch&group_by=model");
  REQUIRE(rows.size() == 2);
  for (const auto& row : rows) {
    const auto by_batch = row->getValue<bool>("batch");
    CHECK(row->getValue<std::string>("object") == "organization.usage.completions.result");
    CHECK(row->getValue<std::string>("model") == "gpt-5.4-mini-2026-03-17");
    CHECK(number(row, "num_model_requests") == (by_batch ? 5 : 2));
    CHECK(number(row, "input_tokens") == used[by_batch].input);
    CHECK(number(row, "output_tokens") == used[by_batch].output);
    CHECK(number(row, "input_cached_tokens") == 0);
    CHECK(row->isNull("project_id"));
  }
  const auto all = results(client, "");
  REQUIRE(all.size() == 1);
  CHECK(all[0]->isNull("batch"));
  CHECK(all[0]->isNull("model"));
  CHECK(number(all[0], "num_model_requests") == 7);
  CHECK(results(client, "&group_by[]=batch&group_by[]=api_key_id").size() == 2);
  CHECK(results(client, "&group_by=batch,model").size() == 2);
}

TEST_CASE("what was refused, failed or never run is not billed; what no client heard is")
{
  emulator::Server server{tests::quick_with(
      R"({"transient_share":1,"http":[{"path":"/v1/chat/completions","nth":3,"phase":"after-effect","action":"status","status":500}]})")};
  RawClient client{server};
  CHECK(client.post(chat, chat_body("x")).status == 500);
  CHECK(client.post(chat, "{}").status == 400);
  CHECK(results(client, "").empty());
  CHECK(client.post(chat, chat_body("x")).status == 500);
  const auto rows = results(client, "");
  REQUIRE(rows.size() == 1);
  CHECK(number(rows[0], "num_model_requests") == 1);
}

TEST_CASE("embeddings and moderations have their own endpoints, which know no batch")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto vectors =
      client.post("/v1/embeddings", R"({"model":"text-embedding-3-small","input":["one text","two"]})").json();
  CHECK(client.post("/v1/moderations", R"({"input":"a text"})").status == 200);
  const auto rows = results(client, "&group_by=model", "embeddings");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]->getValue<std::string>("object") == "organization.usage.embeddings.result");
  CHECK(rows[0]->getValue<std::string>("model") == "text-embedding-3-small");
  CHECK(number(rows[0], "num_model_requests") == 1);
  CHECK(number(rows[0], "input_tokens") == number(vectors->getObject("usage"), "prompt_tokens"));
  CHECK_FALSE(rows[0]->has("output_tokens"));
  CHECK_FALSE(rows[0]->has("batch"));
  CHECK(results(client, "", "moderations").size() == 1);
  CHECK(results(client, "").empty());
  CHECK(client.get(usage + "embeddings?start_time=0&group_by=batch").status == 400);
  CHECK(client.get(usage + "images?start_time=0").status == 404);
}

TEST_CASE("buckets are whole days, hours or minutes of UTC by the server's clock, and come by pages")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto first_day = now(client) / day * day;
  CHECK(client.post(chat, chat_body("x")).status == 200);
  server.advance(std::chrono::hours{48});
  CHECK(client.post(chat, chat_body("x")).status == 200);
  CHECK(client.post(chat, chat_body("y")).status == 200);

  std::string page;
  std::vector<std::int64_t> begins, requests;
  for (int pages = 0; pages < 2; ++pages) {
    const auto answer =
        client.get(fmt::format("{}completions?start_time={}&limit=2{}", usage, first_day + 5, page)).json();
    CHECK(answer->getValue<std::string>("object") == "page");
    const auto data = answer->getArray("data");
    for (unsigned i = 0; i < data->size(); ++i) {
      const auto bucket = data->getObject(i);
      begins.push_back(number(bucket, "start_time"));
      CHECK(number(bucket, "end_time") == begins.back() + day);
      const auto found = bucket->getArray("results");
      requests.push_back(found->empty() ? 0 : number(found->getObject(0), "num_model_requests"));
    }
    CHECK(answer->getValue<bool>("has_more") == (pages == 0));
    CHECK(answer->isNull("next_page") == (pages == 1));
    if (pages == 0) page = "&page=" + answer->getValue<std::string>("next_page");
  }
  CHECK(begins == std::vector{first_day, first_day + day, first_day + 2 * day});
  CHECK(requests == std::vector<std::int64_t>{1, 0, 2});

  const auto ends =
      client.get(fmt::format("{}completions?start_time={}&end_time={}", usage, first_day, first_day + day));
  CHECK(ends.json()->getArray("data")->size() == 1);
  const auto hours = client.get(
      fmt::format("{}completions?start_time={}&end_time={}&bucket_width=1h", usage, first_day, first_day + day));
  CHECK(hours.json()->getArray("data")->size() == 24);
}

TEST_CASE("what cannot be answered is refused by name")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  for (const auto& [query, parameter] :
       {std::pair{"", "start_time"}, std::pair{"?start_time=x", "start_time"},
        std::pair{"?start_time=9&end_time=9", "end_time"}, std::pair{"?start_time=0&bucket_width=2d", "bucket_width"},
        std::pair{"?start_time=0&group_by=colour", "group_by"}, std::pair{"?start_time=0&limit=32", "limit"},
        std::pair{"?start_time=0&page=page_1", "page"}, std::pair{"?start_time=0&models=x", "models"}}) {
    CAPTURE(query);
    const auto answer = client.get(usage + "completions" + query);
    CHECK(answer.status == 400);
    CHECK(answer.error()->getValue<std::string>("param") == parameter);
  }
}

TEST_CASE("an admin key opens the organisation's endpoints and nothing else")
{
  auto options = tests::quick();
  options.api_key = "sk-usual";
  options.admin_key = "sk-admin";
  emulator::Server server{std::move(options)};
  RawClient usual{server, "sk-usual"};
  RawClient admin{server, "sk-admin"};
  RawClient wrong{server, "sk-wrong"};
  const auto path = usage + "completions?start_time=0&limit=1";
  CHECK(admin.get(path).status == 200);
  CHECK(usual.get(path).status == 403);
  CHECK(usual.get(path).code() == "missing_scope");
  CHECK(wrong.get(path).status == 401);
  CHECK(usual.get("/v1/models").status == 200);
  CHECK(admin.get("/v1/models").status == 401);
}

TEST_SUITE_END();
