// What is ahead of a job: how long the rest of it takes in real time, when it leaves its batches, what finishing it by
// hand comes to. Values only: the engine reckons them, the report words them.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright {

/// What makes a rest take as long as it does.
enum class Bound : std::uint8_t {
  requests,  ///< so many requests a minute, at most
  tokens,    ///< so many tokens a minute, at most
  in_flight, ///< so many requests at once, as the user allows
  pace,      ///< so many requests a minute, as they go now
};

/// How long a rest takes in real time.
struct RestSpan {
  std::uint64_t requests = 0; ///< that are left
  Millis takes{0};
  Bound bound = Bound::requests;
  std::uint64_t rate = 0;  ///< of the bound: a minute, or at once
  bool is_assumed = false; ///< nobody told the limits, or how long an answer takes
};

/// When a job with a deadline leaves its batches, at the latest.
struct Switch {
  Instant at = {};
  RestSpan rest = {};
  Millis cancelling{0};     ///< kept for batches that are asked to stop
  Millis polling{0};        ///< kept for the time between two polls
  bool is_too_late = false; ///< even at once it would not be done in time
};

/// What finishing a job in real time by hand comes to.
struct Finish {
  std::string job = {};
  std::uint64_t items = 0;          ///< without an answer, as far as is known
  std::uint64_t batches = 0;        ///< that are asked to stop
  std::optional<PicoUsd> cost = {}; ///< of those items, in real time; nothing: the price is not known
  PicoUsd spent = {};               ///< since `finish` first named a cap, where it did
  RestSpan rest = {};
};

/// A batch that was asked to stop and holds up what it leaves.
struct Stuck {
  std::string job = {};
  int part = 0;
  Millis since_asked{0};
};

} // namespace batchwright
