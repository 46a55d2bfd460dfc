#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

TEST_SUITE_BEGIN("json::minify");

TEST_CASE("white space between values goes, and nothing else")
{
  const std::pair<const char*, const char*> cases[] = {
      {"{\n  \"a\": 1,\r\n\t\"b\" : [ 1.0, -0, 1e400 ]\n}\n", R"({"a":1,"b":[1.0,-0,1e400]})"},
      {R"({"a b" : "  c  d  "})", R"({"a b":"  c  d  "})"},
      {R"( "a \" b" )", R"("a \" b")"},
      {R"([ "ends in a backslash \\" , "x y" ])", R"(["ends in a backslash \\","x y"])"},
      {R"([ "\\\" : , ", "\u0020 \ud83d" ])", R"(["\\\" : , ","\u0020 \ud83d"])"},
      {"[ \"line\xe2\x80\xa8separator \xe6\xbc\xa2\" ]", "[\"line\xe2\x80\xa8separator \xe6\xbc\xa2\"]"},
      {" null ", "null"},
      {"{}", "{}"},
      {"", ""}};
  for (const auto& [text, expected] : cases) {
    CAPTURE(text);
    std::string json = text;
    json::minify(json);
    CHECK(json == expected);
  }
}

TEST_SUITE_END();
