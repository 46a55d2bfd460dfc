#include <batchwright/api/caller.hpp>
#include <batchwright/http/retry.hpp>

#include <algorithm>
#include <charconv>

namespace batchwright::api {
namespace {

/// A count of at least `least`; some servers say -1 for what they do not know.
std::optional<std::int64_t> count(std::string_view text, std::int64_t least)
{
  std::int64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, number);
  if (text.empty() || fault != std::errc{} || stop != end || number < least) return std::nullopt;
  return number;
}

std::optional<Millis> time_until(std::string_view text, Instant now)
{
  if (const auto duration = http::parse_go_duration(text)) return duration;
  const auto moment = parse_rfc3339(text);
  return moment ? std::optional{std::max(*moment - now, Millis{0})} : std::nullopt;
}

/// The one that is there, or of two the one that `before` puts first.
template<class T, class Before>
std::optional<T> either(std::optional<T> a, std::optional<T> b, Before before)
{
  if (!a || !b) return a ? a : b;
  return before(*b, *a) ? b : a;
}

} // namespace

RateHeaders read_rate_headers(const http::Response& response)
{
  const auto now = response.date().value_or(system_clock().now());
  const auto limit = [&](std::string_view name) { return count(response.header(name), 1); };
  const auto rest = [&](std::string_view name) { return count(response.header(name), 0); };
  const auto reset = [&](std::string_view name) { return time_until(response.header(name), now); };
  return {.limit_requests = limit("x-ratelimit-limit-requests"),
          .limit_tokens =
              either(limit("x-ratelimit-limit-tokens"), limit("x-ratelimit-limit-project-tokens"), std::less<>{}),
          .remaining_requests = rest("x-ratelimit-remaining-requests"),
          .remaining_tokens =
              either(rest("x-ratelimit-remaining-tokens"), rest("x-ratelimit-remaining-project-tokens"), std::less<>{}),
          .reset_requests = reset("x-ratelimit-reset-requests"),
          .reset_tokens =
              either(reset("x-ratelimit-reset-tokens"), reset("x-ratelimit-reset-project-tokens"), std::greater<>{})};
}

} // namespace batchwright::api
