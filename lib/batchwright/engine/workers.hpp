// Threads that do what takes time, and a queue on which their results come home to the one thread that records. Shared
// by all jobs that are advanced side by side: transfers share one link, building and settling one disk.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/engine/due.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace batchwright::engine {

class Workers {
public:
  /// What the owner does with a finished task: records it, or what it threw.
  using Completion = std::function<void()>;
  /// What a worker does; returns its completion. Must not throw.
  using Task = std::function<Completion()>;

  explicit Workers(int threads);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits for the tasks at work; those not begun are dropped.
  ~Workers();

  /// Whether one more of a kind may start now. Asked by the owner only, as start() and next() are.
  bool has_room_for(Do what) const;
  void start(Do what, Task task);
  /// A completion that comes from elsewhere; safe from any thread.
  void announce(Completion completion);
  /// The next completion, waiting for it up to `patience`; nothing when none came.
  std::optional<Completion> next(Millis patience);

private:
  struct Finished {
    std::optional<Do> what = {}; // nothing: it came from elsewhere
    Completion completion = {};
  };

  void work();

  std::map<Do, int> m_active = {}; // the owner's
  std::mutex m_mutex = {};
  std::condition_variable m_wake_workers = {};
  std::condition_variable m_wake_owner = {};
  std::deque<std::pair<Do, Task>> m_tasks = {};
  std::deque<Finished> m_finished = {};
  bool m_ending = false;
  std::vector<std::thread> m_threads = {};
};

} // namespace batchwright::engine
