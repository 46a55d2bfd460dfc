// A file that a batch writes, line by line, over a long time and beside many others: it is opened with its first bytes,
// costs 64 KiB at most while it is written and nothing while it rests, and goes with its scope unless it is kept.
#pragma once

#include <batchwright/base/files.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace batchwright::emulator {

class ResultFile {
public:
  explicit ResultFile(std::filesystem::path path) : m_path(std::move(path)) {}
  ResultFile(const ResultFile&) = delete;
  ResultFile& operator=(const ResultFile&) = delete;
  ~ResultFile();

  /// Buffered; throws `Fault::storage` when the disk is full.
  void write(std::string_view bytes);
  /// Gives back the buffer's memory.
  void rest();
  /// Leaves the file where it is; one without bytes is never made.
  void keep();
  std::uint64_t size() const noexcept { return m_size; }

private:
  void flush();

  std::filesystem::path m_path;
  Descriptor m_fd = {};
  std::string m_buffer = {};
  std::uint64_t m_size = 0;
};

} // namespace batchwright::emulator
