// A file that is written and digested at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace batchwright {

/// As AtomicFile, durable, with the SHA-256 of its bytes. Whoever makes them goes on meanwhile: full blocks are
/// digested and written by a thread of the file's own, which begins with the first of them. Memory: three blocks of 256
/// KiB.
class DigestedFile {
public:
  explicit DigestedFile(const std::filesystem::path& path);
  DigestedFile(const DigestedFile&) = delete;
  DigestedFile& operator=(const DigestedFile&) = delete;
  /// Discards what was not committed.
  ~DigestedFile();

  /// Throws `Fault::disk` where the disk is full, be it for bytes of an earlier call.
  void write(std::string_view bytes);
  /// Bytes written so far.
  std::uint64_t size() const noexcept;
  /// Of all bytes, which these are. Waits for them; throws as write().
  std::string sha256();
  /// After it, the file is at its place. REQUIRED: sha256() was called, and nothing written since.
  void commit();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright
