// From the input's bytes to the requests' bytes: against lines put together by hand from what the records are made of.

#include "tests/requests/requests_fixture.hpp"
#include "tests/support/hostile.hpp"

#include <batchwright/base/sha256.hpp>
#include <batchwright/requests/digest.hpp>

#include <doctest/doctest.h>

#include <map>

using namespace batchwright;
using tests::escaped_plainly;
using tests::FreshDirectory;
using tests::Hostile;
using tests::HostileObject;

namespace {

/// A field of a record, and what templates make of it.
struct Given {
  std::string json = {};   ///< as it stands in the record
  std::string inside = {}; ///< inside a text
};

Given of(const tests::Token& token)
{
  return {'"' + token.text + '"', token.text};
}

/// By the rule: texts as their own characters, numbers and booleans as they stand, null as nothing, else JSON as text.
Given any(Hostile& make)
{
  if (make.one_in(2)) return of(make.token(10));
  const auto json = make.one_in(2) ? make.scalar() : make.nested();
  if (json == "null") return {json, ""};
  return {json, json.front() == '{' || json.front() == '[' ? escaped_plainly(json) : json};
}

std::string line_of(std::string_view custom_id, std::string_view body)
{
  return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{}}})"
                     "\n",
                     custom_id, body);
}

std::string chat_body(std::string_view content)
{
  return fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"{}"}}]}})", content);
}

/// Plans and builds all parts of a job; their files must hold the expected lines, part by part.
void check_built(const FreshDirectory& dir, const Job& job, const std::vector<std::string>& expected)
{
  const auto plan = requests::plan(job);
  REQUIRE(plan.items == expected.size());
  std::size_t next = 0;
  for (const auto& part : plan.parts) {
    const auto path = dir / "requests.jsonl";
    const auto built = requests::build(job, part, {.requests = path});
    std::string lines;
    for (const auto end = next + part.items; next < end; ++next)
      lines += expected.at(next);
    const auto written = tests::slurp(path);
    const bool is_same = written == lines; // texts this long say nothing in a message
    if (!is_same) {
      const auto at = static_cast<std::size_t>(
          std::mismatch(written.begin(), written.end(), lines.begin(), lines.end()).first - written.begin());
      CAPTURE(at);
      FAIL_CHECK(written.substr(at - std::min<std::size_t>(at, 60), 120), "\n IS NOT \n",
                 lines.substr(at - std::min<std::size_t>(at, 60), 120));
    }
    CHECK(built.bytes == lines.size());
    CHECK(built.requests == part.items);
    Sha256 sha;
    sha.update(lines);
    CHECK(built.sha256 == sha.hex());
  }
  CHECK(next == expected.size());
}

} // namespace

TEST_SUITE_BEGIN("requests::hostile");

TEST_CASE("hostile JSON records become requests that hold their texts and values byte for byte")
{
  const FreshDirectory dir;
  Hostile make{1};
  std::string input;
  std::vector<std::string> expected;
  std::vector<std::string> with_ids;
  std::vector<std::string> with_body;
  for (int i = 0; i < 400; ++i) {
    const auto text = of(make.token(i == 7 ? 6000 : 20));
    const auto more = any(make);
    const auto id = fmt::format("{}-{}", i, make.text(2).text);
    input +=
        HostileObject{make}.member("text", text.json).member("more", more.json).member("id", '"' + id + '"').text();
    input += make.space() + '\n';
    if (make.one_in(20)) input += make.one_in(2) ? "\n" : " \t\r\n";

    const auto content = "A \\\"text\\\":\\n" + text.inside + "<" + more.inside + ">";
    expected.push_back(line_of(fmt::format("bw-{:010}", i), chat_body(content)));
    with_ids.push_back(line_of(id, chat_body(content)));
    with_body.push_back(line_of(id, fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":{}}}],"x":{}}})",
                                                text.json, more.json)));
  }
  auto job =
      tests::job({tests::input_file(dir, "in.jsonl", input, InputFormat::jsonl)}, "A \"text\":\n{{text}}<{{ more }}>");
  job.limits.requests = 150;
  check_built(dir, job, expected);
  job.request.id_column = "id";
  check_built(dir, job, with_ids);
  job.request.prompt.clear();
  job.request.body = R"({"model":"m","messages":[{"role":"user","content":"{{text}}"}],"x":"{{more}}"})";
  check_built(dir, job, with_body);
}

TEST_CASE("of hostile texts so many characters are taken as there are between their borders")
{
  const FreshDirectory dir;
  Hostile make{2};
  std::string input;
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) {
    const auto text = make.token(20);
    const auto& all = text.characters;
    input += HostileObject{make}.member("text", '"' + text.text + '"').text() + '\n';
    std::string head;
    std::string tail;
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (c < 7) head += all[c];
      if (c + 9 >= all.size()) tail += all[c];
    }
    expected.push_back(line_of(fmt::format("bw-{:010}", i), chat_body(head + "|" + tail)));
  }
  check_built(
      dir,
      tests::job({tests::input_file(dir, "in.jsonl", input, InputFormat::jsonl)}, "{{text|head 7}}|{{text|tail 9}}"),
      expected);
}

TEST_CASE("a line of 15 MiB, plain at first, then full of escapes, passes as the short ones around it")
{
  const FreshDirectory dir;
  std::string big(7 << 20, 'x');
  while (big.size() < 15 << 20)
    big += R"(\"\\\ud83d \n)";
  const std::string short_one = R"({"text":"short"})";
  const auto input = short_one + "\n{\"text\":\"" + big + "\"}\n" + short_one;
  check_built(dir, tests::job({tests::input_file(dir, "in.jsonl", input, InputFormat::jsonl)}, "{{text}}"),
              {line_of("bw-0000000000", chat_body("short")), line_of("bw-0000000001", chat_body(big)),
               line_of("bw-0000000002", chat_body("short"))});
}

TEST_CASE("hostile CSV cells become requests that hold them escaped, byte for byte")
{
  const FreshDirectory dir;
  Hostile make{3};
  const auto cell = [&](const std::string& value) {
    const bool needs_quotes = value.find_first_of("\"\n,\r") != std::string::npos;
    if (!needs_quotes && make.one_in(2)) return value;
    std::string quoted = "\"";
    for (const char c : value)
      quoted.append(c == '"' ? 2 : 1, c);
    return quoted + '"';
  };
  std::string input = "\xef\xbb\xbf\"the \"\"text\"\"\",more\n";
  std::vector<std::string> expected;
  for (int i = 0; i < 400; ++i) {
    const auto text = make.text(i == 7 ? 6000 : 20).decoded;
    const auto more = make.text(6).decoded;
    input += cell(text) + ',' + cell(more) + (make.one_in(3) ? "\r\n" : "\n");
    if (make.one_in(20)) input += make.one_in(2) ? "\n" : "\r\n";
    expected.push_back(
        line_of(fmt::format("bw-{:010}", i), chat_body("[" + escaped_plainly(more) + "] " + escaped_plainly(text))));
  }
  auto job = tests::job({tests::input_file(dir, "in.csv", input, InputFormat::csv)}, "[{{more}}] {{the \"text\"}}");
  job.limits.requests = 150;
  check_built(dir, job, expected);
}

TEST_CASE("hostile ready-made requests pass byte for byte, each into the part of its model")
{
  const FreshDirectory dir;
  Hostile make{4};
  std::string input;
  std::map<std::string, std::string> expected; // by model
  for (int i = 0; i < 300; ++i) {
    const std::string model{make.one_of({"m", "n\"\xc3\xa9"})};
    const auto messages = R"([{"role":"user","content":")" + make.token(10).text + R"("}])";
    const auto body =
        HostileObject{make}.member("model", '"' + escaped_plainly(model) + '"').member("messages", messages).text();
    const auto line =
        (make.one_in(4) ? " " : "") +
        HostileObject{make}
            .member("custom_id", fmt::format("\"{}-{}\"", i, make.text(3).text))
            .member("method", make.one_in(2) ? "\"POST\"" : R"("\u0050OST")")
            .member("url", make.one_in(2) ? "\"/v1/chat/completions\"" : R"("\/v1\/chat\u002fcompletions")")
            .member("body", body)
            .text();
    const auto behind = make.space(); // a carriage return before a line end is a part of that
    input += line + behind + '\n';
    expected[model] += line + (behind == "\r" ? "" : behind) + '\n';
  }
  auto job = tests::job({tests::input_file(dir, "in.jsonl", input, InputFormat::requests)}, "");
  job.request = {.model = {}, .endpoint = {}};
  const auto plan = requests::plan(job);
  REQUIRE(plan.parts.size() == expected.size());
  for (const auto& part : plan.parts) {
    const auto path = dir / "requests.jsonl";
    const auto built = requests::build(job, part, {.ordinals = dir / "ordinals", .requests = path, .ids = dir / "ids"});
    const bool is_same = tests::slurp(path) == expected[part.model];
    CHECK(is_same);
    CHECK(built.bytes == expected[part.model].size());
  }
}

TEST_CASE("what a ready-made request asks is its body, whatever stands before its line")
{
  const FreshDirectory dir;
  const auto line = [](int temperature) {
    return fmt::format(R"({{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{{"model":"m",)"
                       R"("messages":[{{"role":"user","content":"x"}}],"temperature":{}}}}})",
                       temperature);
  };
  const auto digests = [&](const std::string& before) {
    auto job = tests::job({tests::input_file(dir, "in.jsonl", before + line(0) + '\n', InputFormat::requests),
                           tests::input_file(dir, "other.jsonl", before + line(1) + '\n', InputFormat::requests)},
                          "");
    job.request = {.model = {}, .endpoint = {}};
    return requests::read_asked(job).digests;
  };
  const auto plain = digests("");
  CHECK(digests(" \t ") == plain);
  CHECK(plain[0] != plain[1]);
}

TEST_SUITE_END();
