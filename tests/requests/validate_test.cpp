#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/requests/validate.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

std::string line(const std::string& id, const std::string& model = "m", const std::string& url = "/v1/responses")
{
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"{}","body":{{"model":"{}","input":"x"}}}})", id, url,
                     model);
}

struct Checked {
  FileVerdict verdict = {};
  std::vector<FileProblem> problems = {};

  /// "LINE:BYTE CODE", one a line.
  std::string told() const
  {
    std::string text;
    for (const auto& problem : problems)
      text += fmt::format("{}:{} {}\n", problem.line, problem.byte, problem.code);
    return text;
  }
};

Checked check(const std::filesystem::path& path, PartLimits limits = {50'000, 190'000'000})
{
  Checked checked;
  requests::ValidateOptions options;
  options.limits = limits;
  options.on_problem = [&](const FileProblem& problem) { checked.problems.push_back(problem); };
  checked.verdict = requests::validate(path.native(), options);
  CHECK(checked.verdict.problems == checked.problems.size());
  return checked;
}

} // namespace

TEST_SUITE_BEGIN("requests::validate");

TEST_CASE("a good file is valid, whether its last line ends or not, and packed too")
{
  const FreshDirectory dir;
  const auto text = line("a") + "\n" + line("b") + "\n" + line("c");
  for (const auto& path :
       {dir.file("plain", text), dir.file("ended", text + "\n"), dir.file("gz", tests::gzipped(text)),
        dir.file("zst", tests::zstandard(text)), dir.file("blank at the end", text + "\n\n \n")}) {
    CAPTURE(path);
    const auto checked = check(path);
    CHECK(checked.told() == "");
    CHECK(checked.verdict.valid());
    CHECK(checked.verdict.requests == 3);
    CHECK(checked.verdict.bytes >= text.size());
    CHECK(checked.verdict.parts == 1);
    CHECK(checked.verdict.models == std::vector<std::string>{"m"});
    CHECK(checked.verdict.endpoints == std::vector<std::string>{"/v1/responses"});
  }
}

TEST_CASE("all problems of a file are found in one run, each with its line and byte")
{
  const FreshDirectory dir;
  const auto good = line("a");
  const auto size = good.size();
  // 1 good, 2 broken JSON, 3 and 4 blank, 5 a list, 6 bad UTF-8, 7 CR LF, 8 another model and url, 9 an id again
  const auto text = good + "\n{\"custom_id\" 1}\n\n \t\n[]\n\"\xff\"\n" + line("b") + "\r\n" +
                    line("c", "n", "/v1/moderations") + "\n" + line("\\u0061") + "\n" + line("b") + "\n";
  const auto checked = check(dir.file("bad.jsonl", text));
  const auto at = [&](std::uint64_t n) { return size + 1 + n; };
  const auto third = at(16 + 1 + 3 + 3 + 4) + size + 2; // where line 8 begins
  const auto eighth = line("c", "n", "/v1/moderations").size() + 1;
  CHECK(checked.told() ==
        fmt::format("2:{} invalid_json_line\n3:{} blank_line\n5:{} invalid_json_line\n6:{} invalid_encoding\n"
                    "7:{} carriage_return\n8:{} url_mismatch\n8:{} model_mismatch\n9:{} duplicate_custom_id\n"
                    "10:{} duplicate_custom_id\n",
                    at(13), at(16), at(20), at(24), at(27) + size, third, third, third + eighth + 13,
                    third + eighth + line("\\u0061").size() + 1 + 13));
  CHECK(checked.problems.at(1).message == "2 blank lines");
  CHECK(checked.problems.at(7).message == "the custom_id `a` stands on line 1 already");
  CHECK(checked.problems.at(8).message == "the custom_id `b` stands on line 7 already");
  CHECK(checked.verdict.requests == 8);
  CHECK(checked.verdict.bytes == text.size());
  CHECK(checked.verdict.models == std::vector<std::string>{"m", "n"});
  CHECK(checked.verdict.endpoints == std::vector<std::string>{"/v1/responses", "/v1/moderations"});
  CHECK(checked.verdict.parts == 2);
}

TEST_CASE("what concerns the file as a whole is told without a line")
{
  const FreshDirectory dir;
  CHECK(check(dir.file("empty", "")).told() == "0:0 empty_file\n");
  CHECK(check(dir.file("blank", "\n\n")).told() == "0:0 empty_file\n");
  CHECK(check(dir.file("mark", "\xef\xbb\xbf" + line("a"))).told() == "1:0 byte_order_mark\n");
  CHECK(check(dir.file("mark and twice", "\xef\xbb\xbf" + line("a") + "\n" + line("a"))).told() ==
        fmt::format("1:0 byte_order_mark\n2:{} duplicate_custom_id\n", 3 + line("a").size() + 1 + 13));
  CHECK(check(dir.file("utf16", std::string_view{"\xff\xfe{\0\n\0}\0", 8})).told() == "1:0 invalid_encoding\n");
  const auto packed = tests::gzipped(line("a") + "\n");
  CHECK(check(dir.file("cut", packed.substr(0, packed.size() - 9))).verdict.problems == 1);
  CHECK_THROWS_AS(check(dir / "none"), Error);
}

TEST_CASE("a line above 16 MiB is told, and what follows it is looked at")
{
  const FreshDirectory dir;
  const auto checked =
      check(dir.file("long", std::string(input::longest_record + 1, 'x') + "\n[]\n" + line("a") + "\n"));
  CHECK(checked.told() == fmt::format("1:0 line_too_long\n2:{} invalid_json_line\n", input::longest_record + 2));
  CHECK(checked.verdict.requests == 3);
}

TEST_CASE("more requests, inputs or bytes than a file may have are told, and the parts counted that they make")
{
  const FreshDirectory dir;
  std::string many;
  for (int n = 0; n < 50'001; ++n)
    many += fmt::format("{}\n", line(std::to_string(n)));
  const auto requests = check(dir.file("many", many));
  CHECK(requests.told() == "0:0 too_many_tasks\n");
  CHECK(requests.verdict.parts == 2);
  CHECK(check(dir.file("most", many.substr(many.find('\n') + 1))).verdict.valid());

  std::string inputs;
  std::string list = "\"x\"";
  for (int n = 1; n < 2'000; ++n)
    list += ",\"x\"";
  for (int n = 0; n < 26; ++n)
    inputs += fmt::format(
                  R"({{"custom_id":"{}","method":"POST","url":"/v1/embeddings","body":{{"model":"m","input":[{}]}}}})",
                  n, list) +
              "\n";
  CHECK(check(dir.file("inputs", inputs)).told() == "0:0 too_many_inputs\n");
  CHECK(check(dir.file("inputs", inputs)).verdict.parts == 2);

  std::string large;
  const std::string filling(10'000'000, 'x');
  for (int n = 0; n < 21; ++n)
    large += line(fmt::format("{}{}", filling, n)) + "\n";
  const auto bytes = check(dir.file("large.zst", tests::zstandard(large)));
  CHECK(bytes.told() == "0:0 file_too_large\n");
  CHECK(bytes.verdict.bytes == large.size());
  CHECK(bytes.verdict.parts == 2);
}

TEST_CASE("parts are counted for each model and url, wherever their lines stand")
{
  const FreshDirectory dir;
  std::string mixed;
  for (int n = 0; n < 20; ++n)
    mixed += line(std::to_string(n), n % 2 == 0 ? "even" : "odd") + "\n";
  CHECK(check(dir.file("mixed", mixed)).verdict.parts == 2);
  CHECK(check(dir.file("mixed", mixed), {4, 1'000'000}).verdict.parts == 6);
  CHECK(check(dir.file("mixed", mixed), {100, 1}).verdict.parts == 20);
}

TEST_CASE("a check can be stopped")
{
  const FreshDirectory dir;
  const auto path = dir.file("long", std::string(100'000, '\n') + line("a"));
  requests::ValidateOptions options;
  options.on_lines = [] { throw Error{Fault::interrupted, "stopped"}; };
  CHECK_THROWS_AS(requests::validate(path.native(), options), Error);
}

TEST_SUITE_END();
