#include <batchwright/realtime/decide.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace batchwright::realtime {
namespace {

std::string lower(std::string_view text)
{
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool says(const api::Answered& a, std::initializer_list<std::string_view> words)
{
  const auto text = lower(a.error.code) + "\n" + lower(a.error.message.empty() ? a.body : a.error.message);
  return std::any_of(words.begin(), words.end(), [&](auto word) { return text.find(word) != std::string::npos; });
}

/// The number behind a word: "Limit 200,000, Used ...".
std::optional<std::int64_t> number_after(std::string_view text, std::string_view word)
{
  const auto at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  std::string digits;
  for (const char c : text.substr(at + word.size())) {
    if (c >= '0' && c <= '9') {
      digits += c;
    } else if (!(c == ',' && !digits.empty()) && !(digits.empty() && (c == ' ' || c == ':'))) {
      break;
    }
  }
  std::int64_t number = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return fault == std::errc{} && end != digits.data() ? std::optional{number} : std::nullopt;
}

/// Whether the message names a request that is larger than the limit itself.
bool exceeds_limit(const api::Answered& a)
{
  const auto text = lower(a.error.message);
  const auto limit = number_after(text, "limit ");
  const auto requested = number_after(text, "requested ");
  return limit && requested && *requested > *limit;
}

Decision on_429(const api::Answered& a)
{
  if (a.error.code == "insufficient_quota" || a.error.type == "insufficient_quota") {
    return {.then = Then::again_free, .rate = RateWord::failed, .obstacle = Obstacle::quota, .why = a.trouble};
  }
  if (says(a, {"resource unavailable", "resource_unavailable"})) { // of the flex tier; not charged
    return {.then = Then::again_free, .rate = RateWord::unsent, .no_capacity = true, .why = a.trouble};
  }
  return {.then = Then::again_free, .rate = RateWord::refused, .too_large = exceeds_limit(a), .why = a.trouble};
}

/// The server was reached, and gave no answer one could keep.
Decision on_failure(const api::Answered& a, bool billed)
{
  return {.then = Then::again, .rate = RateWord::failed, .billed = billed, .is_failure = true, .why = a.trouble};
}

Decision on_no_status(const api::Answered& a, Millis timeout)
{
  if (a.ending == api::Ending::not_sent) {
    return {.then = Then::again_free, .rate = RateWord::unsent, .is_failure = true, .why = a.trouble};
  }
  auto d = on_failure(a, true); // it was sent, and nobody knows what became of it
  d.timed_out = timeout > Millis{0} && a.took >= timeout;
  return d;
}

} // namespace

Decision decide(const api::Answered& a, Millis timeout)
{
  constexpr std::array passing{408, 409, 425, 499};
  if (a.status == 0) return on_no_status(a, timeout);
  if (a.status >= 200 && a.status < 300) {
    if (a.ending == api::Ending::ok) return {};
    auto d = on_failure(a, true); // cut, or no JSON: it may have been run
    d.timed_out = timeout > Millis{0} && a.took >= timeout;
    return d;
  }
  if (a.status < 400)
    return {.then = Then::again_free, .rate = RateWord::failed, .obstacle = Obstacle::address, .why = a.trouble};
  if (a.status == 401)
    return {.then = Then::again_free, .rate = RateWord::failed, .obstacle = Obstacle::key, .why = a.trouble};
  if (a.status == 429) return on_429(a);
  if (a.status == 503 && says(a, {"slow down", "slow_down"}))
    return {.then = Then::again_free, .rate = RateWord::slow_down, .why = a.trouble};
  if (a.status >= 500 || std::find(passing.begin(), passing.end(), a.status) != passing.end())
    return on_failure(a, false);
  if (!a.is_json) return on_failure(a, false); // a page of a gateway's: no word of the API's on this request
  if (a.status == 403)
    return {.then = Then::hold, .rate = RateWord::failed, .obstacle = Obstacle::forbidden, .why = a.trouble};
  return {.rate = RateWord::failed};
}

Millis wait_before_again(int failures, std::optional<Millis> hint, double jitter)
{
  constexpr double base = 500;
  constexpr double ceiling = 30'000;
  const auto grown = std::min(base * std::pow(2.0, std::clamp(failures - 1, 0, 20)), ceiling);
  return hint.value_or(Millis{0}) + Millis{static_cast<std::int64_t>(grown / 2 + grown / 2 * jitter)};
}

} // namespace batchwright::realtime
