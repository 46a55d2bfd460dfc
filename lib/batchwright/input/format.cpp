// What a file is: its format, and the size and digest by which it is known again.

#include <batchwright/input/content.hpp>
#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace batchwright::input {
namespace {

constexpr std::string_view xz_magic{"\xfd"
                                    "7zXZ"};
constexpr std::string_view zip_magic = "PK\x03\x04";

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
void refuse_unreadable(const std::string& path)
{
  const Window head{path};
  if (head.view().empty()) throw whole_file(path, "the file is empty", "give a file with an item in it");
  refuse_archive(path, head.view());
}

/// The extension that tells the format: that of packing stands behind it.
std::string format_extension(const std::filesystem::path& path)
{
  const auto extension = extension_of(path);
  return extension == ".gz" || extension == ".zst" ? extension_of(path.stem()) : extension;
}

/// Whether the first line is a JSON object. One that begins as such is meant as one: `Fault::input` where it is broken.
bool begins_with_object(const std::string& path)
{
  Lines lines{path};
  auto line = lines.next();
  while (line && line->too_long)
    line = lines.next();
  if (!line || line->text[line->text.find_first_not_of(" \t\r")] != '{') return false;
  json::Document document;
  if (document.parse(line->text)) return true;
  throw not_json(path, line->start, document.fault(),
                 fmt::format("a JSON object stands on one line: jq -c . '{}' > items.jsonl; or say what the file is: "
                             "--input-format jsonl or text",
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
InputFormat format_of(const std::string& place, const std::string& path, InputFormat asked)
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
  if (asked == InputFormat::automatic) return detect_format(path);
  refuse_unreadable(path);
  return asked;
}

} // namespace

std::string extension_of(const std::filesystem::path& path)
{
  auto extension = path.extension().native();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

InputFormat detect_format(const std::string& path)
{
  refuse_unreadable(path);
  const auto extension = format_extension(path);
  if (extension == ".csv") return InputFormat::csv;
  if (extension == ".tsv" || extension == ".tab") return InputFormat::tsv;
  if (extension == ".jsonl" || extension == ".ndjson") return InputFormat::jsonl;
  if (extension == ".txt") return InputFormat::text;
  if (begins_with_object(path)) return InputFormat::jsonl;
  if (extension == ".json") {
    throw Error{Fault::input, fmt::format("reading {}: expected a JSON object on each line", path),
                fmt::format("make JSON lines of an array: jq -c '.[]' '{}' > items.jsonl", path)}
        .at({path, 1, 0});
  }
  return InputFormat::text;
}

PinnedInput pin(const std::string& path, InputFormat format)
{
  PinnedInput pinned{.path = canonical(path)};
  pinned.format = format_of(pinned.path, path, format);
  pinned.witness = witness_of(pinned); // before the digest: what is written meanwhile shows
  const auto content = content_of(pinned);
  pinned.bytes = content.bytes;
  pinned.sha256 = content.sha256;
  return pinned;
}

} // namespace batchwright::input
