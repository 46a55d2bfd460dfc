// Lines of a file as they stand, packed or not: what is checked or sent byte for byte. Unlike the formats that make
// items, nothing is passed over: blank lines, a byte order mark and CRs are the caller's to judge.
// Memory: a block, and `longest_record`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright {
class Source;
}

namespace batchwright::input {

class RawLines {
public:
  struct Line {
    std::string_view text = {}; ///< without its LF; empty where too long. Valid until the next call
    std::uint64_t number = 1;
    std::uint64_t offset = 0; ///< of its first byte in the unpacked file
    std::uint64_t size = 0;   ///< bytes, its LF included where it has one
    bool too_long = false;    ///< above `longest_record`; it was passed over without being held
  };

  /// Throws `Fault::storage` for a file that cannot be read.
  explicit RawLines(const std::string& path);
  RawLines(const RawLines&) = delete;
  RawLines& operator=(const RawLines&) = delete;
  ~RawLines();

  /// Nothing at the end, which a LF may or may not stand before. Throws `Fault::storage`, and `Fault::input` where the
  /// packing is broken.
  std::optional<Line> next();

private:
  void gather(Line& line);
  bool refill();
  void take(std::size_t n, Line& line);

  std::unique_ptr<Source> m_source;
  std::string m_block;
  std::string_view m_left = {}; // of the block
  std::string m_text = {};
  std::uint64_t m_number = 1;
  std::uint64_t m_offset = 0;
};

} // namespace batchwright::input
