// Lines that were not used, each with its reason, so that nothing that came is lost from sight. One JSON object a line:
//
//   {"reason":"duplicate","file":"0001.output.jsonl","byte":1234,"bytes":567,"custom_id":"row-1","line":"..."}
//
// `line` is the text as far as it is UTF-8; the exact bytes stand in the file named, at `byte`.
#pragma once

#include <batchwright/base/files.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::results {

class Quarantine {
public:
  explicit Quarantine(std::filesystem::path path) : m_path(std::move(path)) {}

  /// `source` is the file the line came from, `offset` its first byte there. `custom_id` empty: not known.
  void add(std::string_view reason, const std::filesystem::path& source, std::uint64_t offset, std::string_view line,
           std::string_view custom_id);
  std::uint64_t count() const noexcept { return m_count; }
  /// The file is at its place, or, where nothing was put aside, none is.
  void commit();

private:
  std::filesystem::path m_path;
  std::optional<AtomicFile> m_file = {};
  std::string m_record = {};
  std::uint64_t m_count = 0;
};

} // namespace batchwright::results
