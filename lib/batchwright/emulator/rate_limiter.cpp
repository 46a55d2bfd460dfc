#include <batchwright/emulator/rate_limiter.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace batchwright::emulator {
namespace {

constexpr double minute_ms = 60'000;
constexpr std::string_view project = "proj_emulator";

} // namespace

struct RateLimiter::Lane {
  std::string_view type;  // of the error
  std::string_view words; // what is limited
  std::string whose;
  std::string_view header; // ends the names of its headers
  Limit limit;
  std::int64_t requested;
  Bucket& bucket;

  bool too_large() const { return requested > limit.per_minute; }

  /// What is wanting for the request. One that is larger than the bucket waits until that is full.
  double missing() const
  {
    return bucket.used + std::min(limit.capacity, static_cast<double>(requested)) - limit.capacity;
  }
  /// What has come back to a bucket by its time is not missed for the sake of a rounded fraction.
  bool holds() const { return !too_large() && missing() <= 1e-6; }

  void charge() const { bucket.used += static_cast<double>(requested); }
  /// Takes of a request that finds too little what there is.
  void charge_rest() const
  {
    bucket.used = std::max(bucket.used, std::min(limit.capacity, bucket.used + static_cast<double>(requested)));
  }

  std::int64_t remaining() const
  {
    return static_cast<std::int64_t>(std::max(0.0, static_cast<double>(limit.per_minute) - bucket.used));
  }
  std::int64_t used() const { return limit.per_minute - remaining(); }

  /// When so much has come back. Where others take all that comes back, when it would have without them.
  std::int64_t millis_until(double amount) const
  {
    const auto net = limit.per_minute - limit.foreign;
    const auto back = static_cast<double>(net > 0 ? net : limit.per_minute);
    return static_cast<std::int64_t>(std::ceil(std::max(0.0, amount) * minute_ms / back));
  }

  void write_headers(std::map<std::string, std::string>& headers) const
  {
    headers[fmt::format("x-ratelimit-limit-{}", header)] = std::to_string(limit.per_minute);
    headers[fmt::format("x-ratelimit-remaining-{}", header)] = std::to_string(remaining());
    headers[fmt::format("x-ratelimit-reset-{}", header)] = go_duration(millis_until(bucket.used));
  }
};

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
  // Until now, all flowed at the former rates.
  for (auto& [key, bucket] : m_buckets)
    flow(bucket, limit_of(key.first), m_clock.now());
  m_rate = rate;
  for (auto& [key, bucket] : m_buckets)
    bucket.used = std::min(bucket.used, limit_of(key.first).capacity);
}

RateLimiter::Limit RateLimiter::limit_of(Kind kind) const
{
  Limit limit{.per_minute = m_rate.tpm, .foreign = m_rate.foreign_tpm};
  if (kind == Kind::requests) limit = {.per_minute = m_rate.rpm, .foreign = m_rate.foreign_rpm};
  if (kind == Kind::project_tokens) limit.per_minute = m_rate.project_tpm;
  const auto minutes = m_rate.window_ms > 0 ? static_cast<double>(m_rate.window_ms) / minute_ms : 1;
  limit.capacity = static_cast<double>(limit.per_minute) * minutes;
  return limit;
}

/// Lets what was used up flow off, and others use up theirs: no more than there is.
void RateLimiter::flow(Bucket& bucket, const Limit& limit, Instant now)
{
  const auto minutes = static_cast<double>((now - bucket.at).count()) / minute_ms;
  const auto used = bucket.used + static_cast<double>(limit.foreign - limit.per_minute) * minutes;
  bucket.used = std::clamp(used, 0.0, std::max(limit.capacity, bucket.used));
  bucket.at = now;
}

RateLimiter::Bucket& RateLimiter::bucket_of(Kind kind, const std::string& owner)
{
  const auto now = m_clock.now();
  auto& bucket = m_buckets.try_emplace({kind, owner}, Bucket{.at = now}).first->second;
  flow(bucket, limit_of(kind), now);
  return bucket;
}

/// The lane of requests comes first.
std::vector<RateLimiter::Lane> RateLimiter::lanes_of(const std::string& account, const std::string& model,
                                                     std::int64_t tokens)
{
  const auto of_model = account + '\n' + model;
  const auto ours = fmt::format("organization {}", organization);
  std::vector<Lane> lanes;
  lanes.push_back({.type = "requests",
                   .words = "requests per min (RPM)",
                   .whose = ours,
                   .header = "requests",
                   .limit = limit_of(Kind::requests),
                   .requested = 1,
                   .bucket = bucket_of(Kind::requests, of_model)});
  const auto add_tokens = [&](Kind kind, std::string whose, std::string_view header, const std::string& owner) {
    lanes.push_back({.type = "tokens",
                     .words = "tokens per min (TPM)",
                     .whose = std::move(whose),
                     .header = header,
                     .limit = limit_of(kind),
                     .requested = tokens,
                     .bucket = bucket_of(kind, owner)});
  };
  add_tokens(Kind::tokens, ours, "tokens", of_model);
  if (m_rate.project_tpm > 0)
    add_tokens(Kind::project_tokens, fmt::format("project {}", project), "project-tokens", account);
  return lanes;
}

RateLimiter::Verdict RateLimiter::take(const std::string& account, const std::string& model, std::int64_t tokens)
{
  const std::lock_guard lock{m_mutex};
  const auto lanes = lanes_of(account, model, tokens);
  const auto lacking = std::find_if(lanes.begin(), lanes.end(), [](const Lane& lane) { return !lane.holds(); });
  const bool fits = lacking == lanes.end();
  // A refused request counts against the limit of requests too, so the wait is told from what is left after it: a
  // client that keeps to it finds the request back.
  if (lacking == lanes.begin())
    lacking->charge_rest();
  else
    lanes.front().charge();
  for (std::size_t i = 1; fits && i < lanes.size(); ++i)
    lanes[i].charge();
  Verdict verdict;
  if (m_rate.headers)
    for (const auto& lane : lanes)
      lane.write_headers(verdict.headers);
  if (fits) return verdict;
  verdict.lack = lacking->too_large()       ? Refusal::too_large
                 : lacking == lanes.begin() ? Refusal::requests
                                            : Refusal::tokens;
  verdict.refusal = refusal_of(lanes, *lacking, model);
  return verdict;
}

/// REQUIRED: the refused request is charged already.
Reply RateLimiter::refusal_of(const std::vector<Lane>& lanes, const Lane& lacking, const std::string& model) const
{
  const ErrorWords words{.type = std::string{lacking.type}, .code = "rate_limit_exceeded"};
  const auto place =
      fmt::format("{} in {} on {}: Limit {}", model, lacking.whose, lacking.words, lacking.limit.per_minute);
  if (lacking.too_large())
    return error_reply(429,
                       fmt::format("Request too large for {}, Requested {}. The input or output tokens must be reduced "
                                   "in order to run successfully.",
                                   place, lacking.requested),
                       words);
  const auto said =
      fmt::format("Rate limit reached for {}, Used {}, Requested {}.", place, lacking.used(), lacking.requested);
  if (!m_rate.retry_after) return error_reply(429, said, words);
  std::int64_t wait = 1;
  for (const auto& lane : lanes)
    wait = std::max(wait, lane.millis_until(lane.missing()));
  auto reply = error_reply(429, fmt::format("{} Please try again in {}.", said, go_duration(wait)), words);
  reply.headers["retry-after"] = std::to_string((wait + 999) / 1000);
  reply.headers["retry-after-ms"] = std::to_string(wait);
  return reply;
}

} // namespace batchwright::emulator
