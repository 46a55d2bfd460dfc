#include <batchwright/realtime/purse.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace batchwright;
using realtime::Purse;

TEST_SUITE_BEGIN("realtime::purse");

TEST_CASE("no more is taken than is left, and what is not needed is there for others")
{
  Purse purse{PicoUsd{100}};
  purse.set_elsewhere({40});
  CHECK(purse.take(1, {50}));
  CHECK_FALSE(purse.take(2, {11}));
  CHECK(purse.take(2, {10}));
  CHECK(purse.left() == PicoUsd{0});
  purse.put_back(1, {30});
  CHECK(purse.left() == PicoUsd{30});
  purse.put_back(2, {-40}); // it cost more than was thought: that is said, too
  CHECK(purse.left() == PicoUsd{-10});
  CHECK_FALSE(purse.take(1, {0}));
}

TEST_CASE("a work that is accounted for elsewhere counts once")
{
  Purse purse{PicoUsd{100}};
  purse.set_taken(3, {25});
  CHECK(purse.left() == PicoUsd{75});
  CHECK(purse.taken(3) == PicoUsd{25});
  purse.set_elsewhere({25}, {3});
  CHECK(purse.taken(3) == PicoUsd{0});
  CHECK(purse.left() == PicoUsd{75});
}

TEST_CASE("many threads take no more than there is")
{
  Purse purse{PicoUsd{1000}};
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int work = 0; work < 4; ++work) {
    threads.emplace_back([&, work] {
      for (int i = 0; i < 500; ++i)
        taken += purse.take(work, {1}) ? 1 : 0;
    });
  }
  for (auto& thread : threads)
    thread.join();
  CHECK(taken == 1000);
  CHECK(purse.left() == PicoUsd{0});
}

TEST_SUITE_END();
