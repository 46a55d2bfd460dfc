#include <batchwright/input/window.hpp>

#include <fmt/format.h>

#include <utility>

namespace batchwright::input {
namespace {

constexpr std::size_t block_size = 1 << 18;

/// UTF-16 by its mark, or by a NUL in one half of every pair where the text begins in ASCII, as headers do.
bool is_utf16(std::string_view head)
{
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff")) return true;
  constexpr std::size_t pairs = 8;
  std::size_t first_nul = 0;
  std::size_t second_nul = 0;
  std::size_t seen = 0;
  for (; seen < pairs && 2 * seen + 1 < head.size(); ++seen) {
    first_nul += head[2 * seen] == '\0' ? 1u : 0u;
    second_nul += head[2 * seen + 1] == '\0' ? 1u : 0u;
  }
  return seen >= 2 && ((first_nul == seen && second_nul == 0) || (second_nul == seen && first_nul == 0));
}

} // namespace

Window::Window(const std::string& path, std::uint64_t from) : m_source(open_source(path, from)), m_offset(from)
{
  if (from > 0) return;
  grow();
  drop(begin_of_text(path, view()));
}

bool Window::grow()
{
  const auto n = m_source->read(m_buffer.room(block_size), block_size);
  m_buffer.add(n);
  return n > 0;
}

void Window::drop(std::size_t n)
{
  m_buffer.drop(n);
  m_offset += n;
}

std::size_t begin_of_text(const std::string& path, std::string_view head)
{
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (is_utf16(head)) {
    throw fault_at(path, 1, 0, "this is UTF-16, expected UTF-8",
                   fmt::format("convert it: iconv -f UTF-16 -t UTF-8 '{}' > utf8-copy", path));
  }
  return head.starts_with(mark) ? mark.size() : 0;
}

Error fault_at(const std::string& path, std::uint64_t line, std::uint64_t byte, std::string_view what, std::string hint)
{
  return Error{Fault::input, fmt::format("reading {}, line {} (byte {}): {}", path, line, byte, what), std::move(hint)}
      .at({path, line, byte});
}

} // namespace batchwright::input
