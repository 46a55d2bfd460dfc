#include <batchwright/emulator/capped_lines.hpp>

#include <algorithm>

namespace batchwright::emulator {
namespace {

constexpr std::size_t block_size = 1 << 16;

} // namespace

CappedLines::CappedLines(const std::filesystem::path& path, std::uint64_t most)
    : m_file(path), m_most(most), m_block(block_size, '\0')
{
}

bool CappedLines::refill()
{
  m_at = 0;
  m_end = m_file.read(m_block.data(), m_block.size());
  return m_end > 0;
}

void CappedLines::take(std::string_view bytes, Line& line)
{
  line.length += bytes.size();
  line.too_long = line.length > m_most;
  if (line.too_long)
    m_text.clear();
  else
    m_text += bytes;
}

std::optional<CappedLines::Line> CappedLines::next()
{
  m_text.clear();
  Line line{.offset = m_offset};
  while (m_at < m_end || refill()) {
    const auto left = std::string_view{m_block}.substr(m_at, m_end - m_at);
    const auto size = std::min(left.find('\n'), left.size());
    take(left.substr(0, size), line);
    m_at += size;
    if (size == left.size()) continue;
    ++m_at;
    m_offset += line.length + 1;
    line.text = m_text;
    return line;
  }
  if (line.length == 0) return std::nullopt;
  m_offset += line.length;
  line.text = m_text;
  return line;
}

} // namespace batchwright::emulator
