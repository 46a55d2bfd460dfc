#include "tests/requests/requests_fixture.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/requests.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

constexpr std::int64_t message = money::tokens_per_message.n;
constexpr std::int64_t reply = money::tokens_per_reply.n;

std::int64_t text(std::string_view utf8)
{
  return money::estimate_tokens(utf8).n;
}

/// What a ready-made request is estimated at.
std::int64_t ready_made(std::string_view url, std::string_view body)
{
  const FreshDirectory dir;
  const auto line = fmt::format(R"({{"custom_id":"a","method":"POST","url":"{}","body":{}}})", url, body);
  return requests::plan(tests::job({tests::input_file(dir, "in.jsonl", line + "\n", InputFormat::requests)}, ""))
      .input_tokens.n;
}

std::int64_t chat(std::string_view members)
{
  return ready_made("/v1/chat/completions", fmt::format(R"({{"model":"gpt-4o",{}}})", members));
}

std::int64_t responses(std::string_view members)
{
  return ready_made("/v1/responses", fmt::format(R"({{"model":"gpt-5",{}}})", members));
}

/// What a job over one record, with a field `t`, is estimated at.
std::int64_t of_job(const RequestSpec& spec, std::string_view record)
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.jsonl", std::string{record} + "\n", InputFormat::jsonl)}, "");
  j.request = spec;
  requests::complete(j.request);
  return requests::plan(j).input_tokens.n;
}

constexpr std::string_view of_stream = "data: 3, 4 and 5 are what the sensor told; summarise that";

constexpr std::string_view hello = R"("messages":[{"role":"user","content":"Hello there, good morning"}])";
const std::int64_t of_hello = reply + message + text("Hello there, good morning");

constexpr std::string_view schema =
    R"({"type":"object","properties":{"mood":{"type":"string","description":"how the writer feels"}}})";
constexpr std::string_view tools =
    R"([{"type":"function","name":"look","description":"looks up a word","parameters":{"type":"object"}}])";

} // namespace

TEST_SUITE_BEGIN("requests::body_tokens");

TEST_CASE("a text that begins like a data URL is a text")
{
  CHECK(chat(fmt::format(R"("messages":[{{"role":"user","content":"{}"}}])", of_stream)) ==
        reply + message + text(of_stream));
}

TEST_CASE("each message has its texts and its frame, whoever wrote the request")
{
  CHECK(chat(hello) == of_hello);
  CHECK(chat(R"("messages":[{"role":"developer","content":"Be brief"},{"role":"user","name":"Ann","content":)"
             R"([{"type":"text","text":"two words"},{"type":"text","text":"and three more"}]}])") ==
        reply + 2 * message + text("Be brief") + text("Ann") + text("two words") + text("and three more"));

  auto templated = tests::spec("");
  templated.body = R"({"model":"m","messages":[{"role":"user","content":"{{t}}, good morning"}],"temperature":0.2})";
  CHECK(of_job(templated, R"({"t":"Hello there"})") == of_hello);

  auto listed = tests::spec("");
  listed.messages = "t";
  CHECK(of_job(listed, R"({"t":[{"role": "user", "content": "Hello there, good morning"}]})") == of_hello);

  CHECK(of_job(tests::spec("{{t}}, good morning"), R"({"t":"Hello there"})") == of_hello);
}

TEST_CASE("a responses request has its instructions, and its input as a text or as items")
{
  CHECK(responses(R"("input":"Hello there")") == reply + message + text("Hello there"));
  CHECK(responses(
            R"("instructions":"Be brief","input":[{"role":"user","content":[{"type":"input_text",)"
            R"("text":"Hello there"}]},{"type":"function_call_output","call_id":"call_9","output":"12 degrees"}])") ==
        reply + 3 * message + text("Be brief") + text("Hello there") + text("12 degrees"));
}

TEST_CASE("tools and schemas are counted once, as JSON, on every way into a body")
{
  const auto chat_schema = fmt::format(R"({{"name":"answer","strict":true,"schema":{}}})", schema);
  const auto responses_schema =
      fmt::format(R"({{"type":"json_schema","name":"answer","strict":true,"schema":{}}})", schema);
  const auto format = fmt::format(R"({{"type":"json_schema","json_schema":{}}})", chat_schema);
  const auto with_schema = of_hello + text(chat_schema);
  const auto with_tools = with_schema + text(tools);

  CHECK(chat(fmt::format(R"({},"response_format":{},"tools":{})", hello, format, tools)) == with_tools);
  CHECK(responses(
            fmt::format(R"("input":"Hello there, good morning","text":{{"verbosity":"low","format":{}}},"tools":{})",
                        responses_schema, tools)) == of_hello + text(responses_schema) + text(tools));

  auto spec = tests::spec("{{t}}");
  const std::string_view record = R"({"t":"Hello there, good morning"})";
  spec.schema = schema;
  CHECK(of_job(spec, record) == with_schema);
  spec.set = {{"tools", std::string{tools}}};
  CHECK(of_job(spec, record) == with_tools);
  spec.prompt.clear();
  spec.body = R"({"model":"m","messages":[{"role":"user","content":"{{t}}"}]})";
  CHECK(of_job(spec, record) == with_tools);
  spec.body = fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"{{{{t}}}}"}}],"tools":{}}})", tools);
  spec.set.clear();
  CHECK(of_job(spec, record) == with_tools);
}

TEST_CASE("what all requests have in common is counted anew where it differs")
{
  const FreshDirectory dir;
  const auto line = [](int id, std::string_view description) {
    return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"m",{},)"
                       R"("tools":["{}"]}}}})",
                       id, hello, description);
  };
  const std::string_view longer = "looks up a word in a dictionary";
  const auto all = line(1, "short") + "\n" + line(2, longer) + "\n" + line(3, longer) + "\n" + line(4, "short") + "\n";
  const auto j = tests::job({tests::input_file(dir, "in.jsonl", all, InputFormat::requests)}, "");
  CHECK(requests::plan(j).input_tokens.n ==
        4 * of_hello + 2 * text(R"(["short"])") + 2 * text(fmt::format(R"(["{}"])", longer)));
}

TEST_CASE("what only steers is not counted")
{
  CHECK(chat(fmt::format(R"({},"temperature":0.25,"logprobs":true,"seed":123456789,"user":"somebody-with-a-long-name",)"
                         R"("service_tier":"flex","reasoning_effort":"high","stop":["one two three"],)"
                         R"("metadata":{{"team":"reviews and ratings"}},"tool_choice":{{"type":"function"}},)"
                         R"("response_format":{{"type":"json_object"}},"logit_bias":{{"50256":-100}})",
                         hello)) == of_hello);
  auto spec = tests::spec("{{t}}");
  spec.set = {{"stop", R"(["one two three"])"}, {"user", R"("somebody")"}, {"service_tier", R"("flex")"}};
  CHECK(of_job(spec, R"({"t":"Hello there, good morning"})") == of_hello);
}

TEST_CASE("an image costs what its size says, not what its bytes would be as text")
{
  const std::string png = // 640 by 480: two tiles
      "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAC6s0uz" + std::string(1'000'000, 'A');
  const auto asked = [](std::string_view part) {
    return fmt::format(R"("messages":[{{"role":"user","content":[{{"type":"text","text":"What is it?"}},{}]}}])", part);
  };
  const auto around = reply + message + text("What is it?");
  const auto chat_part = [](std::string_view url, std::string_view more) {
    return fmt::format(R"({{"type":"image_url","image_url":{{"url":"{}"{}}}}})", url, more);
  };
  CHECK(chat(asked(chat_part(png, ""))) == around + 85 + 2 * 170);
  CHECK(chat(asked(chat_part(png, R"(,"detail":"low")"))) == around + 85);
  CHECK(chat(asked(chat_part("https://example.org/a-long-name-of-an-image.png", ""))) ==
        around + 765); // as 1024 by 1024

  const auto responses_part = fmt::format(R"({{"type":"input_image","detail":"high","image_url":"{}"}})", png);
  CHECK(responses(R"("input":[{"role":"user","content":[)" + responses_part + "]}]") == reply + message + 70 + 2 * 140);
  CHECK(responses(R"("input":[{"role":"user","content":[{"type":"input_image","file_id":"file-abc"}]}])") ==
        reply + message + 630);

  auto templated = tests::spec("");
  templated.model = "gpt-4o";
  templated.body = "{" + asked(chat_part("{{t}}", "")) + "}";
  CHECK(of_job(templated, fmt::format(R"({{"t":"{}"}})", png)) == around + 85 + 2 * 170);
}

TEST_CASE("other files that are sent as data are no text")
{
  const std::string data(200'000, 'A');
  CHECK(chat(R"("messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":")" + data +
             R"(","format":""}},{"type":"file","file":{"file_data":"data:application/pdf;base64,)" + data +
             R"("}}]}])") == reply + message);
}

TEST_CASE("inputs of embeddings are their texts, or as many tokens as they are given as")
{
  CHECK(ready_made("/v1/embeddings", R"({"model":"m","input":["Hello there","good morning"],"dimensions":256})") ==
        text("Hello there") + text("good morning"));
  CHECK(ready_made("/v1/embeddings", R"({"model":"m","input":[15339,1917,8]})") == 3);
  CHECK(ready_made("/v1/embeddings", R"({"model":"m","input":[[15339,1917],[8]]})") == 3);

  auto packed = tests::spec("{{t}}");
  packed.endpoint = "/v1/embeddings";
  packed.inputs_per_request = 10;
  CHECK(of_job(packed, "{\"t\":\"Hello there\"}\n{\"t\":\"good morning\"}") ==
        text("Hello there") + text("good morning"));
}

TEST_CASE("JSON that is nested without end is no harm")
{
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  CHECK(chat(R"("messages":[{"role":"user","content":)" + deep + "}]") == reply + message);
}

TEST_SUITE_END();
