#include "tests/support/fresh_directory.hpp"

#include <batchwright/wire/answer.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

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

/// A line with a 200 and this body.
std::string answered(std::string_view body)
{
  return fmt::format(
      R"({{"id":"b","custom_id":"a","response":{{"status_code":200,"request_id":"r","body":{}}},"error":null}})", body);
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
  CHECK(r.answer.calls.empty());
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
  CHECK(r.answer.calls.starts_with(R"([{"id":"call_1")"));
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

TEST_CASE("an endpoint that is not known gives its whole body, and fails where the body says so")
{
  const Recorded video{answered(R"({"id":"v","status":"completed","model":"sora"})"), "/v1/videos"};
  CHECK(video.answer.judgement == Judgement::success);
  CHECK(video.answer.output() == R"({"id":"v","status":"completed","model":"sora"})");
  CHECK(video.answer.model == "sora");
  for (const auto* status : {"failed", "expired"}) {
    const Recorded r{answered(fmt::format(R"({{"status":"{}","error":{{"code":"c","message":"no luck"}}}})", status)),
                     "/v1/videos"};
    CHECK(r.answer.judgement == Judgement::unusable);
    CHECK(r.answer.code == "model_failed");
    CHECK(r.answer.message == "no luck");
  }
  CHECK(Recorded{answered("[]"), "/v1/videos"}.answer.code == "unreadable_output");
}

TEST_CASE("a response's texts are joined, its calls collected, its usage read by its own words")
{
  const Recorded r{
      answered(R"({"status":"completed","model":"m","output":[{"type":"reasoning","summary":[]},)"
               R"({"type":"message","content":[{"type":"output_text","text":"a\n\ud83d"},)"
               R"({"type":"output_text","text":"\"b"}]},{"type":"function_call","name":"f","arguments":"{}"}],)"
               R"("usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":8},"output_tokens":5,)"
               R"("output_tokens_details":{"reasoning_tokens":2}}})"),
      "/v1/responses"};
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == R"("a\n\ud83d\"b")");
  CHECK(r.answer.calls == R"([{"type":"function_call","name":"f","arguments":"{}"}])");
  CHECK(r.answer.finish_reason == "completed");
  CHECK(r.answer.usage == Usage{{12}, {8}, {5}, {2}});
}

TEST_CASE("a response that cannot be used says why, and keeps its text")
{
  struct Case {
    const char* body;
    const char* code;
    const char* words;
    const char* output;
  };
  const Case cases[] = {
      {R"({"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"ha"}]}]})",
       "truncated", "max_output_tokens", R"("ha")"},
      {R"({"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]})", "content_filter",
       "filter", "null"},
      {R"({"status":"failed","error":{"code":"server_error","message":"broke"},"output":[]})", "model_failed",
       "server_error: broke", "null"},
      {R"({"status":"failed"})", "model_failed", "failed", "null"},
      {R"({"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"I will not"}]}]})",
       "refused", "I will not", "null"},
      {R"({"status":"completed","output":[]})", "unreadable_output", "neither", "null"},
      {R"({"status":"completed"})", "unreadable_output", "no output", "null"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.body);
    const Recorded r{answered(c.body), "/v1/responses"};
    CHECK(r.answer.judgement == Judgement::unusable);
    CHECK(r.answer.paid);
    CHECK(r.answer.code == c.code);
    CHECK(r.answer.message.find(c.words) != std::string::npos);
    CHECK(r.answer.output() == c.output);
  }
}

TEST_CASE("a completion gives the text of each choice")
{
  const Recorded one{answered(R"({"choices":[{"text":" upon a time","finish_reason":"stop"}]})"), "/v1/completions"};
  CHECK(one.answer.output() == R"(" upon a time")");
  CHECK(one.answer.finish_reason == "stop");
  const Recorded two{
      answered(R"({"choices":[{"text":"a","finish_reason":"stop"},{"text":"b","finish_reason":"length"}]})"),
      "/v1/completions"};
  CHECK(two.answer.output() == R"(["a","b"])");
  CHECK(two.answer.code == "truncated");
  CHECK(Recorded{answered(R"({"choices":[{"finish_reason":"stop"}]})"), "/v1/completions"}.answer.code ==
        "unreadable_output");
}

TEST_CASE("an embedding is a vector, as numbers or in base64, and nothing else")
{
  for (const auto* vector : {R"("AACAPwAAAMA=")", "[1, -2.5e-3]", R"("AACAPwAAAMA")"}) {
    const Recorded r{
        answered(fmt::format(R"({{"data":[{{"index":0,"embedding":{}}}],"usage":{{"prompt_tokens":5}}}})", vector)),
        "/v1/embeddings"};
    CHECK(r.answer.judgement == Judgement::success);
    CHECK(r.answer.is_vector);
    CHECK(r.answer.output() == vector);
    CHECK(r.answer.usage == Usage{{5}, {0}, {0}, {0}});
  }
  for (const auto* bad : {R"("AACA")", R"("")", R"("A*CAPw==")", "[]", "[null]", R"(["1"])", "null", "7", "{}"}) {
    CAPTURE(bad);
    const Recorded r{answered(fmt::format(R"({{"data":[{{"index":0,"embedding":{}}}]}})", bad)), "/v1/embeddings"};
    CHECK(r.answer.code == "unreadable_output");
    CHECK(r.answer.paid);
  }
  CHECK(Recorded{answered(R"({"data":[]})"), "/v1/embeddings"}.answer.code == "unreadable_output");
}

TEST_CASE("a moderation gives its result, and no usage")
{
  const Recorded r{answered(R"({"id":"modr","model":"omni","results":[{"flagged":false,"categories":{}}]})"),
                   "/v1/moderations"};
  CHECK(r.answer.judgement == Judgement::success);
  CHECK(r.answer.output() == R"({"flagged":false,"categories":{}})");
  CHECK_FALSE(r.answer.usage.has_value());
}

TEST_CASE("a packed answer is told apart by index, or by position where there is none")
{
  const auto elements = [](const std::string& list, std::string_view endpoint = "/v1/embeddings") {
    const Recorded r{answered((endpoint == "/v1/embeddings" ? R"({"data":)" : R"({"results":)") + list + "}"),
                     endpoint};
    std::vector<std::string> found;
    for (const auto element : wire::packed_elements(r.doc.root(), endpoint, 3))
      found.emplace_back(element);
    return found;
  };
  using Found = std::vector<std::string>;
  const std::string a = R"({"index":0,"embedding":[1]})";
  const std::string c = R"({"index":2,"embedding":[3]})";
  CHECK(elements("[" + c + "," + a + "]") == Found{a, "", c});
  CHECK(elements(R"([{"embedding":[1]},{"embedding":[]},{"embedding":[3]},{"embedding":[4]}])") ==
        Found{R"({"embedding":[1]})", "", R"({"embedding":[3]})"});
  CHECK(elements(R"([{"index":-1,"embedding":[1]},{"index":9,"embedding":[1]}])") == Found{"", "", ""});
  CHECK(elements("[" + a + R"(,{"index":0,"embedding":[9]}])") == Found{a, "", ""});
  CHECK(elements(R"([{"flagged":true},7])", "/v1/moderations") == Found{R"({"flagged":true})", "", ""});
}

TEST_CASE("each input of a packed answer gets a line of its own, with its share of the usage")
{
  const Recorded r{answered(R"({"object":"list","data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[2]}],)"
                            R"("model":"m","usage":{"prompt_tokens":9,"total_tokens":9}})"),
                   "/v1/embeddings"};
  const auto line = wire::element_line(r.doc.root(), "/v1/embeddings", "it\"s", R"({"index":1,"embedding":[2]})",
                                       Usage{.input = {4}});
  CHECK(
      line ==
      R"({"id":"b","custom_id":"it\"s","response":{"status_code":200,"request_id":"r","body":{"object":"list",)"
      R"("model":"m","data":[{"index":1,"embedding":[2]}],"usage":{"prompt_tokens":4,"total_tokens":4}}},"error":null})");
  CHECK(wire::with_custom_id(r.doc.root(), "x") == R"({"id":"b","custom_id":"x")" + r.line.substr(25));
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
