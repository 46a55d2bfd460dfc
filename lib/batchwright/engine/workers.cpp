#include <batchwright/engine/workers.hpp>

#include <utility>

namespace batchwright::engine {

Workers::Workers(int threads)
{
  for (int i = 0; i < threads; ++i)
    m_threads.emplace_back([this] { work(); });
}

Workers::~Workers()
{
  {
    const std::lock_guard lock{m_mutex};
    m_ending = true;
    m_tasks.clear();
  }
  m_wake_workers.notify_all();
  for (auto& thread : m_threads)
    thread.join();
}

void Workers::start(Task task)
{
  {
    const std::lock_guard lock{m_mutex};
    m_tasks.push_back(std::move(task));
  }
  m_wake_workers.notify_one();
}

std::optional<Workers::Completion> Workers::next(Millis patience)
{
  std::unique_lock lock{m_mutex};
  if (!m_wake_owner.wait_for(lock, patience, [this] { return !m_completions.empty(); })) return std::nullopt;
  auto completion = std::move(m_completions.front());
  m_completions.pop_front();
  return completion;
}

void Workers::work()
{
  for (;;) {
    Task task;
    {
      std::unique_lock lock{m_mutex};
      m_wake_workers.wait(lock, [this] { return m_ending || !m_tasks.empty(); });
      if (m_ending) return;
      task = std::move(m_tasks.front());
      m_tasks.pop_front();
    }
    auto completion = task();
    {
      const std::lock_guard lock{m_mutex};
      m_completions.push_back(std::move(completion));
    }
    m_wake_owner.notify_one();
  }
}

} // namespace batchwright::engine
