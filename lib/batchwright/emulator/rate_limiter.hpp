// The limits of the real-time route: a bucket of requests and one of tokens a minute for each account and model,
// refilled evenly. In: who asks, for what, how many tokens. Out: whether it may run, and the headers that tell how full
// the buckets are.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/reply.hpp>

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace batchwright::emulator {

class RateLimiter {
public:
  struct Verdict {
    std::optional<Reply> refusal = {};               ///< 429 with `retry-after` and `retry-after-ms`
    std::map<std::string, std::string> headers = {}; ///< `x-ratelimit-*`
  };

  explicit RateLimiter(const Rate& rate, const Clock& clock = system_clock()) : m_clock(clock), m_rate(rate) {}

  /// Other limits from now on; what is in the buckets stays, as far as they hold it.
  void change(const Rate& rate);

  /// Charges the request, a refused one too (its tokens not), and tells the state after that.
  Verdict take(const std::string& account, const std::string& model, std::int64_t tokens);

private:
  struct Bucket {
    double requests = 0; // what is left
    double tokens = 0;
    Instant at = {};
  };

  /// What a refused request found wanting.
  enum class Lack {
    request,
    tokens
  };

  void refill(Bucket& bucket) const;
  std::map<std::string, std::string> headers_of(const Bucket& bucket) const;
  Reply refusal_of(const Bucket& bucket, const std::string& model, std::int64_t tokens, Lack lack) const;

  const Clock& m_clock;
  std::mutex m_mutex; // of all below
  Rate m_rate;
  std::map<std::pair<std::string, std::string>, Bucket> m_buckets = {};
};

/// "8.64s", "20ms", "6m0s": the form of the reset headers.
std::string go_duration(std::int64_t milliseconds);

} // namespace batchwright::emulator
