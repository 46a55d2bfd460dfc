#include <batchwright/base/byte_block.hpp>
#include <batchwright/input/csv.hpp>
#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>
#include <utility>

namespace batchwright::input {
namespace {

std::uint64_t newlines(std::string_view text)
{
  std::uint64_t count = 0;
  for (; text.size() >= ByteBlock::size; text.remove_prefix(ByteBlock::size)) {
    for (auto found = ByteBlock{text.data()}.equal('\n'); found != 0; found &= found - 1)
      ++count;
  }
  return count + static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

constexpr auto never_closed = "the quote that opens here is never closed";
constexpr auto unclosed_hint = "close the quote; a quote that is text is doubled, in a field that is quoted";

/// Passes over text and doubled quotes inside quotes, by whole blocks: to a quote of which what follows tells what it
/// is, or on.
std::size_t pass_doubled(std::string_view view, std::size_t at)
{
  EscapeScan scan;
  for (; at + ByteBlock::size <= view.size(); at += ByteBlock::size) {
    const auto quotes = ByteBlock{view.data() + at}.equal('"');
    const auto ends = scan.escaped(quotes) & ~quotes;
    if (ends != 0) return at + static_cast<std::size_t>(std::countr_zero(ends)) - 1;
    if (scan.escapes_next()) return at + ByteBlock::size - 1;
  }
  return at;
}

bool ends_plain(char c, char delimiter)
{
  return c == delimiter || c == '\n' || c == '"';
}

} // namespace

CsvScanner::CsvScanner(std::string path, char delimiter, Start from)
    : m_path(std::move(path)), m_delimiter(delimiter), m_window(m_path, from.offset), m_line(from.line)
{
}

bool CsvScanner::next()
{
  let_go(m_at);
  m_cells.clear();
  m_unfolded.clear();
  m_bad = {};
  m_cut.reset();
  m_too_long.reset();
  m_size = 0;
  if (!pass_blank_lines()) return false;
  m_start = place(0);
  while (cell() == After::field) {
  }
  if (m_cut) {
    pass_rest(*m_cut);
  } else if (m_size > longest_record) {
    m_too_long = too_long(m_path, m_start, "record");
  }
  return true;
}

/// Lets go of the first `n` bytes at hand; the scan goes on behind them.
void CsvScanner::let_go(std::size_t n)
{
  m_line += newlines(m_window.view().substr(0, n));
  m_window.drop(n);
  m_at = 0;
}

/// False where the file ends with them.
bool CsvScanner::pass_blank_lines()
{
  for (;;) {
    while (m_window.view().size() < 2 && m_window.grow()) {
    }
    const auto view = m_window.view();
    const auto line_end = view.starts_with("\r\n") ? 2u : view.starts_with('\n') || view == "\r" ? 1u : 0u;
    if (line_end == 0) return !view.empty();
    m_window.drop(line_end);
    ++m_line;
  }
}

/// Reads on within a record; false at the end of the file, and where the record is too long to be held.
bool CsvScanner::more(Inside where)
{
  if (m_window.view().size() <= longest_record + 2) return m_window.grow();
  if (!m_cut) m_cut = where;
  return false;
}

CsvScanner::After CsvScanner::cell()
{
  if (m_at == m_window.view().size()) more(Inside::cell);
  if (m_window.view().substr(m_at).starts_with('"')) return quoted();
  return plain_rest(m_at);
}

/// Takes what stands before the next comma or line end as it is. `begin`: where the cell's text began.
CsvScanner::After CsvScanner::plain_rest(std::size_t begin)
{
  for (;;) {
    const auto view = m_window.view();
    while (m_at < view.size() && !ends_plain(view[m_at], m_delimiter))
      ++m_at;
    if (m_at == view.size() && more(Inside::plain)) continue;
    const auto end = m_at;
    if (const auto after = end_of_cell()) {
      const bool carriage_return = *after == After::record && end > begin && m_window.view()[end - 1] == '\r';
      m_cells.push_back({begin, end - begin - (carriage_return ? 1 : 0), false});
      if (*after == After::record) m_size = end - (carriage_return ? 1 : 0);
      return *after;
    }
    misplaced(m_at++, "a quote inside a field that does not begin with one");
  }
}

CsvScanner::After CsvScanner::quoted()
{
  const auto begin = m_at + 1;
  bool doubled = false;
  m_open_quote = m_at++;
  for (;;) {
    const auto view = m_window.view();
    if (doubled) m_at = pass_doubled(view, m_at);
    const auto quote = view.find('"', m_at);
    if (quote == std::string_view::npos || quote + 2 >= view.size()) { // two more bytes tell what follows the quote
      const bool found = quote != std::string_view::npos;
      m_at = found ? quote : view.size();
      if (more(found ? Inside::quote : Inside::quoted)) continue;
      if (m_cut) return After::record;
      if (!found) throw error(place(m_open_quote), never_closed, unclosed_hint);
    }
    m_at = quote + 1;
    if (!m_window.view().substr(m_at).starts_with('"')) break;
    doubled = true;
    ++m_at;
  }
  const auto end = m_at - 1;
  const auto rest = m_window.view().substr(m_at);
  if (rest.starts_with("\r\n") || rest == "\r") ++m_at;
  if (const auto after = end_of_cell()) {
    if (doubled) {
      unfold(begin, end);
    } else {
      m_cells.push_back({begin, end - begin, false});
    }
    if (*after == After::record) m_size = end + 1;
    return *after;
  }
  misplaced(m_at, "text behind a closing quote");
  return plain_rest(begin);
}

/// Steps over a comma or a line end; nothing where neither stands here.
std::optional<CsvScanner::After> CsvScanner::end_of_cell()
{
  const auto view = m_window.view();
  if (m_at == view.size()) return After::record;
  if (view[m_at] == '\n') {
    ++m_at;
    return After::record;
  }
  if (view[m_at] != m_delimiter) return std::nullopt;
  ++m_at;
  return After::field;
}

/// Passes over what is left of a record that is too long, its line end included.
void CsvScanner::pass_rest(Inside where)
{
  m_size = 0;
  if (where == Inside::quoted || where == Inside::quote) {
    m_opened = place(m_open_quote);
    m_too_long =
        error(m_opened, fmt::format("the quote that opens here is not closed within {} MiB", longest_record >> 20),
              unclosed_hint);
  } else {
    m_too_long = too_long(m_path, m_start, "record");
  }
  let_go(m_at);
  for (std::optional<Inside> now = where; now;) {
    if (!m_window.view().empty() || m_window.grow()) {
      now = pass_some(*now);
    } else if (now == Inside::quoted) {
      throw error(m_opened, never_closed, unclosed_hint);
    } else {
      now.reset();
    }
  }
}

/// Passes over as much as ends in one state, and gives the next; nothing behind the record's end.
/// REQUIRED: a byte is at hand.
std::optional<CsvScanner::Inside> CsvScanner::pass_some(Inside where)
{
  const auto view = m_window.view();
  switch (where) {
  case Inside::cell:
    if (view.front() != '"') return Inside::plain;
    m_opened = place(0);
    let_go(1);
    return Inside::quoted;
  case Inside::plain: {
    const auto end = std::min(view.find_first_of(std::string{m_delimiter, '\n'}), view.size());
    let_go(std::min(end + 1, view.size()));
    if (end == view.size()) return Inside::plain;
    return view[end] == m_delimiter ? std::optional{Inside::cell} : std::nullopt;
  }
  case Inside::quoted: {
    const auto quote = std::min(view.find('"'), view.size());
    let_go(quote);
    return quote == view.size() ? Inside::quoted : Inside::quote;
  }
  case Inside::quote:
    if (view.size() == 1 && m_window.grow()) return Inside::quote;
    const bool doubled = m_window.view().substr(1).starts_with('"');
    let_go(doubled ? 2 : 1);
    return doubled ? Inside::quoted : Inside::plain;
  }
  return std::nullopt;
}

/// Copies a field without the second of each two quotes.
void CsvScanner::unfold(std::size_t begin, std::size_t end)
{
  const auto text = m_window.view().substr(begin, end - begin);
  const auto from = m_unfolded.size();
  m_unfolded.resize(from + text.size() + ByteBlock::size); // copies go beyond what counts
  auto* to = m_unfolded.data() + from;
  std::size_t at = 0;
  EscapeScan scan;
  for (; at + 2 * ByteBlock::size <= text.size(); at += ByteBlock::size) {
    const auto quotes = ByteBlock{text.data() + at}.equal('"');
    auto second = scan.escaped(quotes) & quotes;
    std::size_t copied = 0;
    for (; second != 0; second &= second - 1) {
      const auto place = static_cast<std::size_t>(std::countr_zero(second));
      std::memcpy(to, text.data() + at + copied, ByteBlock::size);
      to += place - copied;
      copied = place + 1;
    }
    std::memcpy(to, text.data() + at + copied, ByteBlock::size);
    to += ByteBlock::size - copied;
  }
  for (bool is_second = scan.escapes_next(); at < text.size(); ++at) {
    if (text[at] == '"' && std::exchange(is_second, !is_second)) continue;
    *to++ = text[at];
  }
  m_unfolded.resize(static_cast<std::size_t>(to - m_unfolded.data()));
  m_cells.push_back({from, m_unfolded.size() - from, true});
}

/// Notes the first thing out of place; the scan goes on, so that the record's end is found.
void CsvScanner::misplaced(std::size_t at, std::string_view what)
{
  if (!m_bad.empty()) return;
  m_bad = what;
  m_bad_at = at;
}

std::string_view CsvScanner::field(std::size_t n) const
{
  const auto& cell = m_cells[n];
  return cell.unfolded ? std::string_view{m_unfolded}.substr(cell.begin, cell.size)
                       : m_window.view().substr(cell.begin, cell.size);
}

std::optional<Error> CsvScanner::fault() const
{
  if (m_too_long) return m_too_long;
  if (!m_bad.empty()) {
    return error(place(m_bad_at), m_bad, "quote the whole field and double the quotes inside it: \"5\"\" pipe\"");
  }
  if (!json::is_utf8(raw())) return not_utf8(m_path, place(json::utf8_until(raw())));
  return std::nullopt;
}

/// A place in the view as one in the file.
Start CsvScanner::place(std::size_t at) const
{
  return {m_window.offset() + at, m_line + newlines(m_window.view().substr(0, at))};
}

Error CsvScanner::error(Start at, std::string_view what, std::string hint) const
{
  return fault_at(m_path, at.line, at.offset, what, std::move(hint));
}

// ---------------------------------------------------------------------------------------------------------------------

namespace {

class CsvItem : public Item {
public:
  std::optional<Field> field(std::string_view column) const override
  {
    const auto found = places.find(column);
    if (found == places.end()) return std::nullopt;
    return at(found->second);
  }

  void each(const OnField& on_field) const override
  {
    for (std::size_t i = 0; i < header.size(); ++i)
      on_field(header[i], at(i));
  }

  Field at(std::size_t n) const { return {scanner->field(n), Field::Form::text}; }

  std::vector<std::string> header = {};
  std::unordered_map<std::string_view, std::size_t> places = {}; // of the columns that have a name; views of `header`
  const CsvScanner* scanner = nullptr;
};

class CsvReader : public Reader {
public:
  CsvReader(const std::string& path, char delimiter, Start from)
      : m_path(path), m_scanner(std::make_unique<CsvScanner>(path, delimiter))
  {
    if (m_scanner->next()) take_header();
    if (from.offset > 0) m_scanner = std::make_unique<CsvScanner>(path, delimiter, from);
    m_item.scanner = m_scanner.get();
  }

  Step step() override
  {
    if (!m_scanner->next()) return Step::end;
    m_fault = m_scanner->fault();
    if (!m_fault && m_scanner->fields() != m_item.header.size()) m_fault = ragged();
    if (m_fault) return Step::bad;
    m_item.mark.offset = m_scanner->start().offset;
    m_item.mark.line = m_scanner->start().line;
    return Step::record;
  }

  Item& item() override { return m_item; }
  const Error& fault() const override { return *m_fault; }
  std::vector<std::string> fixed_columns() const override { return m_item.header; }

private:
  void take_header()
  {
    if (const auto fault = m_scanner->fault()) throw *fault;
    const auto refuse = [&](std::string_view what, std::string hint) {
      throw fault_at(m_path, m_scanner->start().line, m_scanner->start().offset, what, std::move(hint));
    };
    m_item.header.reserve(m_scanner->fields()); // the views of its names must hold
    for (std::size_t i = 0; i < m_scanner->fields(); ++i) {
      const std::string_view name = m_item.header.emplace_back(m_scanner->field(i));
      if (const auto at = name.find('\r'); at != std::string_view::npos && !name.substr(at).starts_with("\r\n")) {
        refuse("a carriage return in the header: lines must end in LF or CR LF",
               fmt::format("convert it: tr '\\r' '\\n' < '{}' > unix-copy", m_path));
      }
      if (!name.empty() && !m_item.places.emplace(name, i).second) {
        refuse(fmt::format("the header has the column `{}` twice", name), "give each column a name of its own");
      }
    }
  }

  Error ragged() const
  {
    const auto count = [](std::size_t n) { return fmt::format("{} field{}", n, n == 1 ? "" : "s"); };
    const auto start = m_scanner->start();
    return fault_at(
        m_path, start.line, start.offset,
        fmt::format("the record has {}, the header has {}", count(m_scanner->fields()), m_item.header.size()),
        "quote fields that hold separators or line ends");
  }

  std::string m_path;
  std::unique_ptr<CsvScanner> m_scanner;
  CsvItem m_item = {};
  std::optional<Error> m_fault = {};
};

} // namespace

std::unique_ptr<Reader> read_csv(const std::string& path, char delimiter, Start from)
{
  return std::make_unique<CsvReader>(path, delimiter, from);
}

} // namespace batchwright::input
