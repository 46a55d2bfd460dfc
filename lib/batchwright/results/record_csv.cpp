// The merged record as a CSV row by RFC 4180, rows ended by LF: the input's columns, then output, status and error.
// Texts are decoded; half a surrogate pair, which CSV cannot hold, becomes U+FFFD.

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/record_csv_columns.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace batchwright::results {
namespace {

constexpr std::array<std::string_view, 3> own_columns = {"output", "status", "error"};

void append_cell(std::string& out, std::string_view text)
{
  if (text.find_first_of("\",\r\n") == std::string_view::npos) {
    out += text;
    return;
  }
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const auto quote = text.find('"', at);
    out += text.substr(at, quote - at);
    if (quote == std::string_view::npos) break;
    out += "\"\"";
    at = quote + 1;
  }
  out += '"';
}

/// A JSON value as it stands: the text of a string, nothing for null, else the JSON.
void append_json_cell(std::string& out, std::string_view json)
{
  if (json == "null") return;
  if (!json.starts_with('"')) return append_cell(out, json);
  const auto token = json.substr(1, json.size() - 2);
  if (token.find('\\') == std::string_view::npos) return append_cell(out, token);
  append_cell(out, json::decode_lossy(token));
}

void append_field(std::string& out, const input::Field& field)
{
  field.form == input::Field::Form::json ? append_json_cell(out, field.bytes) : append_cell(out, field.bytes);
}

/// What goes before the names of our columns so that none is one of the input's.
std::string prefix_for(const std::deque<std::string>& columns)
{
  std::string prefix;
  const auto clashes = [&](std::string_view own) {
    return std::find(columns.begin(), columns.end(), prefix + std::string{own}) != columns.end();
  };
  while (std::any_of(own_columns.begin(), own_columns.end(), clashes))
    prefix += '_';
  return prefix;
}

class CsvWriter : public RecordWriter {
public:
  explicit CsvWriter(const Job& job) : m_pins(job.inputs)
  {
    m_pins.check();
    m_columns.emplace(job);
    m_stream = input::open(job.inputs, {.skip_bad = job.skip_bad, .on_skipped = {}});
    m_item = m_stream->next();
  }

  void begin(std::string& out) override
  {
    for (const auto& name : m_columns->names()) {
      append_cell(out, name);
      out += ',';
    }
    const auto prefix = prefix_for(m_columns->names());
    for (const auto own : own_columns)
      out += fmt::format("{}{}{}", prefix, own, own == own_columns.back() ? '\n' : ',');
  }

  void add(std::string& out, const Outcome& outcome) override
  {
    if (!m_item || m_item->mark.ordinal != outcome.ordinal)
      throw Error{Fault::bug, "internal promise broken: the pinned input holds the job's items in order"};
    for (const auto& field : m_columns->row(*m_item)) {
      if (field) append_field(out, *field);
      out += ',';
    }
    ensure(m_document.parse(outcome.answer), "an outcome file holds answer lines");
    const auto answer = wire::read_answer(m_document.root(), outcome.from->endpoint);
    append_json_cell(out, output_json(answer, m_scratch));
    out += ',';
    out += name(outcome.status);
    out += ',';
    if (outcome.status == Status::failed) append_cell(out, fmt::format("{}: {}", outcome.code, answer.message));
    out += '\n';
    m_item = m_stream->next();
  }

  void pass(std::string&) override { m_item = m_stream->next(); }
  void end(std::string&) override { m_pins.check(); }

private:
  input::Pins m_pins;
  std::unique_ptr<input::Stream> m_stream = {};
  const input::Item* m_item = nullptr; // the one that comes next
  std::optional<CsvColumns> m_columns = {};
  json::Document m_document = {};
  std::string m_scratch = {};
};

} // namespace

std::unique_ptr<RecordWriter> csv_writer(const Job& job)
{
  return std::make_unique<CsvWriter>(job);
}

} // namespace batchwright::results
