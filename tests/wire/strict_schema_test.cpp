#include <batchwright/emulator/schema.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/strict_schema.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace batchwright;
using wire::check_strict;

namespace {

/// The problems, one a line: "POINTER|WHAT".
std::string told(std::string_view schema)
{
  std::string text;
  for (const auto& problem : check_strict(schema))
    text += problem.pointer + "|" + problem.what + "\n";
  return text;
}

bool tells(std::string_view schema, std::string_view pointer, std::string_view part)
{
  const auto problems = check_strict(schema);
  return std::any_of(problems.begin(), problems.end(), [&](const auto& problem) {
    return problem.pointer == pointer && problem.what.find(part) != std::string::npos;
  });
}

/// A root object with one property `a` of that schema, and definitions.
std::string root_with(const std::string& a, const std::string& definitions = "{}")
{
  return R"({"type":"object","properties":{"a":)" + a + R"(},"required":["a"],"additionalProperties":false,"$defs":)" +
         definitions + "}";
}

std::string object_of(const std::string& properties, const std::string& required)
{
  return R"({"type":"object","properties":{)" + properties + R"(},"required":[)" + required +
         R"(],"additionalProperties":false})";
}

/// Lists of lists around a string.
std::string nested(int levels, const std::string& open, const std::string& close)
{
  std::string text;
  for (int n = 0; n < levels; ++n)
    text += open;
  text += R"({"type":"string"})";
  for (int n = 0; n < levels; ++n)
    text += close;
  return text;
}

constexpr auto node = R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},)"
                      R"("required":["next"],"additionalProperties":false})";

} // namespace

TEST_SUITE_BEGIN("wire::strict_schema");

TEST_CASE("what the guide shows passes: types, lists of types, bounds, formats, definitions, recursion")
{
  for (const auto& a : {
           R"({"type":"string","pattern":"^[a-z]+$","description":"a word"})",
           R"({"type":["string","null"],"format":"date-time","title":"when"})",
           R"({"type":"number","minimum":0,"exclusiveMaximum":1.5,"multipleOf":0.1})",
           R"({"type":"integer","maximum":10,"exclusiveMinimum":-3})",
           R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3})",
           R"({"type":"string","enum":["yes","no"]})",
           R"({"enum":["yes",null,3]})",
           R"({"const":"fixed"})",
           R"({"type":"string","minLength":1,"maxLength":9})",
           R"({"anyOf":[{"type":"string"},{"type":"array","items":{"type":"null"}}]})",
           R"({"type":"object","properties":{},"required":[],"additionalProperties":false})",
       }) {
    CAPTURE(a);
    CHECK(told(root_with(a)).empty());
  }
  CHECK(told(root_with(R"({"$ref":"#/$defs/n"})", std::string{R"({"n":)"} + node + "}")).empty());
  CHECK(told(root_with(R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})")).empty());
  CHECK(told(root_with(R"({"type":"array","items":{"$ref":"#"}})")).empty());
  CHECK(told(root_with(R"({"$ref":"#/$defs/a~1b%25"})", R"({"a/b%":{"type":"string"}})")).empty());
}

TEST_CASE("each breach is told with its place")
{
  CHECK(tells("{", "", "not JSON"));
  CHECK(tells("[]", "", "expected a schema"));
  CHECK(tells(R"({"type":"array","items":{"type":"string"}})", "", "the root must have"));
  CHECK(tells(R"({"anyOf":[{"type":"string"}]})", "", "the root must not be an `anyOf`"));
  CHECK(tells(R"({"type":"object","properties":{},"required":[]})", "", "additionalProperties: false"));
  CHECK(tells(R"({"type":"object","properties":{},"required":[],"additionalProperties":true})", "", "additionalProp"));
  CHECK(tells(R"({"type":"object","properties":{"b":{"type":"null"}},"additionalProperties":false})", "", "name `b`"));
  CHECK(tells(R"({"type":"object","properties":{},"required":["c"],"additionalProperties":false})", "",
              "`c`, which is no"));
  struct Row {
    const char* a;
    const char* part;
  };
  for (const auto& row : {
           Row{R"({})", "no `type`"},
           Row{R"(true)", "expected a schema"},
           Row{R"({"type":"text"})", "no type `text`"},
           Row{R"({"type":["string","string"]})", "twice"},
           Row{R"({"type":[]})", "empty list"},
           Row{R"({"type":"array"})", "must have `items`"},
           Row{R"({"type":"string","format":"colour"})", "no format `colour`"},
           Row{R"x({"type":"string","pattern":"^(?!a)"})x", "lookaround"},
           Row{R"({"type":"string","enum":[]})", "`enum` must be"},
           Row{R"({"type":"number","minimum":"3"})", "`minimum` must be a number"},
           Row{R"({"type":"number","multipleOf":0})", "above 0"},
           Row{R"({"type":"array","items":{"type":"null"},"minItems":-1})", "`minItems` must be"},
           Row{R"({"oneOf":[{"type":"string"}],"type":"string"})", "`oneOf` is not supported"},
           Row{R"({"type":"string","allOf":[]})", "`allOf` is not supported"},
           Row{R"({"type":"string","not":{}})", "`not` is not supported"},
           Row{R"({"type":"string","if":{}})", "`if` is not supported"},
           Row{R"({"type":"string","minlength":3})", "`minlength` is not supported"},
           Row{R"({"type":"string","type":"null"})", "key `type` stands there twice"},
           Row{R"({"$ref":"#/$defs/none"})", "leads to no schema"},
           Row{R"({"$ref":"#/properties"})", "leads to no schema"},
           Row{R"({"$ref":"https://example.test/s.json"})", "leads out of this schema"},
           Row{R"({"$ref":"#/$defs/s","description":"x"})", "`description` may not stand beside"},
       }) {
    CAPTURE(row.a);
    CAPTURE(told(root_with(row.a)));
    CHECK(tells(root_with(row.a, R"({"s":{"type":"string"}})"), "/properties/a", row.part));
  }
  CHECK(
      tells(root_with(object_of(R"("x/y~":{"type":"what"})", R"("x/y~")")), "/properties/a/properties/x~1y~0", "what"));
}

TEST_CASE("all breaches are told at once, each once, and only where they are")
{
  const auto schema = R"({"type":"object","properties":{"b":{"type":"txt"},"a":{"type":"array"}},"required":["b"]})";
  CHECK(told(schema) == "|an object must have `additionalProperties: false`\n"
                        "|`required` does not name `a`: every property must be required (one that may be missing has "
                        "`null` among its types)\n"
                        "/properties/a|an array must have `items`\n"
                        "/properties/b|there is no type `txt`; those known: string, number, integer, boolean, object, "
                        "array, null\n");
  const auto shared = object_of(R"("x":{"$ref":"#/$defs/s"},"y":{"$ref":"#/$defs/s"})", R"("x","y")");
  CHECK(check_strict(root_with(shared, R"({"s":{"type":"txt"}})")).size() == 1);
}

TEST_CASE("references that never come to an end are told, and never followed without end")
{
  CHECK(tells(root_with(R"({"$ref":"#/$defs/a"})", R"({"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}})"),
              "/$defs/a", "refers to itself"));
  CHECK(tells(root_with(R"({"$ref":"#/$defs/a"})", R"({"a":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}})"),
              "/$defs/a", "refers to itself"));
  CHECK(tells(root_with(R"({"$ref":"#"})"), "", "no document can satisfy it"));
  CHECK(tells(root_with(R"({"type":"array","items":{"$ref":"#"},"minItems":1})"), "", "no document can satisfy it"));
  CHECK(told(root_with(R"({"type":["array","null"],"items":{"$ref":"#"},"minItems":1})")).empty());
}

TEST_CASE("the limits hold to the last property, level, character and value")
{
  const auto properties = [](std::size_t n, const std::string& name) {
    std::string list;
    std::string names;
    for (std::size_t i = 0; i < n; ++i) {
      const auto comma = i == 0 ? "" : ",";
      list += comma + ("\"" + name + std::to_string(10'000 + i)) + R"(":{"type":"null"})";
      names += comma + ("\"" + name + std::to_string(10'000 + i)) + "\"";
    }
    return object_of(list, names);
  };
  CHECK(told(properties(5'000, "p")).empty());
  CHECK(tells(properties(5'001, "p"), "", "5001 properties"));
  CHECK(told(properties(1'000, std::string(115, 'x'))).empty()); // 120,000 characters
  CHECK(told(root_with(properties(1'000, std::string(115, 'x')))).find("120001 characters") != std::string::npos);

  const auto objects = [](int levels) {
    return nested(levels, R"({"type":"object","properties":{"p":)",
                  R"(},"required":["p"],"additionalProperties":false})");
  };
  CHECK(told(objects(10)).empty());
  CHECK(told(objects(11)).find("more than 10 levels") != std::string::npos);

  const auto values = [](std::size_t n, std::size_t size) {
    std::string list;
    for (std::size_t i = 0; i < n; ++i)
      list += (i == 0 ? "\"" : ",\"") + std::to_string(10'000 + i) + std::string(size - 5, 'x') + "\"";
    return root_with(R"({"type":"string","enum":[)" + list + "]}");
  };
  CHECK(told(values(1'000, 15)).empty());
  CHECK(tells(values(1'001, 5), "", "1001 values"));
  CHECK(tells(values(1'000, 16), "/properties/a", "16000 characters"));
  CHECK(told(values(250, 300)).empty());
}

TEST_CASE("schemas of hostile depth and width cost memory, never a crash")
{
  CHECK(told(root_with(nested(100'000, R"({"type":"array","items":)", "}"))).find("more than 100 deep") !=
        std::string::npos);
  CHECK_FALSE(check_strict(std::string(1'000'000, '[')).empty());
  std::string branches = R"({"type":"null"})";
  for (int n = 0; n < 20'000; ++n)
    branches += R"(,{"$ref":"#"})";
  CHECK(told(root_with(R"({"anyOf":[)" + branches + "]}")).empty());
}

TEST_CASE("the emulator judges alike what both look at")
{
  struct Row {
    std::string a;
    bool good;
  };
  const Row rows[] = {
      {R"({"type":"string"})", true},
      {R"({"type":["string","null"]})", true},
      {R"({"type":"array","items":{"type":"integer"},"maxItems":3})", true},
      {R"({"enum":["a","b"]})", true},
      {R"({"const":3})", true},
      {R"({"anyOf":[{"$ref":"#"},{"type":"null"}]})", true},
      {R"({"type":"string","format":"uuid"})", true},
      {R"({"type":"number","minimum":0,"maximum":1})", true},
      {R"({"$ref":"#"})", false},
      {R"({"$ref":"#/$defs/none"})", false},
      {R"({"$ref":"other.json"})", false},
      {R"({"type":"text"})", false},
      {R"({"type":[]})", false},
      {R"({"enum":[]})", false},
      {R"({"type":"string","format":"colour"})", false},
      {R"x({"type":"string","pattern":"(?=a)b"})x", false},
      {R"({"type":"number","multipleOf":0})", false},
      {R"({"type":"string","allOf":[{"type":"string"}]})", false},
      {R"({"type":"string","oneOf":[{"type":"string"}]})", false},
      {R"({"type":"string","not":{"type":"null"}})", false},
      {R"({"type":"string","if":{"type":"null"}})", false},
      {R"({"type":"object","properties":{},"required":["x"],"additionalProperties":false})", false},
      {R"({"type":"object","properties":{},"required":[],"additionalProperties":false,"dependentRequired":{}})", false},
  };
  for (const auto& row : rows) {
    const auto schema = root_with(row.a);
    CAPTURE(schema);
    json::Document document;
    REQUIRE(document.parse(schema));
    CHECK(check_strict(schema).empty() == row.good);
    CHECK(emulator::schema_fault(document.root()).empty() == row.good);
  }
}

TEST_SUITE_END();
