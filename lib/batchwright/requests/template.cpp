#include <batchwright/json/json.hpp>
#include <batchwright/requests/template.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::requests {
namespace {

constexpr std::string_view open_mark = "{{";
constexpr std::string_view close_mark = "}}";
constexpr auto brace_hint = "write {{column}} for a field, and {{{{ for a literal {{";
constexpr std::size_t most_listed = 30;

std::string_view trimmed(std::string_view text)
{
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

/// "`id`, `text`, and 1 without a name".
std::string known_columns(const input::Item& item)
{
  std::string known;
  std::size_t named = 0;
  std::size_t unnamed = 0;
  item.each([&](std::string_view column, const input::Field&) {
    if (column.empty()) {
      ++unnamed;
    } else if (++named <= most_listed) {
      known += fmt::format("{}`{}`", named == 1 ? "" : ", ", column);
    }
  });
  if (named > most_listed) known += fmt::format(" and {} more", named - most_listed);
  if (unnamed > 0) known += fmt::format("{}{} without a name", named > 0 ? ", and " : "", unnamed);
  return known.empty() ? "no columns" : known;
}

std::size_t line_at(std::string_view text, std::size_t at)
{
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

} // namespace

Template::Template(std::string_view option, std::string_view text) : m_option(option)
{
  const auto refuse = [&](std::size_t at, std::string_view what) {
    throw Error{Fault::usage, fmt::format("reading {}, line {} (byte {}): {}", option, line_at(text, at), at, what),
                brace_hint};
  };
  if (!json::is_utf8(text)) refuse(json::utf8_until(text), "bytes that are not UTF-8");

  std::size_t at = 0;
  while (at < text.size()) {
    const auto open = text.find(open_mark, at);
    add_literal(text.substr(at, open - at));
    if (open == std::string_view::npos) break;
    const auto braces = std::min(text.find_first_not_of('{', open), text.size()) - open;
    at = open;
    for (std::size_t fours = braces / 4; fours > 0; --fours, at += 4)
      add_literal(open_mark);
    const auto rest = braces % 4;
    if (rest % 2 == 1) { // a brace before a column, as JSON in a template has it: {{{a}}}
      add_literal("{");
      ++at;
    }
    if (rest < 2) continue;
    const auto close = text.find(close_mark, at);
    if (close == std::string_view::npos) refuse(at, "the {{ that opens here is never closed");
    const auto column = text.substr(at + open_mark.size(), close - at - open_mark.size());
    const auto name = trimmed(column);
    if (name.empty()) refuse(at, "a {{ }} without a column");
    m_pieces.push_back({std::string{column}, std::string{name}, true});
    at = close + close_mark.size();
  }
}

void Template::add_literal(std::string_view text)
{
  if (text.empty()) return;
  if (m_pieces.empty() || m_pieces.back().is_column) m_pieces.emplace_back();
  json::append_escaped(m_pieces.back().text, text);
}

void Template::append(std::string& out, const input::Item& item) const
{
  for (const auto& piece : m_pieces) {
    if (piece.is_column) {
      append_inside(out, field_of(piece, item));
    } else {
      out.append(piece.text);
    }
  }
}

/// A column may have spaces around its name: what stands between the braces is looked for as it is first.
input::Field Template::field_of(const Piece& piece, const input::Item& item) const
{
  auto field = item.field(piece.text);
  if (!field && piece.trimmed.size() < piece.text.size()) field = item.field(piece.trimmed);
  if (!field) throw unknown_column(item, m_option + " needs", piece.trimmed);
  return *field;
}

void append_inside(std::string& out, const input::Field& field)
{
  const auto bytes = field.bytes;
  if (field.form == input::Field::Form::text) {
    json::append_escaped(out, bytes);
    return;
  }
  switch (bytes.front()) {
  case '"':
    out.append(bytes.substr(1, bytes.size() - 2));
    break;
  case 'n':
    break;
  case '{':
  case '[':
    json::append_escaped(out, bytes);
    break;
  default:
    out.append(bytes);
  }
}

Error unknown_column(const input::Item& item, std::string_view needs, std::string_view column)
{
  return input::fault_at(item, fmt::format("{} the column `{}`, the item has {}", needs, column, known_columns(item)),
                         "name one of these columns");
}

} // namespace batchwright::requests
