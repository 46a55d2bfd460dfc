// Ends a run of failures: a server that answers nothing of use is left alone for a while, and then asked by one request
// at a time, until one is answered. Pure: the time comes in as a parameter.
#pragma once

#include <batchwright/base/clock.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

namespace batchwright::realtime {

class Breaker {
public:
  /// Failures in a row that open it: in the order in which they came home, or in the order in which they were sent.
  /// When a server dies, answers to what was sent before still come between the failures of what is sent now.
  static constexpr int failures_in_a_row = 20;
  static constexpr Millis first_pause{2'000};
  static constexpr Millis longest_pause{120'000};

  /// `serial`: how many were sent before it.
  void succeeded(std::uint64_t serial)
  {
    if (is_open() && serial < m_opened_at) return; // it tells how things were
    m_failures = 0;
    m_pause = first_pause;
    m_open_until.reset();
  }

  /// `probe`: whether it was sent while the breaker was open.
  void failed(std::uint64_t serial, bool probe, Instant now)
  {
    ++m_failures;
    m_failed[serial % m_failed.size()] = serial;
    if (is_open() && !probe) return; // it was under way when the breaker opened
    if (!is_open() && m_failures < failures_in_a_row && run_with(serial) < failures_in_a_row) return;
    m_opened_at = serial;
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
  bool has_failed(std::uint64_t serial) const { return m_failed[serial % m_failed.size()] == serial; }

  /// How many failed that were sent one after the other, with this one among them.
  int run_with(std::uint64_t serial) const
  {
    auto first = serial;
    auto last = serial;
    while (first > 0 && has_failed(first - 1) && last - first < failures_in_a_row)
      --first;
    while (has_failed(last + 1) && last - first < failures_in_a_row)
      ++last;
    return static_cast<int>(last - first) + 1;
  }

  int m_failures = 0;
  Millis m_pause = first_pause;
  std::optional<Instant> m_open_until = {};
  std::uint64_t m_opened_at = 0;
  std::array<std::optional<std::uint64_t>, 64> m_failed = {}; // serials of the latest, at their remainder
};

} // namespace batchwright::realtime
