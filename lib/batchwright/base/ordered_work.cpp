#include <batchwright/base/ordered_work.hpp>

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace batchwright {
namespace {

using Turn = std::uint64_t;

class Turns {
public:
  void work(OrderedWorker& worker)
  {
    while (auto taken = take(worker))
      finish(worker, std::move(*taken));
  }

  void rethrow() const
  {
    if (m_failure) std::rethrow_exception(m_failure);
  }

private:
  /// A block in hand, or what kept it from being taken.
  struct Taken {
    Turn turn = 0;
    std::exception_ptr failure = {};
  };

  std::optional<Taken> take(OrderedWorker& worker)
  {
    const std::lock_guard lock{m_taking};
    if (m_is_over) return std::nullopt;
    bool is_any = false;
    auto failure = failure_of([&] { is_any = worker.take(); });
    m_is_over = !is_any;
    if (!is_any && !failure) return std::nullopt;
    return Taken{m_taken++, std::move(failure)};
  }

  void finish(OrderedWorker& worker, Taken taken)
  {
    auto& failure = taken.failure;
    if (!failure) failure = failure_of([&] { worker.make(); });
    if (failure) end_taking();
    await(taken.turn);
    if (!failure && !m_failure) failure = failure_of([&] { worker.put(); });
    if (failure) end_taking();
    if (!m_failure) m_failure = std::move(failure);
    pass_on();
  }

  template<class Step>
  static std::exception_ptr failure_of(const Step& step)
  {
    try {
      step();
      return nullptr;
    } catch (...) {
      return std::current_exception();
    }
  }

  void end_taking()
  {
    const std::lock_guard lock{m_taking};
    m_is_over = true;
  }

  void await(Turn turn)
  {
    std::unique_lock lock{m_passing};
    m_passed.wait(lock, [&] { return m_turn == turn; });
  }

  void pass_on()
  {
    {
      const std::lock_guard lock{m_passing};
      ++m_turn;
    }
    m_passed.notify_all();
  }

  std::mutex m_taking = {}; // of what follows
  Turn m_taken = 0;
  bool m_is_over = false;

  std::mutex m_passing = {}; // of the turn
  std::condition_variable m_passed = {};
  Turn m_turn = 0;

  std::exception_ptr m_failure = {}; // theirs whose turn it is
};

/// As many threads as the system gives: fewer do the same work.
void start(std::vector<std::jthread>& threads, Turns& turns, const std::vector<std::unique_ptr<OrderedWorker>>& workers)
{
  threads.reserve(workers.size());
  try {
    for (std::size_t i = 1; i < workers.size(); ++i)
      threads.emplace_back([&turns, &worker = *workers[i]] { turns.work(worker); });
  } catch (const std::system_error&) {
  }
}

} // namespace

void work_in_order(const std::vector<std::unique_ptr<OrderedWorker>>& workers)
{
  Turns turns;
  {
    std::vector<std::jthread> threads;
    start(threads, turns, workers);
    turns.work(*workers.front());
  }
  turns.rethrow();
}

} // namespace batchwright
