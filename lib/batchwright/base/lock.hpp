// One lock a job, freed by the kernel when its holder ends, however it ends.
#pragma once

#include <batchwright/base/files.hpp>

#include <filesystem>
#include <optional>

namespace batchwright {

/// An exclusive lock on a file that is made if missing and never removed (removing it would let two hold "the" lock).
class FileLock {
public:
  /// The lock, or nothing when another process holds it. Throws `Fault::storage`.
  static std::optional<FileLock> try_lock(const std::filesystem::path& path);

  /// Whether some process holds the lock now. Only a picture of this instant.
  static bool is_held(const std::filesystem::path& path);

private:
  explicit FileLock(Descriptor fd) noexcept : m_fd(std::move(fd)) {}
  Descriptor m_fd;
};

} // namespace batchwright
