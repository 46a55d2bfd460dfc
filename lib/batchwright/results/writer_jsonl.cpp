// The merged record as a JSON line: all of it, or the fields that were asked for.

#include <batchwright/json/json.hpp>
#include <batchwright/results/fields.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/writers.hpp>

#include <algorithm>
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
      : m_job(job),
        m_record(job),
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

  std::unique_ptr<RecordRenderer> renderer() const override { return std::make_unique<Renderer>(*this); }
  bool reads_line(const Outcome& outcome) const override { return need_answer(m_fields, m_record, outcome); }
  InputAlong* input() override { return m_input ? &*m_input : nullptr; }

  void end() override
  {
    if (m_input) m_input->end();
  }

private:
  class Renderer : public RecordRenderer {
  public:
    explicit Renderer(const JsonlWriter& writer) : m_writer(writer), m_record(writer.m_job) {}

    Wrote add(std::string& out, const Outcome& outcome, const input::Item* item) override
    {
      m_record.take(outcome);
      const auto& fields = m_writer.m_fields;
      out += '{';
      for (std::size_t i = 0; i < fields.size(); ++i) {
        if (!m_writer.m_is_chosen && fields[i].in == Member::tool_calls && !m_record.has_calls()) continue;
        out += m_writer.m_keys[i];
        append_value(out, fields[i], m_record, item);
      }
      out += "}\n";
      return Wrote::record;
    }

  private:
    const JsonlWriter& m_writer;
    Record m_record;
  };

  const Job& m_job;
  Record m_record; // of no outcome
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
