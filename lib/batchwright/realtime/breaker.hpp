// Ends a run of failures: a server that answers nothing of use is left alone for a while, and then asked by one request
// at a time, until one is answered. Pure: the time comes in as a parameter.
#pragma once

#include <batchwright/base/clock.hpp>

#include <algorithm>
#include <optional>

namespace batchwright::realtime {

class Breaker {
public:
  /// Failures in a row that open it.
  static constexpr int failures_in_a_row = 20;
  static constexpr Millis first_pause{2'000};
  static constexpr Millis longest_pause{120'000};

  void succeeded()
  {
    m_failures = 0;
    m_pause = first_pause;
    m_open_until.reset();
  }

  /// `probe`: whether it was sent while the breaker was open.
  void failed(bool probe, Instant now)
  {
    ++m_failures;
    if (is_open() && !probe) return; // it was under way when the breaker opened
    if (m_failures < failures_in_a_row && !is_open()) return;
    m_open_until = now + m_pause;
    m_pause = std::min(m_pause * 2, longest_pause);
  }

  /// Whether only one request at a time goes, and what fails takes no attempt.
  bool is_open() const { return m_open_until.has_value(); }
  /// When the next probe may go. A clock that was set back holds nothing up for longer than a pause.
  std::optional<Instant> probe_at(Instant now) const
  {
    if (m_open_until && *m_open_until > now + longest_pause) return now;
    return m_open_until;
  }

private:
  int m_failures = 0;
  Millis m_pause = first_pause;
  std::optional<Instant> m_open_until = {};
};

} // namespace batchwright::realtime
