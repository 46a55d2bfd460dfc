// Text that stands in a JSON string as it is: the scanner passes over it, the writer copies it. Private to json/.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batchwright::json {

/// The first byte at or after `at` that ends a run of plain string text: a quote, a backslash, a control character.
/// The size where none does.
std::size_t skip_plain(std::string_view s, std::size_t at);

inline constexpr char last_control = 0x1f;

/// Whether a byte cannot stand in a string as it is.
inline bool stops_plain_text(char c)
{
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) <= last_control;
}

#if defined(__SSE2__)

/// Bit i: byte i of 16 stops plain text.
inline unsigned stops_of_16(const char* bytes)
{
  __m128i block;
  std::memcpy(&block, bytes, sizeof block);
  const auto hit =
      _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                   _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(last_control)),
                                  block)); // min(b, 0x1f) == b: a control character
  return static_cast<unsigned>(_mm_movemask_epi8(hit));
}

#else

inline unsigned stops_of_16(const char* bytes)
{
  unsigned found = 0;
  for (unsigned i = 0; i < 16; ++i)
    found |= (stops_plain_text(bytes[i]) ? 1u : 0u) << i;
  return found;
}

#endif

inline constexpr std::size_t plain_block = 16;

/// How many of 16 bytes stand before the first that stops plain text.
inline std::size_t plain_in_block(const char* bytes)
{
  return static_cast<std::size_t>(std::countr_zero(stops_of_16(bytes) | 1u << plain_block));
}

/// How far a JSON string goes.
struct StringEnd {
  std::size_t at = 0;   ///< the closing quote; else the first byte that no string may have there: a control character,
                        ///< the backslash of an escape that is none, or the end of the text
  bool escaped = false; ///< there is an escape before it
};

/// Passes over what stands in a string, from `at` on, which is behind its opening quote.
StringEnd skip_string(std::string_view s, std::size_t at);

} // namespace batchwright::json
