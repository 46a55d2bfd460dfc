#include "tests/emulator/raw_client.hpp"

#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/embeddings.hpp>
#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/moderations.hpp>

#include <Poco/Base64Decoder.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <set>

using namespace batchwright;
using emulator::Fate;
using tests::Object;

TEST_SUITE_BEGIN("emulator::endpoints");

namespace {

emulator::ModelReply ask(const std::string& path, const std::string& body, Fate fate = Fate::fine)
{
  json::Document document;
  REQUIRE(document.parse(body));
  return emulator::answer(*emulator::endpoint_at(path), document.root(), fate, {.digits = "1", .created = 7});
}

Object answer(const std::string& path, const std::string& body, Fate fate = Fate::fine)
{
  const auto reply = ask(path, body, fate);
  CHECK(reply.status == 200);
  return tests::parsed(reply.body);
}

std::string code_of(const std::string& path, const std::string& body)
{
  const auto reply = ask(path, body);
  CHECK(reply.status == 400);
  const auto error = tests::parsed(reply.body)->getObject("error");
  CHECK_FALSE(error->getValue<std::string>("message").empty());
  return error->isNull("code") ? "" : error->getValue<std::string>("code");
}

std::string respond(const std::string& more)
{
  return R"({"model":"gpt-5.4-mini",)" + more + "}";
}

Object part_of(const Object& response)
{
  const auto output = response->getArray("output");
  return output->getObject(static_cast<unsigned>(output->size() - 1))->getArray("content")->getObject(0);
}

std::string text_of(const Object& response)
{
  return part_of(response)->getValue<std::string>("text");
}

std::string embed(const std::string& input, const std::string& more = {})
{
  return R"({"model":"text-embedding-3-small","input":)" + input + more + "}";
}

std::vector<float> vector_of(const Object& answer, unsigned index)
{
  std::vector<float> vector;
  const auto components = answer->getArray("data")->getObject(index)->getArray("embedding");
  for (unsigned i = 0; i < components->size(); ++i)
    vector.push_back(components->getElement<float>(i));
  return vector;
}

std::string list_of(std::size_t count, const std::string& element)
{
  std::string list = "[";
  for (std::size_t i = 0; i < count; ++i)
    list += (i > 0 ? "," : "") + element;
  return list + "]";
}

} // namespace

TEST_CASE("a response says what chat would say")
{
  const std::string said = "echo 85944171f73967e8 foobar";
  CHECK(text_of(answer("/v1/responses", respond(R"("input":"foobar")"))) == said);
  CHECK(text_of(answer("/v1/responses", respond(R"("input":[{"role":"user","content":"no"},)"
                                                R"({"type":"function_call_output","output":"x"},)"
                                                R"({"role":"user","content":[{"type":"input_text","text":"foo"},)"
                                                R"({"type":"input_text","text":"bar"}]}])"))) == said);
  CHECK(text_of(answer("/v1/responses", respond(R"("input":"x","instructions":"Answer with one of: a.")"))) == "a");
  const auto document =
      text_of(answer("/v1/responses", respond(R"("input":"foobar","text":{"format":{"type":"json_schema",)"
                                              R"("name":"r","schema":{"const":7}}})")));
  CHECK(document == "7");
  CHECK(text_of(answer("/v1/responses", respond(R"("input":"foobar","text":{"format":{"type":"json_object"}})"))) ==
        R"({"answer":")" + said + "\"}");
}

TEST_CASE("a response has the shape of the API, with its reasoning before the message")
{
  const auto whole = answer("/v1/responses", respond(R"("input":"foobar","metadata":{"a":"b"})"));
  CHECK(whole->getValue<std::string>("id") == "resp_1");
  CHECK(whole->getValue<std::string>("status") == "completed");
  CHECK(whole->getValue<std::string>("model") == "gpt-5.4-mini-2026-03-17");
  CHECK(whole->isNull("error"));
  CHECK(whole->isNull("incomplete_details"));
  CHECK(whole->getObject("metadata")->getValue<std::string>("a") == "b");
  CHECK(whole->getArray("output")->getObject(0)->getValue<std::string>("type") == "reasoning");
  const auto usage = whole->getObject("usage");
  CHECK(usage->getObject("output_tokens_details")->getValue<int>("reasoning_tokens") == 8);
  CHECK(usage->getValue<int>("output_tokens") == 8 + emulator::token_count(text_of(whole)));
  const auto plain = answer("/v1/responses", R"({"model":"gpt-4o","input":"foobar"})");
  CHECK(plain->getArray("output")->size() == 1);
}

TEST_CASE("a response that ends early says why")
{
  const auto reason = [](const Object& response) {
    CHECK(response->getValue<std::string>("status") == "incomplete");
    return response->getObject("incomplete_details")->getValue<std::string>("reason");
  };
  const auto capped = answer("/v1/responses", respond(R"("input":"foobar","max_output_tokens":5)"));
  CHECK(reason(capped) == "max_output_tokens");
  CHECK(text_of(capped) == "echo 8594417"); // two of the five tokens were for reasoning
  CHECK(capped->getObject("usage")->getValue<int>("output_tokens") == 5);
  const auto truncated = answer("/v1/responses", respond(R"("input":"foobar")"), Fate::truncated);
  CHECK(reason(truncated) == "max_output_tokens");
  CHECK(text_of(truncated) == "echo 8594417");
  CHECK(reason(answer("/v1/responses", respond(R"("input":"x")"), Fate::filtered)) == "content_filter");
  const auto refused = answer("/v1/responses", respond(R"("input":"x")"), Fate::refused);
  CHECK(refused->getValue<std::string>("status") == "completed");
  CHECK(part_of(refused)->getValue<std::string>("type") == "refusal");
  const auto failed = answer("/v1/responses", respond(R"("input":"x")"), Fate::model_failed);
  CHECK(failed->getValue<std::string>("status") == "failed");
  CHECK(failed->getObject("error")->getValue<std::string>("code") == "server_error");
  CHECK(failed->getArray("output")->empty());
}

TEST_CASE("a response that the API would not make is refused in its words")
{
  const std::string path = "/v1/responses";
  CHECK(code_of(path, respond(R"("x":1)")) == "missing_required_parameter");
  CHECK(code_of(path, respond(R"("input":7)")) == "invalid_type");
  CHECK(code_of(path, respond(R"("input":[])")) == "empty_array");
  CHECK(code_of(path, respond(R"("input":["x"])")) == "invalid_type");
  CHECK(code_of(path, respond(R"("input":"x","max_output_tokens":0)")) == "integer_below_min_value");
  CHECK(code_of(path, respond(R"("input":"x","max_completion_tokens":5)")) == "unsupported_parameter");
  CHECK(code_of(path, respond(R"("input":"x","text":{"format":{"type":"xml"}})")) == "invalid_value");
  CHECK(code_of(path, respond(R"("input":"x","text":{"format":{"type":"json_schema","schema":{}}})")) ==
        "missing_required_parameter");
  CHECK(code_of(path, respond(R"("input":"x","text":{"format":{"type":"json_schema","name":"r",)"
                              R"("strict":true,"schema":{"type":"string"}}})")) == "invalid_json_schema");
  CHECK(code_of(path, respond(R"("input":"x","stream":true)")) == "unsupported_value");
  CHECK(ask(path, R"({"model":"no-such-model","input":"x"})").status == 404);
}

TEST_CASE("a vector follows from its text alone and has length 1")
{
  const auto reply = answer("/v1/embeddings", embed(R"(["one","two","\u006fne"])"));
  const auto one = vector_of(reply, 0);
  CHECK(one == emulator::embedding_of("one", 1536));
  CHECK(vector_of(reply, 1) == emulator::embedding_of("two", 1536));
  CHECK(vector_of(reply, 2) == one);
  CHECK(vector_of(reply, 1) != one);
  double squares = 0;
  for (const float component : one)
    squares += double{component} * component;
  CHECK(squares == doctest::Approx(1).epsilon(1e-6));
  CHECK(vector_of(answer("/v1/embeddings", embed("\"one\"")), 0) == one);
  CHECK(reply->getObject("usage")->getValue<int>("prompt_tokens") == 3);
  CHECK(reply->getValue<std::string>("model") == "text-embedding-3-small");
  const auto ids = answer("/v1/embeddings", embed("[[1,2,3],[1]]"));
  CHECK(ids->getObject("usage")->getValue<int>("total_tokens") == 4);
  CHECK(vector_of(ids, 0) == emulator::embedding_of("[1,2,3]", 1536));
}

TEST_CASE("a vector is the published function of its text")
{
  const auto vector = emulator::embedding_of("foobar", 2);
  const auto draw = [](std::uint64_t x) { return static_cast<double>(x >> 11) / 4503599627370496.0 - 1; };
  const auto first = emulator::mixed(0x85944171f73967e8U);
  const double a = draw(first);
  const double b = draw(emulator::mixed(first));
  CHECK(vector ==
        std::vector<float>{static_cast<float>(a / std::hypot(a, b)), static_cast<float>(b / std::hypot(a, b))});
  const auto longer = emulator::embedding_of("foobar", 3);
  CHECK(longer[0] / longer[1] == doctest::Approx(vector[0] / vector[1]));
}

TEST_CASE("base64 holds the same floats, lowest byte first")
{
  for (const int dimensions : {1, 2, 3, 1536}) {
    const auto more = ",\"dimensions\":" + std::to_string(dimensions) + R"(,"encoding_format":"base64")";
    const auto packed = answer("/v1/embeddings", embed("\"one\"", more))->getArray("data")->getObject(0);
    std::istringstream text{packed->getValue<std::string>("embedding")};
    Poco::Base64Decoder decoder{text};
    const std::string bytes{std::istreambuf_iterator<char>{decoder}, {}};
    const auto expected = emulator::embedding_of("one", static_cast<std::size_t>(dimensions));
    REQUIRE(bytes.size() == expected.size() * 4);
    CHECK(std::memcmp(bytes.data(), expected.data(), bytes.size()) == 0);
  }
}

TEST_CASE("the dimensions are the model's own or fewer")
{
  const auto dimensions = [](const std::string& model, const std::string& more = {}) {
    return vector_of(answer("/v1/embeddings", R"({"model":")" + model + R"(","input":"x")" + more + "}"), 0).size();
  };
  CHECK(dimensions("text-embedding-3-small") == 1536);
  CHECK(dimensions("text-embedding-ada-002") == 1536);
  CHECK(dimensions("text-embedding-3-large") == 3072);
  CHECK(dimensions("text-embedding-3-large", ",\"dimensions\":3072") == 3072);
  CHECK(code_of("/v1/embeddings", embed("\"x\"", ",\"dimensions\":1537")) == "integer_above_max_value");
  CHECK(code_of("/v1/embeddings", embed("\"x\"", ",\"dimensions\":0")) == "integer_below_min_value");
  CHECK(ask("/v1/embeddings", R"({"model":"text-embedding-ada-002","input":"x","dimensions":5})").status == 400);
}

TEST_CASE("embedding requests keep to the limits of the API")
{
  const std::string path = "/v1/embeddings";
  CHECK(ask(path, embed(list_of(2048, "\"x\""), ",\"dimensions\":1")).status == 200);
  CHECK(code_of(path, embed(list_of(2049, "\"x\""))) == "array_above_max_length");
  CHECK(ask(path, embed('"' + std::string(4 * 8192, 'x') + '"')).status == 200);
  CHECK(code_of(path, embed('"' + std::string(4 * 8192 + 1, 'x') + '"')) == "context_length_exceeded");
  CHECK(code_of(path, embed(list_of(8193, "1"))) == "context_length_exceeded");
  const auto thousand = '"' + std::string(4000, 'x') + '"';
  CHECK(ask(path, embed(list_of(300, thousand), ",\"dimensions\":1")).status == 200);
  CHECK(code_of(path, embed(list_of(301, thousand))) == "max_tokens_per_request");
  for (const auto* wrong : {"\"\"", "[\"a\",\"\"]", "[]", "[[]]", "[\"a\",1]", "{}", "[1,\"a\"]"})
    CHECK(code_of(path, embed(wrong)) == "");
  CHECK(code_of(path, R"({"model":"m"})") == "missing_required_parameter");
  CHECK(code_of(path, embed("\"x\"", R"(,"encoding_format":"hex")")) == "invalid_value");
}

TEST_CASE("completions come in the order of their prompts")
{
  const auto body = [](const std::string& prompt, const std::string& more = {}) {
    return R"({"model":"gpt-3.5-turbo-instruct","prompt":)" + prompt + more + "}";
  };
  const auto reply = answer("/v1/completions", body(R"(["foobar","x"])", ",\"n\":2"));
  const auto choices = reply->getArray("choices");
  REQUIRE(choices->size() == 4);
  for (unsigned i = 0; i < 4; ++i) {
    CHECK(choices->getObject(i)->getValue<unsigned>("index") == i);
    CHECK(choices->getObject(i)->getValue<std::string>("text") == emulator::answer_for(i < 2 ? "foobar" : "x"));
  }
  CHECK(reply->getValue<std::string>("id") == "cmpl-1");
  const auto choice = [&](const Object& r) { return r->getArray("choices")->getObject(0); };
  const auto cut = choice(answer("/v1/completions", body("\"foobar\"", ",\"max_tokens\":3")));
  CHECK(cut->getValue<std::string>("text") == "echo 8594417");
  CHECK(cut->getValue<std::string>("finish_reason") == "length");
  CHECK(choice(answer("/v1/completions", body("[1,2]")))->getValue<std::string>("text") ==
        emulator::answer_for("[1,2]"));
  CHECK(choice(answer("/v1/completions", body("\"x\""), Fate::filtered))->getValue<std::string>("finish_reason") ==
        "content_filter");
  CHECK(code_of("/v1/completions", R"({"model":"m"})") == "missing_required_parameter");
  CHECK(code_of("/v1/completions", body("[]")) == "empty_array");
  CHECK(code_of("/v1/completions", body("[\"a\",1]")) == "invalid_type");
  CHECK(code_of("/v1/completions", body("\"x\"", ",\"n\":129")) == "integer_above_max_value");
}

TEST_CASE("moderations judge each text, and parts together")
{
  const auto reply = answer("/v1/moderations", R"({"input":["text 1","text 2","text 3","text 4","text 5","text 6"]})");
  CHECK(reply->getValue<std::string>("model") == "omni-moderation-latest");
  CHECK_FALSE(reply->has("usage"));
  const auto results = reply->getArray("results");
  REQUIRE(results->size() == 6);
  std::set<bool> seen;
  for (unsigned i = 0; i < 6; ++i) {
    const auto result = results->getObject(i);
    const bool flagged = emulator::is_flagged("text " + std::to_string(i + 1));
    seen.insert(flagged);
    CHECK(result->getValue<bool>("flagged") == flagged);
    CHECK(result->getObject("categories")->getValue<bool>("violence") == flagged);
    CHECK(result->getObject("categories")->size() == 13);
    CHECK((result->getObject("category_scores")->getValue<double>("violence") > 0.5) == flagged);
  }
  CHECK(seen.size() == 2);
  const auto parts = answer("/v1/moderations", R"({"input":[{"type":"text","text":"a"},)"
                                               R"({"type":"image_url","image_url":{"url":"data:,"}}]})");
  CHECK(parts->getArray("results")->size() == 1);
  const auto types = parts->getArray("results")->getObject(0)->getObject("category_applied_input_types");
  CHECK(types->getArray("violence")->size() == 2);
  CHECK(types->getArray("hate")->size() == 1);
  CHECK(code_of("/v1/moderations", "{}") == "missing_required_parameter");
  CHECK(code_of("/v1/moderations", R"({"input":[]})") == "empty_array");
  CHECK(code_of("/v1/moderations", R"({"input":[{"type":"audio"}]})") == "");
}

TEST_CASE("images and videos answer in their end state")
{
  const auto image = answer("/v1/images/generations", R"({"model":"gpt-image-1","prompt":"foobar","n":2})");
  CHECK(image->getArray("data")->size() == 2);
  CHECK(image->getArray("data")->getObject(1)->getValue<std::string>("revised_prompt") ==
        emulator::answer_for("foobar"));
  CHECK(code_of("/v1/images/generations", R"({"prompt":""})") == "empty_string");
  CHECK(code_of("/v1/images/generations", R"({"prompt":"x","n":11})") == "integer_above_max_value");
  CHECK(answer("/v1/images/edits", R"({"prompt":"x","images":[{"file_id":"f"}]})")->getArray("data")->size() == 1);
  CHECK(code_of("/v1/images/edits", R"({"prompt":"x"})") == "missing_required_parameter");
  CHECK(code_of("/v1/images/edits", R"({"prompt":"x","images":[{}]})") == "missing_required_parameter");
  const auto video = answer("/v1/videos", R"({"model":"sora-2","prompt":"a \"cat\"","size":"1x1"})");
  CHECK(video->getValue<std::string>("status") == "completed");
  CHECK(video->getValue<std::string>("prompt") == "a \"cat\"");
  CHECK(video->getValue<std::string>("size") == "1x1");
  const auto failed = answer("/v1/videos", R"({"prompt":"x"})", Fate::model_failed);
  CHECK(failed->getValue<std::string>("status") == "failed");
  CHECK_FALSE(failed->isNull("error"));
  CHECK(code_of("/v1/videos", R"({"prompt":"x","input_reference":"file"})") == "invalid_type");
}
