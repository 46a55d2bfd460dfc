#include <batchwright/base/digested_file.hpp>

namespace batchwright {

DigestedFile::DigestedFile(const std::filesystem::path& path)
    : m_file(path), m_writer([this](std::string_view bytes) {
        m_sha.update(bytes);
        m_file.write(bytes);
      })
{
}

void DigestedFile::write(std::string_view bytes)
{
  m_size += bytes.size();
  m_writer.write(bytes);
}

std::string DigestedFile::sha256()
{
  m_writer.finish();
  return m_sha.hex();
}

} // namespace batchwright
