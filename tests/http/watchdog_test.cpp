#include <batchwright/http/watchdog.hpp>

#include <doctest/doctest.h>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <memory>
#include <thread>

using namespace batchwright;
using namespace batchwright::http;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Two sockets that are each other's ends.
struct Pair {
  std::array<int, 2> ends{-1, -1};
  Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  ~Pair()
  {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  bool is_shut_within(milliseconds time) const
  {
    pollfd wanted{ends[0], POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(time.count())) == 1;
  }
};

} // namespace

TEST_SUITE_BEGIN("http::watchdog");

TEST_CASE("each socket is shut at its own deadline, in whatever order they came")
{
  const Interrupt interrupt;
  Watchdog dog{interrupt};
  const Pair late, soon, never;
  const auto now = steady_clock::now();
  const Watchdog::Watch watching_late{dog, late.ends[0], now + milliseconds{400}};
  const Watchdog::Watch watching_never{dog, never.ends[0], Deadline::max()};
  const Watchdog::Watch watching_soon{dog, soon.ends[0], now + milliseconds{50}};
  CHECK(soon.is_shut_within(milliseconds{10'000}));
  CHECK(watching_late.reason() == Watchdog::Reason::none);
  CHECK(late.is_shut_within(milliseconds{10'000}));
  CHECK(steady_clock::now() - now >= milliseconds{400});
  CHECK(watching_soon.reason() == Watchdog::Reason::deadline);
  CHECK(watching_late.reason() == Watchdog::Reason::deadline);
  CHECK_FALSE(never.is_shut_within(milliseconds{0}));
  CHECK(watching_never.reason() == Watchdog::Reason::none);
}

TEST_CASE("a second wish to stop shuts all that are watched, and those that come later")
{
  Interrupt interrupt;
  Watchdog dog{interrupt};
  const Pair first, later;
  const Watchdog::Watch watching_first{dog, first.ends[0], Deadline::max()};
  interrupt.ask(2);
  CHECK_FALSE(first.is_shut_within(milliseconds{250}));
  interrupt.ask(2);
  CHECK(first.is_shut_within(milliseconds{10'000}));
  const Watchdog::Watch watching_later{dog, later.ends[0], Deadline::max()};
  CHECK(later.is_shut_within(milliseconds{10'000}));
  CHECK(watching_first.reason() == Watchdog::Reason::interrupted);
  CHECK(watching_later.reason() == Watchdog::Reason::interrupted);
}

TEST_CASE("five thousand are watched at the price of a few")
{
  const Interrupt interrupt;
  Watchdog dog{interrupt};
  const Pair pair;
  std::deque<Watchdog::Watch> watches;
  const auto far = steady_clock::now() + std::chrono::hours{1};
  for (int i = 0; i < 5'000; ++i)
    watches.emplace_back(dog, pair.ends[0], far + milliseconds{i * 37 % 5'000});
  const auto begun = steady_clock::now();
  for (int i = 0; i < 10'000; ++i)
    const Watchdog::Watch one{dog, pair.ends[0], far + milliseconds{i * 13 % 5'000}};
  // 10,000 walks through all of them would take half a minute.
  CHECK(steady_clock::now() - begun < std::chrono::seconds{5});
  CHECK_FALSE(pair.is_shut_within(milliseconds{0}));
}

TEST_SUITE_END();
