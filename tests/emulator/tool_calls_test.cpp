#include "tests/emulator/raw_client.hpp"

#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/schema.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;
using tests::Answer;
using tests::Object;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::tool_calls");

namespace {

const std::string place = R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"}},)"
                          R"("required":["city","days"],"additionalProperties":false})";

std::string flat(const std::string& name, const std::string& parameters = place)
{
  return R"({"type":"function","name":")" + name + R"(","strict":true,"parameters":)" + parameters + "}";
}

std::string nested(const std::string& name, const std::string& parameters = place)
{
  return R"({"type":"function","function":{"name":")" + name + R"(","strict":true,"parameters":)" + parameters + "}}";
}

Answer chat(RawClient& client, const std::string& more)
{
  return client.post("/v1/chat/completions",
                     R"({"model":"gpt-4o","messages":[{"role":"user","content":"foobar"}],)" + more + "}");
}

Object choice_of(const Answer& answer, unsigned index = 0)
{
  CAPTURE(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json()->getArray("choices")->getObject(index);
}

Object function_of(const Object& choice)
{
  return choice->getObject("message")->getArray("tool_calls")->getObject(0)->getObject("function");
}

Answer respond(RawClient& client, const std::string& more)
{
  return client.post("/v1/responses", R"({"model":"gpt-4o","input":"foobar",)" + more + "}");
}

Object item_of(const Answer& answer)
{
  CAPTURE(answer.body);
  REQUIRE(answer.status == 200);
  return answer.json()->getArray("output")->getObject(0);
}

/// What the header says the arguments are: a document of the parameters, drawn from the hash of what is asked.
std::string drawn(const std::string& parameters)
{
  json::Document document;
  REQUIRE(document.parse(parameters));
  return emulator::instance_of(document.root(), emulator::fnv1a("foobar"));
}

std::string text(const Object& object, const std::string& key)
{
  return object->getValue<std::string>(key);
}

} // namespace

TEST_CASE("chat calls the function that is named, with arguments of its parameters")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto named = R"(,"tool_choice":{"type":"function","function":{"name":"look"}})";
  const auto two = chat(client, R"("n":2,"tools":[)" + nested("find") + "," + nested("look") + "]" + named);
  for (unsigned i = 0; i < 2; ++i) {
    const auto choice = choice_of(two, i);
    const auto message = choice->getObject("message");
    CHECK(message->isNull("content"));
    CHECK(message->isNull("refusal"));
    CHECK(message->getArray("tool_calls")->size() == 1);
    CHECK(text(message->getArray("tool_calls")->getObject(0), "type") == "function");
    CHECK(text(function_of(choice), "name") == "look");
    CHECK(text(function_of(choice), "arguments") == drawn(place));
    CHECK(text(choice, "finish_reason") == "stop");
  }
  const auto id = [&](unsigned i) {
    return text(choice_of(two, i)->getObject("message")->getArray("tool_calls")->getObject(0), "id");
  };
  CHECK(id(0).starts_with("call_"));
  CHECK(id(0) != id(1));
}

TEST_CASE("a required call goes to one of the functions, and an automatic one is made only on purpose")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto tools = R"("tools":[)" + nested("a") + "," + nested("b") + "," + nested("c") + "]";
  const char* names[] = {"a", "b", "c"};
  const auto required = choice_of(chat(client, tools + R"(,"tool_choice":"required")"));
  CHECK(text(function_of(required), "name") == names[emulator::fnv1a("foobar") % 3]);
  CHECK(text(required, "finish_reason") == "tool_calls");
  for (const auto* choice : {"", R"(,"tool_choice":"auto")", R"(,"tool_choice":"none")"}) {
    const auto said = choice_of(chat(client, tools + choice));
    CHECK_FALSE(said->getObject("message")->has("tool_calls"));
    CHECK(text(said->getObject("message"), "content") == "echo 85944171f73967e8 foobar");
  }
  emulator::Server eager{tests::quick({.tool_call_share = 1})};
  RawClient other{eager};
  CHECK(text(choice_of(chat(other, tools)), "finish_reason") == "tool_calls");
  CHECK(text(choice_of(chat(other, tools + R"(,"tool_choice":"none")")), "finish_reason") == "stop");
  CHECK(text(choice_of(chat(other, "\"n\":1")), "finish_reason") == "stop");
}

TEST_CASE("responses make a call an item of its own")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto tools = R"("tools":[{"type":"web_search"},)" + flat("look") + "]";
  for (const auto* choice : {R"(,"tool_choice":"required")", R"(,"tool_choice":{"type":"function","name":"look"})"}) {
    const auto answer = respond(client, tools + choice);
    const auto item = item_of(answer);
    CHECK(text(item, "type") == "function_call");
    CHECK(text(item, "name") == "look");
    CHECK(text(item, "arguments") == drawn(place));
    CHECK(text(item, "call_id").starts_with("call_"));
    CHECK(text(item, "id").starts_with("fc_"));
    CHECK(text(item, "status") == "completed");
    CHECK(answer.json()->getObject("usage")->getValue<int>("output_tokens") > 1);
  }
  CHECK(text(item_of(respond(client, tools)), "type") == "message");
  const auto cut = respond(client, tools + R"(,"tool_choice":"required","max_output_tokens":2)");
  CHECK(text(cut.json(), "status") == "incomplete");
  CHECK(text(item_of(cut), "arguments") == drawn(place).substr(0, 8));
}

TEST_CASE("tools that the API refuses are refused")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto refused = [&](const std::string& more, const std::string& param, const std::string& code) {
    const auto answer = chat(client, more);
    CAPTURE(more);
    REQUIRE(answer.status == 400);
    CHECK(answer.error()->getValue<std::string>("param") == param);
    CHECK(answer.code() == code);
  };
  refused(R"("tools":{})", "tools", "invalid_type");
  refused(R"("tools":[])", "tools", "empty_array");
  refused(R"("tools":[{}])", "tools[0].type", "missing_required_parameter");
  refused(R"("tools":[{"type":"function"}])", "tools[0].function", "missing_required_parameter");
  refused(R"("tools":[)" + nested("a b") + "]", "tools[0].function.name", "invalid_value");
  refused(R"("tools":[)" + nested("a") + "," + nested("b", R"({"type":"object","properties":{}})") + "]",
          "tools[1].function.parameters", "invalid_function_parameters");
  refused(R"("tools":[{"type":"function","function":{"name":"a","parameters":{"type":"array"}}}])",
          "tools[0].function.parameters", "invalid_function_parameters");
  refused(R"("tool_choice":"auto")", "tool_choice", "");
  refused(R"("tools":[)" + nested("a") + R"(],"tool_choice":"always")", "tool_choice", "invalid_value");
  refused(R"("tools":[)" + nested("a") + R"(],"tool_choice":{"type":"function","function":{"name":"b"}})",
          "tool_choice", "");
  // Without `strict` the parameters may be open, and a function may have none.
  CHECK(choice_of(chat(client, R"("tools":[{"type":"function","function":{"name":"a"}}],"tool_choice":"required")"))
            ->getObject("message")
            ->getArray("tool_calls")
            ->getObject(0)
            ->getObject("function")
            ->getValue<std::string>("arguments") == "{}");
}

TEST_CASE("log probabilities are told for each token of every choice")
{
  emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto answer = chat(client, R"("n":2,"logprobs":true,"top_logprobs":3)");
  for (unsigned i = 0; i < 2; ++i) {
    const auto choice = choice_of(answer, i);
    const auto tokens = choice->getObject("logprobs")->getArray("content");
    std::string said;
    for (unsigned n = 0; n < tokens->size(); ++n) {
      const auto token = tokens->getObject(n);
      said += text(token, "token");
      CHECK(token->getValue<double>("logprob") < 0);
      CHECK(token->getArray("bytes")->size() == text(token, "token").size());
      const auto top = token->getArray("top_logprobs");
      REQUIRE(top->size() == 3);
      CHECK(text(top->getObject(0), "token") == text(token, "token"));
      CHECK(top->getObject(1)->getValue<double>("logprob") < top->getObject(0)->getValue<double>("logprob"));
    }
    CHECK(said == text(choice->getObject("message"), "content"));
    CHECK(choice->getObject("logprobs")->isNull("refusal"));
  }
  CHECK(choice_of(chat(client, "\"logprobs\":false"))->isNull("logprobs"));
  CHECK(chat(client, R"("top_logprobs":3)").status == 400);
  CHECK(chat(client, R"("logprobs":true,"top_logprobs":21)").status == 400);
  const auto part =
      item_of(respond(client, R"("include":["message.output_text.logprobs"])"))->getArray("content")->getObject(0);
  CHECK(part->getArray("logprobs")->size() == 7);
}
