// Files that are either whole or not there, and readers that never hold more than a block or a line.
// Durable means: written beside, synced, renamed, and the directory synced. What writes throws `Fault::disk` where the
// disk is full or takes nothing more, what reads `Fault::storage`.
#pragma once

#include <batchwright/base/read_buffer.hpp>
#include <batchwright/base/write_back.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright {

class Source; // unpack.hpp

/// A file descriptor that closes itself.
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : m_fd(fd) {}
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  int get() const noexcept { return m_fd; }
  explicit operator bool() const noexcept { return m_fd >= 0; }
  void reset() noexcept;

private:
  int m_fd = -1;
};

/// A file opened for reading from the start. Every call throws `Fault::storage` when the system refuses.
class InputFile {
public:
  explicit InputFile(const std::filesystem::path& path);

  /// Up to `size` bytes into `to`; 0 at the end.
  std::size_t read(char* to, std::size_t size);
  void seek(std::uint64_t offset);
  /// Fills `to` with the bytes from `offset` on, wherever read() is; false where the file ends before.
  bool read_at(std::uint64_t offset, char* to, std::size_t size) const;
  /// Has the system read a file that is not too large for its memory, front to back, before parts of it are asked for.
  void read_ahead() const noexcept;
  std::uint64_t size() const;

private:
  Descriptor m_fd;
  std::string m_path;
};

/// A file that appears whole or not at all: written as `PATH.tmp-PID-N`, renamed by commit().
/// The destructor discards what was not committed.
class AtomicFile {
public:
  enum class Durable {
    no,
    yes
  };

  enum class Access {
    owner,    ///< 0600: our own state
    by_umask, ///< as any program makes files: what the user asked for
  };

  explicit AtomicFile(std::filesystem::path path, Durable durable = Durable::yes, Access access = Access::owner);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  /// Buffered; throws `Fault::disk` when the disk is full.
  void write(std::string_view bytes);
  /// Bytes written so far.
  std::uint64_t size() const noexcept { return m_size; }
  /// After it, the file is at its place; on failure nothing is left and nothing replaced.
  void commit();

private:
  void flush();
  void put(std::string_view bytes);

  std::filesystem::path m_path;
  std::filesystem::path m_temporary;
  Durable m_durable;
  Descriptor m_fd;
  std::string m_buffer = {};
  std::uint64_t m_size = 0;
  std::uint64_t m_put = 0; // of it, handed to the system
  WriteBack m_write_back = {};
};

/// Reads lines of any length, of a packed file, too: offsets count unpacked bytes. Memory is a block of 256 KiB, or
/// twice the longest line, and while that grows once more.
class LineReader {
public:
  struct Line {
    std::string_view text = {}; ///< without the line end; valid until the next call
    std::uint64_t offset = 0;   ///< of its first byte in the file
    bool ended = false;         ///< false: the file ends without a newline here
  };

  explicit LineReader(const std::filesystem::path& path, std::uint64_t from = 0);
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  /// The next line, empty ones included; nothing at the end. A CR before the LF stays: it is the caller's to judge.
  std::optional<Line> next();

private:
  bool refill();

  std::unique_ptr<Source> m_source;
  ReadBuffer m_buffer = {};
  std::uint64_t m_offset = 0; // of what is at hand, in the file
  bool m_end = false;
};

/// A directory that goes with its scope unless `keep()` renames it to its place.
class TemporaryDirectory {
public:
  /// Makes `PARENT/.tmp-PREFIX-XXXXXX`, mode 0700.
  TemporaryDirectory(const std::filesystem::path& parent, std::string_view prefix);
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory();

  const std::filesystem::path& path() const noexcept { return m_path; }
  /// Renames it to `place`, durably; the destructor then leaves it alone.
  void keep(const std::filesystem::path& place);

private:
  std::filesystem::path m_path;
};

/// A file without a name, on the file system of a directory: it goes with its scope, however the process ends, unless
/// `keep()` gives it a place. Every call throws `Fault::disk` or `Fault::storage` when the system refuses.
class UnnamedFile {
public:
  explicit UnnamedFile(const std::filesystem::path& directory);

  void write(std::string_view bytes);
  /// What this process opens it by; no other can.
  std::string path() const;
  /// Puts what was written at `place`, durably, replacing a file that is there; on another file system as a copy.
  void keep(const std::filesystem::path& place) const;

private:
  std::string m_directory;
  Descriptor m_fd;
};

/// What a file looks like: device, inode, size and times as one word. Throws `Fault::storage`.
std::string file_looks(const std::filesystem::path& path);
/// The same, as what tells that a file was not written to since. Empty where it was changed within the last two
/// seconds, since a change that soon need not show in its times.
std::string file_witness(const std::filesystem::path& path);

/// Makes a directory and its parents, mode 0700.
void make_private_directory(const std::filesystem::path& path);
void sync_directory(const std::filesystem::path& path);
/// Makes what was written to a file durable, by whomever. Throws `Fault::storage`, `Fault::disk`.
void sync_file(const std::filesystem::path& path);
/// The whole of a small file. Throws `Fault::storage`.
std::string read_file(const std::filesystem::path& path);
/// A whole small file, durably. Throws `Fault::disk`.
void write_file(const std::filesystem::path& path, std::string_view bytes);
/// Removes what was written beside `path` by processes that were killed before they could commit; never throws.
void discard_uncommitted(const std::filesystem::path& path) noexcept;
/// Removes a file if it is there; never throws.
void discard_file(const std::filesystem::path& path) noexcept;
/// Writes everything to a descriptor, over short writes and EINTR; false when the system refuses.
bool write_all(int fd, std::string_view bytes) noexcept;

} // namespace batchwright
