// What the formats have in common: records of one input, one at a time, good or bad. Private to input/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/input/window.hpp>
#include <batchwright/json/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::input {

class Reader {
public:
  enum class Step {
    record, ///< item() holds it
    bad,    ///< fault() says why; the next step goes on behind it
    end
  };

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  virtual ~Reader() = default;

  /// Throws what cannot be put aside: a file without a usable header, a quote that is never closed.
  virtual Step step() = 0;
  /// The record, with its place in the file; ordinal and input are the stream's to fill in.
  virtual Item& item() = 0;
  virtual const Error& fault() const = 0;
  /// The columns that all records have; none where they differ in that.
  virtual std::vector<std::string> fixed_columns() const = 0;
};

/// A reader from `from` on; the header of a CSV or TSV file is read in any case.
std::unique_ptr<Reader> read_csv(const std::string& path, char delimiter, Start from);
std::unique_ptr<Reader> read_jsonl(const std::string& path, Start from, Unread unread);
std::unique_ptr<Reader> read_text(const std::string& path, Start from);
/// The files below a directory; for the meaning of `from` there see files.cpp.
std::unique_ptr<Reader> read_files(const std::string& directory, Start from);

/// Lines of a file, blank ones passed over: those of nothing but spaces, tabs and carriage returns.
class Lines {
public:
  struct Line {
    std::string_view text = {}; ///< without LF or CR LF; empty where too long. Valid until the next call
    Start start = {};
    bool too_long = false; ///< above `longest_record`; it is passed over without being held
  };

  explicit Lines(const std::string& path, Start from = {});

  std::optional<Line> next();

private:
  bool pass_rest();

  Window m_window;
  std::uint64_t m_line;
  bool m_inside_long = false; // what is at hand is the rest of a line that was too long
};

/// Why a line or record that is too long cannot be used.
Error too_long(const std::string& path, Start start, std::string_view record);
/// Why one cannot be used that has, at this place, bytes that are not UTF-8.
Error not_utf8(const std::string& path, Start at);
/// Why a line that begins here is not JSON.
Error not_json(const std::string& path, Start start, const json::Fault& fault, std::string hint = {});

} // namespace batchwright::input
