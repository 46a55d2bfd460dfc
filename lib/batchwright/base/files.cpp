#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/unpack.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

namespace batchwright {
namespace {

// Blocks that caches hold from when they are filled to when they are used.
constexpr std::size_t read_block = 1 << 18;
constexpr std::size_t write_block = 1 << 18;
constexpr off_t most_read_ahead = 256 << 20;
constexpr off_t read_ahead_step = 128 << 10; // the system reads no more of what it is told at once

void sync_descriptor(int fd, const std::filesystem::path& path)
{
  if (::fsync(fd) != 0) throw_unwritten("syncing", path.native());
}

std::filesystem::path directory_of(const std::filesystem::path& path)
{
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
}

constexpr std::string_view uncommitted = ".tmp-";

/// Of `.tmp-PID-N`, the end of a name that an AtomicFile gives; 0 for any other.
pid_t writer_of(std::string_view ending)
{
  pid_t pid = 0;
  unsigned serial = 0;
  const auto* const end = ending.data() + ending.size();
  if (!ending.starts_with(uncommitted)) return 0;
  const auto first = std::from_chars(ending.data() + uncommitted.size(), end, pid);
  if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '-') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, serial);
  return second.ec == std::errc{} && second.ptr == end ? pid : 0;
}

bool is_gone(pid_t process)
{
  return ::kill(process, 0) != 0 && errno == ESRCH;
}

} // namespace

Descriptor::Descriptor(Descriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept
{
  if (this != &other) {
    reset();
    m_fd = std::exchange(other.m_fd, -1);
  }
  return *this;
}

Descriptor::~Descriptor()
{
  reset();
}

void Descriptor::reset() noexcept
{
  if (m_fd >= 0) ::close(std::exchange(m_fd, -1));
}

InputFile::InputFile(const std::filesystem::path& path)
    : m_fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), m_path(path.native())
{
  if (!m_fd) throw_errno("opening", m_path);
}

std::size_t InputFile::read(char* to, std::size_t size)
{
  for (;;) {
    const auto n = ::read(m_fd.get(), to, size);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) throw_errno("reading", m_path);
  }
}

void InputFile::seek(std::uint64_t offset)
{
  if (::lseek(m_fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) throw_errno("seeking in", m_path);
}

bool InputFile::read_at(std::uint64_t offset, char* to, std::size_t size) const
{
  while (size > 0) {
    const auto n = ::pread(m_fd.get(), to, size, static_cast<off_t>(offset));
    if (n == 0) return false;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("reading", m_path);
    offset += static_cast<std::uint64_t>(n);
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void InputFile::read_ahead() const noexcept
{
  struct stat info = {};
  if (::fstat(m_fd.get(), &info) != 0 || info.st_size > most_read_ahead) return;
  for (off_t at = 0; at < info.st_size; at += read_ahead_step)
    ::posix_fadvise(m_fd.get(), at, read_ahead_step, POSIX_FADV_WILLNEED);
}

std::uint64_t InputFile::size() const
{
  struct stat info = {};
  if (::fstat(m_fd.get(), &info) != 0) throw_errno("looking at", m_path);
  return static_cast<std::uint64_t>(info.st_size);
}

AtomicFile::AtomicFile(std::filesystem::path path, Durable durable, Access access)
    : m_path(std::move(path)), m_durable(durable)
{
  static std::atomic<unsigned> serial{0};
  m_temporary = m_path;
  m_temporary += fmt::format("{}{}-{}", uncommitted, ::getpid(), serial++);
  m_fd = Descriptor{
      ::open(m_temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, access == Access::owner ? 0600 : 0666)};
  if (!m_fd) throw_unwritten("creating", m_temporary.native());
  m_buffer.reserve(write_block);
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : m_path(std::move(other.m_path)),
      m_temporary(std::move(other.m_temporary)),
      m_durable(other.m_durable),
      m_fd(std::move(other.m_fd)),
      m_buffer(std::move(other.m_buffer)),
      m_size(other.m_size),
      m_put(other.m_put),
      m_write_back(other.m_write_back)
{
}

AtomicFile::~AtomicFile()
{
  if (m_fd) discard_file(m_temporary);
}

void AtomicFile::write(std::string_view bytes)
{
  m_size += bytes.size();
  if (m_buffer.size() + bytes.size() > write_block) flush();
  if (bytes.size() >= write_block) return put(bytes);
  m_buffer.append(bytes);
}

void AtomicFile::flush()
{
  put(m_buffer);
  m_buffer.clear();
}

/// What must be durable is on its way to the disk while more is made: the end does not wait for all of it.
void AtomicFile::put(std::string_view bytes)
{
  if (!write_all(m_fd.get(), bytes)) throw_unwritten("writing", m_path.native());
  m_put += bytes.size();
  if (m_durable == Durable::yes) m_write_back.wrote(m_fd.get(), m_put);
}

void AtomicFile::commit()
{
  flush();
  if (m_durable == Durable::yes) sync_descriptor(m_fd.get(), m_path);
  if (::rename(m_temporary.c_str(), m_path.c_str()) != 0) throw_unwritten("renaming to", m_path.native());
  m_fd.reset();
  if (m_durable == Durable::yes) sync_directory(directory_of(m_path));
}

LineReader::LineReader(const std::filesystem::path& path, std::uint64_t from)
    : m_source(open_source(path.native(), from, Fault::storage)), m_offset(from)
{
}

LineReader::~LineReader() = default;

std::optional<LineReader::Line> LineReader::next()
{
  std::size_t searched = 0;
  for (;;) {
    const auto view = m_buffer.view();
    const auto newline = view.find('\n', searched);
    const bool ended = newline != std::string_view::npos;
    searched = view.size();
    if (!ended && !m_end && refill()) continue;
    const Line line{m_buffer.view().substr(0, newline), m_offset, ended};
    const auto size = line.text.size() + (ended ? 1 : 0);
    m_buffer.drop(size);
    m_offset += size;
    return size > 0 ? std::optional{line} : std::nullopt;
  }
}

bool LineReader::refill()
{
  const auto n = m_source->read(m_buffer.room(read_block), read_block);
  m_buffer.add(n);
  m_end = n == 0;
  return n > 0;
}

TemporaryDirectory::TemporaryDirectory(const std::filesystem::path& parent, std::string_view prefix)
{
  std::string pattern = (parent / fmt::format(".tmp-{}-XXXXXX", prefix)).native();
  if (!::mkdtemp(pattern.data())) throw_unwritten("creating", pattern);
  m_path = pattern;
}

TemporaryDirectory::~TemporaryDirectory()
{
  std::error_code ignored;
  if (!m_path.empty()) std::filesystem::remove_all(m_path, ignored);
}

void TemporaryDirectory::keep(const std::filesystem::path& place)
{
  sync_directory(m_path);
  if (::rename(m_path.c_str(), place.c_str()) != 0) throw_unwritten("renaming to", place.native());
  m_path.clear();
  sync_directory(directory_of(place));
}

UnnamedFile::UnnamedFile(const std::filesystem::path& directory) : m_directory(directory.native())
{
  m_fd = Descriptor{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
  if (m_fd) return;
  auto pattern = (directory / ".tmp-unnamed-XXXXXX").native(); // some file systems know no files without a name
  m_fd = Descriptor{::mkostemp(pattern.data(), O_CLOEXEC)};
  if (!m_fd) throw_unwritten("creating a file in", m_directory);
  discard_file(pattern);
}

void UnnamedFile::write(std::string_view bytes)
{
  if (!write_all(m_fd.get(), bytes)) throw_unwritten("writing a file in", m_directory);
}

std::string UnnamedFile::path() const
{
  return fmt::format("/proc/self/fd/{}", m_fd.get());
}

void UnnamedFile::keep(const std::filesystem::path& place) const
{
  sync_descriptor(m_fd.get(), m_directory);
  auto beside = place;
  beside += fmt::format(".tmp-{}", ::getpid());
  discard_file(beside);
  if (::linkat(AT_FDCWD, path().c_str(), AT_FDCWD, beside.c_str(), AT_SYMLINK_FOLLOW) == 0) {
    if (::rename(beside.c_str(), place.c_str()) != 0) throw_unwritten("renaming to", place.native());
    return sync_directory(directory_of(place));
  }
  InputFile from{path()};
  AtomicFile copy{place};
  std::string block(read_block, '\0');
  while (const auto n = from.read(block.data(), block.size()))
    copy.write({block.data(), n});
  copy.commit();
}

namespace {

struct stat status_of(const std::filesystem::path& path)
{
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) throw_errno("looking at", path.native());
  return info;
}

std::string in_words(const struct stat& info)
{
  return fmt::format("{}:{}:{}:{}.{:09}:{}.{:09}", info.st_dev, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

} // namespace

std::string file_looks(const std::filesystem::path& path)
{
  return in_words(status_of(path));
}

std::string file_witness(const std::filesystem::path& path)
{
  const auto info = status_of(path);
  struct timespec now = {};
  ::clock_gettime(CLOCK_REALTIME, &now);
  if (now.tv_sec - std::max(info.st_mtim.tv_sec, info.st_ctim.tv_sec) <= 2) return {};
  return in_words(info);
}

void make_private_directory(const std::filesystem::path& path)
{
  if (path.empty() || std::filesystem::is_directory(path)) return;
  make_private_directory(path.parent_path());
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw_unwritten("creating", path.native());
}

void sync_directory(const std::filesystem::path& path)
{
  const Descriptor fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) throw_errno("opening", path.native());
  sync_descriptor(fd.get(), path);
}

void sync_file(const std::filesystem::path& path)
{
  const Descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) throw_errno("opening", path.native());
  sync_descriptor(fd.get(), path);
}

std::string read_file(const std::filesystem::path& path)
{
  InputFile file{path};
  std::string text;
  std::string block(1 << 16, '\0');
  while (const auto n = file.read(block.data(), block.size()))
    text.append(block.data(), n);
  return text;
}

void write_file(const std::filesystem::path& path, std::string_view bytes)
{
  AtomicFile file{path};
  file.write(bytes);
  file.commit();
}

void discard_uncommitted(const std::filesystem::path& path) noexcept
try {
  const auto name = path.filename().native();
  for (const auto& entry : std::filesystem::directory_iterator{directory_of(path)}) {
    const auto beside = entry.path().filename().native();
    if (!beside.starts_with(name)) continue;
    const auto writer = writer_of(std::string_view{beside}.substr(name.size()));
    if (writer > 0 && is_gone(writer)) discard_file(entry.path());
  }
} catch (const std::exception&) { // what stays is in nobody's way
}

void discard_file(const std::filesystem::path& path) noexcept
{
  ::unlink(path.c_str());
}

bool write_all(int fd, std::string_view bytes) noexcept
{
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

} // namespace batchwright
