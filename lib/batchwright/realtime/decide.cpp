#include <batchwright/realtime/decide.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace batchwright::realtime {
namespace {

/// How often a request that asks for more than a minute has is refused before that is final.
constexpr int refusals_of_large = 3;
/// The first time out may have been bad luck; what was billed twice is enough.
constexpr int most_timeouts = 1;

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

/// The number that a text begins with, behind blanks and colons: "200,000, used ...".
std::optional<std::int64_t> leading_number(std::string_view text)
{
  std::string digits;
  for (const char c : text) {
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

/// The first number that stands behind a word, which may stand alone before: "Rate limit reached ...: Limit 200000".
std::optional<std::int64_t> number_after(std::string_view text, std::string_view word)
{
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    if (const auto number = leading_number(text.substr(at + word.size()))) return number;
  }
  return std::nullopt;
}

/// Whether the message names a request that is larger than the limit itself.
bool exceeds_limit(const api::Answered& a)
{
  const auto text = lower(a.error.message);
  const auto limit = number_after(text, "limit");
  const auto requested = number_after(text, "requested");
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
    if (a.ending == api::Ending::ok) return {.used = tokens_used(a)};
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

bool mind_tier(Decision& decision, const api::Answered& a, Call& call)
{
  const bool is_unknown = a.status == 400 && (a.error.param == "service_tier" || says(a, {"service_tier"}));
  if (!is_unknown && !decision.no_capacity) return false;
  call.standard = true;
  decision = {.then = Then::again_free, .rate = RateWord::unsent, .at_once = true, .why = a.trouble};
  return is_unknown;
}

void settle(Decision& d, Call& call, const Standing& standing)
{
  if (d.is_failure || d.no_capacity) ++call.failures;
  if (d.then == Then::again) {
    call.timeouts += d.timed_out ? 1 : 0;
    if (standing.is_free && !d.timed_out) {
      d.then = Then::again_free;
      call.lost_for_nothing = call.lost_for_nothing || d.billed;
    } else if (call.attempt >= standing.max_attempts || call.timeouts > most_timeouts) {
      d.then = Then::keep;
    } else {
      call.counted_at = standing.now;
      call.let_go_then = standing.let_go;
      d.in_silence = standing.in_silence;
    }
  } else if (d.rate == RateWord::refused && call.alone && standing.is_large) {
    d.too_large = d.too_large || ++call.refusals_alone >= refusals_of_large;
  }
  if (d.too_large) d.then = Then::keep;
}

Millis wait_before_again(int failures, std::optional<Millis> hint, double jitter)
{
  constexpr double base = 500;
  constexpr double ceiling = 30'000;
  const auto grown = std::min(base * std::pow(2.0, std::clamp(failures - 1, 0, 20)), ceiling);
  return std::min(hint.value_or(Millis{0}), longest_wait_before_again - Millis{30'000}) +
         Millis{static_cast<std::int64_t>(grown / 2 + grown / 2 * jitter)};
}

} // namespace batchwright::realtime
