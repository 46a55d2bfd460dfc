// The rate at which an account may ask a model in real time: what is known of it, and which processes share it.
#pragma once

#include <batchwright/base/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright {

/// What real-time answers let us know last.
struct RateSeen {
  std::string account = {};                  ///< as Job::account
  std::string model = {};                    ///< as it is asked for
  std::optional<std::int64_t> requests = {}; ///< a minute, as the server said
  std::optional<std::int64_t> tokens = {};   ///< a minute, as the server said
  std::optional<Millis> latency = {};        ///< of an answer, smoothed
  std::optional<Millis> cancelling = {};     ///< how long a batch last took to stop
  Instant seen_at = {};

  bool operator==(const RateSeen&) const = default;
};

/// A process that sends to a model now.
struct Sender {
  std::string account = {};
  std::string model = {};
  std::string process = {};                 ///< a uuid, fresh for each process
  Instant at = {};                          ///< when it said so
  std::int64_t in_flight = 0;               ///< requests
  std::optional<std::int64_t> allowed = {}; ///< requests a minute that it may send now
  std::string why = {};                     ///< what it waits for; empty: it does not

  bool operator==(const Sender&) const = default;
};

} // namespace batchwright
