// Connections that wait for their next exchange. The one used last is given out first, so that the others can grow old.
#pragma once

#include <batchwright/http/connection.hpp>
#include <batchwright/http/transport.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace batchwright::http {

class Pool {
public:
  /// A connection that is still open, as far as can be seen; null when there is none. A POST gets only one that was
  /// used a moment ago: a server that closes an idle connection while the request is on its way leaves us not knowing
  /// whether the call counted, and a fresh connection costs less than finding out.
  std::unique_ptr<Connection> take(Method method);
  void put(std::unique_ptr<Connection> connection);

private:
  struct Idle {
    std::unique_ptr<Connection> connection = {};
    std::chrono::steady_clock::time_point since = {};
  };

  std::mutex m_mutex;
  std::vector<Idle> m_idle;
};

} // namespace batchwright::http
