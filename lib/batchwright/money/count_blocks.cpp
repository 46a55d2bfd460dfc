// Masks of blocks, by 16 bytes at once as every processor of the kind can, or by 32. What a character outside ASCII is,
// its first byte tells well enough.

#include <batchwright/money/count_blocks.hpp>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

// A function of it may use what only some processors have; none other does, so that each is asked first.
#if defined(__x86_64__)
#define BATCHWRIGHT_AVX2 [[gnu::target("avx2,popcnt,bmi")]]
#endif

namespace batchwright::money {
namespace {

struct Range {
  unsigned char first = 0;
  unsigned char last = 0;
  Class kind = Class::small;
};

constexpr std::array ascii_ranges{
    Range{'a', 'z', Class::small},      Range{'A', 'Z', Class::capital}, Range{'0', '9', Class::digit},
    Range{' ', ' ', Class::space},      Range{'\t', '\t', Class::space}, Range{'\n', '\n', Class::line_end},
    Range{'\r', '\r', Class::line_end},
};
constexpr std::array high_ranges{
    Range{0xc3, 0xcb, Class::latin_of_two},
    Range{0xe1, 0xe1, Class::latin_of_three},
    Range{0xcc, 0xdf, Class::elsewhere},
};

/// What a character outside ASCII weighs by itself, where its first byte is one from here on. Fitted as tokens.cpp
/// says.
struct CharacterWeight {
  unsigned char from = 0;
  unsigned char weight = 0;
};

constexpr std::array character_weights{
    CharacterWeight{0x80, 0},   // later bytes
    CharacterWeight{0xc0, 100}, // signs
    CharacterWeight{0xc3, 105}, // accented letters: words that hold them are in more pieces
    CharacterWeight{0xcc, 23},  // Greek
    CharacterWeight{0xd0, 13},  // Cyrillic
    CharacterWeight{0xd4, 23},  // Armenian, Hebrew
    CharacterWeight{0xd8, 15},  // Arabic
    CharacterWeight{0xe0, 34},  // of India, Thai
    CharacterWeight{0xe1, 0},   // see Class::latin_of_three
    CharacterWeight{0xe2, 50},  // quotes, dashes, arrows, boxes
    CharacterWeight{0xe3, 66},  // kana, Chinese and Japanese punctuation
    CharacterWeight{0xe4, 74},  // Han
    CharacterWeight{0xea, 71},  // Hangul
    CharacterWeight{0xee, 74},  // wide forms
    CharacterWeight{0xf0, 150}, // emoji, rare Han
};

#if defined(__SSE2__)

class Block {
public:
  explicit Block(const char* bytes) { std::memcpy(m_parts, bytes, block_size); }

  std::uint64_t high() const
  {
    return mask([&](unsigned i) { return m_parts[i]; });
  }

  std::uint64_t same_as(const Block& other) const
  {
    return mask([&](unsigned i) { return _mm_cmpeq_epi8(m_parts[i], other.m_parts[i]); });
  }

  template<const auto& ranges>
  void sort(Sorted& sorted) const
  {
    each<ranges>([&](const auto& range) { sorted[range.kind] |= mask([&](unsigned i) { return in(range, i); }); });
  }

  std::int64_t weight_of_characters() const
  {
    __m128i sums = _mm_setzero_si128();
    for (unsigned i = 0; i < 4; ++i) {
      __m128i weights = _mm_setzero_si128();
      unsigned char last = 0;
      each<character_weights>([&](const auto& range) { // as signed numbers, those outside ASCII come first
        const auto from_here = _mm_cmpgt_epi8(m_parts[i], all(range.from - 1));
        weights = _mm_xor_si128(weights, _mm_and_si128(from_here, all(last ^ range.weight)));
        last = range.weight;
      });
      weights = _mm_and_si128(weights, _mm_cmplt_epi8(m_parts[i], _mm_setzero_si128()));
      sums = _mm_add_epi64(sums, _mm_sad_epu8(weights, _mm_setzero_si128()));
    }
    return _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
  }

private:
  static __m128i all(int byte) { return _mm_set1_epi8(static_cast<char>(byte)); }

  /// One bit for each byte, from its 16.
  template<class Test>
  static std::uint64_t mask(Test test)
  {
    std::uint64_t bits = 0;
    for (unsigned i = 0; i < 4; ++i)
      bits |= std::uint64_t{static_cast<std::uint32_t>(_mm_movemask_epi8(test(i)))} << 16 * i;
    return bits;
  }

  /// Unrolled: the bounds are constants.
  template<const auto& ranges, class Take>
  static void each(Take take)
  {
    [&]<std::size_t... i>(std::index_sequence<i...>)
    {
      (..., take(ranges[i]));
    }
    (std::make_index_sequence<ranges.size()>{});
  }

  template<class AnyRange>
  __m128i in(const AnyRange& range, unsigned i) const
  {
    const auto distance = _mm_sub_epi8(m_parts[i], all(range.first));
    return _mm_cmpeq_epi8(_mm_min_epu8(distance, all(range.last - range.first)), distance);
  }

  __m128i m_parts[4];
};

Sorted sorted(const char* block)
{
  const Block bytes{block};
  Sorted found;
  found.high = bytes.high();
  found.same = bytes.same_as(Block{block - 1});
  bytes.sort<ascii_ranges>(found);
  if (found.high == 0) return found;
  bytes.sort<high_ranges>(found);
  found.characters = bytes.weight_of_characters();
  return found;
}

#else

Sorted sorted(const char* block)
{
  Sorted found;
  for (unsigned at = 0; at < block_size; ++at) {
    const auto c = static_cast<unsigned char>(block[at]);
    const auto bit = std::uint64_t{1} << at;
    const auto is_in = [c](const auto& range) { return c >= range.first && c <= range.last; };
    const auto sort = [&](const auto& ranges) {
      for (const auto& range : ranges)
        if (is_in(range)) found[range.kind] |= bit;
    };
    sort(ascii_ranges);
    sort(high_ranges);
    if (c >= 0x80) {
      found.high |= bit;
      const auto beyond =
          std::find_if(character_weights.begin(), character_weights.end(), [c](const auto& w) { return w.from > c; });
      found.characters += std::prev(beyond)->weight;
    }
    if (block[at] == *(block + at - 1)) found.same |= bit;
  }
  return found;
}

#endif

void count_by_16(Runs& runs, const char* bytes, std::size_t blocks, std::uint64_t valid)
{
  const auto number_of = [](std::uint64_t mask) { // without the instruction for it
    mask -= mask >> 1 & 0x5555555555555555;
    mask = (mask & 0x3333333333333333) + (mask >> 2 & 0x3333333333333333);
    mask = (mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return static_cast<int>(mask * 0x0101010101010101 >> 56);
  };
  for (; blocks > 0; --blocks, bytes += block_size)
    runs.take(sorted(bytes), blocks == 1 ? valid : ~std::uint64_t{0}, number_of);
}

#if defined(BATCHWRIGHT_AVX2)

BATCHWRIGHT_AVX2 std::uint64_t mask(__m256i low, __m256i high)
{
  const auto bits = [](int half) { return std::uint64_t{static_cast<std::uint32_t>(half)}; };
  return bits(_mm256_movemask_epi8(low)) | bits(_mm256_movemask_epi8(high)) << 32;
}

BATCHWRIGHT_AVX2 __m256i all(int byte)
{
  return _mm256_set1_epi8(static_cast<char>(byte));
}

BATCHWRIGHT_AVX2 __m256i in(const Range& range, __m256i bytes)
{
  const auto distance = _mm256_sub_epi8(bytes, all(range.first));
  return _mm256_cmpeq_epi8(_mm256_min_epu8(distance, all(range.last - range.first)), distance);
}

/// What first bytes from 0xc0 on weigh, sixteen in a row, and each row twice: for both halves of a register.
constexpr auto weight_rows = [] {
  std::array<std::array<unsigned char, 32>, 4> rows{};
  for (unsigned byte = 0xc0; byte <= 0xff; ++byte) {
    auto& row = rows[(byte - 0xc0) / 16];
    for (const auto& [from, weight] : character_weights)
      if (byte >= from) row[byte % 16] = row[16 + byte % 16] = weight;
  }
  return rows;
}();

/// Eight bytes of sums.
BATCHWRIGHT_AVX2 __m256i weights_of_characters(__m256i bytes)
{
  const auto column = _mm256_and_si256(bytes, all(0x0f));
  const auto row = _mm256_and_si256(bytes, all(0xf0));
  auto weights = _mm256_setzero_si256();
  for (int i = 0; i < 4; ++i) {
    __m256i of_row;
    std::memcpy(&of_row, weight_rows[static_cast<std::size_t>(i)].data(), sizeof of_row);
    const auto is_in_row = _mm256_cmpeq_epi8(row, all(0xc0 + 16 * i));
    weights = _mm256_or_si256(weights, _mm256_and_si256(_mm256_shuffle_epi8(of_row, column), is_in_row));
  }
  return _mm256_sad_epu8(weights, _mm256_setzero_si256());
}

BATCHWRIGHT_AVX2 Sorted sorted_by_32(const char* block)
{
  __m256i low, high, before_low, before_high;
  std::memcpy(&low, block, sizeof low);
  std::memcpy(&high, block + sizeof low, sizeof high);
  std::memcpy(&before_low, block - 1, sizeof low);
  std::memcpy(&before_high, block - 1 + sizeof low, sizeof high);
  Sorted found;
  found.high = mask(low, high);
  found.same = mask(_mm256_cmpeq_epi8(low, before_low), _mm256_cmpeq_epi8(high, before_high));
#pragma GCC unroll 8
  for (const auto& range : ascii_ranges)
    found[range.kind] |= mask(in(range, low), in(range, high));
  if (found.high == 0) return found;
#pragma GCC unroll 8
  for (const auto& range : high_ranges)
    found[range.kind] |= mask(in(range, low), in(range, high));
  const auto sums = _mm256_add_epi64(weights_of_characters(low), weights_of_characters(high));
  found.characters = _mm256_extract_epi64(sums, 0) + _mm256_extract_epi64(sums, 1) + _mm256_extract_epi64(sums, 2) +
                     _mm256_extract_epi64(sums, 3);
  return found;
}

BATCHWRIGHT_AVX2 [[gnu::flatten]] void count_by_32(Runs& runs, const char* bytes, std::size_t blocks,
                                                   std::uint64_t valid)
{
  auto so_far = runs; // in registers, as far as there are any
  for (; blocks > 0; --blocks, bytes += block_size)
    so_far.take(sorted_by_32(bytes), blocks == 1 ? valid : ~std::uint64_t{0},
                [](std::uint64_t mask) { return __builtin_popcountll(mask); });
  runs = so_far;
}

#endif

std::vector<CountBlocks> ways()
{
  std::vector<CountBlocks> found{count_by_16};
#if defined(BATCHWRIGHT_AVX2)
  const bool has_all = // that BATCHWRIGHT_AVX2 names
      __builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi");
  if (has_all) found.push_back(count_by_32);
#endif
  return found;
}

} // namespace

std::span<const CountBlocks> ways_to_count()
{
  static const auto found = ways();
  return found;
}

void count_blocks(Runs& runs, const char* bytes, std::size_t blocks, std::uint64_t valid)
{
  static const auto fastest = ways_to_count().back();
  if (blocks > 0) fastest(runs, bytes, blocks, valid);
}

} // namespace batchwright::money
