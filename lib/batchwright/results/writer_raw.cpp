// The untouched answer lines; where the server gave none, the line of ours that says so.

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/writers.hpp>

namespace batchwright::results {
namespace {

class RawRenderer : public RecordRenderer {
public:
  explicit RawRenderer(RawLines wanted) : m_wanted(wanted) {}

  Wrote add(std::string& out, const Outcome& outcome, const input::Item*) override
  {
    if (m_wanted != RawLines::all && (m_wanted == RawLines::answered) != is_answered(outcome)) return Wrote::nothing;
    out += outcome.answer;
    out += '\n';
    return Wrote::record;
  }

private:
  bool is_answered(const Outcome& outcome)
  {
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto status = m_document.root().find("response", "status_code");
    const auto code = status ? status->integer().value_or(0) : 0;
    return code >= 200 && code < 300;
  }

  RawLines m_wanted;
  json::Document m_document = {};
};

class RawWriter : public RecordWriter {
public:
  explicit RawWriter(RawLines wanted) : m_wanted(wanted) {}

  std::unique_ptr<RecordRenderer> renderer() const override { return std::make_unique<RawRenderer>(m_wanted); }

private:
  RawLines m_wanted;
};

} // namespace

std::unique_ptr<RecordWriter> raw_writer(RawLines wanted)
{
  return std::make_unique<RawWriter>(wanted);
}

} // namespace batchwright::results
