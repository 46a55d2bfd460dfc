#include <batchwright/emulator/rate_limiter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace batchwright::emulator {
namespace {

std::int64_t millis_until(double missing, std::int64_t per_minute)
{
  return static_cast<std::int64_t>(std::ceil(std::max(0.0, missing) * 60'000 / static_cast<double>(per_minute)));
}

/// What has come back to a bucket by its time is not missed for the sake of a rounded fraction.
bool holds(double left, double wanted)
{
  return left + 1e-6 >= wanted;
}

struct Kind {
  std::string_view type;
  std::string_view words;
  std::int64_t limit;
  double left;
  std::int64_t requested;
};

Reply too_large(const std::string& model, const Kind& kind)
{
  return error_reply(429,
                     fmt::format("Request too large for {} in organization {} on {}: Limit {}, Requested {}. The "
                                 "input or output tokens must be reduced in order to run successfully.",
                                 model, organization, kind.words, kind.limit, kind.requested),
                     {.type = std::string{kind.type}, .code = "rate_limit_exceeded"});
}

Reply too_soon(const std::string& model, const Kind& kind, std::int64_t wait)
{
  auto reply =
      error_reply(429,
                  fmt::format("Rate limit reached for {} in organization {} on {}: Limit {}, Used {}, "
                              "Requested {}. Please try again in {}.",
                              model, organization, kind.words, kind.limit,
                              kind.limit - static_cast<std::int64_t>(kind.left), kind.requested, go_duration(wait)),
                  {.type = std::string{kind.type}, .code = "rate_limit_exceeded"});
  reply.headers["retry-after"] = std::to_string((wait + 999) / 1000);
  reply.headers["retry-after-ms"] = std::to_string(wait);
  return reply;
}

} // namespace

std::string go_duration(std::int64_t milliseconds)
{
  if (milliseconds < 1000) return fmt::format("{}ms", milliseconds);
  const auto minutes = milliseconds / 60'000;
  const auto seconds = fmt::format("{:g}s", static_cast<double>(milliseconds % 60'000) / 1000);
  return minutes > 0 ? fmt::format("{}m{}", minutes, seconds) : seconds;
}

void RateLimiter::change(const Rate& rate)
{
  const std::lock_guard lock{m_mutex};
  m_rate = rate;
}

void RateLimiter::refill(Bucket& bucket) const
{
  const auto now = m_clock.now();
  const auto minutes = static_cast<double>((now - bucket.at).count()) / 60'000;
  const auto rpm = static_cast<double>(m_rate.rpm);
  const auto tpm = static_cast<double>(m_rate.tpm);
  bucket.requests = std::min(rpm, bucket.requests + rpm * minutes);
  bucket.tokens = std::min(tpm, bucket.tokens + tpm * minutes);
  bucket.at = now;
}

std::map<std::string, std::string> RateLimiter::headers_of(const Bucket& bucket) const
{
  const auto missing_requests = static_cast<double>(m_rate.rpm) - bucket.requests;
  const auto missing_tokens = static_cast<double>(m_rate.tpm) - bucket.tokens;
  return {{"x-ratelimit-limit-requests", std::to_string(m_rate.rpm)},
          {"x-ratelimit-limit-tokens", std::to_string(m_rate.tpm)},
          {"x-ratelimit-remaining-requests", std::to_string(static_cast<std::int64_t>(bucket.requests))},
          {"x-ratelimit-remaining-tokens", std::to_string(static_cast<std::int64_t>(bucket.tokens))},
          {"x-ratelimit-reset-requests", go_duration(millis_until(missing_requests, m_rate.rpm))},
          {"x-ratelimit-reset-tokens", go_duration(millis_until(missing_tokens, m_rate.tpm))}};
}

RateLimiter::Verdict RateLimiter::take(const std::string& account, const std::string& model, std::int64_t tokens)
{
  const std::lock_guard lock{m_mutex};
  const auto [place, fresh] = m_buckets.try_emplace({account, model});
  auto& bucket = place->second;
  if (fresh) {
    bucket = {
        .requests = static_cast<double>(m_rate.rpm), .tokens = static_cast<double>(m_rate.tpm), .at = m_clock.now()};
  }
  refill(bucket);
  const bool request_left = holds(bucket.requests, 1);
  const bool fits = request_left && holds(bucket.tokens, static_cast<double>(tokens));
  // A refused request counts against the limit of requests too, so the wait is told from what is left after it: a
  // client that keeps to it finds the request back.
  bucket.requests = std::max(0.0, bucket.requests - 1);
  if (fits) bucket.tokens = std::max(0.0, bucket.tokens - static_cast<double>(tokens));
  Verdict verdict{.headers = headers_of(bucket)};
  if (!fits) verdict.refusal = refusal_of(bucket, model, tokens, request_left ? Lack::tokens : Lack::request);
  return verdict;
}

/// REQUIRED: the refused request is charged already.
Reply RateLimiter::refusal_of(const Bucket& bucket, const std::string& model, std::int64_t tokens, Lack lack) const
{
  const Kind requests{.type = "requests",
                      .words = "requests per min (RPM)",
                      .limit = m_rate.rpm,
                      .left = bucket.requests,
                      .requested = 1};
  const Kind volume{.type = "tokens",
                    .words = "tokens per min (TPM)",
                    .limit = m_rate.tpm,
                    .left = bucket.tokens,
                    .requested = tokens};
  const auto& kind = lack == Lack::request ? requests : volume;
  if (kind.requested > kind.limit) return too_large(model, kind);
  const auto wait = std::max(millis_until(1 - bucket.requests, m_rate.rpm),
                             millis_until(static_cast<double>(tokens) - bucket.tokens, m_rate.tpm));
  return too_soon(model, kind, std::max<std::int64_t>(1, wait));
}

} // namespace batchwright::emulator
