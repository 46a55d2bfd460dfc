// Connections that wait for their next exchange. The one used last is given out first, so that the others can grow old;
// those are dropped.
#pragma once

#include <batchwright/http/connection.hpp>
#include <batchwright/http/transport.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace batchwright::http {

/// A time that only grows, and does so while the machine sleeps, too.
using Uptime = std::chrono::nanoseconds;
Uptime uptime();

/// Safe from many threads.
class Pool {
public:
  /// No more than `most_idle` are kept, those used last: as many as there may be exchanges at a time.
  explicit Pool(std::size_t most_idle, std::function<Uptime()> now = uptime)
      : m_most_idle(most_idle), m_now(std::move(now))
  {
  }

  /// A connection that is still open, as far as can be seen; null when there is none. A POST gets only one that was
  /// used a moment ago: a server that closes an idle connection while the request is on its way leaves us not knowing
  /// whether the call counted, and a fresh connection costs less than finding out.
  std::unique_ptr<Connection> take(Method method);
  void put(std::unique_ptr<Connection> connection);

  /// Older ones are dropped: a laptop that slept or a router that forgot them leaves connections dead without a sign,
  /// and a request into one waits for its whole timeout.
  static constexpr std::chrono::seconds longest_idle{60};

private:
  struct Idle {
    std::unique_ptr<Connection> connection = {};
    Uptime since = {};
  };

  /// Takes the old out, to be closed without the lock.
  std::vector<Idle> take_old(Uptime now);

  const std::size_t m_most_idle;
  const std::function<Uptime()> m_now;
  std::mutex m_mutex;
  std::deque<Idle> m_idle; // the longest idle first
};

} // namespace batchwright::http
