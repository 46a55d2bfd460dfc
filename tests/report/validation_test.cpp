#include <batchwright/report/validation.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

TEST_SUITE_BEGIN("report::validation");

TEST_CASE("the first twenty problems of each code are shown, the others counted")
{
  report::ProblemLines lines{"a.jsonl"};
  for (std::uint64_t n = 1; n <= 20; ++n)
    CHECK(lines.line({n, 0, "url_mismatch", "another url"}) == "a.jsonl:" + std::to_string(n) + ": another url");
  CHECK(lines.rest() == "");
  CHECK_FALSE(lines.line({21, 0, "url_mismatch", "another url"}));
  CHECK(lines.line({21, 0, "model_mismatch", "another\x1b[2Jmodel"}) == "a.jsonl:21: another\\x1b[2Jmodel");
  CHECK(lines.line({0, 0, "empty_file", "the file is empty"}) == "a.jsonl: the file is empty");
  CHECK(lines.rest() == "a.jsonl: and 1 more of url_mismatch");
}

TEST_CASE("a sentence says what a file comes to")
{
  FileVerdict verdict{.file = "a.jsonl",
                      .requests = 60'000,
                      .bytes = 3 << 20,
                      .parts = 2,
                      .models = {"m"},
                      .endpoints = {"/v1/responses", "/v1/moderations"}};
  CHECK(report::sentence(verdict, {}) == "a.jsonl: 60,000 requests in 2 parts, 3.0 MiB; model m; 2 endpoints; valid");
  verdict.problems = 1;
  CHECK(report::sentence(verdict, {}).ends_with("; 1 problem"));
}

TEST_CASE("the object has the contract's members in their order, and nothing a program could stumble over")
{
  const FileVerdict verdict{
      .file = "a\xff.jsonl", .problems = 2, .requests = 3, .bytes = 4, .parts = 1, .models = {"m\"n"}};
  CHECK(report::json_head(verdict) + report::json({7, 90, "invalid_url", "no \xff"}) + "," +
            report::json({0, 0, "too_many_tasks", "many"}) + std::string{report::json_tail} ==
        "{\"file\":\"a\xef\xbf\xbd.jsonl\",\"valid\":false,\"requests\":3,\"bytes\":4,\"parts\":1,\"models\":["
        "\"m\\\"n\"],"
        "\"endpoints\":[],\"problems\":[{\"line\":7,\"byte\":90,\"code\":\"invalid_url\",\"message\":\"no "
        "\xef\xbf\xbd\"},"
        "{\"line\":null,\"byte\":null,\"code\":\"too_many_tasks\",\"message\":\"many\"}]}");
}

TEST_SUITE_END();
