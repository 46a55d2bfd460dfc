// A window that slides over an unpacked file: the bytes from one place on, as far as they were read. Private to input/.
// Memory is a block and what the reader has not let go of; the reader bounds that (`longest_record`).
#pragma once

#include <batchwright/base/error.hpp>
#include <batchwright/base/read_buffer.hpp>
#include <batchwright/base/unpack.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace batchwright::input {

/// Where a record begins in its file.
struct Start {
  std::uint64_t offset = 0;
  std::uint64_t line = 1;
};

class Window {
public:
  /// At the start of a file, a byte order mark is passed over, and UTF-16 is refused with `Fault::input`.
  explicit Window(const std::string& path, std::uint64_t from = 0);

  /// The bytes at hand, from `offset()` on.
  std::string_view view() const { return m_buffer.view(); }
  /// Reads one more block behind them; false at the end of the file. Views taken before are void after it.
  bool grow();
  /// Lets go of the first `n` bytes at hand. Views stay valid until grow().
  void drop(std::size_t n);
  /// Where in the file the view begins.
  std::uint64_t offset() const { return m_offset; }

private:
  std::unique_ptr<Source> m_source;
  ReadBuffer m_buffer = {};
  std::uint64_t m_offset;
};

/// Where the text begins behind a byte order mark, if its first bytes are one. Throws `Fault::input` where it is
/// UTF-16.
std::size_t begin_of_text(const std::string& path, std::string_view head);

/// `Fault::input` with its place, in the text too: "reading FILE, line 3 (byte 57): WHAT".
Error fault_at(const std::string& path, std::uint64_t line, std::uint64_t byte, std::string_view what,
               std::string hint = {});

} // namespace batchwright::input
