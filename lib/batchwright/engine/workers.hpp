// Threads that do what takes time, and a queue on which their results come home to the one thread that records.
#pragma once

#include <batchwright/base/clock.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace batchwright::engine {

class Workers {
public:
  /// What the owner does with a finished task: records it, or throws what the task threw.
  using Completion = std::function<void()>;
  /// What a worker does; returns its completion. Must not throw.
  using Task = std::function<Completion()>;

  explicit Workers(int threads);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits for the tasks at work; those not begun are dropped.
  ~Workers();

  void start(Task task);
  /// The next completion, waiting for it up to `patience`; nothing when none came.
  std::optional<Completion> next(Millis patience);

private:
  void work();

  std::mutex m_mutex = {};
  std::condition_variable m_wake_workers = {};
  std::condition_variable m_wake_owner = {};
  std::deque<Task> m_tasks = {};
  std::deque<Completion> m_completions = {};
  bool m_ending = false;
  std::vector<std::thread> m_threads = {};
};

} // namespace batchwright::engine
