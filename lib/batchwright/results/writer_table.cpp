// The merged record as a row of CSV or TSV by RFC 4180, rows ended by LF: the input's columns, then output, status and
// error; or the fields that were asked for. Texts are decoded; half a surrogate pair, which a table cannot hold,
// becomes U+FFFD.

#include <batchwright/base/byte_block.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/csv_columns.hpp>
#include <batchwright/results/fields.hpp>
#include <batchwright/results/record.hpp>
#include <batchwright/results/writers.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::results {
namespace {

/// Appends cells, and what stands between them.
class Cells {
public:
  explicit Cells(char delimiter) : m_delimiter(delimiter) {}

  void text(std::string& out, std::string_view text) const
  {
    const auto found = look(text);
    if (found.needs_quotes) {
      quoted(out, text, found.quotes);
    } else {
      out += text;
    }
    out += m_delimiter;
  }

  /// A JSON value as it stands: the text of a string, nothing for null, else the JSON.
  void json(std::string& out, std::string_view json) const
  {
    if (json == "null") return text(out, {});
    if (!json.starts_with('"')) return text(out, json);
    const auto token = json.substr(1, json.size() - 2);
    if (token.find('\\') == std::string_view::npos) return text(out, token);
    text(out, json::decode_lossy(token));
  }

  /// In place of what stands behind the last cell.
  static void end_row(std::string& out) { out.back() = '\n'; }

private:
  /// What stands in a cell.
  struct Found {
    bool needs_quotes = false;
    std::size_t quotes = 0;
  };

  Found look(std::string_view text) const
  {
    Found found;
    for (; text.size() >= ByteBlock::size; text.remove_prefix(ByteBlock::size)) {
      const ByteBlock block{text.data()};
      const auto quotes = block.equal('"');
      const auto others = block.equal('\n') | block.equal('\r') | block.equal(m_delimiter);
      if (quotes != 0) found.quotes += static_cast<std::size_t>(std::popcount(quotes));
      found.needs_quotes = found.needs_quotes || (quotes | others) != 0;
    }
    for (const char c : text) {
      found.quotes += c == '"' ? 1 : 0;
      found.needs_quotes = found.needs_quotes || c == '"' || c == '\n' || c == '\r' || c == m_delimiter;
    }
    return found;
  }

  /// Each quote twice.
  static void quoted(std::string& out, std::string_view text, std::size_t quotes)
  {
    const auto begin = out.size();
    out.resize(begin + text.size() + quotes + 2 + ByteBlock::size); // a block is copied whole, and what is behind it
    auto* to = out.data() + begin;
    *to++ = '"';
    for (; text.size() >= ByteBlock::size; text.remove_prefix(ByteBlock::size))
      to = put_doubled(to, text.data());
    for (const char c : text) {
      if (c == '"') *to++ = c;
      *to++ = c;
    }
    *to++ = '"';
    out.resize(static_cast<std::size_t>(to - out.data()));
  }

  /// Puts a block, and writes up to a block beyond it. Where it ends.
  static char* put_doubled(char* to, const char* from)
  {
    std::array<char, 2 * ByteBlock::size> block{}; // of which the first half counts: the rest is overwritten
    std::memcpy(block.data(), from, ByteBlock::size);
    std::size_t done = 0;
    for (auto quotes = ByteBlock{from}.equal('"'); quotes != 0; quotes &= quotes - 1) {
      const auto quote = static_cast<std::size_t>(std::countr_zero(quotes));
      std::memcpy(to, block.data() + done, ByteBlock::size);
      to += quote + 1 - done;
      done = quote; // and once more
    }
    std::memcpy(to, block.data() + done, ByteBlock::size);
    return to + ByteBlock::size - done;
  }

  char m_delimiter;
};

/// What stands behind the input's columns where nobody chose.
std::vector<Field> usual_fields(const std::vector<std::string>& document_fields)
{
  std::vector<Field> fields{{"output", Member::output, {}}};
  for (const auto& path : document_fields)
    fields.push_back({"output." + path, Member::output, path});
  fields.push_back({"status", Member::status, {}});
  fields.push_back({"error", Member::error, {}});
  return fields;
}

/// What goes before the names of our columns so that none is one of the input's.
std::string prefix_for(const std::deque<std::string>& columns, const std::vector<Field>& fields)
{
  std::string prefix;
  const auto clashes = [&](const Field& field) {
    return std::find(columns.begin(), columns.end(), prefix + field.name) != columns.end();
  };
  while (std::any_of(fields.begin(), fields.end(), clashes))
    prefix += '_';
  return prefix;
}

class TableWriter : public RecordWriter {
public:
  TableWriter(const Job& job, const Choice& choice, char delimiter) : m_job(job), m_cells(delimiter), m_record(job)
  {
    const bool is_chosen = !choice.fields.empty();
    m_fields = is_chosen ? fields_named(choice.fields, job) : usual_fields(m_record.document_fields());
    append_included(m_fields, choice);
    if (!is_chosen) std::erase_if(m_fields, [](const Field& f) { return !f.in; }); // its columns are there already
    if (!is_chosen || need_input(m_fields)) m_input.emplace(job);
    if (!is_chosen) m_columns.emplace(job);
  }

  void begin(std::string& out) override
  {
    std::string prefix;
    if (m_columns) {
      for (const auto& column : m_columns->names())
        m_cells.text(out, column);
      prefix = prefix_for(m_columns->names(), m_fields);
    }
    for (const auto& field : m_fields)
      m_cells.text(out, prefix + field.name);
    Cells::end_row(out);
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
    explicit Renderer(const TableWriter& writer) : m_writer(writer), m_record(writer.m_job)
    {
      if (writer.m_columns) m_rows.emplace(*writer.m_columns);
    }

    Wrote add(std::string& out, const Outcome& outcome, const input::Item* item) override
    {
      m_record.take(outcome);
      if (m_rows) append_input(out, *item);
      for (const auto& field : m_writer.m_fields)
        append(out, field, item);
      Cells::end_row(out);
      return Wrote::record;
    }

  private:
    void append_input(std::string& out, const input::Item& item)
    {
      const auto& cells = m_writer.m_cells;
      for (const auto& field : m_rows->row(item)) {
        if (!field) {
          cells.text(out, {});
        } else if (field->form == input::Field::Form::json) {
          cells.json(out, field->bytes);
        } else {
          cells.text(out, field->bytes);
        }
      }
    }

    void append(std::string& out, const Field& field, const input::Item* item)
    {
      const auto& cells = m_writer.m_cells;
      if (field.in == Member::error && field.path.empty()) return cells.text(out, m_record.error_words());
      m_value.clear();
      append_value(m_value, field, m_record, item);
      cells.json(out, m_value);
    }

    const TableWriter& m_writer;
    Record m_record;
    std::optional<CsvRows> m_rows = {}; // nothing: fields were chosen
    std::string m_value = {};
  };

  const Job& m_job;
  Cells m_cells;
  Record m_record; // of no outcome
  std::vector<Field> m_fields = {};
  std::optional<InputAlong> m_input = {};   // nothing: no field needs it
  std::optional<CsvColumns> m_columns = {}; // nothing: fields were chosen
};

} // namespace

std::unique_ptr<RecordWriter> table_writer(const Job& job, const Choice& choice, char delimiter)
{
  return std::make_unique<TableWriter>(job, choice, delimiter);
}

} // namespace batchwright::results
