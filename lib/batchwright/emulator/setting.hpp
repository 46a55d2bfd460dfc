// What every part of the server reads: where its files are, the faults in force, the time, and the one way to wait.
//
// Two things in it change while the server runs, both from outside: the faults (`PUT /emulator/faults`) and the clock
// (`POST /emulator/clock`). Whoever reads the faults takes a value that stays as it is for as long as it is held.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/faults.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace batchwright::emulator {

/// The faults in force.
class CurrentFaults {
public:
  CurrentFaults(Faults faults, Instant now) { replace(std::move(faults), now); }

  std::shared_ptr<const Faults> get() const
  {
    const std::lock_guard lock{m_mutex};
    return m_faults;
  }
  void replace(Faults faults, Instant now)
  {
    faults.since = now;
    auto next = std::make_shared<const Faults>(std::move(faults));
    const std::lock_guard lock{m_mutex};
    m_faults = std::move(next);
  }

private:
  mutable std::mutex m_mutex;
  std::shared_ptr<const Faults> m_faults;
};

/// The server's time: the machine's, and what it was moved forward by. Everything the API tells or keeps by time goes
/// by it, but not the delays of calls.
class MovableClock final : public Clock {
public:
  Instant now() const override { return system_clock().now() + ahead(); }
  Millis ahead() const { return Millis{m_ahead.load()}; }
  void advance(Millis by) { m_ahead += by.count(); }
  /// When, by the machine's clock, the moment `t` comes, unless this one is moved again.
  Instant real(Instant t) const { return t - ahead(); }

private:
  std::atomic<std::int64_t> m_ahead = 0; // milliseconds
};

struct Setting {
  Setting(std::filesystem::path directory_, std::string api_key_, std::string admin_key_, Faults faults_,
          std::uint64_t seed_)
      : directory(std::move(directory_)),
        api_key(std::move(api_key_)),
        admin_key(std::move(admin_key_)),
        seed(seed_),
        current(std::move(faults_), now())
  {
  }

  std::shared_ptr<const Faults> faults() const { return current.get(); }
  Instant now() const { return clock.now(); }

  std::filesystem::path directory;
  std::string api_key;   ///< empty: any passes
  std::string admin_key; ///< for the organisation's endpoints; empty: any passes
  std::uint64_t seed;
  MovableClock clock = {};
  CurrentFaults current;
};

/// Waiting that ends at once when the server stops.
class Pause {
public:
  /// Whether the time passed in full.
  bool wait(std::int64_t milliseconds)
  {
    std::unique_lock lock{m_mutex};
    return !m_changed.wait_for(lock, Millis{milliseconds}, [&] { return m_stopped; });
  }
  void stop()
  {
    {
      const std::lock_guard lock{m_mutex};
      m_stopped = true;
    }
    m_changed.notify_all();
  }

private:
  std::mutex m_mutex;
  std::condition_variable m_changed;
  bool m_stopped = false;
};

inline std::int64_t unix_seconds(Instant t)
{
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

} // namespace batchwright::emulator
