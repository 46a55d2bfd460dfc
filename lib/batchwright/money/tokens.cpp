// The estimate counts in 1/100 of a token, so that every weight is a whole number and no order of adding matters.
//
// It is made for every byte that is sent, so it must not cost more than reading the input does: 64 bytes at a time
// become one mask for each class of bytes (byte_classes.hpp), and runs are counted in the masks.

#include <batchwright/json/escape.hpp>
#include <batchwright/money/byte_classes.hpp>
#include <batchwright/money/tokens.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace batchwright::money {
namespace {

constexpr std::int64_t unit = 100;

// What the pattern says by which o200k_base cuts a text before it looks for tokens: digits by three, a space before
// them by itself, line ends as one.
constexpr std::int64_t digit_group = unit;
constexpr std::int64_t space_before_digit = unit; // any other single space belongs to what follows
constexpr std::int64_t line_ends = unit;          // a run of them

// Fitted to o200k_base on help pages of GNOME in 20 languages, German and Chinese manuals, texts of LibreOffice in
// Arabic, fortunes, the standard libraries of Python and Go, headers of C and C++, npm's sources, JSON of cloud APIs,
// and generated records and numbers; `scripts/bench tokens` judges them on others.
constexpr std::int64_t spaces = 87;           // two or more
constexpr std::int64_t word = 94;             // of Latin letters, up to seven bytes of them
constexpr std::int64_t letter_beyond_7 = 24;  // each byte more
constexpr std::int64_t letter_beyond_11 = 30; // besides
constexpr std::int64_t capital_after_capital = 8;
constexpr std::int64_t line_ends_behind_punctuation = 30; // they are often one token with it
constexpr std::int64_t word_elsewhere = unit;             // of Cyrillic, Arabic, Greek, Hebrew and such letters
constexpr std::int64_t punctuation_run = unit;
constexpr std::int64_t other_punctuation = 5; // each more that is another than the one before
constexpr std::int64_t same_punctuation = 2;  // each more that is the same: ======
constexpr std::int64_t joined_to_word = -20;  // a single one before a word is often one token with it

/// How many bits are set: std::popcount without the instruction for it, which not every processor has, is a call.
int number_of(std::uint64_t mask)
{
#if defined(__POPCNT__) || !defined(__SSE2__)
  return std::popcount(mask);
#else
  mask -= mask >> 1 & 0x5555555555555555;
  mask = (mask & 0x3333333333333333) + (mask >> 2 & 0x3333333333333333);
  mask = (mask + (mask >> 4)) & 0x0f0f0f0f0f0f0f0f;
  return static_cast<int>(mask * 0x0101010101010101 >> 56);
#endif
}

/// One class of bytes from block to block: where its runs are.
class RunMask {
public:
  /// Takes the next block's mask.
  void take(std::uint64_t mask)
  {
    m_before = m_mask;
    m_mask = mask;
  }

  std::uint64_t mask() const { return m_mask; }
  /// Bit i: the byte `n` places before i. REQUIRED: 0 < n < 64
  std::uint64_t earlier(unsigned n) const { return m_mask << n | m_before >> (block_size - n); }
  std::uint64_t starts() const { return m_mask & ~earlier(1); }
  /// Where the second of a run stands.
  std::uint64_t seconds() const { return m_mask & earlier(1) & ~earlier(2); }

private:
  std::uint64_t m_mask = 0;
  std::uint64_t m_before = 0;
};

/// Words of Latin letters: a capital behind a small letter begins another.
class Words {
public:
  void take(const Sorted& found, std::uint64_t valid)
  {
    m_two.take(found[Class::latin_of_two] & valid);
    m_three.take(found[Class::latin_of_three] & valid);
    const auto accented = m_two.mask() | m_two.earlier(1) | m_three.mask() | m_three.earlier(1) | m_three.earlier(2);
    m_capitals.take(found[Class::capital] & valid);
    m_small.take((found[Class::small] | accented) & valid);
    m_letters.take(m_capitals.mask() | m_small.mask());
    m_humps = m_capitals.mask() & m_small.earlier(1);
    m_behind_1.take(m_letters.mask() & m_letters.earlier(1) & ~m_humps);
    m_behind_2.take(m_behind_1.mask() & m_behind_1.earlier(1));
    m_behind_4.take(m_behind_2.mask() & m_behind_2.earlier(2));
    m_behind_7.take(m_behind_4.mask() & m_behind_4.earlier(3));
  }

  /// Where letters follow none.
  std::uint64_t starts() const { return m_letters.starts(); }

  std::int64_t weight() const
  {
    return word * number_of(m_letters.starts() | m_humps) + letter_beyond_7 * number_of(m_behind_7.mask()) +
           letter_beyond_11 * number_of(m_behind_7.mask() & m_behind_7.earlier(4)) +
           capital_after_capital * number_of(m_capitals.mask() & m_capitals.earlier(1));
  }

private:
  RunMask m_two = {}; // first bytes of letters of two bytes
  RunMask m_three = {};
  RunMask m_capitals = {};
  RunMask m_small = {};
  RunMask m_letters = {};
  std::uint64_t m_humps = 0;
  RunMask m_behind_1 = {}; // with so many letters before them in their word
  RunMask m_behind_2 = {};
  RunMask m_behind_4 = {};
  RunMask m_behind_7 = {};
};

/// Digits, which are taken by three from the left.
class Digits {
public:
  void take(std::uint64_t mask)
  {
    m_digits.take(mask);
    auto behind_3 = mask & m_digits.earlier(1) & m_digits.earlier(2) & m_digits.earlier(3);
    auto groups = m_digits.starts() | (m_groups.mask() >> (block_size - 3) & behind_3);
    for (unsigned step = 3; step < block_size; step *= 2) { // each round doubles how far groups are followed
      groups |= groups << step & behind_3;
      behind_3 &= behind_3 << step;
    }
    m_groups.take(groups);
  }

  std::uint64_t starts() const { return m_digits.starts(); }
  std::uint64_t groups() const { return m_groups.mask(); }

private:
  RunMask m_digits = {};
  RunMask m_groups = {}; // where one begins
};

/// Counts a text that comes in pieces.
class Counter {
public:
  void add(std::string_view utf8)
  {
    while (!utf8.empty()) {
      const auto n = std::min(utf8.size(), m_buffer.size() - look_back - m_size);
      std::memcpy(begin() + m_size, utf8.data(), n);
      m_size += n;
      utf8.remove_prefix(n);
      if (m_size == m_buffer.size() - look_back) count_whole_blocks();
    }
  }

  Tokens tokens()
  {
    count_whole_blocks();
    std::memset(begin() + m_size, 0, block_size - m_size);
    if (m_size > 0) count(begin(), ~std::uint64_t{0} >> (block_size - m_size));
    return {(std::max(m_sum, std::int64_t{0}) + unit - 1) / unit};
  }

private:
  static constexpr std::size_t look_back = 1; // room before what is held, for the byte before a block

  char* begin() { return m_buffer.data() + look_back; }

  /// Leaves less than a block.
  void count_whole_blocks()
  {
    std::size_t at = 0;
    for (; at + block_size <= m_size; at += block_size)
      count(begin() + at, ~std::uint64_t{0});
    m_size -= at;
    std::memmove(m_buffer.data(), m_buffer.data() + at, look_back + m_size);
  }

  /// `valid`: which bytes of the block belong to the text.
  void count(const char* block, std::uint64_t valid)
  {
    const auto found = sorted(block);
    const auto letters = found[Class::small] | found[Class::capital];
    const auto digits = found[Class::digit];
    m_words.take(found, valid);
    m_elsewhere.take(found[Class::elsewhere] & valid);
    m_digits.take(digits & valid);
    m_spaces.take(found[Class::space] & valid);
    m_line_ends.take(found[Class::line_end] & valid);
    m_punctuation.take(~(letters | digits | found[Class::space] | found[Class::line_end] | found.high) & valid);
    m_sum += found.characters + m_words.weight() + digit_group * number_of(m_digits.groups()) +
             word_elsewhere * number_of(m_elsewhere.mask() & ~m_elsewhere.earlier(2)) +
             space_before_digit * number_of(m_digits.starts() & m_spaces.earlier(1)) +
             spaces * number_of(m_spaces.seconds()) + weight_of_line_ends() + weight_of_punctuation(found.same);
  }

  std::int64_t weight_of_line_ends() const
  {
    const auto behind_punctuation = m_line_ends.starts() & m_punctuation.earlier(1);
    return line_ends * number_of(m_line_ends.starts() & ~behind_punctuation) +
           line_ends_behind_punctuation * number_of(behind_punctuation);
  }

  std::int64_t weight_of_punctuation(std::uint64_t same) const
  {
    const auto more = m_punctuation.mask() & m_punctuation.earlier(1);
    const auto alone_before_word = m_words.starts() & m_punctuation.earlier(1) & ~m_punctuation.earlier(2);
    return punctuation_run * number_of(m_punctuation.starts()) + other_punctuation * number_of(more & ~same) +
           same_punctuation * number_of(more & same) + joined_to_word * number_of(alone_before_word);
  }

  std::array<char, look_back + 16 * block_size> m_buffer = {};
  std::size_t m_size = 0;
  std::int64_t m_sum = 0;
  Words m_words = {};
  Digits m_digits = {};
  RunMask m_spaces = {};
  RunMask m_line_ends = {};
  RunMask m_punctuation = {};
  RunMask m_elsewhere = {}; // the first bytes of letters, each with one more
};

/// Adds a character that was escaped; half a surrogate pair as a character of three bytes.
void add_character(Counter& counter, unsigned code)
{
  std::array<char, 4> bytes{};
  std::size_t size = 0;
  const auto add = [&](unsigned byte) { bytes[size++] = static_cast<char>(byte); };
  const auto add_later = [&](unsigned shift) { add(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add_later(6);
  } else {
    add(0xf0 | code >> 18);
    add_later(12);
    add_later(6);
  }
  if (code >= 0x80) add_later(0);
  counter.add({bytes.data(), size});
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
