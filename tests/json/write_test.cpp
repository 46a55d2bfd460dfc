#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

TEST_SUITE_BEGIN("json::write");

TEST_CASE("what is escaped decodes to the same bytes")
{
  std::string all;
  for (int c = 0; c < 0x80; ++c)
    all += static_cast<char>(c);
  all += "é漢😀";
  std::string out;
  json::append_string(out, all);
  json::Document doc;
  REQUIRE(doc.parse(out));
  CHECK(doc.root().text() == all);
  CHECK(out.find("é漢😀") != std::string::npos); // raw UTF-8: escapes would double Chinese text
}

TEST_CASE("the writer keeps the commas")
{
  std::string out;
  json::Writer w{out};
  w.begin_object().member("a", 1).key("b").begin_array().string("x").null().begin_object().end_object().end_array();
  w.flag("c", true).member("d", std::optional<std::string>{}).end_object();
  CHECK(out == R"({"a":1,"b":["x",null,{}],"c":true,"d":null})");
}

TEST_SUITE_END();
