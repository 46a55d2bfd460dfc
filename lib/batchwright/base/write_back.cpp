#include <batchwright/base/write_back.hpp>

#include <fcntl.h>

namespace batchwright {
namespace {

constexpr std::uint64_t step = 8 << 20;

} // namespace

void WriteBack::wrote(int fd, std::uint64_t size)
{
  if (size < m_told + step) return;
  ::sync_file_range(fd, static_cast<off_t>(m_told), static_cast<off_t>(size - m_told), SYNC_FILE_RANGE_WRITE);
  m_told = size;
}

} // namespace batchwright
