#include <batchwright/json/json.hpp>
#include <batchwright/requests/column.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::requests {
namespace {

constexpr std::size_t most_listed = 30;
const std::vector<Filter> no_filters;

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

} // namespace

Column::Column(std::string option, std::string_view between_braces)
    : m_option(std::move(option)), m_text(between_braces)
{
  const auto bar = between_braces.find('|');
  m_name = trimmed(between_braces.substr(0, bar));
  if (bar != std::string_view::npos) m_filters = parse_filters(between_braces.substr(bar + 1));
}

void Column::append(std::string& out, const input::Item& item) const
{
  const auto found = find(item);
  if (found.filters.empty()) return append_inside(out, found.field);
  std::string inside;
  append_inside(inside, found.field);
  out += filtered(found.filters, inside);
}

void Column::append_json(std::string& out, const input::Item& item) const
{
  const auto found = find(item);
  if (found.field.form == input::Field::Form::json && found.filters.empty()) {
    out += found.field.bytes;
    return;
  }
  out += '"';
  append(out, item);
  out += '"';
}

/// What stands between the braces is looked for as it is first: columns may have spaces, points and bars in their
/// names.
Column::Found Column::find(const input::Item& item) const
{
  auto field = item.field(m_text);
  if (field) return {*field, no_filters};
  if (m_name.size() < m_text.size()) field = item.field(m_name);
  if (!field) field = input::find_inside(item, m_name);
  if (!m_filters) {
    throw Error{Fault::usage, fmt::format("reading {}: `{}` has no filter behind its bar", m_option, m_text),
                "filters are `head N` and `tail N` (characters) and `trim`: {{text|head 2000}}"};
  }
  if (!field) throw unknown_column(item, m_option + " needs", m_name);
  return {*field, *m_filters};
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
