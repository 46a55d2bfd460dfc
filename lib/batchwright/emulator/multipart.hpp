// Reads a multipart/form-data body as a stream: a block at a time, whatever the size of the file inside.
// In: the body and its boundary. Out: the parts in order, their bytes exactly. A body that ends before its closing
// boundary is told apart from one that is whole, since a cut upload must not become a file.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::emulator {

/// `name` and `filename` of a part's Content-Disposition.
struct PartHeader {
  std::string name = {};
  std::optional<std::string> filename = {};
};

/// The boundary of a Content-Type; nothing when it is no multipart/form-data.
std::optional<std::string> boundary_of(std::string_view content_type);

class MultipartReader {
public:
  MultipartReader(std::istream& body, std::string_view boundary);

  /// Skips the rest of the part before and reads the next part's header; nothing at the end, whole or cut.
  std::optional<PartHeader> next();
  /// The next bytes of the part, valid until the next call; empty at the part's end.
  std::string_view read();
  /// Whether the closing boundary was seen.
  bool whole() const noexcept { return m_whole; }
  /// Whether the body broke off or made no sense.
  bool cut() const noexcept { return m_cut; }

private:
  bool refill();
  std::optional<std::string> read_line();

  std::istream& m_body;
  std::string m_delimiter; // CRLF "--" boundary
  std::string m_buffer;
  std::size_t m_begin = 0; // of what is not yet given out
  bool m_in_part = true;   // the preamble counts as a part that nobody reads
  bool m_whole = false;
  bool m_cut = false;
};

} // namespace batchwright::emulator
