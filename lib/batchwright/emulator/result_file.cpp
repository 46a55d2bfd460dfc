#include <batchwright/base/error.hpp>
#include <batchwright/emulator/result_file.hpp>

#include <fcntl.h>

namespace batchwright::emulator {
namespace {

constexpr std::size_t most_buffered = 1 << 16;

} // namespace

ResultFile::~ResultFile()
{
  if (m_fd) discard_file(m_path);
}

void ResultFile::write(std::string_view bytes)
{
  m_size += bytes.size();
  if (m_buffer.size() + bytes.size() > most_buffered) flush();
  m_buffer.append(bytes);
}

void ResultFile::flush()
{
  if (m_buffer.empty()) return;
  if (!m_fd) m_fd = Descriptor{::open(m_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  if (!m_fd) throw_errno("creating", m_path.native());
  if (!write_all(m_fd.get(), m_buffer)) throw_errno("writing", m_path.native());
  m_buffer.clear();
}

void ResultFile::rest()
{
  flush();
  m_buffer.shrink_to_fit();
}

void ResultFile::keep()
{
  rest();
  m_fd.reset();
}

} // namespace batchwright::emulator
