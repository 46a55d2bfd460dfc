#include <batchwright/engine/workers.hpp>

#include <utility>

namespace batchwright::engine {
namespace {

/// How many of a kind run at once.
constexpr int at_once(Do what)
{
  switch (what) {
  case Do::settle:
  case Do::judge:
  case Do::copy:
  case Do::give_up:
  case Do::build:
  case Do::join:
    return 2;
  case Do::look_for_batch:
  case Do::look_for_file:
    return 1;
  case Do::reroute: // done at once, or by threads of their own
  case Do::call:
    return 1'000'000;
  case Do::download:
  case Do::cancel:
  case Do::poll:
  case Do::create:
  case Do::upload:
    return 4;
  }
  return 1;
}

} // namespace

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

bool Workers::has_room_for(Do what) const
{
  const auto active = m_active.find(what);
  return active == m_active.end() || active->second < at_once(what);
}

void Workers::start(Do what, Task task)
{
  ++m_active[what];
  {
    const std::lock_guard lock{m_mutex};
    m_tasks.emplace_back(what, std::move(task));
  }
  m_wake_workers.notify_one();
}

std::optional<Workers::Completion> Workers::next(Millis patience)
{
  std::unique_lock lock{m_mutex};
  if (!m_wake_owner.wait_for(lock, patience, [this] { return !m_finished.empty(); })) return std::nullopt;
  auto finished = std::move(m_finished.front());
  m_finished.pop_front();
  if (finished.what) --m_active[*finished.what];
  return std::move(finished.completion);
}

void Workers::announce(Completion completion)
{
  {
    const std::lock_guard lock{m_mutex};
    m_finished.push_back({std::nullopt, std::move(completion)});
  }
  m_wake_owner.notify_one();
}

void Workers::work()
{
  for (;;) {
    std::pair<Do, Task> task;
    {
      std::unique_lock lock{m_mutex};
      m_wake_workers.wait(lock, [this] { return m_ending || !m_tasks.empty(); });
      if (m_ending) return;
      task = std::move(m_tasks.front());
      m_tasks.pop_front();
    }
    Finished finished{task.first, task.second()};
    {
      const std::lock_guard lock{m_mutex};
      m_finished.push_back(std::move(finished));
    }
    m_wake_owner.notify_one();
  }
}

} // namespace batchwright::engine
