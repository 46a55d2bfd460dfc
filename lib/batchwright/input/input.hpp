// From pinned files to a stream of items. Comes in: a file and its format. Goes out: one item at a time, numbered in
// input order over all inputs, its fields as views. Never: holds more than one record, changes a byte of a text, or
// guesses around a fault (a bad record is refused, or put aside where the user allowed that).
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::input {

/// One field of an item.
struct Field {
  enum class Form : std::uint8_t {
    text, ///< plain bytes (CSV, plain text): escaped when it goes into JSON
    json, ///< a JSON value as it stands in the line (JSONL); a string keeps its quotes
  };
  std::string_view bytes = {};
  Form form = Form::text;
};

/// One record. Views are valid until the stream moves on.
class Item {
public:
  Item() = default;
  Item(const Item&) = delete;
  Item& operator=(const Item&) = delete;
  virtual ~Item() = default;

  /// The field of this column; nothing where the record has none (only JSONL records differ in that). The first of JSON
  /// keys that come twice. A column without a name is not found by its empty one.
  virtual std::optional<Field> field(std::string_view column) const = 0;

  /// Takes a field and the name of its column, which is valid until it returns.
  using OnField = std::function<void(std::string_view column, const Field& field)>;
  /// Hands over all fields in the record's own order: by the CSV header, whose names may be empty; the members of a
  /// JSON object, one that comes twice included; `text` for plain text, `path` and `text` for a file of a folder.
  virtual void each(const OnField& on_field) const = 0;

  /// The record as it stands, where it is a line of JSON; else empty.
  virtual std::string_view line() const { return {}; }
  /// The same, parsed.
  virtual std::optional<json::Value> json() const { return std::nullopt; }

  Mark mark = {};             ///< its ordinal and where it stands
  std::string_view file = {}; ///< the path of its input
  bool is_file = false;       ///< it is a file of its own, and `file` the path of that: its mark counts files

  /// Its place as errors tell it.
  Place place() const { return is_file ? Place{std::string{file}} : Place{std::string{file}, mark.line, mark.offset}; }
};

/// What a name with points in it finds in an item: the field of that column, else of the longest column that the name
/// begins with, what its JSON holds along the rest (json::Value::along). Nothing where there is none such.
std::optional<Field> find_inside(const Item& item, std::string_view name);

/// Why an item cannot be used: `Fault::input` with its place, in the text too ("reading FILE, line 3 (byte 57): WHAT").
Error fault_at(const Item& item, std::string_view what, std::string hint = {});
/// The same for the item that a mark of this input names.
Error fault_at(const PinnedInput& input, const Mark& mark, std::string_view what, std::string hint = {});

/// Items of all inputs of a job, from a mark on.
class Stream {
public:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream() = default;

  /// The next item, or null at the end. Throws `Fault::input` with file, line and byte at a bad record, unless it could
  /// be put aside; `Fault::storage` when a file cannot be read.
  virtual const Item* next() = 0;
};

/// A record that was put aside because of `--skip-bad`: why, and where.
using OnSkipped = std::function<void(const Error& why)>;

/// Whether lines of JSON are handed over as they stand, not looked into: then their items have line() alone, until
/// KeptItems reads them.
enum class Unread : std::uint8_t {
  no,
  yes
};

struct Options {
  std::uint64_t skip_bad = 0; ///< how many bad records may be put aside before one is an error
  OnSkipped on_skipped = {};  ///< told of each; may be empty
  Unread unread = Unread::no;
};

/// Longest record in bytes: a line of JSONL or text, a CSV record, a file of a folder.
inline constexpr std::uint64_t longest_record = std::uint64_t{16} << 20;

/// The extension of a file's name, in small letters: ".csv".
std::string extension_of(const std::filesystem::path& path);

/// Whether an input may be without a byte.
enum class Empty : std::uint8_t {
  refuse,
  allow
};

/// The format of a file by its name: .csv, .tsv, .tab, .jsonl, .ndjson, .txt, each also with .gz or .zst behind it.
/// Where the name says nothing, by content:
///   JSONL  the first line that is not blank is a JSON object
///   TSV    the first records, twenty at most and two at least, have the same number of fields by tabs, two at least;
///          the first of them names the columns: names that are not empty and no two alike
///   CSV    the same by commas, and the names look like such: of 64 bytes at most, no space at their ends, none of
///          `. ! ? : ;` at the end, no number (prose with commas is text)
///   text   all else
/// JSONL whose first object has `custom_id`, `url` and `body` is ready-made requests, whatever its name.
/// Refused with `Fault::input`: a first line that begins as an object and is none, a .json file of any other form, text
/// whose lines end in CR alone, UTF-16, archives and empty files; with `Fault::storage` unreadable ones.
InputFormat detect_format(const std::string& path, Empty empty = Empty::refuse);

/// The columns that all records of an input have, known before any of them is read: a CSV header, `text`, `path` and
/// `text`; none for JSONL. Throws as a stream over it.
std::vector<std::string> fixed_columns(const PinnedInput& input);

/// Size and SHA-256 of a file, its format decided (`automatic` asks `detect_format`), its path made absolute and free
/// of links, so that one file has one name. Throws as `detect_format`; what is neither a regular file nor a folder is
/// `Fault::storage`.
///
/// A folder is an input of the format `files`: an item a file, byte-wise by relative path; names that begin with a dot
/// are left out, links to files are followed, links to folders are not. Its size is that of all files, its digest that
/// of the list of their names, sizes and digests. Another format for it, or `files` for a file, is `Fault::usage`.
PinnedInput pin(const std::string& path, InputFormat format, Empty empty = Empty::refuse);

/// A stream over the inputs. With `from`, it begins at that item; records before it are not looked at, and bad ones
/// among them do not count against `skip_bad`, so what an earlier stream could read, this one can.
/// `from` must be a mark that an earlier stream over the same inputs and options gave, or the default: the start.
std::unique_ptr<Stream> open(const std::vector<PinnedInput>& inputs, Options options, Mark from = {});

} // namespace batchwright::input
