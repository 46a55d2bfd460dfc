#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/chat.hpp>
#include <batchwright/emulator/hash.hpp>

#include <Poco/JSON/Parser.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

using namespace batchwright;

TEST_SUITE_BEGIN("emulator::answer");

namespace {

std::string answer_to(const std::string& body)
{
  json::Document document;
  REQUIRE(document.parse(body));
  return emulator::answer_to(document.root());
}

std::string user(const std::string& token)
{
  return R"({"model":"m","messages":[{"role":"user","content":")" + token + "\"}]}";
}

emulator::ModelReply chat(const std::string& body, emulator::Fate fate = emulator::Fate::fine)
{
  json::Document document;
  REQUIRE(document.parse(body));
  return emulator::answer(emulator::chat_endpoint(), document.root(), fate, {.digits = "1", .created = 7});
}

Poco::JSON::Object::Ptr choice_of(const emulator::ModelReply& reply)
{
  const auto body = Poco::JSON::Parser{}.parse(reply.body).extract<Poco::JSON::Object::Ptr>();
  return body->getArray("choices")->getObject(0);
}

std::string code_of(const emulator::ModelReply& reply)
{
  const auto error = Poco::JSON::Parser{}.parse(reply.body).extract<Poco::JSON::Object::Ptr>()->getObject("error");
  return error->isNull("code") ? "" : error->getValue<std::string>("code");
}

} // namespace

TEST_CASE("the hash is FNV-1a")
{
  // Published test vectors of the algorithm.
  CHECK(emulator::fnv1a("") == 0xcbf29ce484222325U);
  CHECK(emulator::fnv1a("a") == 0xaf63dc4c8601ec8cU);
  CHECK(emulator::fnv1a("foobar") == 0x85944171f73967e8U);
}

TEST_CASE("the answer echoes the hash and the beginning of the last user message")
{
  CHECK(emulator::answer_for("foobar") == "echo 85944171f73967e8 foobar");
  CHECK(answer_to(user("foobar")) == "echo 85944171f73967e8 foobar");
  const std::string chinese = "漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字";
  const auto answer = answer_to(user(chinese));
  CHECK(answer.ends_with(" " + chinese.substr(0, 120)));
  CHECK(answer == emulator::answer_for(chinese));
  CHECK(answer_to(user("a\\u0000b\\n")) == emulator::answer_for(std::string("a\0b\n", 4)));
  CHECK(
      answer_to(
          R"({"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"x"},)"
          R"({"role":"user","content":[{"type":"text","text":"fo"},{"type":"image_url"},{"type":"text","text":"obar"}]}]})") ==
      "echo 85944171f73967e8 foobar");
}

TEST_CASE("half a surrogate pair is hashed as it stands and shown as U+FFFD")
{
  CHECK(answer_to(user("x\\ud83dy")) == fmt::format("echo {:016x} x\xEF\xBF\xBDy", emulator::fnv1a("x\\ud83dy")));
}

TEST_CASE("a line that offers choices is answered with one of them")
{
  const std::string offer = "Sort this.\\n  Answer with one of: red, deep blue , green.\\nThanks.";
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const auto text = "item " + std::to_string(i);
    const auto answer = answer_to(R"({"messages":[{"role":"system","content":")" + offer +
                                  R"("},{"role":"user","content":")" + text + "\"}]}");
    const char* choices[] = {"red", "deep blue", "green"};
    CHECK(answer == choices[emulator::fnv1a(text) % 3]);
    CHECK(answer == emulator::answer_for(text, "Answer with one of: red, deep blue, green"));
    seen.insert(answer);
  }
  CHECK(seen.size() == 3);
  CHECK(answer_to(user("Answer with one of: only")) == "only");
  CHECK(answer_to(user("Please Answer with one of: a, b")).starts_with("echo "));
}

TEST_CASE("so many words are drawn as are asked for")
{
  const std::string asked = "Tell me.\\nAnswer with 3 words. Thanks";
  const auto answer = answer_to(user(asked));
  const auto shown = emulator::echo("Tell me.\nAnswer with 3 words. Thanks", "Tell me.\nAnswer with 3 words. Thanks");
  REQUIRE(answer.starts_with(shown));
  const auto words = answer.substr(shown.size());
  CHECK(words.size() == 15);
  for (std::size_t i = 0; i < 3; ++i) {
    std::uint64_t hash = 0xcbf29ce484222325U; // FNV-1a, written out
    for (const char c : shown.substr(5, 16) + std::to_string(i))
      hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    const std::string word{"bcdfghjklmnprstv"[hash & 15U], "aeio"[hash >> 4U & 3U],
                           "bcdfghjklmnprstv"[hash >> 6U & 15U], "aeio"[hash >> 10U & 3U]};
    CHECK(words.substr(5 * i, 5) == ' ' + word);
  }
  const std::string told =
      R"({"messages":[{"role":"system","content":"Answer with 2 words"},{"role":"user","content":"x"}]})";
  CHECK(answer_to(told) == emulator::answer_for("x", "Answer with 2 words"));
  CHECK(answer_to(told).size() == emulator::echo("x", "x").size() + 10);
  CHECK(answer_to(user("Answer with many words")) ==
        emulator::echo("Answer with many words", "Answer with many words"));
}

TEST_CASE("a schema in the request gets a document of that schema")
{
  const auto schema =
      R"({"type":"object","properties":{"label":{"type":"string","enum":["x","y"]},"n":{"type":"integer"}},)"
      R"("required":["label","n"],"additionalProperties":false})";
  const auto body = [&](const std::string& text) {
    return R"({"messages":[{"role":"user","content":")" + text +
           R"("}],"response_format":{"type":"json_schema","json_schema":{"name":"r","strict":true,"schema":)" + schema +
           "}}}";
  };
  std::set<std::string> labels;
  for (int i = 0; i < 20; ++i) {
    const auto answer = answer_to(body(std::to_string(i)));
    CHECK(answer == answer_to(body(std::to_string(i))));
    const auto object = Poco::JSON::Parser{}.parse(answer).extract<Poco::JSON::Object::Ptr>();
    CHECK(object->size() == 2);
    CHECK(object->get("n").isInteger());
    labels.insert(object->getValue<std::string>("label"));
  }
  CHECK(labels == std::set<std::string>{"x", "y"});
  CHECK(answer_to(R"({"messages":[{"role":"user","content":"foobar"}],"response_format":{"type":"json_object"}})") ==
        R"({"answer":"echo 85944171f73967e8 foobar"})");
}

TEST_CASE("without a schema a document is asked for all the same, and so it is where none can be made of a loose one")
{
  const auto body = [](const std::string& format) {
    return R"({"model":"m","messages":[{"role":"user","content":"foobar"}],"response_format":)" + format + "}";
  };
  const std::string document = R"({"answer":"echo 85944171f73967e8 foobar"})";
  CHECK(answer_to(body(R"({"type":"json_schema","json_schema":{"name":"r"}})")) == document);
  CHECK(answer_to(body(R"({"type":"json_schema","json_schema":{"name":"r","schema":null}})")) == document);
  CHECK(answer_to(body(R"({"type":"text"})")) == "echo 85944171f73967e8 foobar");
  const std::string odd = R"({"type":"string","pattern":"^(a|b)$"})";
  for (const auto* loose : {"", R"("strict":false,)", R"("strict":null,)"})
    CHECK(answer_to(body(R"({"type":"json_schema","json_schema":{"name":"r",)" + std::string{loose} + R"("schema":)" +
                         odd + "}}")) == document);
  const auto refused = chat(body(R"({"type":"json_schema","json_schema":{"name":"r","strict":true,"schema":)"
                                 R"({"type":"object","properties":{"a":)" +
                                 odd + R"(},"required":["a"],"additionalProperties":false}}})"));
  CHECK(refused.status == 400);
  CHECK(code_of(refused) == "invalid_json_schema");
  CHECK(refused.body.find("Invalid schema for response_format 'r': the pattern '^(a|b)$'") != std::string::npos);
}

TEST_CASE("tokens are quarters of bytes, and a cap cuts the answer between code points")
{
  CHECK(emulator::token_count("") == 1);
  CHECK(emulator::token_count("1234") == 1);
  CHECK(emulator::token_count("12345") == 2);
  CHECK(emulator::cut_to_tokens("12345678", 2) == "12345678");
  CHECK(emulator::cut_to_tokens("12345678", 1) == "1234");
  CHECK(emulator::cut_to_tokens("123é5678", 1) == "123");
  CHECK(emulator::cut_to_tokens("x", 0).empty());

  const auto body = [](const std::string& cap) {
    return R"({"model":"gpt-4o","messages":[{"role":"user","content":"foobar"}],)" + cap + "}";
  };
  for (const auto* cap : {"\"max_tokens\":3", "\"max_completion_tokens\":3"}) {
    const auto reply = chat(body(cap));
    CHECK(choice_of(reply)->getObject("message")->getValue<std::string>("content") == "echo 8594417");
    CHECK(choice_of(reply)->getValue<std::string>("finish_reason") == "length");
    CHECK(reply.usage.output_tokens == 3);
  }
  const auto whole = chat(body("\"max_tokens\":7,\"n\":2"));
  CHECK(choice_of(whole)->getValue<std::string>("finish_reason") == "stop");
  CHECK(whole.usage.output_tokens == 14);
  CHECK(whole.usage.input_tokens == emulator::token_count(R"([{"role":"user","content":"foobar"}])"));
}

TEST_CASE("the fates of an item show in its answer")
{
  const auto body = user("foobar");
  const auto truncated = choice_of(chat(body, emulator::Fate::truncated));
  CHECK(truncated->getValue<std::string>("finish_reason") == "length");
  CHECK(truncated->getObject("message")->getValue<std::string>("content") == "echo 8594417");
  const auto refused = choice_of(chat(body, emulator::Fate::refused))->getObject("message");
  CHECK(refused->isNull("content"));
  CHECK_FALSE(refused->getValue<std::string>("refusal").empty());
  const auto filtered = choice_of(chat(body, emulator::Fate::filtered));
  CHECK(filtered->getValue<std::string>("finish_reason") == "content_filter");
  const auto failed = chat(body, emulator::Fate::failed);
  CHECK(failed.status == 400);
  CHECK_FALSE(failed.billed());
  CHECK(failed.usage.input_tokens == 0);
  CHECK(chat(body, emulator::Fate::transient).status == 500);
}

TEST_CASE("bodies that the API refuses are refused in its words")
{
  CHECK(chat(R"({"messages":[]})").status == 400);
  CHECK(code_of(chat(R"({"model":"m"})")) == "missing_required_parameter");
  CHECK(code_of(chat(R"({"model":"m","messages":"hi"})")) == "invalid_type");
  CHECK(code_of(chat(R"({"model":"m","messages":[]})")) == "empty_array");
  CHECK(code_of(chat(R"({"model":"m","messages":[{"content":"x"}]})")) == "missing_required_parameter");
  const auto with = [](const std::string& model, const std::string& more) {
    return chat(R"({"model":")" + model + R"(","messages":[{"role":"user","content":"x"}])" + more + "}");
  };
  CHECK(with("no-such-model", "").status == 404);
  CHECK(code_of(with("no-such-model", "")) == "model_not_found");
  CHECK(code_of(with("gpt-5.4-mini", R"(,"max_tokens":5)")) == "unsupported_parameter");
  CHECK(with("gpt-5.4-mini", R"(,"max_completion_tokens":5)").status == 200);
  CHECK(with("gpt-5.4-mini", R"(,"max_tokens":null)").status == 200);
  CHECK(code_of(with("gpt-4o", R"(,"max_tokens":0)")) == "integer_below_min_value");
  CHECK(code_of(with("gpt-4o", R"(,"max_tokens":"5")")) == "invalid_type");
  CHECK(with("gpt-4o", R"(,"stream":true)").status == 400);
  CHECK(with("gpt-4o", R"(,"stream":false)").status == 200);
}

TEST_CASE("models answer under their dated names")
{
  CHECK(emulator::snapshot_of("gpt-5.4-mini") == "gpt-5.4-mini-2026-03-17");
  CHECK(emulator::snapshot_of("gpt-4o-2024-08-06") == "gpt-4o-2024-08-06");
  CHECK(emulator::snapshot_of("gpt-4-0613") == "gpt-4-0613-2026-03-17");
}
