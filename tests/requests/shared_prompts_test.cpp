// What a plan knows of its prompts: what all of them have in common, at the beginning and at the end.

#include "tests/requests/requests_fixture.hpp"

#include <batchwright/money/tokens.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

/// Words that are a token each, or two.
std::string words(int count)
{
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("{}word", i == 0 ? "" : " ");
  return text;
}

std::string csv(int rows)
{
  std::string text = "id,text\n";
  for (int i = 0; i < rows; ++i)
    text += fmt::format("r{},{} is the row\n", i, i);
  return text;
}

SharedPrompt shared_of(const Job& job, const std::string& model = "m")
{
  const auto shared = requests::plan(job).shared;
  REQUIRE(shared.contains(model));
  return shared.at(model);
}

/// Near an estimate: roles and ends of lines are few tokens.
void check_about(Tokens tokens, Tokens expected)
{
  CHECK(tokens.n >= expected.n);
  CHECK(tokens.n <= expected.n + 12);
}

} // namespace

TEST_SUITE_BEGIN("requests::shared_prompts");

TEST_CASE("a system message is what prompts have in common at their beginning")
{
  const FreshDirectory dir;
  auto job = tests::job({tests::input_file(dir, "a.csv", csv(30), InputFormat::csv)}, "{{text}}");
  job.request.system = words(1500);
  const auto shared = shared_of(job);
  check_about(shared.beginning, money::estimate_tokens(words(1500)));
  CHECK(shared.end.n < 10);
  CHECK_FALSE(shared.has_keys);
  job.request.set = {{"prompt_cache_key", "\"k\""}};
  CHECK(shared_of(job).has_keys);
}

TEST_CASE("instructions behind the item's text are in common at the end")
{
  const FreshDirectory dir;
  const auto job = tests::job({tests::input_file(dir, "a.csv", csv(30), InputFormat::csv)}, "{{text}}: " + words(1500));
  const auto shared = shared_of(job);
  CHECK(shared.beginning.n < 10);
  check_about(shared.end, money::estimate_tokens(words(1500)));
}

TEST_CASE("what is in common to the last token counts once, at the beginning")
{
  const FreshDirectory dir;
  const auto job = tests::job({tests::input_file(dir, "a.csv", csv(30), InputFormat::csv)}, words(1500));
  const auto shared = shared_of(job);
  check_about(shared.beginning, money::estimate_tokens(words(1500)));
  CHECK(shared.end.n == 0);
}

TEST_CASE("one request in a thousand that differs is found within the first thousand, and no request is compared alone")
{
  const FreshDirectory dir;
  std::string some = "id,text\n";
  for (int i = 0; i < 1200; ++i)
    some += fmt::format("r{},{}{}\n", i, i == 900 ? "Other words first " : "", words(1100));
  const auto job = tests::job({tests::input_file(dir, "a.csv", some, InputFormat::csv)}, "{{text}}");
  CHECK(shared_of(job).beginning.n < 10);
  const auto alone = tests::job({tests::input_file(dir, "b.csv", csv(1), InputFormat::csv)}, words(1500));
  CHECK(requests::plan(alone).shared.empty());
}

TEST_CASE("a template of the whole body, responses and tools are read as they are put together")
{
  const FreshDirectory dir;
  auto job = tests::job({tests::input_file(dir, "a.csv", csv(30), InputFormat::csv)}, "");
  job.request.endpoint = "/v1/responses";
  job.request.body = fmt::format(R"({{"model":"m","input":"{{{{text}}}}","instructions":"{}"}})", words(1500));
  check_about(shared_of(job).beginning, money::estimate_tokens(words(1500))); // whatever its place in the JSON
  job.request.set = {{"tools", fmt::format(R"([{{"type":"function","name":"f","description":"{}"}}])", words(500))}};
  CHECK(shared_of(job).beginning.n >= money::estimate_tokens(words(1500)).n + money::estimate_tokens(words(500)).n);
}

TEST_CASE("ready-made requests are looked at by model, and pictures are each their own")
{
  const FreshDirectory dir;
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    const auto image = fmt::format(R"({{"type":"image_url","image_url":{{"url":"data:image/png;base64,AAAA"}}}},)");
    lines += fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}",)"
                         R"("messages":[{{"role":"user","content":[{}{{"type":"text","text":"{}"}}]}}]}}}})",
                         i, i % 2 == 0 ? "even" : "odd", i % 2 == 0 ? "" : image, words(1200)) +
             '\n';
  }
  auto job = tests::job({tests::input_file(dir, "a.jsonl", lines, InputFormat::requests)}, "");
  job.request = {.endpoint = {}, .inputs_per_request = 0};
  check_about(shared_of(job, "even").beginning, money::estimate_tokens(words(1200)));
  CHECK(shared_of(job, "odd").beginning.n < 10);
  check_about(shared_of(job, "odd").end, money::estimate_tokens(words(1200)));
}

TEST_CASE("vectors are made of texts that nobody caches")
{
  const FreshDirectory dir;
  auto job = tests::job({tests::input_file(dir, "a.csv", csv(30), InputFormat::csv)}, words(1500));
  job.request.endpoint = "/v1/embeddings";
  CHECK(requests::plan(job).shared.empty());
}

TEST_SUITE_END();
