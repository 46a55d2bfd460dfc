// The estimate counts in 1/300 of a token, so that every weight is a whole number and no order of adding matters.
//
// It is made for every byte that is sent, so it must not cost more than reading the input does: 64 bytes at a time
// become one mask for each class of characters, and runs are counted in the masks.

#include <batchwright/json/escape.hpp>
#include <batchwright/money/tokens.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace batchwright::money {
namespace {

constexpr std::int64_t unit = 300;

// Fitted to o200k_base on English prose, code, Chinese mixed with Latin, and JSON.
constexpr std::int64_t word = unit;              // a run of up to seven letters
constexpr std::int64_t letter_beyond = unit / 6; // each letter more
constexpr std::int64_t each_digit = unit / 3;
constexpr std::int64_t spaces = unit;           // more than one; a single one belongs to the next word
constexpr std::int64_t newlines = unit * 3 / 4; // a run of them
constexpr std::int64_t punctuation_run = unit / 2;
constexpr std::int64_t each_punctuation = unit * 3 / 10;
constexpr std::int64_t each_cjk = unit * 72 / 100;
constexpr std::int64_t each_other = unit / 2;

constexpr std::size_t block_size = 64;

/// Which of 64 bytes are of a class. Bytes of no class are the later ones of a UTF-8 character.
struct Masks {
  std::uint64_t letter = 0;
  std::uint64_t digit = 0;
  std::uint64_t space = 0;
  std::uint64_t newline = 0;
  std::uint64_t control = 0;
  std::uint64_t high = 0;      ///< outside ASCII
  std::uint64_t lead = 0;      ///< the first byte of a character outside ASCII
  std::uint64_t plain_cjk = 0; ///< the first byte of one in U+3000..U+9FFF
  std::uint64_t mixed = 0;     ///< the first byte of one above that: CJK or not
};

#if defined(__SSE2__)

/// Bytes in first..last, as a mask of 16 bits.
std::uint64_t in_range(__m128i bytes, unsigned char first, unsigned char last)
{
  const auto distance = _mm_sub_epi8(bytes, _mm_set1_epi8(static_cast<char>(first)));
  const auto widest = _mm_set1_epi8(static_cast<char>(last - first));
  return static_cast<std::uint64_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(distance, widest), distance)));
}

Masks masks_of(const char* block)
{
  Masks m;
  for (unsigned at = 0; at < block_size; at += 16) {
    __m128i bytes;
    std::memcpy(&bytes, block + at, sizeof bytes);
    m.letter |= in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z') << at;
    m.digit |= in_range(bytes, '0', '9') << at;
    m.space |= (in_range(bytes, ' ', ' ') | in_range(bytes, '\t', '\t')) << at;
    m.newline |= (in_range(bytes, '\n', '\n') | in_range(bytes, '\r', '\r')) << at;
    m.control |= (in_range(bytes, 0, 0x1f) | in_range(bytes, 0x7f, 0x7f)) << at;
    m.high |= in_range(bytes, 0x80, 0xff) << at;
    m.lead |= in_range(bytes, 0xc0, 0xff) << at;
    m.plain_cjk |= in_range(bytes, 0xe3, 0xe9) << at;
    m.mixed |= in_range(bytes, 0xea, 0xff) << at;
  }
  m.control &= ~(m.space | m.newline);
  return m;
}

#else

Masks masks_of(const char* block)
{
  Masks m;
  for (unsigned at = 0; at < block_size; ++at) {
    const auto c = static_cast<unsigned char>(block[at]);
    const auto bit = std::uint64_t{1} << at;
    if (c >= 0x80) m.high |= bit;
    if (c >= 0xc0) m.lead |= bit;
    if (c >= 0xe3 && c <= 0xe9) m.plain_cjk |= bit;
    if (c >= 0xea) m.mixed |= bit;
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
      m.letter |= bit;
    else if (c >= '0' && c <= '9')
      m.digit |= bit;
    else if (c == ' ' || c == '\t')
      m.space |= bit;
    else if (c == '\n' || c == '\r')
      m.newline |= bit;
    else if (c < 0x20 || c == 0x7f)
      m.control |= bit;
  }
  return m;
}

#endif

/// Han, kana and hangul, their punctuation and wide forms, by the first two bytes of a character from U+A000 on.
bool is_mixed_cjk(unsigned char first, unsigned char second)
{
  switch (first) {
  case 0xea:
    return second >= 0xb0; // hangul, U+AC00
  case 0xeb:
  case 0xec:
    return true;
  case 0xed:
    return second <= 0x9f; // to U+D7FF
  case 0xef:
    return (second >= 0xa4 && second <= 0xab) || second >= 0xbc; // U+F900..U+FAFF, U+FF00..U+FFFF
  case 0xf0:
    return second >= 0xa0; // U+20000..U+3FFFF
  default:
    return false;
  }
}

/// One class of characters from block to block: where its runs are.
class RunMask {
public:
  /// Takes the next block's mask.
  void take(std::uint64_t mask)
  {
    m_before = m_mask;
    m_mask = mask;
  }

  std::uint64_t mask() const { return m_mask; }
  /// Bit i: the character `n` places before i. REQUIRED: 0 < n < 64
  std::uint64_t earlier(unsigned n) const { return m_mask << n | m_before >> (block_size - n); }
  std::uint64_t starts() const { return m_mask & ~earlier(1); }
  /// Where the second of a run stands.
  std::uint64_t seconds() const { return m_mask & earlier(1) & ~earlier(2); }

private:
  std::uint64_t m_mask = 0;
  std::uint64_t m_before = 0;
};

/// Counts a text that comes in pieces.
class Counter {
public:
  void add(std::string_view utf8)
  {
    while (!utf8.empty()) {
      const auto n = std::min(utf8.size(), m_buffer.size() - look_ahead - m_size);
      std::memcpy(m_buffer.data() + m_size, utf8.data(), n);
      m_size += n;
      utf8.remove_prefix(n);
      if (m_size + look_ahead == m_buffer.size()) count_whole_blocks();
    }
  }

  Tokens tokens()
  {
    count_whole_blocks();
    std::memset(m_buffer.data() + m_size, 0, m_buffer.size() - m_size);
    if (m_size > 0) count(m_buffer.data(), ~std::uint64_t{0} >> (block_size - m_size));
    return {(m_sum + unit - 1) / unit};
  }

private:
  static constexpr std::size_t look_ahead = block_size; // room behind what is held, for the byte after a block

  /// Leaves at least a byte and less than a block and a byte: a character's second byte may be in the next block.
  void count_whole_blocks()
  {
    std::size_t at = 0;
    for (; at + block_size < m_size; at += block_size)
      count(m_buffer.data() + at, ~std::uint64_t{0});
    m_size -= at;
    std::memmove(m_buffer.data(), m_buffer.data() + at, m_size);
  }

  /// `valid`: which bytes of the block belong to the text.
  void count(const char* block, std::uint64_t valid)
  {
    const auto m = masks_of(block);
    m_letters.take(m.letter & valid);
    m_spaces.take(m.space & valid);
    m_newlines.take(m.newline & valid);
    m_punctuation.take(~(m.letter | m.digit | m.space | m.newline | m.control | m.high) & valid);
    m_pairs.take(m_letters.mask() & m_letters.earlier(1));
    m_fours.take(m_pairs.mask() & m_pairs.earlier(2));
    const auto eighths = m_fours.mask() & m_fours.earlier(4); // letters with seven letters before them

    auto cjk = std::popcount(m.plain_cjk & valid);
    for (auto left = m.mixed & valid; left != 0; left &= left - 1) {
      const auto* at = block + std::countr_zero(left);
      cjk += is_mixed_cjk(static_cast<unsigned char>(at[0]), static_cast<unsigned char>(at[1])) ? 1 : 0;
    }
    const auto other = std::popcount(m.control & valid) + std::popcount(m.lead & valid) - cjk;

    m_sum += word * std::popcount(m_letters.starts()) + letter_beyond * std::popcount(eighths) +
             each_digit * std::popcount(m.digit & valid) + spaces * std::popcount(m_spaces.seconds()) +
             newlines * std::popcount(m_newlines.starts()) + punctuation_run * std::popcount(m_punctuation.starts()) +
             each_punctuation * std::popcount(m_punctuation.mask()) + each_cjk * cjk + each_other * other;
  }

  std::array<char, 16 * block_size + look_ahead> m_buffer;
  std::size_t m_size = 0;
  std::int64_t m_sum = 0;
  RunMask m_letters = {};
  RunMask m_pairs = {}; // letters with a letter before them
  RunMask m_fours = {}; // letters with three letters before them
  RunMask m_spaces = {};
  RunMask m_newlines = {};
  RunMask m_punctuation = {};
};

/// Adds the first two bytes of a character, or the one it has: no class needs to know more.
void add_character(Counter& counter, unsigned code)
{
  std::array<char, 2> bytes{};
  const auto set = [&](unsigned first, unsigned second) {
    bytes = {static_cast<char>(first), static_cast<char>(0x80 | (second & 0x3f))};
  };
  if (code < 0x80) {
    bytes[0] = static_cast<char>(code);
  } else if (code < 0x800) {
    set(0xc0 | code >> 6, code);
  } else if (code < 0x10000) {
    set(0xe0 | code >> 12, code >> 6);
  } else {
    set(0xf0 | code >> 18, code >> 12);
  }
  counter.add({bytes.data(), code < 0x80 ? std::size_t{1} : std::size_t{2}});
}

} // namespace

Tokens estimate_tokens(std::string_view utf8)
{
  Counter counter;
  counter.add(utf8);
  return counter.tokens();
}

Tokens estimate_tokens_escaped(std::string_view token)
{
  Counter counter;
  for (std::size_t at = 0; at < token.size();) {
    const auto backslash = token.find('\\', at);
    counter.add(token.substr(at, backslash - at));
    if (backslash == std::string_view::npos) break;
    const auto escape = json::read_escape(token, backslash);
    add_character(counter, escape.code);
    at = backslash + escape.size;
  }
  return counter.tokens();
}

} // namespace batchwright::money
