#include <batchwright/emulator/setting.hpp>
#include <batchwright/emulator/usage_book.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <vector>

namespace batchwright::emulator {
namespace {

constexpr std::string_view completions = "completions";
constexpr std::int64_t minute = 60; // seconds, as all times here

struct Width {
  std::string_view name = {};
  std::int64_t seconds = 0;
  std::int64_t usual_limit = 0;
  std::int64_t most = 0; // buckets a page
};
constexpr std::array widths{Width{"1d", 24 * 60 * minute, 7, 31}, Width{"1h", 60 * minute, 24, 168},
                            Width{"1m", minute, 60, 1440}};

/// What a call asks for.
struct Asked {
  std::string kind = {};
  std::int64_t begin = 0; // of the page's first bucket
  std::int64_t end = 0;
  Width width = widths.front();
  std::int64_t limit = 0;
  std::set<std::string> groups = {};

  bool groups_by(const std::string& field) const { return groups.contains(field); }
};

std::string value_of(const Call& call, const std::string& name)
{
  const auto found = call.query.find(name);
  return found == call.query.end() ? std::string{} : found->second;
}

ApiError wrong_query(const std::string& name, std::string_view expected)
{
  return {.message = fmt::format("Invalid value for '{}': expected {}.", name, expected),
          .words = {.param = name, .code = "invalid_value"}};
}

std::set<std::string> groups_of(const Call& call)
{
  std::set<std::string> groups;
  for (const auto* name : {"group_by", "group_by[]"}) {
    const auto [first, last] = call.query.equal_range(name);
    for (auto given = first; given != last; ++given) {
      std::string_view rest = given->second;
      while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.size());
        groups.emplace(rest.substr(0, comma));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
      }
    }
  }
  return groups;
}

std::optional<ApiError> fault_of_groups(const Asked& asked)
{
  constexpr std::string_view known = "project_id, user_id, api_key_id, model";
  constexpr std::array fields{"project_id", "user_id", "api_key_id", "model"};
  for (const auto& group : asked.groups) {
    const bool is_known = std::find(fields.begin(), fields.end(), group) != fields.end();
    if (is_known || (group == "batch" && asked.kind == completions)) continue;
    return wrong_query("group_by", fmt::format("{}{}", known, asked.kind == completions ? ", batch" : ""));
  }
  return std::nullopt;
}

std::optional<ApiError> fault_of_names(const Call& call)
{
  constexpr std::array known{"start_time", "end_time", "bucket_width", "group_by", "group_by[]", "limit", "page"};
  for (const auto& [name, value] : call.query) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    return ApiError{.message = fmt::format("Unknown parameter: '{}'.", name),
                    .words = {.param = name, .code = "unknown_parameter"}};
  }
  return std::nullopt;
}

/// Reads a moment where one is given.
std::optional<ApiError> read_time(const Call& call, const std::string& name, std::int64_t& to)
{
  const auto given = value_of(call, name);
  if (given.empty()) return std::nullopt;
  const auto seconds = whole_number(given);
  if (!seconds || *seconds > 253'402'300'799) return wrong_query(name, "a time in Unix seconds");
  to = *seconds;
  return std::nullopt;
}

std::optional<ApiError> read_span(const Call& call, Asked& asked)
{
  if (value_of(call, "start_time").empty()) return missing_parameter("start_time");
  if (auto fault = read_time(call, "start_time", asked.begin)) return fault;
  if (auto fault = read_time(call, "end_time", asked.end)) return fault;
  if (asked.end <= asked.begin) return wrong_query("end_time", "a time after start_time");
  if (const auto width = value_of(call, "bucket_width"); !width.empty()) {
    const auto* known = std::find_if(widths.begin(), widths.end(), [&](const Width& w) { return w.name == width; });
    if (known == widths.end()) return wrong_query("bucket_width", "1m, 1h or 1d");
    asked.width = *known;
  }
  asked.begin -= asked.begin % asked.width.seconds;
  return std::nullopt;
}

constexpr std::string_view page_prefix = "page_";

/// The page's cursor is the begin of its first bucket, behind a word.
std::optional<ApiError> read_page(const Call& call, Asked& asked)
{
  const auto page = value_of(call, "page");
  if (page.empty()) return std::nullopt;
  const auto begin =
      page.starts_with(page_prefix) ? whole_number(std::string_view{page}.substr(page_prefix.size())) : std::nullopt;
  const bool fits = begin && *begin >= asked.begin && *begin < asked.end && *begin % asked.width.seconds == 0;
  if (!fits) return wrong_query("page", "the next_page of the page before");
  asked.begin = *begin;
  return std::nullopt;
}

std::optional<Reply> read(const Call& call, Asked& asked)
{
  asked.groups = groups_of(call);
  if (const auto fault = fault_of_names(call)) return *fault;
  if (const auto fault = fault_of_groups(asked)) return *fault;
  if (const auto fault = read_span(call, asked)) return *fault;
  if (const auto fault = read_page(call, asked)) return *fault;
  const auto limit = limit_of(call, asked.width.most, asked.width.usual_limit);
  asked.limit = limit.value;
  return limit.refusal;
}

/// What tells results of one bucket apart; empty and nothing where it is not asked for.
struct Group {
  std::string model = {};
  std::optional<UsageBook::By> by = {};

  auto operator<=>(const Group&) const = default;
};

/// A member that is null unless it is grouped by.
void write_group(json::Writer& w, const Asked& asked, const std::string& field, const std::string& value)
{
  w.member(field, asked.groups_by(field) ? std::optional{value} : std::nullopt);
}

void write_result(json::Writer& w, const Asked& asked, const Group& group, const UsageBook::Sums& sums)
{
  const bool is_text = asked.kind == completions;
  w.begin_object().member("object", fmt::format("organization.usage.{}.result", asked.kind));
  w.member("input_tokens", sums.usage.input_tokens).member("num_model_requests", sums.requests);
  if (is_text) {
    w.member("output_tokens", sums.usage.output_tokens);
    w.member("input_cached_tokens", sums.usage.cache.read);
    for (const auto* none : {"input_audio_tokens", "output_audio_tokens"})
      w.key(none).integer(0);
  }
  write_group(w, asked, "project_id", "proj_emulator");
  write_group(w, asked, "user_id", "user-emulator");
  write_group(w, asked, "api_key_id", "key_emulator");
  write_group(w, asked, "model", group.model);
  if (is_text && group.by)
    w.flag("batch", *group.by == UsageBook::By::batch);
  else if (is_text)
    w.key("batch").null();
  w.end_object();
}

} // namespace

std::string_view usage_kind(std::string_view path)
{
  if (path == "/v1/chat/completions" || path == "/v1/responses" || path == "/v1/completions") return completions;
  if (path == "/v1/embeddings") return "embeddings";
  if (path == "/v1/moderations") return "moderations";
  return {};
}

UsageBook::Sums& UsageBook::Sums::operator+=(const Sums& more)
{
  requests += more.requests;
  usage += more.usage;
  return *this;
}

void UsageBook::add(const Billed& billed, By by)
{
  if (billed.kind.empty()) return;
  const Key key{.minute = unix_seconds(billed.at) / minute, .kind = billed.kind, .model = billed.model, .by = by};
  m_rows[key] += {.requests = 1, .usage = billed.usage};
}

Reply UsageBook::page(const Call& call, const std::string& kind, Instant now) const
{
  Asked asked{.kind = kind, .end = unix_seconds(now) + 1};
  if (auto refusal = read(call, asked)) return *refusal;
  Reply reply;
  json::Writer w{reply.body};
  w.begin_object().member("object", "page").key("data").begin_array();
  auto begin = asked.begin;
  for (std::int64_t n = 0; n < asked.limit && begin < asked.end; ++n, begin += asked.width.seconds) {
    const auto end = begin + asked.width.seconds;
    std::map<Group, Sums> results;
    const auto first = m_rows.lower_bound({.minute = begin / minute});
    const auto last = m_rows.lower_bound({.minute = end / minute});
    std::for_each(first, last, [&](const auto& row) {
      const auto& [key, sums] = row;
      if (key.kind != kind) return;
      results[{.model = asked.groups_by("model") ? key.model : "",
               .by = asked.groups_by("batch") ? std::optional{key.by} : std::nullopt}] += sums;
    });
    w.begin_object().member("object", "bucket").member("start_time", begin).member("end_time", end);
    w.key("results").begin_array();
    for (const auto& [group, sums] : results)
      write_result(w, asked, group, sums);
    w.end_array().end_object();
  }
  const bool more = begin < asked.end;
  w.end_array().flag("has_more", more);
  w.member("next_page", more ? std::optional{fmt::format("{}{}", page_prefix, begin)} : std::nullopt).end_object();
  return reply;
}

} // namespace batchwright::emulator
