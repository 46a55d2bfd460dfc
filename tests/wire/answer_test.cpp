#include "tests/support/fresh_directory.hpp"

#include <batchwright/wire/answer.hpp>

#include <doctest/doctest.h>

#include <filesystem>
#include <string>

using namespace batchwright;

namespace {

/// A recorded line, read for the chat endpoint; keeps what the answer's views point into.
struct Recorded {
  explicit Recorded(std::string text_of_line, std::string_view endpoint = "/v1/chat/completions")
      : line(std::move(text_of_line))
  {
    REQUIRE(doc.parse(line));
    answer = wire::read_answer(doc.root(), endpoint);
  }

  std::string line;
  json::Document doc = {};
  wire::Answer answer = {};
};

Recorded recorded(std::string_view name)
{
  return Recorded{tests::slurp(std::filesystem::path{FIXTURES} / "answers" / name)};
}

/// A refusal of this status, in the API's own words or none.
Recorded refusal(int status, const std::string& error = "null")
{
  return Recorded{R"({"custom_id":"a","response":{"status_code":)" + std::to_string(status) + R"(,"body":{"error":)" +
                  error + R"(}},"error":null})"};
}

} // namespace

TEST_SUITE_BEGIN("wire::answer");

TEST_CASE("a success gives its text as it stands, its usage and where it came from")
{
  const auto r = recorded("success.jsonl");
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.custom_id == "row-1");
  CHECK(r.answer.code.empty());
  CHECK(r.answer.message.empty());
  CHECK(r.answer.http_status == 200);
  CHECK(r.answer.request_id == "req-row-1");
  CHECK(r.answer.paid);
  CHECK(r.answer.output() == R"("Hi!")");
  CHECK(r.answer.tool_calls.empty());
  CHECK(r.answer.finish_reason == "stop");
  CHECK(r.answer.model == "gpt-5.4-mini-2026-03-17");
  CHECK(r.answer.usage == Usage{{1200}, {1024}, {80}, {64}});
}

TEST_CASE("members in another order and unknown ones make no difference")
{
  const auto r = recorded("success-azure.jsonl");
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == R"("Hi!")");
  CHECK(r.answer.usage == Usage{{9}, {0}, {3}, {0}});
  CHECK(r.answer.model.empty());
}

TEST_CASE("several choices become an array, judged by the first that is not usable")
{
  const auto both = recorded("several-choices.jsonl");
  CHECK(both.answer.judgement == Judgement::success);
  CHECK(both.answer.output() == R"(["heads","tails"])");

  auto line = both.line;
  line.replace(line.rfind("\"stop\""), 6, "\"length\"");
  const Recorded cut{line};
  CHECK(cut.answer.code == "truncated");
  CHECK(cut.answer.finish_reason == "length");
  CHECK(cut.answer.output() == R"(["heads","tails"])");
}

TEST_CASE("an answer that was paid for and cannot be used says why and keeps its text")
{
  const auto truncated = recorded("truncated.jsonl");
  CHECK(truncated.answer.judgement == Judgement::unusable);
  CHECK(truncated.answer.code == "truncated");
  CHECK(truncated.answer.paid);
  CHECK(truncated.answer.output() == R"("Once upon a")");
  CHECK(truncated.answer.finish_reason == "length");
  CHECK(truncated.answer.usage);

  const auto filtered = recorded("content-filter.jsonl");
  CHECK(filtered.answer.judgement == Judgement::unusable);
  CHECK(filtered.answer.code == "content_filter");
  CHECK(filtered.answer.output() == R"("The recipe is")");

  const auto refused = recorded("refusal.jsonl");
  CHECK(refused.answer.judgement == Judgement::unusable);
  CHECK(refused.answer.code == "refused");
  CHECK(refused.answer.message == "I can\u2019t help with that.");
  CHECK(refused.answer.paid);
  CHECK(refused.answer.output() == "null");
}

TEST_CASE("tool calls alone are a success without text")
{
  const auto r = recorded("tool-calls.jsonl");
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == "null");
  CHECK(r.answer.tool_calls.starts_with(R"([{"id":"call_1")"));
  CHECK(r.answer.finish_reason == "tool_calls");
}

TEST_CASE("a success without usage or without text is one all the same")
{
  const auto unmetered = recorded("missing-usage.jsonl");
  CHECK(unmetered.answer.judgement == Judgement::success);
  CHECK(unmetered.answer.paid);
  CHECK_FALSE(unmetered.answer.usage);

  const auto silent = recorded("null-content.jsonl");
  CHECK(silent.answer.judgement == Judgement::success);
  CHECK(silent.answer.output() == "null");
}

TEST_CASE("a 2xx answer without choices, or whose body is none, is unreadable and counts as paid")
{
  for (const auto* name : {"no-choices.jsonl", "body-not-an-object.jsonl", "body-missing.jsonl", "neither.jsonl"}) {
    CAPTURE(name);
    const auto r = recorded(name);
    CHECK(r.answer.judgement == Judgement::unusable);
    CHECK(r.answer.code == "unreadable_output");
    CHECK_FALSE(r.answer.message.empty());
    CHECK(r.answer.paid);
  }
  for (const auto* line : {"[]", "7", "{}", R"({"response":{}})", R"({"response":{"status_code":"200"}})",
                           R"({"response":{"status_code":200,"body":{"choices":[7]}}})",
                           R"({"response":{"status_code":200,"body":{"choices":{"message":{}}}}})",
                           R"({"response":{"status_code":200,"body":{"choices":[{"message":null}]}}})"}) {
    CAPTURE(line);
    CHECK(Recorded{line}.answer.code == "unreadable_output");
  }
}

TEST_CASE("an endpoint we cannot read is told by name")
{
  const auto line = recorded("success.jsonl").line;
  const Recorded r{line, "/v1/audio"};
  CHECK(r.answer.code == "unreadable_output");
  CHECK(r.answer.message.find("/v1/audio") != std::string::npos);
}

TEST_CASE("a refusal gives the server's code and words")
{
  const auto r = recorded("refused-400.jsonl");
  CHECK(r.answer.judgement == Judgement::permanent);
  CHECK(r.answer.code == "invalid_value");
  CHECK(r.answer.message == "Invalid value for max_completion_tokens.");
  CHECK(r.answer.http_status == 400);
  CHECK(r.answer.request_id == "req-row-2");
  CHECK_FALSE(r.answer.paid);
  CHECK(r.answer.output() == "null");
}

TEST_CASE("where the server gave no code, its type or the status stands for it")
{
  CHECK(recorded("refused-without-code.jsonl").answer.code == "invalid_request_error");

  const auto wordless = recorded("refused-without-words.jsonl");
  CHECK(wordless.answer.code == "http_413");
  CHECK(wordless.answer.message.find("413") != std::string::npos);

  const auto gateway = recorded("html-502.jsonl");
  CHECK(gateway.answer.code == "http_502");
  CHECK(gateway.answer.message.starts_with("<html>\r\n"));
  CHECK(gateway.answer.judgement == Judgement::transient);

  const Recorded placeless{R"({"response":{"status_code":422,"body":{"detail":"no such field"}},"error":null})"};
  CHECK(placeless.answer.message == R"({"detail":"no such field"})");

  const auto bare = recorded("error-without-code.jsonl");
  CHECK(bare.answer.code == "not_executed");
  CHECK(bare.answer.message == "internal");
}

TEST_CASE("a top-level error beside a refusing status is judged by the status")
{
  const auto r = recorded("refused-vllm.jsonl");
  CHECK(r.answer.judgement == Judgement::permanent);
  CHECK(r.answer.code == "BadRequestError");
  CHECK(r.answer.message == "This model's maximum context length is 4096 tokens.");
  CHECK(r.answer.http_status == 400);
}

TEST_CASE("what never ran may be sent again")
{
  const auto expired = recorded("expired.jsonl");
  CHECK(expired.answer.judgement == Judgement::transient);
  CHECK(expired.answer.code == "batch_expired");
  CHECK(expired.answer.http_status == 0);
  CHECK_FALSE(expired.answer.paid);
  CHECK(recorded("cancelled.jsonl").answer.judgement == Judgement::transient);
  CHECK(recorded("status-0.jsonl").answer.judgement == Judgement::transient);
  CHECK(recorded("status-0.jsonl").answer.code == "http_0");

  // A success with an error beside it is none: the API's test for success asks for both.
  auto line = recorded("success.jsonl").line;
  line.replace(line.rfind("null"), 4, R"({"code":"odd"})");
  const Recorded odd{line};
  CHECK(odd.answer.judgement == Judgement::transient);
  CHECK(odd.answer.code == "odd");
}

TEST_CASE("a status says whether a request may be sent again")
{
  for (const int status : {400, 402, 403, 404, 405, 410, 413, 415, 422, 425, 499, 301}) {
    CAPTURE(status);
    CHECK(refusal(status).answer.judgement == Judgement::permanent);
  }
  for (const int status : {408, 409, 500, 502, 503, 504, 520, 529, 0, 101}) {
    CAPTURE(status);
    CHECK(refusal(status).answer.judgement == Judgement::transient);
  }
  CHECK(refusal(401).answer.judgement == Judgement::free_retry);
  CHECK(refusal(201).answer.code == "unreadable_output");
}

TEST_CASE("limits and overload use up no attempt")
{
  CHECK(recorded("rate-limit-429.jsonl").answer.judgement == Judgement::free_retry);
  CHECK(recorded("quota-429.jsonl").answer.judgement == Judgement::free_retry);
  CHECK(recorded("quota-429.jsonl").answer.code == "insufficient_quota");
  CHECK(recorded("slow-down-503.jsonl").answer.judgement == Judgement::free_retry);
  CHECK(refusal(503, R"({"code":"slow_down"})").answer.judgement == Judgement::free_retry);
  CHECK(refusal(500, R"({"message":"Slow down"})").answer.judgement == Judgement::transient);
}

TEST_CASE("numbers that make no sense count as nothing and stay as they stand")
{
  const auto r = recorded("weird-numbers.jsonl");
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == R"("-0.0 and 1E400")");
  CHECK(r.answer.usage == Usage{});

  const Recorded beyond{R"({"response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}],"usage":)"
                        R"({"prompt_tokens":5,"completion_tokens":9223372036854775807,)"
                        R"("prompt_tokens_details":{"cached_tokens":6}}}}})"};
  CHECK(beyond.answer.usage == Usage{{5}, {5}, {0}, {0}});
  const Recorded hostile{R"({"response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}],"usage":)"
                         R"({"prompt_tokens":999999999,"completion_tokens":10000000}}}})"};
  CHECK(hostile.answer.usage == Usage{{0}, {0}, {10'000'000}, {0}});
}

TEST_CASE("half surrogate pairs pass as they stand in texts and are replaced in ids")
{
  const auto r = recorded("lone-surrogates.jsonl");
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == R"("cut \ud83d here, \u0000 and \ud83d\ude00 whole, \/")");
  CHECK(r.answer.custom_id == "row-\xef\xbf\xbd");
  CHECK(wire::custom_id_of(r.doc.root()) == "row-\xef\xbf\xbd");
}

TEST_CASE("the custom_id of a line that is cut or broken is found near its start")
{
  using wire::salvage_custom_id;
  CHECK(salvage_custom_id(R"({"id":"b","custom_id":"row-9","response":{"sta)") == "row-9");
  CHECK(salvage_custom_id(R"({"custom_id" : "a\"\u00e9",)") == "a\"\xc3\xa9");
  CHECK(salvage_custom_id("{\"custom_id\":\"row\",\"x\":\"\xff\"") == "row");
  CHECK_FALSE(salvage_custom_id(R"({"id":"b","custom_id":"row-)"));
  CHECK_FALSE(salvage_custom_id(R"({"id":"b","custom_id":7})"));
  CHECK_FALSE(salvage_custom_id(R"({"id":"b","custom_id")"));
  CHECK_FALSE(salvage_custom_id(R"({"custom_id":"a\)"));
  CHECK_FALSE(salvage_custom_id("{\"custom_id\":\"\xff\"}"));
  CHECK_FALSE(salvage_custom_id(R"({"custom_id":"\u12"})"));
  CHECK_FALSE(salvage_custom_id(R"({"text":"a \"custom_id\":\"no\""})"));
  CHECK_FALSE(salvage_custom_id(R"({"text":")" + std::string(2000, 'x') + R"(","custom_id":"far"})"));
  CHECK_FALSE(salvage_custom_id(""));
}

TEST_CASE("the line of an item without an answer reads back as what it says")
{
  const Recorded r{wire::unanswered_line("a\"b", "missing", "the server returned no line\nfor this request")};
  CHECK(r.line.starts_with(R"({"id":null,"custom_id":"a\"b","response":null,"error":{)"));
  CHECK(r.answer.custom_id == "a\"b");
  CHECK(r.answer.code == "missing");
  CHECK(r.answer.message == "the server returned no line\nfor this request");
  CHECK(r.answer.judgement == Judgement::transient);
  CHECK_FALSE(r.answer.paid);
}

TEST_SUITE_END();
