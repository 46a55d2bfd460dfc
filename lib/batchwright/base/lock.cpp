#include <batchwright/base/error.hpp>
#include <batchwright/base/lock.hpp>

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace batchwright {
namespace {

// Open-file-description locks belong to the descriptor, not to the process, and can be asked about without being taken.
struct flock whole_file(short type)
{
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

} // namespace

std::optional<FileLock> FileLock::try_lock(const std::filesystem::path& path)
{
  Descriptor fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!fd) throw_unwritten("opening", path.native());
  auto lock = whole_file(F_WRLCK);
  while (::fcntl(fd.get(), F_OFD_SETLK, &lock) != 0) {
    if (errno == EAGAIN || errno == EACCES) return std::nullopt;
    if (errno != EINTR) throw_errno("locking", path.native());
  }
  return FileLock{std::move(fd)};
}

bool FileLock::is_held(const std::filesystem::path& path)
{
  const Descriptor fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return false;
  auto lock = whole_file(F_RDLCK);
  return ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

DirectoryHold DirectoryHold::shared(const std::filesystem::path& directory)
{
  Descriptor fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd && errno == ENOENT) return DirectoryHold{{}};
  if (!fd) throw_errno("opening", directory.native());
  while (::flock(fd.get(), LOCK_SH) != 0) {
    if (errno != EINTR) throw_errno("locking", directory.native());
  }
  return DirectoryHold{std::move(fd)};
}

DirectoryHold::~DirectoryHold()
{
  if (m_fd) ::flock(m_fd.get(), LOCK_UN); // though closing does it, too: who waits here for himself waits for ever
}

std::optional<DirectoryHold> DirectoryHold::try_alone(const std::filesystem::path& directory)
{
  Descriptor fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return std::nullopt;
  return DirectoryHold{std::move(fd)};
}

} // namespace batchwright
