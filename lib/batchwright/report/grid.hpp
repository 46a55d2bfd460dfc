// The pieces that pages are put together from: painted words, wrapped text, bars, and a grid of columns that fits into
// the room there is. For the report, and for tables of the program's own.
#pragma once

#include <batchwright/report/report.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::report {

enum class Tone : std::uint8_t {
  plain,
  strong,
  faint,
  good,    ///< green
  moving,  ///< yellow
  trouble, ///< red
};

/// The text in that tone where there is colour, else as it is.
std::string painted(std::string_view text, Tone tone, const Style& style);

/// The text in lines of at most `cells`, broken at spaces where there are some; lines after the first are indented.
std::string wrapped(std::string_view utf8, int cells, int indent);

/// Each line of the text wrapped to that many cells where it has more. What comes of it is indented as the text behind
/// the line's label ("  note    the text"), or by two more than the line.
std::string fitted_lines(std::string_view utf8, int cells);

struct Stretch {
  std::uint64_t amount = 0;
  Tone tone = Tone::plain;
};

/// A bar of so many cells. Each stretch takes its share of the whole, and a cell at least where it is not nothing.
std::string bar(const std::vector<Stretch>& stretches, std::uint64_t whole, int cells, const Style& style);

enum class Align : std::uint8_t {
  left,
  right
};

struct Column {
  std::string title = {};
  Align align = Align::left;
  int rank = 0; ///< where room is short, the highest goes first; 0 stays
};

struct Cell {
  std::string text = {};
  Tone tone = Tone::plain;
};

/// Rows under titles. A column without any text is not shown; what does not fit goes by rank, then the widest is cut.
class Grid {
public:
  explicit Grid(std::vector<Column> columns) : m_columns(std::move(columns)) {}

  /// One cell a column.
  void add(std::vector<Cell> row) { m_rows.push_back(std::move(row)); }
  /// The lines, each indented by two, without a newline at the end.
  std::string text(const Style& style) const;

private:
  std::vector<int> widths(int room) const;
  std::string line(const std::vector<Cell>& cells, const std::vector<int>& widths, const Style& style) const;

  std::vector<Column> m_columns;
  std::vector<std::vector<Cell>> m_rows = {};
};

} // namespace batchwright::report
