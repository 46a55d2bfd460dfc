#include <batchwright/json/json.hpp>
#include <batchwright/requests/ready_made.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using requests::check_request;

namespace {

std::string line_with(const std::string& url, const std::string& body)
{
  return fmt::format(R"({{"custom_id":"a","method":"POST","url":"{}","body":{}}})", url, body);
}

/// The problems, one a line: "CODE@TEXT AT ITS BYTE|MESSAGE", the text cut after a few characters.
std::string told(const std::string& line)
{
  json::Document document;
  REQUIRE(document.parse(line));
  const auto checked = check_request(document.root());
  std::string text;
  for (const auto& problem : checked.problems) {
    REQUIRE(problem.byte < line.size());
    text += fmt::format("{}@{}|{}\n", problem.code, line.substr(problem.byte, 8), problem.message);
  }
  return text;
}

bool tells(const std::string& line, std::string_view part)
{
  return told(line).find(part) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("requests::ready_made");

TEST_CASE("a good line gives its id, url and model, decoded, and no problem")
{
  const std::string line =
      R"({"custom_id":"a\u002db","method":"POST","url":"\/v1\/embeddings","body":{"model":"m\u00e9","input":["x","y"]}})";
  json::Document document;
  REQUIRE(document.parse(line));
  const auto checked = check_request(document.root());
  CHECK(checked.problems.empty());
  CHECK(checked.id_token == R"(a\u002db)");
  CHECK(checked.custom_id == "a-b");
  CHECK(checked.url == "/v1/embeddings");
  CHECK(checked.model == "mé");
  CHECK(checked.embedding_inputs == 2);
}

TEST_CASE("every endpoint's own body passes")
{
  const char* good[][2] = {
      {"/v1/chat/completions", R"({"model":"m","messages":[{"role":"user","content":"x"}],"stream":false})"},
      {"/v1/responses", R"({"model":"m","input":"x"})"},
      {"/v1/responses", R"({"model":"m","prompt":{"id":"pmpt_1"}})"},
      {"/v1/embeddings", R"({"model":"m","input":[1,2,3]})"},
      {"/v1/embeddings", R"({"model":"m","input":[[1],[2]]})"},
      {"/v1/completions", R"({"model":"m","prompt":"x"})"},
      {"/v1/moderations", R"({"model":"m","input":["x"]})"},
      {"/v1/images/generations", R"({"model":"m","prompt":"x"})"},
      {"/v1/images/edits", R"({"model":"m","prompt":"x","images":[]})"},
      {"/v1/videos", R"({"model":"m","prompt":"x"})"},
  };
  for (const auto& [url, body] : good) {
    CAPTURE(body);
    CHECK(told(line_with(url, body)) == "");
  }
}

TEST_CASE("each breach has the server's word, its place in the line and what was expected")
{
  CHECK(told("[]") == "invalid_json_line@[]|the line is no JSON object\n");
  CHECK(told(R"({"custom_id":null,"method":"get","url":"/v1/files","body":[]})") ==
        "missing_required_parameter@{\"custom|`custom_id` is missing\n"
        "invalid_method@\"get\",\"u|`method` must be \"POST\", in capitals\n"
        "invalid_url@\"/v1/fil|no batch can call the `url` \"/v1/files\"; those known: /v1/responses, "
        "/v1/chat/completions, /v1/embeddings, /v1/completions, /v1/moderations, /v1/images/generations, "
        "/v1/images/edits, /v1/videos\n"
        "invalid_request@[]}|`body` must be an object\n");
  CHECK(told("{}") == "missing_required_parameter@{}|`custom_id` is missing\n"
                      "missing_required_parameter@{}|`method` is missing: only POST is supported\n"
                      "missing_required_parameter@{}|`url` is missing\n"
                      "missing_required_parameter@{}|`body` is missing\n");
  const auto chat = [](const std::string& body) { return line_with("/v1/chat/completions", body); };
  CHECK(
      tells(R"({"custom_id":7,"method":"POST","url":"","body":{}})", "invalid_request@7,\"metho|`custom_id` must be"));
  CHECK(
      tells(R"({"custom_id":"","method":"POST","url":7,"body":{}})", "`custom_id` must be a string that is not empty"));
  CHECK(tells(R"({"custom_id":"\ud800","method":"POST"})", "`custom_id` holds half a surrogate pair"));
  CHECK(tells(chat(R"({"messages":[1]})"), "`body.model` is missing"));
  CHECK(tells(chat(R"({"model":3,"messages":[1]})"), "`body.model` must be a string"));
  CHECK(tells(chat(R"({"model":"m"})"), "`body.messages` is missing, which /v1/chat/completions needs"));
  CHECK(tells(chat(R"({"model":"m","messages":[]})"), "`body.messages` must be a list that is not empty"));
  CHECK(tells(chat(R"({"model":"m","messages":"x"})"), "`body.messages` must be a list that is not empty"));
  CHECK(tells(chat(R"({"model":"m","messages":[1],"stream":true})"), "a batch cannot stream"));
  CHECK(tells(line_with("/v1/responses", R"({"model":"m"})"), "`body.input` is missing"));
  CHECK(tells(line_with("/v1/completions", R"({"model":"m","prompt":7})"), "`body.prompt` must be a text or a list"));
  CHECK(tells(line_with("/v1/embeddings", R"({"model":"m","input":""})"), "and not empty"));
  CHECK(tells(line_with("/v1/embeddings", R"({"model":"m","input":["x",""]})"), "`body.input` holds an empty text"));
}

TEST_CASE("an embeddings request holds at most 2,048 inputs")
{
  const auto inputs = [](std::size_t n) {
    std::string list = "\"x\"";
    for (std::size_t i = 1; i < n; ++i)
      list += ",\"x\"";
    return line_with("/v1/embeddings", R"({"model":"m","input":[)" + list + "]}");
  };
  CHECK(told(inputs(2'048)) == "");
  CHECK(tells(inputs(2'049), "`body.input` has 2049 inputs; a request may have 2048"));
}

TEST_SUITE_END();
