#include <batchwright/base/error.hpp>
#include <batchwright/emulator/schema.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/answer_schema.hpp>
#include <batchwright/results/text_rules.hpp>

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

using namespace batchwright;
using results::AnswerSchema;

namespace {

std::string schema_of(const std::string& a, const std::string& definitions = "{}")
{
  return R"({"type":"object","properties":{"a":)" + a + R"(},"required":["a"],"additionalProperties":false,"$defs":)" +
         definitions + "}";
}

/// What is said of a value of `a`; empty: it fits.
std::string said(const std::string& a, const std::string& value)
{
  return AnswerSchema{schema_of(a)}.violation(R"({"a":)" + value + "}").value_or("");
}

std::string repeated(std::size_t n, const std::string& text)
{
  std::string all;
  for (std::size_t i = 0; i < n; ++i)
    all += text;
  return all;
}

} // namespace

TEST_SUITE_BEGIN("results::answer_schema");

TEST_CASE("an answer that fits passes, and one that does not is told with its place and what was expected")
{
  const AnswerSchema schema{R"({"type":"object","properties":{"label":{"type":"string","enum":["good","bad"]},
    "scores":{"type":"array","items":{"type":"number","minimum":0,"maximum":1},"minItems":1},
    "who":{"type":["string","null"]}},"required":["label","scores","who"],"additionalProperties":false})"};
  CHECK_FALSE(schema.violation(R"({"label":"good","scores":[0,0.5,1],"who":null})"));
  CHECK_FALSE(schema.violation(" {\"scores\" : [1.0], \"who\":\"\\u00e9\", \"label\":\"b\\u0061d\"}\n"));
  const auto says = [&](std::string_view document) { return schema.violation(document).value_or(""); };
  CHECK(says(R"({"label":"so-so","scores":[1],"who":null})") == "/label: not one of the allowed values");
  CHECK(says(R"({"label":"good","scores":[1],"who":3})") == "/who: expected null or string, found a number");
  CHECK(says(R"({"label":"good","scores":[0,2],"who":null})").starts_with("/scores/1: expected number less than"));
  CHECK(says(R"({"label":"good","scores":[],"who":null})").starts_with("/scores: array should contain"));
  CHECK(says(R"({"label":"good","scores":[1]})") == "missing required property 'who'");
  CHECK(says(R"({"label":"good","scores":[1],"who":null,"x/y":1})") == "a property that is not allowed: 'x/y'");
  CHECK(says(R"([])") == "expected object, found a list");
  CHECK(says("") == "not JSON: an empty text at byte 0");
  CHECK(says("```json\n{}\n```") == "not JSON: expected a value at byte 0");
  CHECK(says(R"({"label":"good","scores":[1],"who":null)").starts_with("not JSON: "));
  CHECK(says(R"({"label":"good","label":"bad","scores":[1],"who":null})") == "an object has the key `label` twice");
}

TEST_CASE("places are JSON pointers")
{
  const auto inner =
      R"({"type":"object","properties":{"x/y~z":{"type":"null"}},"required":["x/y~z"],"additionalProperties":false})";
  CHECK(said(inner, R"({"x/y~z":1})") == "/a/x~1y~0z: expected null, found a number");
}

TEST_CASE("numbers are judged by their value, however they are written")
{
  CHECK(said(R"({"type":"integer"})", "3").empty());
  CHECK(said(R"({"type":"integer"})", "3.0").empty());
  CHECK(said(R"({"type":"integer"})", "123456789012345678901234567890").empty());
  CHECK(said(R"({"type":"integer"})", "3.5") == "/a: expected integer, found a number");
  CHECK(said(R"({"type":"number"})", "1e400").empty());
  CHECK(said(R"({"type":"integer","maximum":10})", "123456789012345678901234567890") != "");
  CHECK(said(R"({"type":"number","multipleOf":2})", "4.5") == "/a: not a multiple of 2");
  CHECK(said(R"({"type":"number","multipleOf":2})", "4").empty());
  CHECK(said(R"({"type":"number","multipleOf":0.1})", "0.3").empty());
  CHECK(said(R"({"type":"number","multipleOf":0.1})", "0.35") != "");
  CHECK(said(R"({"type":["string","integer"],"multipleOf":2})", R"("5")").empty());
  CHECK(said(R"({"const":1})", "1.0").empty());
  CHECK(said(R"({"const":{"k":[1,"x"]}})", R"({"k":[1,"x"]})").empty());
  CHECK(said(R"({"const":{"k":[1,"x"]}})", R"({"k":[1,"y"]})") == "/a: not the one allowed value");
  CHECK(said(R"({"enum":["1"]})", "1") == "/a: not one of the allowed values");
}

TEST_CASE("texts are measured and matched as characters, NUL and all")
{
  CHECK(said(R"({"type":"string","maxLength":3})", R"("äöü")").empty());
  CHECK(said(R"({"type":"string","maxLength":3})", R"("a\u0000bc")") == "/a: longer than 3 characters");
  CHECK(said(R"({"type":"string","minLength":2})", R"("ä")") == "/a: shorter than 2 characters");
  CHECK(said(R"({"type":"string","pattern":"^\\d{4}-[a-f]+$"})", R"("2026-abc")").empty());
  CHECK(said(R"({"type":"string","pattern":"^\\d{4}$"})", R"("20261")") == "/a: does not match `^\\d{4}$`");
  CHECK(said(R"({"type":"string","pattern":"^[\\u00e0-\\u00ff]$"})", R"("é")").empty());
  CHECK(said(R"({"type":["string","null"],"pattern":"^x"})", "null").empty());
  CHECK(said(R"({"type":["string","null"],"format":"date"})", "null").empty());
  CHECK(said(R"({"type":"string","format":"date"})", R"("2026-02-30")") == "/a: not of the format date");
}

TEST_CASE("formats take what may be meant and refuse what cannot")
{
  struct Row {
    const char* format;
    const char* good;
    const char* bad;
  };
  for (const auto& row : {
           Row{"date", "2024-02-29", "2026-02-29"},
           Row{"time", "12:00:00+02:00", "25:00:00Z"},
           Row{"time", "23:59:60Z", "12:00"},
           Row{"date-time", "2026-11-22T10:00:00.5Z", "2026-11-22"},
           Row{"duration", "P1DT2H", "PT"},
           Row{"duration", "P3W", "P"},
           Row{"email", "a.b+c@example.com", "a at example.com"},
           Row{"hostname", "www.example.com", "-x-.com"},
           Row{"hostname", "bücher.example.", "a..b"},
           Row{"ipv4", "192.0.2.1", "192.0.2.256"},
           Row{"ipv6", "2001:db8::1", "2001:db8::g"},
           Row{"uuid", "00000000-0000-4000-8000-000000000001", "0000"},
       }) {
    CAPTURE(row.format);
    CHECK(results::has_format(row.good, row.format));
    CHECK_FALSE(results::has_format(row.bad, row.format));
    CHECK_FALSE(results::has_format(std::string(2'000'000, '1'), row.format));
  }
}

TEST_CASE("an answer of hostile shape gives a violation, not a crash")
{
  const auto tree = R"({"type":"array","items":{"$ref":"#/$defs/t"}})";
  const AnswerSchema schema{schema_of(R"({"$ref":"#/$defs/t"})", std::string{R"({"t":)"} + tree + "}")};
  const auto deep = [](std::size_t n) { return R"({"a":)" + std::string(n, '[') + std::string(n, ']') + "}"; };
  CHECK_FALSE(schema.violation(deep(200)));
  CHECK(schema.violation(deep(201)) == "nested deeper than 200 levels");
  CHECK(schema.violation(deep(10'000)) == "nested deeper than 200 levels");
  CHECK(schema.violation(deep(1'000'000)) == "nested deeper than 200 levels");
  CHECK(schema.violation(R"({"a":)" + std::string(1'000'000, '[')).value().starts_with("not JSON: "));
  const AnswerSchema text{schema_of(R"x({"type":"string","pattern":"^(a|b|ab)*c$"})x")};
  CHECK(text.violation(R"({"a":")" + std::string(2'000'000, 'a') + "\"}").value().starts_with("/a: does not match"));
  CHECK(text.violation(R"({")" + std::string(1'000'000, 'k') + R"(":1})").value().size() < 500);
}

TEST_CASE("alternatives that hold each other take no more time with each level than the last")
{
  // Each level would be judged once for each alternative it stands in: 2^100 times at the bottom.
  const auto operation = [](const std::string& name) {
    return R"({"type":"object","properties":{"args":{"type":"array","items":{"$ref":"#/$defs/e"}},"op":{"const":")" +
           name + R"("}},"required":["args","op"],"additionalProperties":false})";
  };
  const AnswerSchema schema{
      schema_of(R"({"$ref":"#/$defs/e"})",
                R"({"e":{"anyOf":[{"type":"number"},)" + operation("add") + "," + operation("neg") + "]}}")};
  const auto answer = [](const std::string& innermost) {
    return R"({"a":)" + repeated(90, R"({"op":"neg","args":[)") + innermost + repeated(90, "]}") + "}";
  };
  CHECK_FALSE(schema.violation(answer("1")));
  CHECK(schema.violation(answer("true")) == "/a: fits none of the alternatives of `anyOf`");
}

TEST_CASE("what the strict rules refuse, and patterns that cannot be checked, are refused at once")
{
  const auto refused = [](const std::string& schema) {
    try {
      AnswerSchema{schema};
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
      return std::string{error.what()};
    }
    return std::string{};
  };
  CHECK(refused("{}").find("the root must have") != std::string::npos);
  CHECK(refused(schema_of(R"({"type":"txt"})")).find("/properties/a: there is no type `txt`") != std::string::npos);
  CHECK(refused(schema_of(R"x({"type":"string","pattern":"(a)\\1"})x")).find("cannot be checked") != std::string::npos);
  CHECK(refused(schema_of(R"x({"type":"string","pattern":"("})x")).find("cannot be checked") != std::string::npos);
}

TEST_CASE("what the emulator draws from a schema fits it, and with a value changed it does not")
{
  const std::string schemas[] = {
      schema_of(R"({"type":"string","format":"email"})"),
      schema_of(R"({"type":"string","format":"duration"})"),
      schema_of(R"({"type":"string","format":"date-time"})"),
      schema_of(R"({"type":"string","format":"hostname"})"),
      schema_of(R"({"type":"string","format":"ipv6"})"),
      schema_of(R"({"type":"string","pattern":"^[A-Z]{3}-\\d+$"})"),
      schema_of(R"({"type":"number","multipleOf":0.25,"minimum":-2,"exclusiveMaximum":7})"),
      schema_of(R"({"type":"integer","exclusiveMinimum":3})"),
      schema_of(R"({"type":"array","items":{"anyOf":[{"enum":["x","y"]},{"type":"null"}]},"minItems":2})"),
      schema_of(R"({"anyOf":[{"$ref":"#"},{"type":"string"}]})"),
  };
  for (const auto& text : schemas) {
    CAPTURE(text);
    json::Document document;
    REQUIRE(document.parse(text));
    REQUIRE(emulator::schema_fault(document.root()).empty());
    const AnswerSchema schema{text};
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
      auto answer = emulator::instance_of(document.root(), seed * 7919);
      CAPTURE(answer);
      CHECK_FALSE(schema.violation(answer));
      CHECK(schema.violation(R"({"a":{"b":)" + answer + "}}"));
      CHECK(schema.violation(answer.insert(1, R"("more":1,)")));
    }
  }
}

TEST_CASE("one schema serves many threads")
{
  const AnswerSchema schema{schema_of(R"({"type":"string","pattern":"^ok"})")};
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&wrong, t, copy = schema] {
      for (int n = 0; n < 500; ++n) {
        if (copy.violation(R"({"a":"ok"})") || !copy.violation(R"({"a":"no"})")) ++wrong[t];
      }
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(wrong == std::vector<int>(4));
}

TEST_SUITE_END();
