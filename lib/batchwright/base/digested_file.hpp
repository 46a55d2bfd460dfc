// A file that is written and digested at once.
#pragma once

#include <batchwright/base/background_writer.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace batchwright {

/// As AtomicFile, durable, with the SHA-256 of its bytes. Whoever makes them goes on meanwhile (background_writer.hpp).
class DigestedFile {
public:
  explicit DigestedFile(const std::filesystem::path& path);

  /// Throws `Fault::disk` where the disk is full, be it for bytes of an earlier call.
  void write(std::string_view bytes);
  /// Bytes written so far.
  std::uint64_t size() const noexcept { return m_size; }
  /// Of all bytes, which these are: the last call before commit(). Waits for them; throws as write().
  std::string sha256();
  /// After it, the file is at its place. Throws `Fault::disk`; then nothing is left and nothing replaced.
  void commit() { m_file.commit(); }

private:
  AtomicFile m_file;
  Sha256 m_sha = {};
  std::uint64_t m_size = 0;
  BackgroundWriter m_writer; // last: it writes into the others
};

} // namespace batchwright
