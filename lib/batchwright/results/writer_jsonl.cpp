// The merged record as a JSON line: all of it, or the fields that were asked for.

#include <batchwright/json/json.hpp>
#include <batchwright/results/fields.hpp>
#include <batchwright/results/input_along.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/writers.hpp>

#include <optional>
#include <vector>

namespace batchwright::results {
namespace {

/// What a record is made of where nobody chose.
std::vector<Field> usual_fields()
{
  std::vector<Field> fields;
  for (auto member = Member::index; member <= Member::tool_calls;
       member = static_cast<Member>(static_cast<std::uint8_t>(member) + 1)) {
    fields.push_back({std::string{name(member)}, member, {}});
  }
  return fields;
}

class JsonlWriter : public RecordWriter {
public:
  JsonlWriter(const Job& job, const Choice& choice)
      : m_record(job),
        m_fields(choice.fields.empty() ? usual_fields() : fields_named(choice.fields, job)),
        m_is_chosen(!choice.fields.empty())
  {
    append_included(m_fields, choice);
    if (need_input(m_fields)) m_input.emplace(job);
    for (const auto& field : m_fields) {
      auto& key = m_keys.emplace_back(m_keys.empty() ? "" : ",");
      json::append_string(key, field.name);
      key += ':';
    }
  }

  Wrote add(std::string& out, const Outcome& outcome) override
  {
    m_record.take(outcome);
    const auto* item = m_input ? &m_input->item(outcome.ordinal) : nullptr;
    out += '{';
    for (std::size_t i = 0; i < m_fields.size(); ++i) {
      const auto& field = m_fields[i];
      if (!m_is_chosen && field.in == Member::tool_calls && !m_record.has_calls()) continue;
      out += m_keys[i];
      append_value(out, field, m_record, item);
    }
    out += "}\n";
    return Wrote::record;
  }

  void end(std::string&) override
  {
    if (m_input) m_input->end();
  }

private:
  Record m_record;
  std::vector<Field> m_fields;
  bool m_is_chosen;
  std::optional<InputAlong> m_input = {}; // nothing: no field needs it
  std::vector<std::string> m_keys = {};   // what stands before each value
};

} // namespace

std::unique_ptr<RecordWriter> jsonl_writer(const Job& job, const Choice& choice)
{
  return std::make_unique<JsonlWriter>(job, choice);
}

} // namespace batchwright::results
