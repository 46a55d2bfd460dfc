#include <batchwright/report/grid.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace batchwright::report {
namespace {

constexpr int indent = 2;
constexpr int gap = 2;

std::string_view code_of(Tone tone)
{
  switch (tone) {
  case Tone::strong:
    return "1";
  case Tone::faint:
    return "2";
  case Tone::good:
    return "32";
  case Tone::moving:
    return "33";
  case Tone::trouble:
    return "31";
  case Tone::plain:
    break;
  }
  return {};
}

std::string spaces(int n)
{
  return std::string(static_cast<std::size_t>(std::max(0, n)), ' ');
}

/// The cells a line of these columns takes; hidden ones have no width.
int room_for(const std::vector<int>& widths)
{
  const auto shown = std::count_if(widths.begin(), widths.end(), [](int w) { return w > 0; });
  return indent + std::accumulate(widths.begin(), widths.end(), 0) + gap * (static_cast<int>(shown) - 1);
}

} // namespace

std::string painted(std::string_view text, Tone tone, const Style& style)
{
  if (!style.colour || tone == Tone::plain || text.empty()) return std::string{text};
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(tone), text);
}

std::string wrapped(std::string_view utf8, int cells, int later_indent)
{
  std::string out;
  std::string line;
  const auto flush = [&] {
    out += (out.empty() ? "" : "\n" + spaces(later_indent)) + line;
    line.clear();
  };
  while (!utf8.empty()) {
    const auto end = std::min(utf8.find(' '), utf8.size());
    const auto word = utf8.substr(0, end);
    if (!line.empty() && width(line) + 1 + width(word) > cells) flush();
    line += (line.empty() ? "" : " ");
    line += word;
    utf8.remove_prefix(std::min(end + 1, utf8.size()));
  }
  flush();
  return out;
}

namespace {

/// How much of a line stands before its text: spaces, and a label with spaces behind it.
std::size_t head_of(std::string_view line)
{
  constexpr std::size_t longest_label = 10;
  const auto begin = std::min(line.find_first_not_of(' '), line.size());
  const auto gap_at = line.find("  ", begin);
  if (begin == 0 || gap_at == std::string_view::npos || gap_at > begin + longest_label) return begin;
  return std::min(line.find_first_not_of(' ', gap_at), line.size());
}

} // namespace

std::string fitted_lines(std::string_view utf8, int cells)
{
  std::string out;
  for (bool more = true; more;) {
    const auto end = utf8.find('\n');
    const auto line = utf8.substr(0, end);
    if (width(line) <= cells) {
      out += line;
    } else {
      const auto head = head_of(line);
      const auto depth = static_cast<int>(head == 0 ? indent : head);
      out += line.substr(0, head);
      out += wrapped(line.substr(head), cells - depth, depth);
    }
    more = end != std::string_view::npos;
    if (more) out += '\n';
    utf8.remove_prefix(more ? end + 1 : utf8.size());
  }
  return out;
}

std::string bar(const std::vector<Stretch>& stretches, std::uint64_t whole, int cells, const Style& style)
{
  std::string out;
  int left = cells;
  const auto draw = [&](std::string_view piece, int n, Tone tone) {
    std::string text;
    for (int i = 0; i < n; ++i)
      text += piece;
    out += painted(text, tone, style);
    left -= n;
  };
  std::uint64_t sum = 0;
  for (const auto& stretch : stretches) {
    if (stretch.amount == 0) continue;
    sum += stretch.amount;
    // Up to where the sum of all so far reaches, so that shares rounded one by one do not add up to too much.
    const auto reach = static_cast<int>(static_cast<double>(sum) / static_cast<double>(whole) * cells);
    draw("━", std::clamp(reach - (cells - left), std::min(1, left), left), stretch.tone);
  }
  draw("─", left, Tone::faint);
  return out;
}

std::vector<int> Grid::widths(int room) const
{
  std::vector<int> widths;
  for (std::size_t i = 0; i < m_columns.size(); ++i) {
    int widest = 0;
    for (const auto& row : m_rows)
      widest = std::max(widest, width(row[i].text));
    widths.push_back(widest == 0 ? 0 : std::max(widest, width(m_columns[i].title)));
  }
  while (room_for(widths) > room) {
    std::size_t last = 0;
    for (std::size_t i = 0; i < m_columns.size(); ++i) {
      if (widths[i] > 0 && m_columns[i].rank > (widths[last] > 0 ? m_columns[last].rank : 0)) last = i;
    }
    if (m_columns[last].rank == 0) break;
    widths[last] = 0;
  }
  if (const int excess = room_for(widths) - room; excess > 0) {
    auto& widest = *std::max_element(widths.begin(), widths.end());
    widest = std::max(8, widest - excess);
  }
  return widths;
}

std::string Grid::line(const std::vector<Cell>& cells, const std::vector<int>& widths, const Style& style) const
{
  std::string out;
  int padding = indent; // written before the next text only: no line ends in spaces
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (widths[i] == 0) continue;
    const auto shown = width(cells[i].text) > widths[i] ? fitted(cells[i].text, widths[i]) : cells[i].text;
    const int free = widths[i] - width(shown);
    if (m_columns[i].align == Align::right) padding += free;
    if (!shown.empty()) {
      out += spaces(padding) + painted(shown, cells[i].tone, style);
      padding = 0;
    }
    if (m_columns[i].align == Align::left) padding += free;
    padding += gap;
  }
  return out;
}

std::string Grid::text(const Style& style) const
{
  const auto fit = widths(style.columns);
  std::vector<Cell> titles;
  for (const auto& column : m_columns)
    titles.push_back({column.title, Tone::faint});
  auto out = line(titles, fit, style);
  for (const auto& row : m_rows)
    out += '\n' + line(row, fit, style);
  return out;
}

} // namespace batchwright::report
