#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <simdjson.h>

#include <random>

using namespace batchwright;

TEST_SUITE_BEGIN("json::read");

TEST_CASE("values are found and come back as they stand")
{
  json::Document doc;
  REQUIRE(
      doc.parse(R"( {"a": [1, {"b":"x\ty"}, null], "n":123456789012345678901, "big":1e400, "t":true,"\u0061b":7} )"));
  const auto root = doc.root();
  CHECK(root.find("a")->raw() == R"([1, {"b":"x\ty"}, null])");
  CHECK(root.find("a")->elements().size() == 3);
  CHECK(root.find("a")->elements()[1].find("b")->text() == "x\ty");
  CHECK(root.find("n")->raw() == "123456789012345678901");
  CHECK_FALSE(root.find("n")->integer());
  CHECK(root.find("big")->raw() == "1e400");
  CHECK(root.find("t")->boolean() == true);
  CHECK(root.find("ab")->integer() == 7);
  CHECK_FALSE(root.find("missing"));
  CHECK(root.members().size() == 5);
}

TEST_CASE("half a surrogate pair passes as it stands and does not decode")
{
  json::Document doc;
  REQUIRE(doc.parse(R"({"x":"a\ud83d","y":"\ud83d\ude00","z":"\u0000"})"));
  CHECK(doc.root().find("x")->token() == R"(a\ud83d)");
  CHECK_FALSE(doc.root().find("x")->text());
  CHECK(json::decode_lossy(doc.root().find("x")->token()) == "a\xef\xbf\xbd");
  CHECK(doc.root().find("y")->text() == "\xf0\x9f\x98\x80");
  CHECK(doc.root().find("z")->text() == std::string(1, '\0'));
}

TEST_CASE("the first of two equal keys wins")
{
  json::Document doc;
  REQUIRE(doc.parse(R"({"k":1,"k":2})"));
  CHECK(doc.root().find("k")->integer() == 1);
}

TEST_CASE("broken text is refused with its place")
{
  const std::pair<const char*, std::size_t> cases[] = {
      {"", 0},         {"{", 1},           {"[1,]", 3},  {"{\"a\" 1}", 5},     {"{\"a\":1,}", 7},
      {"01", 1},       {"[1,2,}", 5},      {"NaN", 0},   {"1.e5", 0},          {"\"a\nb\"", 2},
      {"\"\\x\"", 1},  {"\"\\u12g4\"", 1}, {"\"abc", 0}, {"truex", 4},         {"[1] 2", 4},
      {"{1:2}", 1},    {"]", 0},           {"-", 0},     {"[\"a\" \"b\"]", 5}, {"nul", 0},
      {"{\"a\":}", 5}, {"\"\xff\"", 1},    {"[,1]", 1},
  };
  json::Document doc;
  for (const auto& c : cases) { // no structured binding: clang 14 cannot capture one
    CAPTURE(c.first);
    CHECK_FALSE(doc.parse(c.first));
    CHECK(doc.fault().byte == c.second);
  }
}

TEST_CASE("depth costs memory, not the stack")
{
  json::Document doc;
  CHECK(doc.parse(std::string(200'000, '[') + std::string(200'000, ']')));
  CHECK_FALSE(doc.parse(std::string(200'000, '[')));
}

TEST_CASE("it accepts and refuses what simdjson does, but for values that do not decode")
{
  std::mt19937 random{7}; // a fixed seed: a failure can be run again
  const std::string seeds[] = {R"({"custom_id":"a","response":{"status_code":200,"body":{"x":[1,-2.5e3,"q\"\\\/"]}}})",
                               R"([true,false,null,"é漢😀",{"":{}},[]])", R"("\u00e9\n")", "-0.0"};
  const std::string_view alphabet = "{}[]\",:\\u0123456789eE+-.truefalsn \t\x01\xc3\xa9";
  simdjson::dom::parser reference;
  json::Document doc;
  int accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string text = seeds[random() % std::size(seeds)];
    for (auto edits = random() % 3; edits > 0; --edits) {
      const auto at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1);
      else if (random() % 2 == 0)
        text.insert(at, 1, alphabet[random() % alphabet.size()]);
      else
        text[at] = alphabet[random() % alphabet.size()];
      if (text.empty()) text = " ";
    }
    const auto fault = reference.parse(text).error();
    if (fault == simdjson::NUMBER_ERROR || fault == simdjson::STRING_ERROR) continue;
    const bool expected = fault == simdjson::SUCCESS;
    accepted += expected;
    CAPTURE(text);
    REQUIRE(doc.parse(text) == expected);
  }
  CHECK(accepted > 20'000);
}

TEST_CASE("the place of the first bad byte is exact")
{
  CHECK(json::utf8_until("abc") == 3);
  CHECK(json::utf8_until("ab\xff") == 2);
  CHECK(json::utf8_until("\xc3\xa9\xc3") == 2);
  CHECK(json::utf8_until("\xed\xa0\x80") == 0);
}

TEST_CASE("a path leads through keys and places; of keys with points the longest that leads on wins")
{
  json::Document doc;
  REQUIRE(doc.parse(R"({"a":{"b":[1,{"c":"x"}],"b.1":2,"b.1.c":3},"a.b":{"d":4},"":{"e":5},"f":"text"})"));
  const auto at = [&](std::string_view path) -> std::string {
    const auto value = doc.root().along(path);
    return value ? std::string{value->raw()} : "nothing";
  };
  CHECK(at("a.b.0") == "1");
  CHECK(at("a.b.1") == "2");
  CHECK(at("a.b.1.c") == "3");
  CHECK(at("a.b.d") == "4");
  CHECK(at(".e") == "5");
  CHECK(at("f") == R"("text")");
  CHECK(at("") == doc.root().raw());
  for (const auto* path : {"a.b.2", "a.b.x", "a.b.-1", "a.b.01x", "f.x", "g", "a.", ".", "a..b"}) {
    CAPTURE(path);
    CHECK(at(path) == "nothing");
  }
}

TEST_SUITE_END();
