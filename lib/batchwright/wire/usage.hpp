// The organisation's usage as the provider tells it: which endpoint tells of what, how a page is asked for, what stands
// in it. Text in, values out, no I/O. By OpenAI's API reference (GET /organization/usage/...); nothing of it was seen
// at the live API yet.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::wire {

/// An endpoint of the organisation's usage that tells tokens which answers tell, too. (Moderations are free, and their
/// answers name no tokens.)
enum class UsageKind : std::uint8_t {
  completions, ///< chat completions, responses and completions
  embeddings,  ///< does not tell batches from calls
};

/// Which of them tells of requests to a path; nothing: none does.
std::optional<UsageKind> usage_kind(std::string_view path);

/// Whole days, UTC.
struct UsageSpan {
  UsageKind kind = UsageKind::completions;
  Instant from = {};
  std::optional<Instant> to = {}; ///< the begin of the day after the last; nothing: until now
};

/// What is asked for: a bucket a day, as many a page as there may be, by model and, where the provider has it, batch.
/// `page`: the `next` of the page before; empty: the first.
std::string usage_path(const UsageSpan& span, std::string_view page = {});

struct UsageRow {
  Instant day = {};               ///< the begin of its bucket
  std::string model = {};         ///< "gpt-5.4-mini-2026-03-17"
  std::optional<bool> batch = {}; ///< nothing: not told
  std::int64_t requests = 0;
  Tokens input = {}; ///< cached ones among them
  Tokens output = {};

  bool operator==(const UsageRow&) const = default;
};

struct UsagePage {
  std::vector<UsageRow> rows = {};
  std::string next = {}; ///< empty: it was the last
};

/// Nothing where the text is no such page, or any result of it cannot be read: figures are whole or not there.
std::optional<UsagePage> parse_usage(std::string_view json);

} // namespace batchwright::wire
