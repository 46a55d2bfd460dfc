// Time as a parameter: code that waits takes a Clock, tests give it one that ticks by hand.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright {

using Millis = std::chrono::milliseconds;
/// A moment in UTC, in milliseconds.
using Instant = std::chrono::sys_time<Millis>;

class Clock {
public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  virtual Instant now() const = 0;
};

/// The machine's own clock; there is one for the process.
const Clock& system_clock();

/// "2026-11-22T10:00:00Z", the form of every time in our JSON.
std::string rfc3339(Instant t);

/// "2026-11-22 11:00 CET", by the machine's own zone: for people who gave a time of day.
std::string local_time(Instant t);

/// The moment an RFC 3339 text names, or nothing when it is none.
std::optional<Instant> parse_rfc3339(std::string_view text);

/// Seconds since 1970, the form of every time on the provider's wire.
Instant from_unix(std::int64_t seconds);

/// A duration as users write it: number and unit, repeated, units `ms s m h d`: "250ms", "1h30m".
/// Nothing when it is none; a bare number is none, since nobody can know its unit.
std::optional<Millis> parse_duration(std::string_view text);

} // namespace batchwright
