// Locks that the kernel frees when their holder ends, however it ends: one for who works on a job, one for who reads
// its files.
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

/// A directory as readers of its files hold it, several at once, against who removes what nobody reads any more.
/// Nothing is written for it.
class DirectoryHold {
public:
  /// Held with others who read; waits while somebody removes. A directory that is not there is held by nobody. Throws
  /// `Fault::storage`.
  static DirectoryHold shared(const std::filesystem::path& directory);

  /// Held alone, or nothing where it is not there or others hold it.
  static std::optional<DirectoryHold> try_alone(const std::filesystem::path& directory);

  DirectoryHold(DirectoryHold&&) = default;
  DirectoryHold& operator=(DirectoryHold&&) = delete;
  ~DirectoryHold();

private:
  explicit DirectoryHold(Descriptor fd) noexcept : m_fd(std::move(fd)) {}
  Descriptor m_fd;
};

} // namespace batchwright
