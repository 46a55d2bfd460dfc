// What a file is: its format, and the size and digest by which it is known again.

#include <batchwright/base/files.hpp>
#include <batchwright/input/content.hpp>
#include <batchwright/input/csv.hpp>
#include <batchwright/input/digesting.hpp>
#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace batchwright::input {
namespace {

constexpr std::string_view xz_magic{"\xfd"
                                    "7zXZ"};
constexpr std::string_view zip_magic = "PK\x03\x04";
constexpr std::size_t records_looked_at = 20;
constexpr std::size_t longest_name = 64; // of a column, in bytes

Error whole_file(const std::string& path, std::string_view what, std::string hint)
{
  return Error{Fault::input, fmt::format("reading {}: {}", path, what), std::move(hint)}.at({path, 0, {}});
}

void refuse_archive(const std::string& path, std::string_view head)
{
  if (head.starts_with(xz_magic)) {
    throw whole_file(path, "the file is compressed (xz); gzip and zstd are read as they are",
                     fmt::format("unpack it: unxz -k '{}'", path));
  }
  if (head.starts_with(zip_magic)) {
    throw whole_file(path, "the file is a ZIP archive, as spreadsheets are (.xlsx)",
                     "unpack it, or save the sheet as CSV");
  }
}

/// What no format can read: nothing, UTF-16, archives.
void refuse_unreadable(const std::string& path, Empty empty)
{
  const Window head{path};
  if (head.view().empty() && empty == Empty::refuse)
    throw whole_file(path, "the file is empty", "give a file with an item in it; or take it as it is: --allow-empty");
  refuse_archive(path, head.view());
}

/// The extension that tells the format: that of packing stands behind it.
std::string format_extension(const std::filesystem::path& path)
{
  const auto extension = extension_of(path);
  return extension == ".gz" || extension == ".zst" ? extension_of(path.stem()) : extension;
}

/// Whether an object is a request for the Batch API.
bool is_request(const json::Value& object)
{
  const auto url = object.get("url");
  const auto body = object.get("body");
  return object.get("custom_id") && url && url->is(json::Kind::string) && body && body->is(json::Kind::object);
}

enum class Broken : std::uint8_t {
  pass, ///< the reader will say what is wrong
  refuse
};

/// The format of a file whose first line is a JSON object; nothing for others. A line that begins as such is meant as
/// one: `Fault::input` where a broken one is refused.
std::optional<InputFormat> format_of_objects(const std::string& path, Broken broken)
{
  Lines lines{path};
  auto line = lines.next();
  while (line && line->too_long)
    line = lines.next();
  if (!line || line->text[line->text.find_first_not_of(" \t\r")] != '{') return std::nullopt;
  json::Document document;
  if (document.parse(line->text)) return is_request(document.root()) ? InputFormat::requests : InputFormat::jsonl;
  if (broken == Broken::pass) return std::nullopt;
  throw not_json(path, line->start, document.fault(),
                 fmt::format("a JSON object stands on one line: jq -c . '{}' > items.jsonl; or say what the file is: "
                             "--input-format jsonl or text",
                             path));
}

bool is_empty(const std::string& path)
{
  return Window{path}.view().empty();
}

/// Whether these may be the names of columns; `delimiter` says how sure one must be.
bool are_names(const std::vector<std::string>& names, char delimiter)
{
  const auto is_name = [&](const std::string& name) {
    if (name.empty() || std::count(names.begin(), names.end(), name) > 1) return false;
    if (delimiter == '\t') return true;
    const bool bare = name.front() != ' ' && name.back() != ' ' &&
                      std::string_view{".!?:;"}.find(name.back()) == std::string_view::npos;
    return bare && name.size() <= longest_name && name.find_first_not_of("0123456789+-.eE") != std::string::npos;
  };
  return std::all_of(names.begin(), names.end(), is_name);
}

/// Whether the first records are those of a table, header and all.
bool is_table(const std::string& path, char delimiter)
{
  try {
    CsvScanner scanner{path, delimiter};
    std::vector<std::string> names;
    std::size_t records = 0;
    for (; records < records_looked_at && scanner.next(); ++records) {
      if (scanner.fault()) return false;
      if (records == 0) {
        for (std::size_t i = 0; i < scanner.fields(); ++i)
          names.emplace_back(scanner.field(i));
      }
      if (scanner.fields() != names.size()) return false;
    }
    return records > 1 && names.size() > 1 && are_names(names, delimiter);
  } catch (const Error& e) { // a quote that is never closed: it was no quote
    if (e.fault() != Fault::input) throw;
    return false;
  }
}

/// Lines that end in CR alone would all be one.
void refuse_old_mac(const std::string& path)
{
  const Window head{path};
  const auto text = head.view();
  const auto end = text.find('\r');
  if (end == std::string_view::npos || text.find('\n') != std::string_view::npos) return;
  if (text.find_first_not_of(" \t\r", end) == std::string_view::npos) return;
  throw fault_at(
      path, 1, end, "a carriage return inside the only line: lines must end in LF or CR LF",
      fmt::format("convert it: tr '\\r' '\\n' < '{}' > unix-copy; or say that it is one text: --input-format text",
                  path));
}

std::string canonical(const std::string& path)
{
  std::error_code fault;
  auto place = std::filesystem::canonical(path, fault);
  if (fault) {
    throw Error{Fault::storage, fmt::format("opening {}: {}", path, fault.message()),
                "INPUT is a file or folder that exists and may be read"};
  }
  if (!std::filesystem::is_regular_file(place) && !std::filesystem::is_directory(place)) {
    throw Error{Fault::storage, fmt::format("opening {}: not a regular file", path),
                "the input is read more than once: write it to a file first"};
  }
  return place.native();
}

/// The format that a file or folder is read in, of the one that was asked for.
InputFormat format_of(const std::string& place, const std::string& path, InputFormat asked, Empty empty)
{
  const bool folder = std::filesystem::is_directory(place);
  if (folder && (asked == InputFormat::automatic || asked == InputFormat::files)) return InputFormat::files;
  if (folder) {
    throw Error{Fault::usage, fmt::format("--input-format {}: {} is a folder", name(asked), path),
                "a folder is read as files, an item each; or name the files in it one by one"};
  }
  if (asked == InputFormat::files) {
    throw Error{Fault::usage, fmt::format("--input-format files: {} is a file", path),
                "name the folder; a file is csv, tsv, jsonl or text"};
  }
  return readable_format(path, asked, empty);
}

} // namespace

InputFormat readable_format(const std::string& path, InputFormat asked, Empty empty)
{
  if (asked == InputFormat::automatic) return detect_format(path, empty);
  refuse_unreadable(path, empty);
  return asked;
}

std::string extension_of(const std::filesystem::path& path)
{
  auto extension = path.extension().native();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

InputFormat detect_format(const std::string& path, Empty empty)
{
  refuse_unreadable(path, empty);
  const auto extension = format_extension(path);
  if (extension == ".csv") return InputFormat::csv;
  if (extension == ".tsv" || extension == ".tab") return InputFormat::tsv;
  if (extension == ".txt") return InputFormat::text;
  if (extension == ".jsonl" || extension == ".ndjson")
    return format_of_objects(path, Broken::pass).value_or(InputFormat::jsonl);
  if (const auto format = format_of_objects(path, Broken::refuse)) return *format;
  if (extension == ".json") {
    if (is_empty(path)) return InputFormat::jsonl;
    throw Error{Fault::input, fmt::format("reading {}: expected a JSON object on each line", path),
                fmt::format("make JSON lines of an array: jq -c '.[]' '{}' > items.jsonl", path)}
        .at({path, 1, 0});
  }
  if (is_table(path, '\t')) return InputFormat::tsv;
  if (is_table(path, ',')) return InputFormat::csv;
  refuse_old_mac(path);
  return InputFormat::text;
}

PinnedInput look_at(const std::string& path, InputFormat format, Empty empty)
{
  PinnedInput pinned{.path = canonical(path)};
  pinned.format = format_of(pinned.path, path, format, empty);
  pinned.witness = witness_of(pinned); // before the digest: what is written meanwhile shows
  if (pinned.format == InputFormat::files) {
    const auto content = content_of(pinned); // only the walk tells its size
    pinned.bytes = content.bytes;
    pinned.sha256 = content.sha256;
  } else {
    pinned.bytes = InputFile{pinned.path}.size();
  }
  return pinned;
}

PinnedInput pin(const std::string& path, InputFormat format, Empty empty)
{
  std::vector inputs{look_at(path, format, empty)};
  Digesting{inputs}.end(inputs);
  return std::move(inputs.front());
}

} // namespace batchwright::input
