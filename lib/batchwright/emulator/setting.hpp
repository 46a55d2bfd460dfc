// What every part of the server reads and none of them changes, and the one way to wait in it.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/faults.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>

namespace batchwright::emulator {

struct Setting {
  std::filesystem::path directory = {};
  std::string api_key = {};
  Faults faults = {};
  std::uint64_t seed = 0;
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
