// A server in the process that answers as a test says, and counts what is in flight; and answers as the real caller
// hands them over.
#pragma once

#include <batchwright/api/caller.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tests {

using batchwright::Millis;
using batchwright::api::Answered;
using batchwright::api::Ending;

inline Answered answer_ok(std::string text = "yes")
{
  return {.ending = Ending::ok,
          .status = 200,
          .body = fmt::format(R"({{"text":"{}","usage":{{"total_tokens":7}}}})", text),
          .is_json = true,
          .request_id = "req_1",
          .took = Millis{5}};
}

/// An error in the API's own form.
inline Answered answer_error(int status, const std::string& message = "no", const std::string& code = "",
                             const std::string& type = "", const std::string& param = "")
{
  return {.ending = status < 500 && status != 408 && status != 409 ? Ending::refused : Ending::unknown,
          .status = status,
          .body = fmt::format(R"({{"error":{{"message":"{}","code":"{}"}}}})", message, code),
          .is_json = true,
          .error = {.code = code, .type = type, .message = message, .param = param},
          .trouble = fmt::format("HTTP {}: {}", status, message),
          .took = Millis{5}};
}

/// A gateway's page.
inline Answered answer_page(int status)
{
  return {.ending = Ending::unknown,
          .status = status,
          .body = "<html>down</html>",
          .trouble = fmt::format("HTTP {}: a page that is no JSON", status),
          .took = Millis{5}};
}

inline Answered no_answer(Ending ending, Millis took = Millis{5})
{
  return {.ending = ending, .trouble = ending == Ending::not_sent ? "connection refused" : "reset", .took = took};
}

class ScriptedCaller final : public batchwright::api::Caller {
public:
  struct Asked {
    std::string url = {};
    std::string body = {};
    int nth = 1;         ///< which call of all, from 1
    int nth_of_body = 1; ///< which of this body
    Millis timeout{0};
  };
  using Script = std::function<Answered(const Asked&)>;

  explicit ScriptedCaller(Script script) : m_script(std::move(script)) {}

  Answered call(std::string_view url, const std::string& body, Millis timeout) override
  {
    Asked asked{.url = std::string{url}, .body = body, .timeout = timeout};
    {
      std::unique_lock lock{m_mutex};
      asked.nth = ++m_calls;
      asked.nth_of_body = ++m_bodies[body];
      m_order.push_back(body);
      m_most = std::max(m_most, ++m_in_flight);
      m_changed.notify_all();
      if (m_latency.count() > 0) m_changed.wait_for(lock, m_latency, [this] { return m_ended; });
      m_changed.wait(lock, [this] { return m_open || m_ended; });
      if (m_ended) {
        --m_in_flight;
        return no_answer(Ending::unknown);
      }
    }
    const Leaving leaving{*this};
    return m_script(asked);
  }

  void end_all() override
  {
    const std::lock_guard lock{m_mutex};
    m_ended = true;
    m_changed.notify_all();
  }

  /// Whether calls are answered, or stay in flight.
  void open(bool is_open)
  {
    const std::lock_guard lock{m_mutex};
    m_open = is_open;
    m_changed.notify_all();
  }
  void take(Millis latency) { m_latency = latency; }
  void wait_in_flight(int count)
  {
    std::unique_lock lock{m_mutex};
    m_changed.wait(lock, [&] { return m_in_flight >= count; });
  }

  int calls() const
  {
    const std::lock_guard lock{m_mutex};
    return m_calls;
  }
  int most() const
  {
    const std::lock_guard lock{m_mutex};
    return m_most;
  }
  int in_flight() const
  {
    const std::lock_guard lock{m_mutex};
    return m_in_flight;
  }
  std::vector<std::string> order() const
  {
    const std::lock_guard lock{m_mutex};
    return m_order;
  }
  std::map<std::string, int> bodies() const
  {
    const std::lock_guard lock{m_mutex};
    return m_bodies;
  }

private:
  struct Leaving {
    ScriptedCaller& caller;
    ~Leaving()
    {
      const std::lock_guard lock{caller.m_mutex};
      --caller.m_in_flight;
    }
  };

  Script m_script;
  mutable std::mutex m_mutex = {};
  std::condition_variable m_changed = {};
  Millis m_latency{0};
  bool m_open = true;
  bool m_ended = false;
  int m_calls = 0;
  int m_in_flight = 0;
  int m_most = 0;
  std::vector<std::string> m_order = {};
  std::map<std::string, int> m_bodies = {};
};

} // namespace tests
