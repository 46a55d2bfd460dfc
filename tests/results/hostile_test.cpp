// From the server's bytes to the user's: against lines put together by hand from what the answers are made of.

#include "tests/results/part_files.hpp"
#include "tests/support/hostile.hpp"

#include <batchwright/results/results.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>

using namespace batchwright;
using results::Format;
using tests::escaped_plainly;
using tests::Hostile;
using tests::HostileObject;

namespace {

/// What came of an item, and what is to be made of it.
struct Given {
  std::string line = {};
  bool succeeded = true;
  std::string record = {};
  std::string row = {};
};

std::string cell(const std::string& text)
{
  if (text.find_first_of("\",\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text)
    quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string answer(Hostile& make, Ordinal ordinal, const std::string& status, const std::string& body)
{
  const auto response = HostileObject{make}.member("status_code", status).member("body", body).text();
  return HostileObject{make}
      .member("custom_id", '"' + make.spelled(tests::id(ordinal)) + '"')
      .member("response", response)
      .member("error", "null")
      .text();
}

Given success(Hostile& make, Ordinal ordinal, std::size_t runs)
{
  auto content = make.token(runs);
  content.add("!", "!"); // an empty one is no answer
  const auto model = make.token(3).text + "m";
  const auto message = HostileObject{make}.member("content", '"' + content.text + '"').text();
  const auto choice = HostileObject{make}.member("message", message).member("finish_reason", "\"stop\"").text();
  const auto usage = HostileObject{make}.member("prompt_tokens", "10").member("completion_tokens", "2").text();
  const auto body = HostileObject{make}
                        .member("model", '"' + model + '"')
                        .member("choices", "[" + make.space() + choice + make.space() + "]")
                        .member("usage", usage)
                        .text();
  return {answer(make, ordinal, "200", body), true,
          fmt::format(R"({{"index":{},"custom_id":"{}","status":"succeeded","output":"{}","error":null,"paid":true,)"
                      R"("finish_reason":"stop","route":"batch","attempt":3,"model":"{}","usage":{{"input_tokens":10,)"
                      R"("cached_tokens":0,"output_tokens":2,"reasoning_tokens":0}},"cost_usd":null}})"
                      "\n",
                      ordinal, tests::id(ordinal), content.text, model),
          fmt::format("{},{},\n", ordinal, cell(content.shown))};
}

Given refusal(Hostile& make, Ordinal ordinal)
{
  auto message = make.token(10);
  message.add("!", "!");
  const auto error = HostileObject{make}.member("message", '"' + message.text + '"').member("code", "\"odd\"").text();
  const auto body = HostileObject{make}.member("error", error).text();
  return {answer(make, ordinal, "400", body), false,
          fmt::format(R"({{"index":{},"custom_id":"{}","status":"failed","output":null,"error":{{"code":"odd",)"
                      R"("message":"{}","http_status":400,"request_id":null}},"paid":false,"finish_reason":null,)"
                      R"("route":"batch","attempt":3,"model":"m","usage":null,"cost_usd":0}})"
                      "\n",
                      ordinal, tests::id(ordinal), escaped_plainly(message.shown)),
          fmt::format("{},,{}\n", ordinal, cell("odd: " + message.shown))};
}

/// Settles them as they come shuffled, in two files, and merges; a difference is told where it begins.
void check_merged(Hostile& make, const std::vector<Given>& all)
{
  const tests::FreshDirectory directory;
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), std::mt19937{1});
  std::string output;
  std::string errors;
  for (const auto i : order)
    (all[i].succeeded ? output : errors) += all[i].line + std::string{make.one_of({"\n", "\r\n", "\n\n"})};
  directory.file("1.output.jsonl", output);
  directory.file("1.errors.jsonl", errors);

  auto part = tests::range(0, all.size() - 1);
  part.attempt = 3;
  const auto files = tests::files_in(directory);
  const auto settled = results::settle(part, files, {.endpoint = "/v1/chat/completions"});
  CHECK(settled.lines.unreadable == 0);
  CHECK(settled.quarantined == 0);

  Job job;
  job.items = all.size();
  const std::vector outcomes{results::OutcomeFile{
      .path = files.outcomes, .last = part.last, .attempt = 3, .endpoint = "/v1/chat/completions", .model = "m"}};
  const auto check = [&](const results::MergeOptions& options, std::string expected, auto of_each) {
    std::string merged;
    results::merge(job, outcomes, options, [&](std::string_view bytes) { merged += bytes; });
    for (const auto& one : all)
      expected += of_each(one);
    const auto at = static_cast<std::size_t>(
        std::mismatch(merged.begin(), merged.end(), expected.begin(), expected.end()).first - merged.begin());
    CAPTURE(merged.substr(at - std::min<std::size_t>(at, 60), 120));
    CAPTURE(expected.substr(std::min(at, expected.size()) - std::min<std::size_t>(at, 60), 120));
    const bool is_same = merged == expected; // texts this long say nothing in a message
    CHECK(is_same);
  };
  check({.format = Format::raw}, "", [](const Given& one) { return one.line + '\n'; });
  check({.format = Format::jsonl}, "", [](const Given& one) { return one.record; });
  check({.format = Format::csv, .choice = {.fields = {"index", "output", "error"}}}, "index,output,error\n",
        [](const Given& one) { return one.row; });
}

} // namespace

TEST_SUITE_BEGIN("results::hostile");

TEST_CASE("hostile answers come back as raw lines, records and rows that hold their texts byte for byte")
{
  Hostile make{1};
  std::vector<Given> all;
  for (Ordinal ordinal = 0; ordinal < 400; ++ordinal)
    all.push_back(make.one_in(5) ? refusal(make, ordinal) : success(make, ordinal, ordinal == 7 ? 6000 : 20));
  check_merged(make, all);
}

TEST_CASE("an answer of 15 MiB, plain at first, then full of escapes, comes back as the short ones around it")
{
  Hostile make{2};
  std::vector<Given> all{success(make, 0, 3), {}, success(make, 2, 3)};
  std::string text(7 << 20, 'x');
  auto shown = text;
  while (text.size() < 15 << 20) {
    text += R"(\"\\\ud83d \n)";
    shown += "\"\\\xef\xbf\xbd \n";
  }
  all[1] = {
      tests::success(tests::id(1), '"' + text + '"'), true,
      R"({"index":1,"custom_id":"bw-0000000001","status":"succeeded","output":")" + text +
          R"(","error":null,"paid":true,"finish_reason":"stop","route":"batch","attempt":3,"model":"m-2026",)"
          R"("usage":{"input_tokens":10,"cached_tokens":0,"output_tokens":2,"reasoning_tokens":0},"cost_usd":null})"
          "\n",
      "1," + cell(shown) + ",\n"};
  check_merged(make, all);
}

TEST_SUITE_END();
