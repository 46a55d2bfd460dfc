#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/pattern.hpp>
#include <batchwright/emulator/schema.hpp>

#include <Poco/JSON/Parser.h>
#include <doctest/doctest.h>

#include <regex>
#include <set>
#include <string>

using namespace batchwright;

TEST_SUITE_BEGIN("emulator::schema");

namespace {

std::string made(const std::string& schema, std::uint64_t hash)
{
  json::Document document;
  REQUIRE(document.parse(schema));
  REQUIRE(emulator::schema_fault(document.root()) == "");
  return emulator::instance_of(document.root(), hash);
}

std::string fault(const std::string& schema)
{
  json::Document document;
  REQUIRE(document.parse(schema));
  return emulator::schema_fault(document.root());
}

json::Document parsed(const std::string& text)
{
  json::Document document;
  REQUIRE(document.parse(text));
  return document;
}

/// Whether a value is an expression: {"op":"add"|"mul","left":E,"right":E} or {"op":"num","value":integer}.
bool is_expression(const json::Value& value)
{
  const auto op = value.find("op");
  if (!op || !op->is(json::Kind::string)) return false;
  if (op->text() == "num") return value.members().size() == 2 && value.find("value")->integer().has_value();
  if (op->text() != "add" && op->text() != "mul") return false;
  return value.members().size() == 3 && is_expression(*value.find("left")) && is_expression(*value.find("right"));
}

} // namespace

TEST_CASE("schemas of every kind are satisfied")
{
  for (std::uint64_t hash = 0; hash < 40; ++hash) {
    CHECK(made(R"({"const":{"a":1.0}})", hash) == R"({"a":1.0})");
    CHECK(made(R"({"type":"null"})", hash) == "null");
    const auto either = made(R"({"type":["string","null"]})", hash);
    CHECK((either == "null" || either.starts_with('"')));
    const auto number = std::stod(made(R"({"type":"number","minimum":-2.5,"exclusiveMaximum":1})", hash));
    CHECK(number >= -2.5);
    CHECK(number < 1);
    const auto narrow = std::stod(made(R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1e-7})", hash));
    CHECK(narrow > 0);
    CHECK(narrow < 1e-7);
    const auto integer = std::stoll(made(R"({"type":"integer","minimum":11,"maximum":29,"multipleOf":7})", hash));
    CHECK((integer == 14 || integer == 21 || integer == 28));
    const auto far = std::stoll(made(R"({"type":"integer","minimum":1,"multipleOf":500})", hash));
    CHECK(far > 0);
    CHECK(far % 500 == 0);
    const auto inside = made(R"({"type":"integer","exclusiveMinimum":3,"exclusiveMaximum":6})", hash);
    CHECK((inside == "4" || inside == "5"));
    const auto fraction = made(R"({"type":"integer","exclusiveMinimum":3.5,"maximum":4.9})", hash);
    CHECK(fraction == "4");
    const auto below = std::stoll(made(R"({"type":"integer","maximum":-5})", hash));
    CHECK(below <= -5);
    CHECK(made(R"({"type":"integer","minimum":-0.5,"maximum":0.5})", hash) == "0");
    CHECK(std::stoll(made(R"({"type":"integer","minimum":999999999999990,"maximum":1e300})", hash)) >= 999999999999990);
    const auto list = made(R"({"type":"array","items":{"type":"boolean"},"minItems":2,"maxItems":3})", hash);
    const auto size = Poco::JSON::Parser{}.parse(list).extract<Poco::JSON::Array::Ptr>()->size();
    CHECK((size == 2 || size == 3));
    const auto text = made(R"({"type":"string","minLength":20,"maxLength":21})", hash);
    CHECK((text.size() == 22 || text.size() == 23));
    CHECK(made(R"({"type":"string","format":"date"})", hash).starts_with("\"2026-03-"));
    const auto any = made(R"({"anyOf":[{"type":"boolean"},{"enum":[1,2]}]})", hash);
    CHECK((any == "true" || any == "false" || any == "1" || any == "2"));
  }
}

TEST_CASE("the drawing is the one that is written down")
{
  // By hand from the words of the header: x = mixed(x), then modulo.
  const auto x1 = emulator::mixed(5);
  const auto x2 = emulator::mixed(x1);
  const char* words[] = {"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"};
  const char* labels[] = {"\"x\"", "\"y\"", "\"z\""};
  CHECK(made(R"({"type":"object","properties":{"l":{"enum":["x","y","z"]},"w":{"type":"string"}}})", 5) ==
        std::string{R"({"l":)"} + labels[x1 % 3] + R"(,"w":")" + words[x2 % 8] + "\"}");
  // A choice, whose branches cost 1 and 2, and what is chosen.
  const auto chosen = x1 % 2 == 0 ? std::to_string(10 + x2 % 6) : std::string{R"({"n":null})"};
  CHECK(
      made(
          R"({"anyOf":[{"type":"integer","minimum":10,"maximum":15},{"type":"object","properties":{"n":{"type":"null"}}}]})",
          5) == chosen);
}

TEST_CASE("recursive schemas end, by whatever branch ends them")
{
  const std::string tree =
      R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},)"
      R"("next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}}}}})";
  const std::string expression =
      R"({"anyOf":[{"$ref":"#/$defs/pair"},{"$ref":"#/$defs/leaf"}],"$defs":{)"
      R"("pair":{"type":"object","properties":{"op":{"enum":["add","mul"]},"left":{"$ref":"#"},"right":{"$ref":"#"}}},)"
      R"("leaf":{"type":"object","properties":{"op":{"const":"num"},"value":{"type":"integer"}}}}})";
  std::set<std::string> seen;
  for (std::uint64_t hash = 0; hash < 100; ++hash) {
    const auto list = made(tree, hash);
    auto node = Poco::JSON::Parser{}.parse(list).extract<Poco::JSON::Object::Ptr>();
    while (!node->isNull("next")) {
      CHECK(node->has("v"));
      node = node->getObject("next");
    }
    CHECK(node->size() == 2);

    const auto text = made(expression, hash);
    CHECK(is_expression(parsed(text).root()));
    seen.insert(text);

    // The leaf is told by an enum, and comes last.
    const auto nested =
        made(R"({"anyOf":[{"type":"array","items":{"$ref":"#"},"minItems":1},{"enum":["leaf"]}]})", hash);
    CHECK(nested.find("\"leaf\"") != std::string::npos);
    CHECK(nested.find("null") == std::string::npos);
    CHECK(nested.find("[]") == std::string::npos);
  }
  CHECK(seen.size() > 10);
}

TEST_CASE("references are JSON pointers")
{
  const std::string defs = R"(,"$defs":{"a/b":{"const":1},"a~b":{"const":2},"a b":{"const":3},"é":{"const":4}},)"
                           R"("anyOf":[{"const":5},{"const":6}]})";
  const auto leads_to = [&](const std::string& ref) { return made("{\"$ref\":\"" + ref + "\"" + defs, 1); };
  CHECK(leads_to("#/$defs/a~1b") == "1");
  CHECK(leads_to("#/$defs/a~0b") == "2");
  CHECK(leads_to("#/$defs/a%20b") == "3");
  CHECK(leads_to("#/$defs/%C3%A9") == "4");
  CHECK(leads_to("#/anyOf/1") == "6");
  for (const auto* ref : {"#/$defs/c", "#/anyOf/2", "#/anyOf/x", "#node", "other.json#/a"})
    CHECK(fault("{\"$ref\":\"" + std::string{ref} + "\"" + defs) ==
          "the reference '" + std::string{ref} + "' leads nowhere");
}

TEST_CASE("simple patterns are matched, others are refused")
{
  for (const auto* pattern : {"^[A-Z]{3}-\\\\d{4}$", "\\\\w+@\\\\w+\\\\.com", "^a?b*c{2,5}$", "^[a-f0-9_-]{8}$",
                              "^.\\\\s\\\\$$", "^$", "x"}) {
    const auto schema = "{\"type\":\"string\",\"pattern\":\"" + std::string{pattern} + "\"}";
    CAPTURE(schema);
    const auto regex = std::regex{*parsed(schema).root().find("pattern")->text()};
    std::set<std::string> seen;
    for (std::uint64_t hash = 0; hash < 20; ++hash) {
      const auto text = made(schema, hash);
      CHECK(std::regex_search(text.substr(1, text.size() - 2), regex));
      seen.insert(text);
    }
  }
  for (const auto* pattern :
       {"(a|b)", "a|b", "[^a]", "a{2", "a**", "\\b", "\\S", "^a^", "a$b", "é", "a+?", "[b-a]", "["})
    CHECK_FALSE(emulator::pieces_of(pattern));
  CHECK(fault(R"({"type":"string","pattern":"^\\d{5}$","maxLength":4})").find("lengths") != std::string::npos);
}

TEST_CASE("what no document satisfies is refused, and nothing large is written")
{
  CHECK(fault(R"({"type":"object","properties":{"l":{"$ref":"#"},"r":{"$ref":"#"}}})") ==
        "it refers to itself without end");
  CHECK(fault(R"({"$ref":"#"})") == "it refers to itself without end");
  CHECK(fault(R"({"anyOf":[{"$ref":"#"},{"$ref":"#"}]})") == "it refers to itself without end");
  for (const auto* schema : {R"({"type":"array","minItems":4000000000})",
                             R"({"type":"array","minItems":-1})",
                             R"({"type":"array","minItems":1e30})",
                             R"({"type":"string","minLength":1e12})",
                             R"({"type":"string","minLength":5,"maxLength":4})",
                             R"({"type":"string","maxLength":-1})",
                             R"({"type":"array","items":{"type":"array","minItems":200},"minItems":200})",
                             R"({"type":"integer","minimum":1e30})",
                             R"({"type":"integer","minimum":5,"maximum":4})",
                             R"({"type":"integer","minimum":5.2,"maximum":5.8})",
                             R"({"type":"integer","multipleOf":0})",
                             R"({"type":"number","multipleOf":-1})",
                             R"({"type":"number","multipleOf":1e400})",
                             R"({"type":"number","exclusiveMinimum":1,"maximum":1})",
                             R"({"type":"string","format":"uri"})",
                             R"({"type":"string","format":"uuid","maxLength":10})",
                             R"({"type":"sting"})",
                             R"({"enum":[]})",
                             R"({"anyOf":[]})",
                             R"({"allOf":[{"type":"string"}]})",
                             R"({"type":"array","uniqueItems":true})",
                             R"({"type":"object","properties":{},"required":["a"]})",
                             "false"}) {
    CAPTURE(schema);
    CHECK_FALSE(fault(schema).empty());
  }
  std::string deep;
  for (int i = 0; i < 3000; ++i)
    deep += R"({"type":"array","minItems":1,"items":)";
  CHECK(fault(deep + "{}" + std::string(3000, '}')) == "it goes deeper than 100 levels");
  std::string many = R"({"type":"object","properties":{)";
  for (int i = 0; i < 6000; ++i)
    many += (i ? "," : "") + std::string{"\"k"} + std::to_string(i) + R"(":{"type":"null"})";
  CHECK(fault(many + "}}") == "it has more than 5000 parts");
  // Wide and recursive: what a choice may cost is bounded, and so is the whole.
  std::string wide = R"({"type":"object","properties":{)";
  for (int i = 0; i < 40; ++i)
    wide += (i ? "," : "") + std::string{"\"k"} + std::to_string(i) + R"(":{"anyOf":[{"type":"null"},{"$ref":"#"}]})";
  for (std::uint64_t hash = 0; hash < 10; ++hash)
    CHECK(made(wide + "}}", hash).size() < 200'000);
  CHECK(made(R"({"type":"array","maxItems":1e30,"items":{"type":"string","maxLength":1e30}})", 1).size() < 100);
  CHECK(made(R"({"anyOf":[{"type":"string","pattern":"[^a]"},{"type":"null"}]})", 1) == "null");
}
