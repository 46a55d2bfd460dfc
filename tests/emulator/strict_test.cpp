#include "tests/emulator/raw_client.hpp"

#include <doctest/doctest.h>

#include <string>

using tests::Answer;
using tests::RawClient;

TEST_SUITE_BEGIN("emulator::strict");

namespace {

const std::string sound = R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"array","items":)"
                          R"({"type":"object","properties":{"c":{"type":"string"}},"required":["c"],)"
                          R"("additionalProperties":false}}},"required":["b","a"],"additionalProperties":false})";

std::string without(std::string text, const std::string& gone, const std::string& instead = {})
{
  const auto at = text.find(gone);
  REQUIRE(at != std::string::npos);
  return text.replace(at, gone.size(), instead);
}

Answer chat(RawClient& client, const std::string& schema, const std::string& strict = "true")
{
  return client.post("/v1/chat/completions",
                     R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":"x"}],"response_format":)"
                     R"({"type":"json_schema","json_schema":{"name":"r","strict":)" +
                         strict + R"(,"schema":)" + schema + "}}}");
}

Answer respond(RawClient& client, const std::string& schema, const std::string& strict = "true")
{
  return client.post(
      "/v1/responses",
      R"({"model":"gpt-5.4-mini","input":"x","text":{"format":{"type":"json_schema","name":"r","strict":)" + strict +
          R"(,"schema":)" + schema + "}}}");
}

/// Both endpoints refuse the schema, and say why in these words.
void refused(RawClient& client, const std::string& schema, const std::string& words)
{
  for (const auto& answer : {chat(client, schema), respond(client, schema)}) {
    CAPTURE(answer.body);
    REQUIRE(answer.status == 400);
    CHECK(answer.error()->getValue<std::string>("type") == "invalid_request_error");
    CHECK(answer.code() == "invalid_json_schema");
    CHECK(answer.message() == "Invalid schema for response_format 'r': " + words + ".");
  }
}

} // namespace

TEST_CASE("a schema is refused in strict mode unless its root is an object")
{
  batchwright::emulator::Server server{tests::quick()};
  RawClient client{server};
  CHECK(chat(client, sound).status == 200);
  CHECK(respond(client, sound).status == 200);
  const auto got = [](const std::string& type) {
    return "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"" + type + "\"'";
  };
  refused(client, R"({"type":"array","items":)" + sound + "}", got("array"));
  refused(client, R"({"type":"string"})", got("string"));
  refused(client, R"({"anyOf":[)" + sound + "]}", got("None"));
  refused(client, R"({"enum":["a"]})", got("None"));
}

TEST_CASE("every object of a strict schema is closed and names all its properties, however deep it lies")
{
  batchwright::emulator::Server server{tests::quick()};
  RawClient client{server};
  const std::string closed = "'additionalProperties' is required to be supplied and to be false";
  const auto missing = [](const std::string& name) {
    return "'required' is required to be supplied and to be an array including every key in properties. Missing '" +
           name + "'";
  };
  const std::string outer = R"(,"required":["b","a"],"additionalProperties":false})";
  const std::string inner = R"(,"required":["c"],"additionalProperties":false})";
  refused(client, without(sound, outer, R"(,"required":["b","a"]})"), "In context=(), " + closed);
  refused(client, without(sound, outer, R"(,"required":["b","a"],"additionalProperties":true})"),
          "In context=(), " + closed);
  refused(client, without(sound, outer, R"(,"required":["b"],"additionalProperties":false})"),
          "In context=(), " + missing("a"));
  refused(client, without(sound, outer, R"(,"additionalProperties":false})"), "In context=(), " + missing("a"));
  refused(client, without(sound, inner, R"(,"additionalProperties":false})"),
          "In context=('properties', 'b', 'items'), " + missing("c"));
  const auto holding = [&](const std::string& value, const std::string& more) {
    return R"({"type":"object","properties":{"k":)" + value + R"(},"required":["k"],"additionalProperties":false)" +
           more + "}";
  };
  refused(client, holding(R"({"anyOf":[{"type":"null"},{"type":"object","properties":{}}]})", ""),
          "In context=('properties', 'k', 'anyOf', '1'), " + closed);
  refused(client, holding(R"({"type":["object","null"],"properties":{}})", ""),
          "In context=('properties', 'k'), " + closed);
  refused(client, holding(R"({"$ref":"#/$defs/n"})", R"(,"$defs":{"n":{"type":"object"}})"),
          "In context=('$defs', 'n'), " + closed);
}

TEST_CASE("what strict mode refuses passes where strict is false")
{
  batchwright::emulator::Server server{tests::quick()};
  RawClient client{server};
  for (const auto* schema :
       {R"({"type":"array","items":{"type":"string"}})", R"({"type":"object","properties":{"a":{}}})",
        R"({"type":"object","allOf":[{"type":"object"}]})"}) {
    CHECK(chat(client, schema, "false").status == 200);
    CHECK(chat(client, schema, "null").status == 200);
    CHECK(respond(client, schema, "false").status == 200);
    CHECK(chat(client, schema).status == 400);
  }
}

TEST_CASE("a format without its name is refused")
{
  batchwright::emulator::Server server{tests::quick()};
  RawClient client{server};
  const auto answer = client.post("/v1/chat/completions",
                                  R"({"model":"m","messages":[{"role":"user","content":"x"}],"response_format":)"
                                  R"({"type":"json_schema","json_schema":{"schema":{}}}})");
  CHECK(answer.status == 400);
  CHECK(answer.error()->getValue<std::string>("param") == "response_format.json_schema.name");
}
