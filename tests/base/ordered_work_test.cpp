#include <batchwright/base/ordered_work.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace batchwright;

namespace {

/// Numbers from 0, each a block; steps of some of them throw.
struct Work {
  enum class Step {
    take,
    make,
    put
  };

  void meet(Step step, int number) const
  {
    if (step == failing && (number == first || number == second)) throw std::runtime_error{std::to_string(number)};
  }

  int blocks = 0;
  Step failing = Step::take;
  int first = -1;
  int second = -1;

  int next = 0;
  std::vector<int> put = {};
  std::atomic<int> at_work = 0; // in a step that one does at a time
  bool was_crowded = false;
};

class Worker : public OrderedWorker {
public:
  Worker(Work& work, unsigned seed) : m_work(work), m_random(seed) {}

  bool take() override
  {
    const Alone alone{m_work};
    if (m_work.next == m_work.blocks) return false;
    m_number = m_work.next++;
    m_work.meet(Work::Step::take, m_number);
    return true;
  }

  void make() override
  {
    std::this_thread::sleep_for(std::chrono::microseconds{m_random() % 200});
    m_work.meet(Work::Step::make, m_number);
    m_made = m_number;
  }

  void put() override
  {
    m_work.meet(Work::Step::put, m_number);
    m_work.put.push_back(m_made);
  }

private:
  struct Alone {
    explicit Alone(Work& w) : work(w) { work.was_crowded = work.was_crowded || ++work.at_work > 1; }
    ~Alone() { --work.at_work; }
    Work& work;
  };

  Work& m_work;
  std::mt19937 m_random;
  int m_number = -1;
  int m_made = -1;
};

/// What was thrown; empty: nothing.
std::string run(Work& work, unsigned workers)
{
  std::vector<std::unique_ptr<OrderedWorker>> all;
  for (unsigned i = 0; i < workers; ++i)
    all.push_back(std::make_unique<Worker>(work, i + 1));
  try {
    work_in_order(all);
  } catch (const std::exception& e) {
    return e.what();
  }
  return {};
}

std::vector<int> numbers(int end)
{
  std::vector<int> all;
  for (int i = 0; i < end; ++i)
    all.push_back(i);
  return all;
}

} // namespace

TEST_SUITE_BEGIN("base::ordered_work");

TEST_CASE("blocks are handed over in the order in which they were taken, however many work")
{
  for (const unsigned workers : {1U, 2U, 4U, 9U}) {
    CAPTURE(workers);
    Work work{.blocks = 300};
    CHECK(run(work, workers).empty());
    CHECK(work.put == numbers(300));
    CHECK_FALSE(work.was_crowded);
  }
}

TEST_CASE("there need not be any work, nor as much as there are workers")
{
  for (const int blocks : {0, 1, 3}) {
    Work work{.blocks = blocks};
    CHECK(run(work, 4).empty());
    CHECK(work.put == numbers(blocks));
  }
}

TEST_CASE("what is thrown first in the order of blocks is what comes out, and nothing behind it is handed over")
{
  for (const auto step : {Work::Step::take, Work::Step::make, Work::Step::put}) {
    for (const unsigned workers : {1U, 2U, 4U}) {
      for (const int first : {0, 1, 7, 99}) {
        CAPTURE(workers);
        CAPTURE(first);
        Work work{.blocks = 100, .failing = step, .first = first, .second = first + 1};
        CHECK(run(work, workers) == std::to_string(first));
        CHECK(work.put == numbers(first));
        CHECK(work.next <= first + 1 + static_cast<int>(workers)); // the others stop soon
      }
    }
  }
}

TEST_CASE("one worker alone works on the caller's thread")
{
  struct Here : OrderedWorker {
    bool take() override { return std::exchange(left, false); }
    void make() override { made_on = std::this_thread::get_id(); }
    void put() override {}
    bool left = true;
    std::thread::id made_on = {};
  };
  std::vector<std::unique_ptr<OrderedWorker>> workers;
  workers.push_back(std::make_unique<Here>());
  work_in_order(workers);
  CHECK(dynamic_cast<const Here&>(*workers.front()).made_on == std::this_thread::get_id());
}

TEST_SUITE_END();
