#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/frames.hpp>
#include <batchwright/results/outcome_file.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace batchwright;
using results::AnswerMemory;
using results::OutcomeReader;
using results::OutcomeWriter;
using results::Span;

namespace {

/// All lines that the outcomes of a file tell of.
std::vector<std::string> lines_of(const std::filesystem::path& path, std::uint64_t memory)
{
  AnswerMemory room{memory};
  OutcomeReader outcomes{path, room};
  std::vector<std::string> lines;
  while (const auto* outcome = outcomes.next())
    lines.emplace_back(outcomes.line(outcome->answer));
  return lines;
}

} // namespace

TEST_SUITE_BEGIN("results::outcome_file");

TEST_CASE("lines are found where they stand, in any order, whether files fit into memory or not")
{
  const tests::FreshDirectory home;
  const auto output = home.file("1.output.jsonl", "{\"b\":1}\n{\"a\":22}\r\n{}\n");
  const auto errors = home.file("odd\tname\n.jsonl", "{\"e\":\"\t\"}\n");
  OutcomeWriter writer{home / "1.outcomes", {output, errors}};
  writer.add(0, Status::succeeded, "", true, Span{0, 8, 8});
  writer.add(2, Status::failed, "a\tcode", false, Span{1, 0, 9});
  writer.add(3, Status::failed, "missing", false, R"({"ours":"@0:1:2"})");
  writer.add(4, Status::succeeded, "", true, Span{0, 0, 7});
  writer.add(9, Status::succeeded, "", true, Span{0, 18, 2});
  writer.commit();
  const std::vector<std::string> expected{R"({"a":22})", "{\"e\":\"\t\"}", R"({"ours":"@0:1:2"})", R"({"b":1})", "{}"};
  for (const std::uint64_t memory : {0, 15, 25, 1000}) {
    CAPTURE(memory);
    CHECK(lines_of(home / "1.outcomes", memory) == expected);
  }
}

TEST_CASE("lines of packed files are found as those of others, whatever memory there is")
{
  const tests::FreshDirectory home;
  std::mt19937 random{11};
  std::vector<std::filesystem::path> files;
  std::vector<std::pair<Span, std::string>> wanted;
  for (std::size_t n = 0; n < 3; ++n) {
    std::string text;
    while (text.size() < 3 * frame_size) {
      const auto line = fmt::format("{{\"n\":{},\"x\":\"{}\"}}", n, std::string(random() % 90'000, 'x'));
      wanted.emplace_back(Span{n, text.size(), line.size()}, line);
      text += line + '\n';
    }
    files.push_back(home / fmt::format("{}.output.jsonl.zst", n));
    pack_file(home.file("plain", text), files.back());
  }
  std::shuffle(wanted.begin(), wanted.end(), random);
  OutcomeWriter writer{home / "outcomes", files};
  std::vector<std::string> expected;
  for (const auto& [place, line] : wanted) {
    writer.add(expected.size(), Status::succeeded, "", true, place);
    expected.push_back(line);
  }
  writer.commit();
  for (const std::uint64_t memory :
       {std::uint64_t{0}, std::uint64_t{frame_size}, std::uint64_t{3 * frame_size}, std::uint64_t{100 * frame_size}}) {
    CAPTURE(memory);
    CHECK(lines_of(home / "outcomes", memory) == expected);
  }

  auto bytes = tests::slurp(files[1]);
  bytes[bytes.size() / 2] ^= 1;
  home.file("1.output.jsonl.zst", bytes);
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{100 * frame_size}})
    CHECK_THROWS_WITH_AS(lines_of(home / "outcomes", memory), doctest::Contains("1.output.jsonl.zst"), Error);
}

TEST_CASE("a folder that is moved takes its lines along")
{
  const tests::FreshDirectory home;
  std::filesystem::create_directory(home / "before");
  const auto output = home.file("before/out", "{\"n\":1}\n");
  OutcomeWriter writer{home / "before/outcomes", {output}};
  writer.add(0, Status::succeeded, "", true, Span{0, 0, 7});
  writer.commit();
  std::filesystem::rename(home / "before", home / "after");
  CHECK(lines_of(home / "after/outcomes", 1000) == std::vector<std::string>{R"({"n":1})"});
}

TEST_CASE("files in other folders are found from wherever the program runs")
{
  const tests::FreshDirectory home;
  std::filesystem::create_directory(home / "made");
  const auto output = home.file("out", "{\"n\":1}\n");
  OutcomeWriter writer{home / "made/outcomes", {output}};
  writer.add(0, Status::succeeded, "", true, Span{0, 0, 7});
  writer.commit();
  CHECK(lines_of(home / "made/outcomes", 0) == std::vector<std::string>{R"({"n":1})"});
}

TEST_CASE("files of before schema 17, which hold every line, are read as they were")
{
  const tests::FreshDirectory home;
  const auto old = home.file("outcomes", "0\ts\t-\t1\t{\"a\":1}\n7\tf\tx\t0\t{\"b\":\"@0:0:1\"}\n");
  CHECK(lines_of(old, 0) == std::vector<std::string>{R"({"a":1})", R"({"b":"@0:0:1"})"});
  CHECK(lines_of(home.file("empty", ""), 0).empty());
}

TEST_CASE("what is not there is told with its file, and no other line is given in its place")
{
  const tests::FreshDirectory home;
  const auto output = home.file("output", "{\"a\":1}\n");
  const auto write = [&](const Span& place) {
    OutcomeWriter writer{home / "outcomes", {output}};
    writer.add(0, Status::succeeded, "", true, place);
    writer.commit();
  };
  for (const std::uint64_t memory : {0, 1000}) {
    CAPTURE(memory);
    for (const auto& place :
         {Span{0, 0, 9}, Span{0, 8, 1}, Span{0, 1'000'000, 1}, Span{1, 0, 1}, Span{0, 1, 6}, Span{0, 0, 6}}) {
      write(place);
      CHECK_THROWS_AS(lines_of(home / "outcomes", memory), Error);
    }
    write({0, 0, 7});
    CHECK(lines_of(home / "outcomes", memory).size() == 1);
    std::filesystem::resize_file(output, 3);
    CHECK_THROWS_WITH_AS(lines_of(home / "outcomes", memory),
                         doctest::Contains("output: it is shorter than when it was settled"), Error);
    home.file("output", "{\"a\":1}\n");
  }
  for (const auto* text : {"0\ts\t-\t1\t@0:0\n", "@\toutput\n0\ts\t-\t1\n", "@\toutput\n0\ts\t-\t1\t@0:0:8"}) {
    CAPTURE(text);
    home.file("outcomes", text);
    const auto read = [&] {
      for (const auto& line : lines_of(home / "outcomes", 0))
        CHECK(line == "@0:0"); // no place by its form: whoever reads it as JSON refuses it
    };
    if (std::string_view{text}.starts_with("0"))
      read();
    else
      CHECK_THROWS_AS(read(), Error);
  }
}

TEST_CASE("memory is given out once, and again when it comes back")
{
  AnswerMemory memory{100};
  auto first = memory.take(60);
  CHECK(first.size == 60);
  CHECK(memory.take(41).size == 0);
  auto second = memory.take(40);
  CHECK(second.size == 40);
  memory.give_back(std::move(first));
  CHECK(memory.take(61).size == 0); // the spare block is let go of for it, and is not enough
  auto third = memory.take(60);
  CHECK(third.size == 60);
  memory.give_back(std::move(second));
  memory.give_back(std::move(third));
  CHECK(memory.take(100).size == 100);
}

TEST_SUITE_END();
