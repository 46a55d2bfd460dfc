// Sixteen bytes at a time where strings are short, as keys are; 64 where they are long, and then an escape costs no
// more than finding its bit: prompts that hold code or JSON have one every few bytes.

#include <batchwright/json/plain.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batchwright::json {
namespace {

constexpr std::size_t block_size = 64;

bool stops_plain_text(char c)
{
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

bool is_hex(char c)
{
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether an escape stands at a backslash.
bool is_escape(std::string_view s, std::size_t at)
{
  if (at + 1 >= s.size()) return false;
  switch (s[at + 1]) {
  case '"':
  case '\\':
  case '/':
  case 'b':
  case 'f':
  case 'n':
  case 'r':
  case 't':
    return true;
  case 'u':
    return at + 6 <= s.size() && std::all_of(s.begin() + at + 2, s.begin() + at + 6, is_hex);
  default:
    return false;
  }
}

/// What of 64 bytes may end a string or begin an escape: bit i is byte i.
struct Stops {
  std::uint64_t quotes = 0;
  std::uint64_t backslashes = 0;
  std::uint64_t controls = 0;
};

#if defined(__SSE2__)

/// Bit i: byte i of 16 stops plain text.
unsigned stops_of_16(const char* bytes)
{
  __m128i block;
  std::memcpy(&block, bytes, sizeof block);
  const auto hit = _mm_or_si128(
      _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
      _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block)); // min(b, 0x1f) == b: a control character
  return static_cast<unsigned>(_mm_movemask_epi8(hit));
}

Stops stops_of(const char* bytes)
{
  Stops found;
  for (unsigned i = 0; i < 4; ++i) {
    __m128i part;
    std::memcpy(&part, bytes + 16 * i, sizeof part);
    const auto mask = [i](__m128i hit) {
      return std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(hit))} << 16 * i;
    };
    found.quotes |= mask(_mm_cmpeq_epi8(part, _mm_set1_epi8('"')));
    found.backslashes |= mask(_mm_cmpeq_epi8(part, _mm_set1_epi8('\\')));
    found.controls |= mask(_mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(0x1f)), part));
  }
  return found;
}

#else

unsigned stops_of_16(const char* bytes)
{
  unsigned found = 0;
  for (unsigned i = 0; i < 16; ++i)
    found |= (stops_plain_text(bytes[i]) ? 1u : 0u) << i;
  return found;
}

Stops stops_of(const char* bytes)
{
  Stops found;
  for (unsigned i = 0; i < block_size; ++i) {
    const auto bit = std::uint64_t{1} << i;
    if (bytes[i] == '"') found.quotes |= bit;
    if (bytes[i] == '\\') found.backslashes |= bit;
    if (static_cast<unsigned char>(bytes[i]) < 0x20) found.controls |= bit;
  }
  return found;
}

#endif

/// Bytes that stand behind the backslash that escapes them. `is_escaped`: the first byte is; then, the one behind the
/// block. A run of backslashes that begins at an even place escapes what stands at odd ones, and the other way round; a
/// run's carry out of the sum with its first bit tells where it ends (the way of simdjson: Langdale and Lemire,
/// "Parsing Gigabytes of JSON per Second", 2019).
std::uint64_t escaped_by(std::uint64_t backslashes, bool& is_escaped)
{
  constexpr std::uint64_t even = 0x5555'5555'5555'5555;
  const std::uint64_t carried = is_escaped ? 1 : 0;
  backslashes &= ~carried;
  const auto followers = backslashes << 1 | carried;
  const auto odd_starts = backslashes & ~even & ~followers;
  std::uint64_t behind_odd_runs = 0;
  is_escaped = __builtin_add_overflow(odd_starts, backslashes, &behind_odd_runs);
  return (even ^ behind_odd_runs << 1) & followers;
}

/// A string's way through blocks.
class StringScan {
public:
  explicit StringScan(std::string_view s) : m_text(s) {}

  StringEnd from(std::size_t at)
  {
    for (; at + block_size <= m_text.size(); at += block_size) {
      if (ends_in(m_text.data() + at, at)) return m_end;
    }
    std::array<char, block_size> rest{}; // its zeros are control characters
    std::copy(m_text.begin() + static_cast<std::ptrdiff_t>(at), m_text.end(), rest.begin());
    ends_in(rest.data(), at);
    return m_end;
  }

private:
  /// Whether the string, or what may be one, ends in the block that begins at `at`.
  bool ends_in(const char* block, std::size_t at)
  {
    const auto stops = stops_of(block);
    const bool was_escaped = m_is_escaped;
    std::uint64_t escaped = 0;
    if (stops.backslashes != 0 || was_escaped) escaped = escaped_by(stops.backslashes, m_is_escaped);
    const auto ends = (stops.quotes & ~escaped) | stops.controls;
    const auto first = ends & -ends;
    for (auto rest = escaped & (first | (first - 1)); rest != 0; rest &= rest - 1) {
      m_end.escaped = true;
      const auto backslash = at + static_cast<std::size_t>(std::countr_zero(rest)) - 1;
      if (is_escape(m_text, backslash)) continue;
      m_end.at = backslash;
      return true;
    }
    if (ends == 0) return false;
    m_end.at = at + static_cast<std::size_t>(std::countr_zero(ends));
    return true;
  }

  std::string_view m_text;
  bool m_is_escaped = false; // the first byte of the next block
  StringEnd m_end = {};
};

} // namespace

std::size_t skip_plain(std::string_view s, std::size_t at)
{
  for (; at + 16 <= s.size(); at += 16) {
    const auto stops = stops_of_16(s.data() + at);
    if (stops != 0) return at + static_cast<std::size_t>(std::countr_zero(stops));
  }
  while (at < s.size() && !stops_plain_text(s[at]))
    ++at;
  return at;
}

StringEnd skip_string(std::string_view s, std::size_t at)
{
  if (at + 16 <= s.size()) {
    const auto stops = stops_of_16(s.data() + at);
    if (stops == 0) {
      at += 16;
    } else {
      at += static_cast<std::size_t>(std::countr_zero(stops));
      if (s[at] != '\\') return {at, false};
    }
  }
  return StringScan{s}.from(at);
}

} // namespace batchwright::json
