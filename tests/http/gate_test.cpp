#include <batchwright/http/connection.hpp>
#include <batchwright/http/gate.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace batchwright;
using namespace batchwright::http;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

std::string why_not(Gate& gate, milliseconds patience)
{
  try {
    const Gate::Pass pass{gate, steady_clock::now() + patience};
    return {};
  } catch (const Broken& trouble) {
    return trouble.what();
  }
}

} // namespace

TEST_SUITE_BEGIN("http::gate");

TEST_CASE("no more are inside than there are places, and all get in")
{
  const Interrupt interrupt;
  Gate gate{3, interrupt};
  std::atomic<int> inside{0}, most{0}, passed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 30; ++i) {
    threads.emplace_back([&] {
      const Gate::Pass pass{gate, Deadline::max()};
      const int now = ++inside;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) {
      }
      std::this_thread::sleep_for(milliseconds{5});
      --inside;
      ++passed;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(passed == 30);
  CHECK(most == 3);
}

TEST_CASE("who waits gives up at the deadline, or when the user asked twice to stop")
{
  Interrupt interrupt;
  Gate gate{1, interrupt};
  std::optional<Gate::Pass> held;
  held.emplace(gate, Deadline::max());
  CHECK(why_not(gate, milliseconds{30}) == "its turn to connect did not come in time");
  interrupt.ask(2);
  CHECK(why_not(gate, milliseconds{200}) == "its turn to connect did not come in time");
  held.reset();
  CHECK(why_not(gate, milliseconds{0}).empty());
  interrupt.ask(2);
  CHECK(why_not(gate, milliseconds{60'000}) == "interrupted");
}

TEST_CASE("all who wait give up at once when the one inside goes after a second wish to stop")
{
  Interrupt interrupt;
  Gate gate{1, interrupt};
  std::optional<Gate::Pass> held;
  held.emplace(gate, Deadline::max());
  std::atomic<int> waiting{0}, gave_up{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&] {
      ++waiting;
      if (why_not(gate, milliseconds{60'000}) == "interrupted") ++gave_up;
    });
  }
  while (waiting < 50)
    std::this_thread::yield();
  std::this_thread::sleep_for(milliseconds{50});
  interrupt.ask(2);
  interrupt.ask(2);
  const auto begun = steady_clock::now();
  held.reset();
  for (auto& thread : threads)
    thread.join();
  CHECK(steady_clock::now() - begun < milliseconds{700});
  CHECK(gave_up == 50);
}

TEST_SUITE_END();
