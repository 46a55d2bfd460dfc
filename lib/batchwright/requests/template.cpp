#include <batchwright/json/json.hpp>
#include <batchwright/requests/template.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::requests {
namespace {

constexpr std::string_view open_mark = "{{";
constexpr std::string_view close_mark = "}}";
constexpr auto brace_hint = "write {{column}} for a field, and {{{{ for a literal {{";

std::size_t line_at(std::string_view text, std::size_t at)
{
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

} // namespace

Template::Template(std::string_view option, std::string_view text)
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
    Column column{std::string{option}, text.substr(at + open_mark.size(), close - at - open_mark.size())};
    if (!column.is_named()) refuse(at, "a {{ }} without a column");
    if (m_pieces.empty() || m_pieces.back().column) m_pieces.emplace_back();
    m_pieces.back().column = std::move(column);
    at = close + close_mark.size();
  }
}

void Template::add_literal(std::string_view text)
{
  if (text.empty()) return;
  if (m_pieces.empty() || m_pieces.back().column) m_pieces.emplace_back();
  json::append_escaped(m_pieces.back().literal, text);
}

void Template::append(std::string& out, const input::Item& item) const
{
  for (const auto& piece : m_pieces) {
    out.append(piece.literal);
    if (piece.column) piece.column->append(out, item);
  }
}

const Column* Template::only_column() const
{
  const bool is_one = m_pieces.size() == 1 && m_pieces.front().literal.empty() && m_pieces.front().column;
  return is_one ? &*m_pieces.front().column : nullptr;
}

} // namespace batchwright::requests
