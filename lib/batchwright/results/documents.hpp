// Answers that are documents: of a job whose answers keep to a schema. Comes in: the schema, then answers. Goes out:
// whether an answer keeps to it, its document as JSON, and its fields for the columns of a table. Private to results/.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/results/answer_schema.hpp>
#include <batchwright/wire/answer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

class Documents {
public:
  /// Throws as AnswerSchema.
  explicit Documents(const std::string& schema);

  /// Why an answer does not keep to the schema; nothing where all it says does. Tool calls alone say nothing.
  std::optional<std::string> violation(const wire::Answer& answer) const;

  /// What an answer says with each text that is JSON as that JSON, on one line; other texts as they are.
  std::string_view output(const wire::Answer& answer);

  /// The names of the fields of a document, those of objects inside it by their path: "label", "address.city".
  const std::vector<std::string>& fields() const { return m_fields; }
  /// The field's value in a document, as JSON; nothing where it has none.
  std::optional<std::string_view> field(const json::Value& document, std::size_t nth) const;

private:
  AnswerSchema m_schema;
  std::vector<std::string> m_fields = {};
  std::vector<std::vector<std::string>> m_paths = {};
  std::string m_output = {};
};

} // namespace batchwright::results
