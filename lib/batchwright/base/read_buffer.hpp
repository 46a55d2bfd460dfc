// Bytes that were read and not yet used, as one text.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace batchwright {

/// Unlike a string, it is not set before it is read into.
class ReadBuffer {
public:
  /// What is at hand.
  std::string_view view() const { return {m_bytes.get() + m_begin, m_end - m_begin}; }

  /// Lets go of the first `n` bytes at hand. Views stay valid until room().
  void drop(std::size_t n) { m_begin += n; }

  /// Where `n` bytes may be written behind those at hand.
  char* room(std::size_t n)
  {
    const auto size = m_end - m_begin;
    if (m_end + n > m_capacity) {
      if (size + n > m_capacity) {
        m_capacity = std::max(size + n, 2 * m_capacity);
        auto larger = std::make_unique_for_overwrite<char[]>(m_capacity);
        std::copy_n(m_bytes.get() + m_begin, size, larger.get());
        m_bytes = std::move(larger);
      } else {
        std::memmove(m_bytes.get(), m_bytes.get() + m_begin, size);
      }
      m_begin = 0;
      m_end = size;
    }
    return m_bytes.get() + m_end;
  }

  /// So many bytes were written there.
  void add(std::size_t n) { m_end += n; }

private:
  std::unique_ptr<char[]> m_bytes = {};
  std::size_t m_capacity = 0;
  std::size_t m_begin = 0;
  std::size_t m_end = 0;
};

} // namespace batchwright
