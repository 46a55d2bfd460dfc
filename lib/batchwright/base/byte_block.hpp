// Bytes looked at 64 at a time, for the loops through which every byte of a job goes. All inline: it becomes a part of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batchwright {

/// Where something stands in a block: bit i is byte i.
using ByteMask = std::uint64_t;

#if defined(__SSE2__)

/// 64 bytes.
class ByteBlock {
public:
  static constexpr std::size_t size = 64;

  explicit ByteBlock(const char* bytes) { std::memcpy(m_parts, bytes, size); }

  /// Where `c` stands.
  ByteMask equal(char c) const
  {
    return mask([c](__m128i part) { return _mm_cmpeq_epi8(part, _mm_set1_epi8(c)); });
  }

  /// Where bytes up to `most` stand, as unsigned numbers.
  ByteMask up_to(unsigned char most) const
  {
    return mask([most](__m128i part) { return at_most(part, most); });
  }

  /// Whether there is a byte that is one of two, or up to `most`.
  bool has_any(char a, char b, unsigned char most) const
  {
    __m128i hits = _mm_setzero_si128();
    for (const auto part : m_parts) {
      hits =
          _mm_or_si128(hits, _mm_or_si128(at_most(part, most), _mm_or_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8(a)),
                                                                            _mm_cmpeq_epi8(part, _mm_set1_epi8(b)))));
    }
    return _mm_movemask_epi8(hits) != 0;
  }

private:
  static __m128i at_most(__m128i part, unsigned char most)
  {
    return _mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(static_cast<char>(most))), part);
  }

  template<class Test>
  ByteMask mask(Test test) const
  {
    ByteMask bits = 0;
    for (unsigned i = 0; i < 4; ++i)
      bits |= ByteMask{static_cast<std::uint32_t>(_mm_movemask_epi8(test(m_parts[i])))} << 16 * i;
    return bits;
  }

  __m128i m_parts[4];
};

#else

class ByteBlock {
public:
  static constexpr std::size_t size = 64;

  explicit ByteBlock(const char* bytes) { std::memcpy(m_bytes, bytes, size); }

  ByteMask equal(char c) const
  {
    return mask([c](char byte) { return byte == c; });
  }

  ByteMask up_to(unsigned char most) const
  {
    return mask([most](char byte) { return static_cast<unsigned char>(byte) <= most; });
  }

  bool has_any(char a, char b, unsigned char most) const { return (equal(a) | equal(b) | up_to(most)) != 0; }

private:
  template<class Test>
  ByteMask mask(Test test) const
  {
    ByteMask bits = 0;
    for (std::size_t i = 0; i < size; ++i)
      bits |= ByteMask{test(m_bytes[i])} << i;
    return bits;
  }

  char m_bytes[size];
};

#endif

/// Which bytes are escaped, from block to block, where one byte escapes what follows it, itself included: a backslash
/// in JSON; a quote in CSV, where it doubles another.
class EscapeScan {
public:
  /// Bytes of the next block that an escape stands before. `escapes`: where the byte that escapes stands. Of a run of
  /// them every second one is escaped, and what stands behind the run where that is odd. A run that begins at an even
  /// place and is odd ends before an odd one, and the other way round; adding its first bit carries to just behind it
  /// (the way of simdjson: Langdale and Lemire, "Parsing Gigabytes of JSON per Second", 2019).
  ByteMask escaped(ByteMask escapes)
  {
    constexpr ByteMask even = 0x5555'5555'5555'5555;
    const ByteMask carried = m_escapes_next ? 1 : 0;
    escapes &= ~carried;
    const auto behind = escapes << 1 | carried;
    const auto odd_starts = escapes & ~even & ~behind;
    ByteMask behind_odd_starts = 0;
    m_escapes_next = __builtin_add_overflow(odd_starts, escapes, &behind_odd_starts);
    return (even ^ behind_odd_starts << 1) & behind;
  }

  /// Whether the first byte of the next block is escaped.
  bool escapes_next() const { return m_escapes_next; }

private:
  bool m_escapes_next = false;
};

} // namespace batchwright
