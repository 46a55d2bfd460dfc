#include <batchwright/json/json.hpp>
#include <batchwright/wire/query.hpp>
#include <batchwright/wire/usage.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::wire {
namespace {

constexpr int most_days_a_page = 31;

std::int64_t unix_seconds(Instant t)
{
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

/// A count of 0 or more; an absent one is 0. Nothing where there is something else.
std::optional<std::int64_t> count(const json::Value& result, std::string_view key)
{
  const auto value = result.get(key);
  if (!value) return 0;
  const auto n = value->integer();
  return n && *n >= 0 ? n : std::nullopt;
}

std::optional<UsageRow> read_result(const json::Value& result, Instant day)
{
  const auto requests = count(result, "num_model_requests");
  const auto input = count(result, "input_tokens");
  const auto output = count(result, "output_tokens");
  const auto model = result.get("model");
  const auto name = model ? model->text() : std::nullopt;
  if (!requests || !input || !output || !name) return std::nullopt;
  const auto batch = result.get("batch");
  return UsageRow{.day = day,
                  .model = *name,
                  .batch = batch ? batch->boolean() : std::nullopt,
                  .requests = *requests,
                  .input = {*input},
                  .output = {*output}};
}

/// Whether the rows of a bucket could be read.
bool read_bucket(const json::Value& bucket, std::vector<UsageRow>& rows)
{
  // Some versions of the reference, and some servers, call them `result`.
  auto results = bucket.get("results");
  if (!results) results = bucket.get("result");
  const auto start = bucket.get("start_time");
  const auto seconds = start ? start->integer() : std::nullopt;
  if (!results || !results->is(json::Kind::array) || !seconds) return false;
  for (const auto& result : results->elements()) {
    auto row = read_result(result, from_unix(*seconds));
    if (!row) return false;
    rows.push_back(std::move(*row));
  }
  return true;
}

} // namespace

std::optional<UsageKind> usage_kind(std::string_view path)
{
  constexpr std::array texts{"/v1/chat/completions", "/v1/responses", "/v1/completions"};
  if (std::find(texts.begin(), texts.end(), path) != texts.end()) return UsageKind::completions;
  if (path == "/v1/embeddings") return UsageKind::embeddings;
  return std::nullopt;
}

std::string usage_path(const UsageSpan& span, std::string_view page)
{
  const bool of_texts = span.kind == UsageKind::completions;
  auto path = fmt::format("/organization/usage/{}?start_time={}&bucket_width=1d&limit={}&group_by=model{}",
                          of_texts ? "completions" : "embeddings", unix_seconds(span.from), most_days_a_page,
                          of_texts ? "&group_by=batch" : "");
  if (span.to) path += fmt::format("&end_time={}", unix_seconds(*span.to));
  return page.empty() ? path : fmt::format("{}&page={}", path, encoded(page));
}

std::optional<UsagePage> parse_usage(std::string_view json)
{
  json::Document document;
  if (!document.parse(json)) return std::nullopt;
  const auto buckets = document.root().get("data");
  if (!buckets || !buckets->is(json::Kind::array)) return std::nullopt;
  UsagePage page;
  for (const auto& bucket : buckets->elements())
    if (!read_bucket(bucket, page.rows)) return std::nullopt;
  const auto more = document.root().get("has_more");
  if (!more || more->boolean() != true) return page;
  const auto next = document.root().get("next_page");
  page.next = next ? next->text().value_or("") : "";
  return page.next.empty() ? std::nullopt : std::optional{std::move(page)};
}

} // namespace batchwright::wire
