// Which of the rules for calls strikes a call, and what the call is answered in place of an ordinary answer. In: the
// rules in force, and calls. Out: the rule, or none. Counts the calls that each rule is about, from when it took force;
// never touches a connection.
#pragma once

#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/setting.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

class HttpFaults {
public:
  explicit HttpFaults(const Setting& setting) : m_setting(setting) {}

  /// The rule that strikes this call. Every rule that matches counts the call, whichever strikes.
  std::optional<HttpFault> strike(std::string_view method, std::string_view path);

  /// The answer of a rule with the action `status`, `html` or `slow_down`. Where the rule names no body, the API's for
  /// that status.
  Reply answer_of(const HttpFault& rule) const;

private:
  const Setting& m_setting;
  std::mutex m_mutex;
  std::shared_ptr<const Faults> m_counted = {}; // what the counts are of
  std::vector<std::int64_t> m_counts = {};
};

} // namespace batchwright::emulator
