// Runs of bytes of one class, counted in masks, from block to block. Comes in: what the bytes of a block are. Goes out:
// what they weigh. Private to money/.
//
// All is inline and without instructions of its own, so that it becomes a part of the loops that make the masks, with
// their instructions. `NumberOf` counts the bits of a mask: std::popcount without the instruction for it, which not
// every processor has, is a call.
#pragma once

#include <batchwright/money/byte_classes.hpp>

#include <cstdint>

namespace batchwright::money {

inline constexpr std::int64_t unit = 100;

// What the pattern says by which o200k_base cuts a text before it looks for tokens: digits by three, a space before
// them by itself, line ends as one.
inline constexpr std::int64_t digit_group = unit;
inline constexpr std::int64_t space_before_digit = unit; // any other single space belongs to what follows
inline constexpr std::int64_t line_ends = unit;          // a run of them

// Fitted to o200k_base on help pages of GNOME in 20 languages, German and Chinese manuals, texts of LibreOffice in
// Arabic, fortunes, the standard libraries of Python and Go, headers of C and C++, npm's sources, JSON of cloud APIs,
// and generated records and numbers; `scripts/bench tokens` judges them on others.
inline constexpr std::int64_t spaces = 87;           // two or more
inline constexpr std::int64_t word = 94;             // of Latin letters, up to seven bytes of them
inline constexpr std::int64_t letter_beyond_7 = 24;  // each byte more
inline constexpr std::int64_t letter_beyond_11 = 30; // besides
inline constexpr std::int64_t capital_after_capital = 8;
inline constexpr std::int64_t line_ends_behind_punctuation = 30; // they are often one token with it
inline constexpr std::int64_t word_elsewhere = unit;             // of Cyrillic, Arabic, Greek, Hebrew and such letters
inline constexpr std::int64_t punctuation_run = unit;
inline constexpr std::int64_t other_punctuation = 5; // each more that is another than the one before
inline constexpr std::int64_t same_punctuation = 2;  // each more that is the same: ======
inline constexpr std::int64_t joined_to_word = -20;  // a single one before a word is often one token with it

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

  template<class NumberOf>
  std::int64_t weight(NumberOf number_of) const
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

/// What the blocks so far weigh.
class Runs {
public:
  /// `valid`: which bytes of the block belong to the text.
  template<class NumberOf>
  void take(const Sorted& found, std::uint64_t valid, NumberOf number_of)
  {
    const auto letters = found[Class::small] | found[Class::capital];
    const auto digits = found[Class::digit];
    m_words.take(found, valid);
    m_elsewhere.take(found[Class::elsewhere] & valid);
    m_digits.take(digits & valid);
    m_spaces.take(found[Class::space] & valid);
    m_line_ends.take(found[Class::line_end] & valid);
    m_punctuation.take(~(letters | digits | found[Class::space] | found[Class::line_end] | found.high) & valid);
    m_sum += found.characters + m_words.weight(number_of) + digit_group * number_of(m_digits.groups()) +
             word_elsewhere * number_of(m_elsewhere.mask() & ~m_elsewhere.earlier(2)) +
             space_before_digit * number_of(m_digits.starts() & m_spaces.earlier(1)) +
             spaces * number_of(m_spaces.seconds()) + weight_of_line_ends(number_of) +
             weight_of_punctuation(found.same, number_of);
  }

  /// In 1/100 of a token.
  std::int64_t sum() const { return m_sum; }

private:
  template<class NumberOf>
  std::int64_t weight_of_line_ends(NumberOf number_of) const
  {
    const auto behind_punctuation = m_line_ends.starts() & m_punctuation.earlier(1);
    return line_ends * number_of(m_line_ends.starts() & ~behind_punctuation) +
           line_ends_behind_punctuation * number_of(behind_punctuation);
  }

  template<class NumberOf>
  std::int64_t weight_of_punctuation(std::uint64_t same, NumberOf number_of) const
  {
    const auto more = m_punctuation.mask() & m_punctuation.earlier(1);
    const auto alone_before_word = m_words.starts() & m_punctuation.earlier(1) & ~m_punctuation.earlier(2);
    return punctuation_run * number_of(m_punctuation.starts()) + other_punctuation * number_of(more & ~same) +
           same_punctuation * number_of(more & same) + joined_to_word * number_of(alone_before_word);
  }

  std::int64_t m_sum = 0;
  Words m_words = {};
  Digits m_digits = {};
  RunMask m_spaces = {};
  RunMask m_line_ends = {};
  RunMask m_punctuation = {};
  RunMask m_elsewhere = {}; // the first bytes of letters, each with one more
};

} // namespace batchwright::money
