// What a file is: its format, and the size and digest by which it is known again.

#include <batchwright/base/sha256.hpp>
#include <batchwright/input/reader.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

namespace batchwright::input {
namespace {

std::string extension_of(const std::string& path)
{
  auto extension = std::filesystem::path{path}.extension().native();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return extension;
}

/// What no format can read: nothing, and UTF-16.
void refuse_unreadable(const std::string& path)
{
  if (InputFile{path}.size() == 0) {
    throw Error{Fault::input, fmt::format("reading {}: the file is empty", path)}.at({path, 0, {}});
  }
  const Window head{path};
}

bool begins_with_object(const std::string& path)
{
  Lines lines{path};
  const auto line = lines.next();
  json::Document document;
  return line && !line->too_long && document.parse(line->text) && document.root().is(json::Kind::object);
}

std::string canonical(const std::string& path)
{
  std::error_code fault;
  auto place = std::filesystem::canonical(path, fault);
  if (fault) throw Error{Fault::storage, fmt::format("opening {}: {}", path, fault.message())};
  if (!std::filesystem::is_regular_file(place)) {
    throw Error{Fault::storage, fmt::format("opening {}: not a regular file", path),
                "the input is read more than once: write it to a file first"};
  }
  return place.native();
}

} // namespace

InputFormat detect_format(const std::string& path)
{
  refuse_unreadable(path);
  const auto extension = extension_of(path);
  if (extension == ".csv") return InputFormat::csv;
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
  PinnedInput pinned{.path = canonical(path), .format = format};
  if (format == InputFormat::automatic) {
    pinned.format = detect_format(path);
  } else {
    refuse_unreadable(path);
  }
  pinned.bytes = InputFile{pinned.path}.size();
  pinned.witness = file_witness(pinned.path); // before the digest: what is written meanwhile shows
  pinned.sha256 = sha256_of_file(pinned.path);
  return pinned;
}

} // namespace batchwright::input
