// Brings one file home: into `TO.part`, over broken lines, and to its place only when it is whole. Packed in frames
// (base/frames.hpp) where TO ends in .zst.
#pragma once

#include <batchwright/api/client.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace batchwright::api {

struct DownloadOrder {
  std::string path = {};                   ///< of the content, after the base URL
  std::optional<std::uint64_t> bytes = {}; ///< the file's length, where the server told it
  std::filesystem::path to = {};
  http::OnBytes on_received = {};
};

/// As Client::download.
Reply<Downloaded> download(http::Transport& transport, const DownloadOrder& order);

/// How long a transfer may take in all: a slow line is fine, a line that only drips is not.
Millis transfer_time(std::uint64_t bytes);

/// Whether the last line of a file, packed or not, ended by a newline or not, is a complete JSON object. True for an
/// empty file.
bool ends_in_whole_line(const std::filesystem::path& file);

} // namespace batchwright::api
