// Inside the room: what refusals leave of a rate, as a factor. Down at once, up again with time. Pure.
#pragma once

#include <batchwright/base/clock.hpp>

#include <optional>

namespace batchwright::realtime {

class Pace {
public:
  explicit Pace(Instant now) : m_at(now) {}

  double factor() const { return m_factor; }
  /// A hundredth of the full rate comes back each second, of a larger one a hundredth of that; up to `top`, or to what
  /// a "Slow Down" allows.
  void advance(Instant now, double top);
  /// 429: to seven tenths.
  void lower();
  /// 503 "Slow Down": to a half, which holds for a quarter of an hour; the way up takes as long again.
  void halve(Instant now);
  /// The rate it is a factor of has become what it made of it.
  void rebase() { m_factor = 1; }

private:
  struct Hold {
    double factor = 1;
    Instant until = {};
  };

  double ceiling(Instant now) const;

  double m_factor = 1;
  Instant m_at;
  std::optional<Hold> m_hold = {};
};

} // namespace batchwright::realtime
