#include <batchwright/input/json_item.hpp>
#include <batchwright/input/kept_items.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace batchwright::input {
namespace {

/// Bytes in a text that may move while it grows.
struct Held {
  std::size_t begin = 0;
  std::size_t size = 0;
};

struct HeldField {
  Held column = {};
  Held bytes = {};
  Field::Form form = Field::Form::text;
};

struct Record {
  Mark mark = {};
  std::string_view file = {}; // of the stream, which outlives this; of a file of its own, `path` is it
  Held path = {};
  bool is_file = false;
  bool is_line = false;
  Held line = {};
  std::size_t first = 0; // of the fields, where it is no line
  std::size_t fields = 0;
};

/// An item by its fields.
class FieldsItem : public Item {
public:
  struct Cell {
    std::string_view column = {};
    Field field = {};
  };

  std::optional<Field> field(std::string_view column) const override
  {
    const auto found = std::find_if(cells.begin(), cells.end(),
                                    [&](const Cell& cell) { return !cell.column.empty() && cell.column == column; });
    return found == cells.end() ? std::nullopt : std::optional{found->field};
  }

  void each(const OnField& on_field) const override
  {
    for (const auto& cell : cells)
      on_field(cell.column, cell.field);
  }

  std::vector<Cell> cells = {};
};

} // namespace

struct KeptItems::State {
  Held hold(std::string_view more)
  {
    const Held held{text.size(), more.size()};
    text += more;
    return held;
  }

  std::string_view view(const Held& held) const { return std::string_view{text}.substr(held.begin, held.size); }

  const Item& line_of(const Record& record)
  {
    line_item.text = view(record.line);
    place(line_item, record);
    if (const auto fault = line_item.read(record.file, {record.mark.offset, record.mark.line})) throw *fault;
    return line_item;
  }

  const Item& fields_of(const Record& record)
  {
    auto& cells = fields_item.cells;
    cells.clear();
    for (auto i = record.first; i < record.first + record.fields; ++i)
      cells.push_back({view(fields[i].column), {view(fields[i].bytes), fields[i].form}});
    place(fields_item, record);
    return fields_item;
  }

  void place(Item& item, const Record& record) const
  {
    item.mark = record.mark;
    item.file = record.is_file ? view(record.path) : record.file;
    item.is_file = record.is_file;
  }

  std::string text = {};
  std::vector<HeldField> fields = {};
  std::vector<Record> records = {};
  JsonItem line_item = {};
  FieldsItem fields_item = {};
};

KeptItems::KeptItems() : m_state(std::make_unique<State>()) {}
KeptItems::~KeptItems() = default;

void KeptItems::clear()
{
  m_state->text.clear();
  m_state->fields.clear();
  m_state->records.clear();
}

void KeptItems::keep(const Item& item)
{
  auto& s = *m_state;
  Record record{.mark = item.mark, .file = item.file, .is_file = item.is_file, .first = s.fields.size()};
  if (item.is_file) record.path = s.hold(item.file);
  record.is_line = !item.line().empty();
  if (record.is_line) {
    record.line = s.hold(item.line());
  } else {
    item.each([&s](std::string_view column, const Field& field) {
      s.fields.push_back({s.hold(column), s.hold(field.bytes), field.form});
    });
    record.fields = s.fields.size() - record.first;
  }
  s.records.push_back(record);
}

std::size_t KeptItems::size() const
{
  return m_state->records.size();
}

std::size_t KeptItems::bytes() const
{
  return m_state->text.size();
}

const Item& KeptItems::item(std::size_t i)
{
  const auto& record = m_state->records[i];
  return record.is_line ? m_state->line_of(record) : m_state->fields_of(record);
}

} // namespace batchwright::input
