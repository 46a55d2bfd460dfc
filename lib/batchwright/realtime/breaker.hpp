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
  /// Requests that fail in a row, which open it: in the order in which they came home, or in the order in which they
  /// were sent. When a server dies, answers to what was sent before still come between the failures of what is sent
  /// now.
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

  struct Sign {
    bool is_probe = false; ///< it was sent while the breaker was open
    bool is_news = true;   ///< the request never failed before: those that always fail are no outage
  };

  void failed(std::uint64_t serial, Sign sign, Instant now)
  {
    m_failures += sign.is_news ? 1 : 0;
    m_failed[serial % m_failed.size()] = {.serial = serial, .is_news = sign.is_news};
    if (is_open() && !sign.is_probe) return; // it was under way when the breaker opened
    if (!is_open() && m_failures < failures_in_a_row && run_with(serial) < failures_in_a_row) return;
    m_opened_at = serial;
    m_open_until = now + m_pause;
    m_pause = std::min(m_pause * 2, longest_pause);
  }

  /// Whether the last one that came home had failed. Then those that were never sent tell more than those that failed.
  bool is_in_doubt() const { return m_failures > 0 || is_open(); }
  /// Whether only one request at a time goes, and what fails takes no attempt.
  bool is_open() const { return m_open_until.has_value(); }
  /// When the next probe may go. A clock that was set back holds nothing up for longer than a pause.
  std::optional<Instant> probe_at(Instant now) const
  {
    if (m_open_until && *m_open_until > now + longest_pause) return now;
    return m_open_until;
  }

private:
  struct Failed {
    std::optional<std::uint64_t> serial = {};
    bool is_news = false;
  };

  const Failed* failure_of(std::uint64_t serial) const
  {
    const auto& slot = m_failed[serial % m_failed.size()];
    return slot.serial == serial ? &slot : nullptr;
  }

  /// How many failed, each for the first time, that were sent one after the other, with this one among them.
  int run_with(std::uint64_t serial) const
  {
    int run = 0;
    const Failed* failed = nullptr;
    for (auto at = serial; (failed = failure_of(at)) && run < failures_in_a_row; --at)
      run += failed->is_news ? 1 : 0;
    for (auto at = serial + 1; (failed = failure_of(at)) && run < failures_in_a_row; ++at)
      run += failed->is_news ? 1 : 0;
    return run;
  }

  int m_failures = 0;
  Millis m_pause = first_pause;
  std::optional<Instant> m_open_until = {};
  std::uint64_t m_opened_at = 0;
  std::array<Failed, 64> m_failed = {}; // the latest, at the remainder of their serials
};

} // namespace batchwright::realtime
