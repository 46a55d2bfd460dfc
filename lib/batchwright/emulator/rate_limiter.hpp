// The limits of the real-time route: a bucket of requests and one of tokens a minute for each account and model, and
// where the faults name one, a bucket of tokens for all models of an account. All are refilled evenly, less what others
// take. In: who asks, for what, how many tokens. Out: whether it may run, and the headers that tell how full the
// buckets are.
//
// A bucket is kept as what is used up of it, which flows off at the rate of its limit. So one that holds a second's
// worth (`window_ms`) and one that holds a minute's have used up the same, and headers always tell the minute's; limits
// that are changed hold, and are told, from the next call on.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/refusal.hpp>
#include <batchwright/emulator/reply.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace batchwright::emulator {

class RateLimiter {
public:
  struct Verdict {
    std::optional<Refusal> lack = {};
    std::optional<Reply> refusal = {};               ///< 429 with `retry-after` and `retry-after-ms`, where it lacks
    std::map<std::string, std::string> headers = {}; ///< `x-ratelimit-*`
  };

  explicit RateLimiter(const Rate& rate, const Clock& clock = system_clock()) : m_clock(clock), m_rate(rate) {}

  /// Other limits from now on; what is used up stays used up, as far as they allow so much.
  void change(const Rate& rate);

  /// Charges the request, a refused one too (its tokens not), and tells the state after that.
  Verdict take(const std::string& account, const std::string& model, std::int64_t tokens);

private:
  enum class Kind : std::uint8_t {
    requests,
    tokens,
    project_tokens
  };
  struct Limit {
    std::int64_t per_minute = 0;
    std::int64_t foreign = 0; ///< what others take of it a minute
    double capacity = 0;      ///< how much may be used up at a time
  };
  struct Bucket {
    double used = 0;
    Instant at = {};
  };
  struct Lane; // a bucket with its limit and what a request asks of it

  Limit limit_of(Kind kind) const;
  Bucket& bucket_of(Kind kind, const std::string& owner);
  std::vector<Lane> lanes_of(const std::string& account, const std::string& model, std::int64_t tokens);
  static void flow(Bucket& bucket, const Limit& limit, Instant now);
  Reply refusal_of(const std::vector<Lane>& lanes, const Lane& lacking, const std::string& model) const;

  const Clock& m_clock;
  std::mutex m_mutex; // of all below
  Rate m_rate;
  std::map<std::pair<Kind, std::string>, Bucket> m_buckets = {}; // by whose they are
};

/// "8.64s", "20ms", "6m0s": the form of the reset headers.
std::string go_duration(std::int64_t milliseconds);

} // namespace batchwright::emulator
