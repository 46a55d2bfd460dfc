#include <batchwright/base/unpack.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/raw_lines.hpp>

#include <algorithm>

namespace batchwright::input {
namespace {

constexpr std::size_t block_size = 1 << 18;

} // namespace

RawLines::RawLines(const std::string& path) : m_source(open_source(path)), m_block(block_size, '\0') {}
RawLines::~RawLines() = default;

std::optional<RawLines::Line> RawLines::next()
{
  Line line{.number = m_number, .offset = m_offset};
  const auto newline = m_left.find('\n');
  if (newline != std::string_view::npos) { // all of it is at hand, as of most
    line.text = m_left.substr(0, newline);
    line.size = newline + 1;
    m_left.remove_prefix(line.size);
  } else {
    gather(line);
    if (line.size == 0) return std::nullopt;
  }
  ++m_number;
  m_offset += line.size;
  return line;
}

/// A line that goes on in other blocks.
void RawLines::gather(Line& line)
{
  m_text.clear();
  bool ended = false;
  while (!ended && (!m_left.empty() || refill())) {
    const auto newline = m_left.find('\n');
    ended = newline != std::string_view::npos;
    take(std::min(newline, m_left.size()), line);
    if (!ended) continue;
    m_left.remove_prefix(1);
    ++line.size;
  }
  line.text = m_text;
}

bool RawLines::refill()
{
  m_left = {m_block.data(), m_source->read(m_block.data(), m_block.size())};
  return !m_left.empty();
}

void RawLines::take(std::size_t n, Line& line)
{
  line.size += n;
  line.too_long = line.size > longest_record;
  if (line.too_long)
    m_text.clear();
  else
    m_text += m_left.substr(0, n);
  m_left.remove_prefix(n);
}

} // namespace batchwright::input
