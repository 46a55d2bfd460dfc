// Which of the rules for calls strikes a call, and what the call is answered in place of an ordinary answer. In: the
// rules, and calls. Out: the rule, or none. Counts the calls that each rule is about; never touches a connection.
#pragma once

#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/reply.hpp>

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

class HttpFaults {
public:
  explicit HttpFaults(const Faults& faults) : m_faults(faults), m_counts(faults.http.size()) {}

  /// The rule that strikes this call, or null. Every rule that matches counts the call, whichever strikes.
  const HttpFault* strike(std::string_view method, std::string_view path);

  /// The answer of a rule with the effect `status` or `html`. Where the rule names no body, the API's for that status.
  Reply answer_of(const HttpFault& rule) const;

private:
  const Faults& m_faults;
  std::mutex m_mutex;
  std::vector<std::int64_t> m_counts;
};

} // namespace batchwright::emulator
