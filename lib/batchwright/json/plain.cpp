#include <batchwright/json/plain.hpp>

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batchwright::json {
namespace {

bool stops_plain_text(char c)
{
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

} // namespace

std::size_t skip_plain(std::string_view s, std::size_t at)
{
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (at + 16 <= s.size()) {
    __m128i block;
    std::memcpy(&block, s.data() + at, sizeof block);
    const __m128i hit = _mm_or_si128(
        _mm_or_si128(_mm_cmpeq_epi8(block, quote), _mm_cmpeq_epi8(block, backslash)),
        _mm_cmpeq_epi8(_mm_min_epu8(block, control), block)); // min(b, 0x1f) == b: b is a control character
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (mask != 0) return at + static_cast<std::size_t>(__builtin_ctz(mask));
    at += 16;
  }
#endif
  while (at < s.size() && !stops_plain_text(s[at]))
    ++at;
  return at;
}

} // namespace batchwright::json
