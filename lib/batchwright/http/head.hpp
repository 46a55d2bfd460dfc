// The text of HTTP/1.1 messages: heads written and read, the frame around an uploaded file, dates. No I/O.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/http/transport.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright::http {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// The value of the first header of that name, upper or lower case; empty where there is none.
std::string_view find_header(const Headers& headers, std::string_view name);

/// Whether two header names or values are equal but for the case of ASCII letters.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// What comes before the body of an answer.
struct Head {
  int minor_version = 1; ///< of HTTP/1.x
  int status = 0;
  Headers headers = {};

  /// Whether the connection may carry another exchange.
  bool keeps_alive() const;
  bool is_chunked() const;
  /// The announced length of the body; nothing where none, or no number, was given.
  std::optional<std::uint64_t> content_length() const;
};

/// Reads a head, the empty line included or not. Nothing where it is not HTTP/1.x.
std::optional<Head> parse_head(std::string_view text);

/// What stands before and after the file in a multipart/form-data body.
struct Frame {
  std::string boundary = {};
  std::string before = {};
  std::string after = {};
};
Frame multipart_frame(const Upload& upload, std::string boundary);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<Instant> parse_http_date(std::string_view text);

} // namespace batchwright::http
