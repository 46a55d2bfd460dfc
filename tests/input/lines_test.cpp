#include "tests/input/input_fixture.hpp"

#include <doctest/doctest.h>

using namespace batchwright;
using tests::error_of;
using tests::FreshDirectory;
using tests::read_all;
using tests::says;

namespace {

std::vector<PinnedInput> jsonl(const FreshDirectory& dir, std::string_view content)
{
  return {tests::input_file(dir, "in.jsonl", content, InputFormat::jsonl)};
}

std::vector<PinnedInput> text(const FreshDirectory& dir, std::string_view content)
{
  return {tests::input_file(dir, "in.txt", content, InputFormat::text)};
}

} // namespace

TEST_SUITE_BEGIN("input::lines");

TEST_CASE("JSON values come as they stand in the line")
{
  const FreshDirectory dir;
  const auto items =
      read_all(jsonl(dir, "\xef\xbb\xbf{\"a\":\"\\ud83d \\u0000 \\/\",\"n\":1.0e5, \"o\" : {\"x\": [1, 2]}}\r\n"
                          " \t\r\n\n"
                          "{\"\\u0061\":null}"));
  REQUIRE(items.size() == 2);
  CHECK(items[0]["a"] == R"("\ud83d \u0000 \/")");
  CHECK(items[0]["n"] == "1.0e5");
  CHECK(items[0]["o"] == R"({"x": [1, 2]})");
  CHECK(items[0].mark == Mark{0, 0, 3, 1});
  CHECK(items[1]["a"] == "null");
  CHECK(items[1].mark.line == 4);
}

TEST_CASE("plain text is an item a line, its spaces kept, its line end not")
{
  const FreshDirectory dir;
  using namespace std::string_literals;
  const auto items = read_all(text(dir, "one\r\n\n  two \t\n \r\n\0\nthree\rx\r\r\nlast\r"s));
  REQUIRE(items.size() == 5);
  CHECK(items[0]["text"] == "one");
  CHECK(items[1]["text"] == "  two \t");
  CHECK(items[1].mark == Mark{1, 0, 6, 3});
  CHECK(items[2]["text"] == "\0"s);
  CHECK(items[3]["text"] == "three\rx\r");
  CHECK(items[4]["text"] == "last");
  CHECK(items[4].mark.line == 7);
}

TEST_CASE("faults name file, line and byte")
{
  struct Case {
    std::string text;
    const char* says;
    std::uint64_t line;
    std::uint64_t byte;
  };
  const Case cases[] = {
      {"{\"a\":1}\n\n{\"a\":1,}\n", "not JSON: expected a key in quotes", 3, 16},
      {"{\"a\":1}\n[1]\n", "expected a JSON object, found an array", 2, 8},
      {"\xef\xbb\xbf\"x\"\n", "expected a JSON object, found a string", 1, 3},
      {"{\"a\":\"\xe9\"}\n", "not UTF-8", 1, 6},
      {"{\"a\":\"x\ny\"}\n", "not JSON: a string that does not end", 1, 5},
      {"{\"a\":1}{\"a\":2}\n", "not JSON: more text after the value", 1, 7},
      {{"{\0\"\0a\0", 6}, "UTF-16", 1, 0},
      {{"\0{\0\"\0a", 6}, "UTF-16", 1, 0},
  };
  const FreshDirectory dir;
  for (const auto& c : cases) {
    CAPTURE(c.text);
    const auto e = error_of(jsonl(dir, c.text));
    CAPTURE(std::string{e.what()});
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, c.says));
    REQUIRE(e.place());
    CHECK(e.place()->line == c.line);
    CHECK(e.place()->byte == c.byte);
    CHECK_FALSE(e.hint().empty());
  }
  const auto e = error_of(text(dir, "good\n\nbad \xc3\x28\n"));
  CHECK(says(e, "not UTF-8"));
  CHECK(e.place()->line == 3);
  CHECK(e.place()->byte == 10);
}

TEST_CASE("a line over 16 MiB is refused, or passed over without being held")
{
  const FreshDirectory dir;
  const std::string big(input::longest_record, 'x');
  CHECK(read_all(text(dir, big + "\r\n" + big)).size() == 2);
  const auto inputs = text(dir, "one\n" + big + "x\r\n" + big + big + "xx\n" + "two\n" + big + "y");
  const auto e = error_of(inputs);
  CHECK(says(e, "longer than 16 MiB"));
  CHECK(e.place()->line == 2);
  CHECK(e.place()->byte == 4);

  std::vector<std::uint64_t> lines;
  const auto items = read_all(inputs, {3, [&](const Error& why) { lines.push_back(why.place()->line); }});
  CHECK(lines == std::vector<std::uint64_t>{2, 3, 5});
  REQUIRE(items.size() == 2);
  CHECK(items[1]["text"] == "two");
  CHECK(items[1].mark.line == 4);
}

TEST_CASE("bad records up to the number allowed are put aside, one more is the error")
{
  const FreshDirectory dir;
  const auto inputs = jsonl(dir, "{}\nx\n{}\ny\n{}\nz\n{}\n");
  std::vector<std::string> why;
  const auto items = read_all(inputs, {3, [&](const Error& e) { why.emplace_back(e.what()); }});
  REQUIRE(items.size() == 4);
  for (std::size_t i = 0; i < items.size(); ++i) {
    CHECK(items[i].mark.ordinal == i);
    CHECK(items[i].mark.line == 2 * i + 1);
  }
  REQUIRE(why.size() == 3);
  CHECK(why[2].find("line 6") != std::string::npos);

  const auto e = error_of(inputs, {2, {}});
  CHECK(says(e, "2 bad records were put aside before it"));
  CHECK(e.place()->line == 6);
  CHECK(e.hint().find("--skip-bad") != std::string::npos);
  CHECK(says(error_of(inputs, {1, {}}), "1 bad record was put aside before it"));
}

TEST_CASE("ordinals run on over several inputs, and a mark finds its input")
{
  const FreshDirectory dir;
  const std::vector<PinnedInput> inputs{
      tests::input_file(dir, "a.txt", "one\ntwo\n", InputFormat::text),
      tests::input_file(dir, "b.csv", "text\n", InputFormat::csv),
      tests::input_file(dir, "c.csv", "x,text\n1,three\n2,four\n", InputFormat::csv),
      tests::input_file(dir, "d.jsonl", "{\"text\":5}\n", InputFormat::jsonl),
  };
  const auto all = read_all(inputs);
  REQUIRE(all.size() == 5);
  CHECK(all[3]["text"] == "four");
  CHECK(all[3].mark == Mark{3, 2, 15, 3});
  for (const auto& from : all) {
    const auto rest = read_all(inputs, {}, from.mark);
    REQUIRE(rest.size() == all.size() - from.mark.ordinal);
    CHECK(rest.front().mark == from.mark);
    CHECK(rest.front()["text"] == from["text"]);
    CHECK(rest.back().mark == all.back().mark);
  }
}

TEST_SUITE_END();
