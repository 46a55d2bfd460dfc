#include "tests/support/scripted_server.hpp"

#include <batchwright/http/dialler.hpp>
#include <batchwright/http/pool.hpp>

#include <doctest/doctest.h>

#include <future>

using namespace batchwright;
using namespace batchwright::http;
using tests::Peer;
using tests::ScriptedServer;

namespace {

constexpr std::size_t most_idle = 64;

/// A pool whose time passes by hand, and a server that holds connections open until told to close them.
struct Idling {
  ScriptedServer server{std::vector<tests::Script>(most_idle + 8, [](Peer& peer) {
    if (peer.read_request().empty()) return;
    peer.close();
    peer.wait_for_close();
  })};
  Interrupt interrupt = {};
  Watchdog dog{interrupt};
  Dialler dialler{Target{.tls = false, .host = "test", .port = server.port()}, nullptr};
  Uptime now{std::chrono::hours{1}};
  Pool pool{most_idle, [this] { return now; }};

  std::unique_ptr<Connection> dial() { return dialler.dial({"127.0.0.1"}, Millis{5'000}, Deadline::max(), dog); }
  /// Puts a fresh connection into the pool; its address, to know it again.
  const Connection* put()
  {
    auto connection = dial();
    const auto* known = connection.get();
    pool.put(std::move(connection));
    return known;
  }
  /// How many connections the pool still gives out.
  std::size_t count()
  {
    std::vector<std::unique_ptr<Connection>> taken;
    while (auto connection = pool.take(Method::get))
      taken.push_back(std::move(connection));
    return taken.size();
  }
};

} // namespace

TEST_SUITE_BEGIN("http::pool");

TEST_CASE_FIXTURE(Idling, "the connection used last is given out first")
{
  const auto* first = put();
  const auto* second = put();
  CHECK(pool.take(Method::get).get() == second);
  CHECK(pool.take(Method::post).get() == first);
  CHECK(pool.take(Method::get) == nullptr);
}

TEST_CASE_FIXTURE(Idling, "a connection that was idle for a minute is not used, a younger one is")
{
  put();
  put();
  now += std::chrono::seconds{30};
  const auto* young = put();
  now += std::chrono::seconds{30};
  SUBCASE("not yet")
  {
    CHECK(count() == 3);
  }
  SUBCASE("some")
  {
    now += std::chrono::milliseconds{1};
    CHECK(pool.take(Method::get).get() == young);
    CHECK(count() == 0);
  }
  SUBCASE("all")
  {
    now += std::chrono::hours{8};
    CHECK(count() == 0);
  }
}

TEST_CASE_FIXTURE(Idling, "an old connection is closed when another one comes back, even if none is asked for")
{
  std::promise<void> closed;
  const ScriptedServer watching{{[&](Peer& peer) {
    peer.wait_for_close();
    closed.set_value();
  }}};
  const Dialler to_watching{Target{.tls = false, .host = "test", .port = watching.port()}, nullptr};
  pool.put(to_watching.dial({"127.0.0.1"}, Millis{5'000}, Deadline::max(), dog));
  now += std::chrono::seconds{61};
  put();
  CHECK(closed.get_future().wait_for(std::chrono::seconds{10}) == std::future_status::ready);
}

TEST_CASE_FIXTURE(Idling, "a POST gets only a connection that was used a moment ago, and leaves the others")
{
  put();
  now += std::chrono::milliseconds{1'500};
  CHECK(pool.take(Method::post) != nullptr);
  put();
  now += std::chrono::milliseconds{1'501};
  CHECK(pool.take(Method::post) == nullptr);
  CHECK(pool.take(Method::get) != nullptr);
}

TEST_CASE_FIXTURE(Idling, "an answer that was long in coming makes no connection old")
{
  const auto* used = put();
  for (int n = 0; n < 3; ++n) {
    auto connection = pool.take(Method::post);
    REQUIRE(connection.get() == used);
    now += std::chrono::seconds{9};
    pool.put(std::move(connection));
    now += std::chrono::seconds{1};
  }
}

TEST_CASE_FIXTURE(Idling, "no more than so many are kept, those used last")
{
  const auto* oldest = put();
  for (std::size_t i = 0; i < most_idle; ++i)
    put();
  std::vector<std::unique_ptr<Connection>> taken;
  while (auto connection = pool.take(Method::get)) {
    CHECK(connection.get() != oldest);
    taken.push_back(std::move(connection));
  }
  CHECK(taken.size() == most_idle);
}

TEST_CASE_FIXTURE(Idling, "a connection that the server closed is passed over")
{
  const auto* open = put();
  auto closed = dial();
  closed->send("GET / HTTP/1.1\r\n\r\n");
  CHECK_FALSE(closed->fill());
  pool.put(std::move(closed));
  CHECK(pool.take(Method::get).get() == open);
}

TEST_CASE("uptime only grows")
{
  const auto before = uptime();
  CHECK(before > Uptime{0});
  CHECK(uptime() >= before);
}

TEST_SUITE_END();
