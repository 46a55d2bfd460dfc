// CSV by RFC 4180, and TSV by the same rules with a tab for the comma, record by record, with the exact place and bytes
// of each. Private to input/.
//
// libcsv is the reference in the tests and not the reader here: it drops carriage returns inside unquoted fields, and
// does not say where in the file a record began. Only LF and CR LF end a record; a carriage return elsewhere is text,
// and so are spaces around a field. Blank lines are passed over. NUL is a byte like others.
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/input/window.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::input {

class CsvScanner {
public:
  explicit CsvScanner(std::string path, char delimiter = ',', Start from = {});

  /// Goes to the next record; false at the end of the file. A record longer than `longest_record` is passed over to its
  /// end without being held. Throws `Fault::input` where a quote is never closed: what follows it has no end.
  bool next();

  /// Where the record begins.
  Start start() const { return m_start; }
  std::size_t fields() const { return m_cells.size(); }
  /// A field, quotes taken off; valid until next().
  std::string_view field(std::size_t n) const;
  /// Why the record cannot be used: bad UTF-8, a quote out of place, its length. Its end is known all the same.
  std::optional<Error> fault() const;
  /// The record as it stands in the file, without its line end.
  std::string_view raw() const { return m_window.view().substr(0, m_size); }

private:
  struct Cell {
    std::size_t begin = 0; // in the record, or in m_unfolded
    std::size_t size = 0;
    bool unfolded = false;
  };
  enum class After {
    field,  ///< a comma, or a tab: one more field comes
    record, ///< the record ends here
  };
  enum class Inside {
    cell,   ///< at the begin of a field
    plain,  ///< in a field, outside quotes
    quoted, ///< in a field, inside quotes
    quote,  ///< at a quote inside quotes: what follows tells whether it closes them
  };

  bool pass_blank_lines();
  bool more(Inside where);
  After cell();
  After plain_rest(std::size_t begin);
  After quoted();
  std::optional<After> end_of_cell();
  void pass_rest(Inside where);
  std::optional<Inside> pass_some(Inside where);
  void let_go(std::size_t n);
  void unfold(std::size_t begin, std::size_t end);
  void misplaced(std::size_t at, std::string_view what);
  Start place(std::size_t at) const;
  Error error(Start at, std::string_view what, std::string hint) const;

  std::string m_path;
  char m_delimiter;
  Window m_window;
  std::uint64_t m_line; // at which the view begins
  Start m_start = {};   // of the record
  std::size_t m_at = 0; // in the view
  std::size_t m_size = 0;
  std::size_t m_open_quote = 0;     // the last one, in the view
  Start m_opened = {};              // the same in the file, while a record is passed over
  std::optional<Inside> m_cut = {}; // the record is longer than may be held: where it was left
  std::optional<Error> m_too_long = {};
  std::vector<Cell> m_cells = {};
  std::string m_unfolded = {}; // fields whose doubled quotes were made single
  std::size_t m_bad_at = 0;
  std::string_view m_bad = {}; // what is out of place at m_bad_at; empty: nothing
};

} // namespace batchwright::input
