// One exchange on one connection: a request out, an answer in. It decides nothing about connections; it says what came
// back and whether the connection may be used again.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/http/connection.hpp>
#include <batchwright/http/head.hpp>
#include <batchwright/http/transport.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::http {

/// A request ready to be written: the text before the file, the file, the text after it.
struct Outgoing {
  std::string before = {}; ///< head and body, or head and the first part of the frame
  std::optional<InputFile> file = {};
  std::uint64_t file_bytes = 0;
  std::string after = {};
  OnBytes on_sent = {};
};

/// `common` are the header lines that every request carries, each with its line end. Opens the file of an upload;
/// throws `Fault::storage` where it cannot be read.
Outgoing prepare(const Request& request, std::string_view base_path, std::string_view common, bool streamed_answer);

/// Waits for the next head, be it a promise of another (1xx). Throws Broken where none comes.
Head read_head(Connection& connection);

struct Exchanged {
  Response response = {};
  bool reusable = false; ///< the connection is in good order for another exchange
  bool stale = false;    ///< it was closed before a single byte of an answer came
};

/// Throws what the sink throws and `Fault::storage` where the file cannot be read; trouble on the line is a value.
Exchanged exchange(Connection& connection, Outgoing& out, Sink* sink);

} // namespace batchwright::http
