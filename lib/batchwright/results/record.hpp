// One item's merged record, member by member. Comes in: an outcome. Goes out: each member as JSON, or what stands
// inside it. Which members are written, and in which form, is the writers' (writers.hpp). Private to results/.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/money/prices.hpp>
#include <batchwright/results/documents.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/wire/answer.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::results {

/// In the order of a record.
enum class Member : std::uint8_t {
  index,
  custom_id,
  status,
  output,
  error,
  paid,
  finish_reason,
  route,
  attempt,
  model,
  usage,
  cost_usd,
  tool_calls, ///< in a record only where there are any
  response,   ///< the server's own, whole: in a record where it is asked for
};
inline constexpr std::size_t member_count = 14;

std::string_view name(Member member);
std::optional<Member> member_named(std::string_view word);

class Record {
public:
  /// Throws as Documents.
  explicit Record(const Job& job);
  Record(const Record&) = delete;
  Record& operator=(const Record&) = delete;

  /// Everything below is about this outcome, which has a source, from here on. Without its answer, only of members that
  /// do not read it.
  void take(const Outcome& outcome);
  /// Whether a member of such an outcome, its answer not looked for, is made of its answer.
  bool reads_answer(const Outcome& outcome, Member member) const;

  /// Appends a member as JSON, null where there is none.
  void append(std::string& out, Member member);
  /// What stands in a member at the end of a path (json::Value::along), as JSON; nothing where nothing does. Valid
  /// until the next take().
  std::optional<std::string_view> find(Member member, std::string_view path);
  bool has_calls() const { return !m_answer.calls.empty(); }

  /// "code: message"; empty where it did not fail.
  std::string error_words() const;

  /// The fields of the documents that answers are, where they keep to a schema: "label", "address.city".
  const std::vector<std::string>& document_fields() const;

private:
  struct Inside {
    bool is_there = false;
    std::string text = {};
    json::Document document = {};
  };

  void take_source(const OutcomeFile& source);
  std::string_view output();
  std::string message() const;
  int attempt() const;
  bool is_paid() const;
  void append_custom_id(std::string& out) const;
  void append_error(std::string& out) const;
  void append_usage(std::string& out) const;
  void append_cost(std::string& out) const;
  void append_response(std::string& out) const;

  bool m_user_ids;
  std::optional<Documents> m_documents = {}; // nothing: answers keep to no schema
  const OutcomeFile* m_source = nullptr;     // of the last outcome
  int m_part = 0;                            // whose that is
  std::string m_model = {};                  // its model, as a token
  Outcome m_outcome = {};
  json::Document m_document = {};
  wire::Answer m_answer = {};
  std::string m_scratch = {};
  std::array<Inside, member_count> m_insides = {};
};

} // namespace batchwright::results
