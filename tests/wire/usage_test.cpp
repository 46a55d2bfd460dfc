#include <batchwright/wire/usage.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;
using namespace batchwright::wire;

TEST_SUITE_BEGIN("wire::usage");

namespace {

const std::string completions =
    R"({"object":"page","data":[{"object":"bucket","start_time":1795305600,"end_time":1795392000,"results":[]},
  {"object":"bucket","start_time":1795392000,"end_time":1795478400,"results":[
    {"object":"organization.usage.completions.result","input_tokens":1000,"output_tokens":500,"input_cached_tokens":800,
     "input_audio_tokens":0,"output_audio_tokens":0,"num_model_requests":5,"project_id":null,"user_id":null,
     "api_key_id":null,"model":"gpt-5.4-mini-2026-03-17","batch":true,"service_tier":null},
    {"object":"organization.usage.completions.result","input_tokens":7,"output_tokens":3,"num_model_requests":1,
     "model":"gpt-5.4-mini-2026-03-17","batch":false}]}],"has_more":true,"next_page":"AAA+/="})";

std::string page_of(const std::string& result)
{
  return R"({"data":[{"start_time":1795305600,"results":[)" + result + R"(]}],"has_more":false,"next_page":null})";
}

} // namespace

TEST_CASE("a page of completions is read: a row a result, none of an empty bucket, and where it goes on")
{
  const auto page = parse_usage(completions);
  REQUIRE(page);
  CHECK(page->next == "AAA+/=");
  REQUIRE(page->rows.size() == 2);
  CHECK(page->rows[0] == UsageRow{.day = from_unix(1795392000),
                                  .model = "gpt-5.4-mini-2026-03-17",
                                  .batch = true,
                                  .requests = 5,
                                  .input = {1000},
                                  .output = {500}});
  CHECK(page->rows[1].batch == false);
}

TEST_CASE("a page of embeddings tells no batches and no output")
{
  const auto page = parse_usage(page_of(
      R"({"object":"organization.usage.embeddings.result","input_tokens":16,"num_model_requests":2,"model":"m"})"));
  REQUIRE(page);
  CHECK(page->next.empty());
  CHECK(page->rows == std::vector{UsageRow{.day = from_unix(1795305600), .model = "m", .requests = 2, .input = {16}}});
}

TEST_CASE("figures are whole or not there")
{
  for (const auto* result :
       {R"({"model":null,"input_tokens":1})", R"({"input_tokens":1})", R"({"model":"m","input_tokens":"1"})",
        R"({"model":"m","num_model_requests":1.5})", R"({"model":"m","output_tokens":-1})", "7"})
    CHECK_FALSE(parse_usage(page_of(result)));
  for (const auto* text : {"", "<html>", "{}", R"({"data":{}})", R"({"data":[{"start_time":1}]})",
                           R"({"data":[{"results":[]}]})", R"({"data":[],"has_more":true,"next_page":null})"})
    CHECK_FALSE(parse_usage(text));
  CHECK(parse_usage(R"({"data":[]})"));
}

TEST_CASE("days are asked for by model, and by batch where that is known")
{
  const UsageSpan span{.kind = UsageKind::completions, .from = from_unix(1795305600), .to = from_unix(1795392000)};
  CHECK(usage_path(span) == "/organization/usage/completions?start_time=1795305600&bucket_width=1d&limit=31"
                            "&group_by=model&group_by=batch&end_time=1795392000");
  CHECK(usage_path({.kind = UsageKind::embeddings, .from = from_unix(86'400)}, "A+=") ==
        "/organization/usage/embeddings?start_time=86400&bucket_width=1d&limit=31&group_by=model&page=A%2B%3D");
  CHECK(usage_kind("/v1/responses") == UsageKind::completions);
  CHECK(usage_kind("/v1/embeddings") == UsageKind::embeddings);
  CHECK_FALSE(usage_kind("/v1/moderations"));
}

TEST_SUITE_END();
