// The two formats of a record a line: JSON objects, and plain text.

#include <batchwright/input/json_item.hpp>
#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::input {
namespace {

constexpr std::string_view blanks = " \t\r";

std::string_view word(json::Kind kind)
{
  switch (kind) {
  case json::Kind::null:
    return "null";
  case json::Kind::boolean:
    return "a boolean";
  case json::Kind::number:
    return "a number";
  case json::Kind::string:
    return "a string";
  case json::Kind::array:
    return "an array";
  case json::Kind::object:
    return "an object";
  }
  return "a value";
}

class TextItem : public Item {
public:
  std::optional<Field> field(std::string_view column) const override
  {
    return column == "text" ? std::optional{Field{text, Field::Form::text}} : std::nullopt;
  }
  void each(const OnField& on_field) const override { on_field("text", {text, Field::Form::text}); }

  std::string_view text = {};
};

/// A record a line: what a line must be is the derived reader's to say.
class RecordPerLine : public Reader {
public:
  RecordPerLine(const std::string& path, Start from) : m_path(path), m_lines(path, from) {}

  Step step() override
  {
    const auto line = m_lines.next();
    if (!line) return Step::end;
    m_fault = line->too_long ? too_long(m_path, line->start, "line") : take(*line);
    if (m_fault) return Step::bad;
    item().mark.offset = line->start.offset;
    item().mark.line = line->start.line;
    return Step::record;
  }

  const Error& fault() const override { return *m_fault; }

protected:
  /// Makes the line the item, or says why it cannot be one.
  virtual std::optional<Error> take(const Lines::Line& line) = 0;

  std::string m_path;

private:
  Lines m_lines;
  std::optional<Error> m_fault = {};
};

class TextReader : public RecordPerLine {
public:
  using RecordPerLine::RecordPerLine;
  Item& item() override { return m_item; }
  std::vector<std::string> fixed_columns() const override { return {"text"}; }

private:
  std::optional<Error> take(const Lines::Line& line) override
  {
    m_item.text = line.text;
    if (json::is_utf8(line.text)) return std::nullopt;
    return not_utf8(m_path, {line.start.offset + json::utf8_until(line.text), line.start.line});
  }

  TextItem m_item = {};
};

class JsonlReader : public RecordPerLine {
public:
  JsonlReader(const std::string& path, Start from, Unread unread) : RecordPerLine(path, from), m_unread(unread) {}

  Item& item() override { return m_item; }
  std::vector<std::string> fixed_columns() const override { return {}; }

private:
  std::optional<Error> take(const Lines::Line& line) override
  {
    m_item.text = line.text;
    return m_unread == Unread::yes ? std::nullopt : m_item.read(m_path, line.start);
  }

  Unread m_unread;
  JsonItem m_item = {};
};

} // namespace

std::optional<Field> JsonItem::field(std::string_view column) const
{
  const auto value = m_document.root().find(column);
  return value ? std::optional{Field{value->raw(), Field::Form::json}} : std::nullopt;
}

void JsonItem::each(const OnField& on_field) const
{
  std::string decoded;
  m_document.root().each_member([&](const json::Value& name, const json::Value& value) {
    auto key = name.token();
    if (key.find('\\') != std::string_view::npos) key = decoded = json::decode_lossy(key);
    on_field(key, {value.raw(), Field::Form::json});
  });
}

std::optional<Error> JsonItem::read(std::string_view path, Start start)
{
  if (!m_document.parse(text)) return not_json(std::string{path}, start, m_document.fault());
  const auto root = m_document.root();
  if (root.is(json::Kind::object)) return std::nullopt;
  return fault_at(std::string{path}, start.line, start.offset,
                  fmt::format("expected a JSON object, found {}", word(root.kind())));
}

Lines::Lines(const std::string& path, Start from) : m_window(path, from.offset), m_line(from.line) {}

std::optional<Lines::Line> Lines::next()
{
  if (m_inside_long && !pass_rest()) return std::nullopt;
  std::size_t searched = 0;
  for (;;) {
    const auto view = m_window.view();
    const auto newline = view.find('\n', searched);
    auto text = view.substr(0, newline);
    if (text.size() > longest_record + 1) {
      m_inside_long = true;
      return Line{{}, {m_window.offset(), m_line}, true};
    }
    if (newline == std::string_view::npos) {
      searched = view.size();
      if (m_window.grow()) continue;
      if (m_window.view().empty()) return std::nullopt;
      text = m_window.view();
    }
    if (text.ends_with('\r')) text.remove_suffix(1);
    const Line line{text, {m_window.offset(), m_line++}, text.size() > longest_record};
    m_window.drop(newline == std::string_view::npos ? m_window.view().size() : newline + 1);
    if (text.find_first_not_of(blanks) != std::string_view::npos) return line;
    searched = 0;
  }
}

/// Passes over what is left of a line that is too long, its newline included; false where the file ends first.
bool Lines::pass_rest()
{
  for (;;) {
    const auto newline = m_window.view().find('\n');
    if (newline != std::string_view::npos) {
      m_window.drop(newline + 1);
      m_inside_long = false;
      ++m_line;
      return true;
    }
    m_window.drop(m_window.view().size());
    if (!m_window.grow()) return false;
  }
}

Error too_long(const std::string& path, Start start, std::string_view record)
{
  return fault_at(path, start.line, start.offset,
                  fmt::format("the {} is longer than {} MiB", record, longest_record >> 20),
                  "shorten it, or cut it into several items");
}

Error not_utf8(const std::string& path, Start at)
{
  return fault_at(path, at.line, at.offset, "bytes that are not UTF-8",
                  fmt::format("convert it from what it is: iconv -f LATIN1 -t UTF-8 '{}' > utf8-copy", path));
}

Error not_json(const std::string& path, Start start, const json::Fault& fault, std::string hint)
{
  return fault_at(path, start.line, start.offset + fault.byte, fmt::format("not JSON: {}", fault.what),
                  std::move(hint));
}

std::unique_ptr<Reader> read_jsonl(const std::string& path, Start from, Unread unread)
{
  return std::make_unique<JsonlReader>(path, from, unread);
}

std::unique_ptr<Reader> read_text(const std::string& path, Start from)
{
  return std::make_unique<TextReader>(path, from);
}

} // namespace batchwright::input
