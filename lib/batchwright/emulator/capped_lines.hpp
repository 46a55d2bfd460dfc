// Reads the lines of a file and keeps none that is longer than a cap: memory is one block and the cap, whatever a file
// holds. In: a file. Out: its lines, the long ones by their length alone.
#pragma once

#include <batchwright/base/files.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::emulator {

class CappedLines {
public:
  struct Line {
    std::string_view text = {}; ///< without the newline, valid until the next call; empty where it is too long
    std::uint64_t offset = 0;   ///< of its first byte in the file
    std::uint64_t length = 0;   ///< without the newline
    bool too_long = false;
  };

  CappedLines(const std::filesystem::path& path, std::uint64_t most);

  /// The next line, empty ones included; nothing at the end.
  std::optional<Line> next();

private:
  bool refill();
  void take(std::string_view bytes, Line& line);

  InputFile m_file;
  std::uint64_t m_most;
  std::string m_block;
  std::size_t m_at = 0;  // of what is not yet given out
  std::size_t m_end = 0; // of what was read
  std::uint64_t m_offset = 0;
  std::string m_text = {};
};

} // namespace batchwright::emulator
