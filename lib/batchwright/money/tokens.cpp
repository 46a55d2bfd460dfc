// The estimate counts in 1/100 of a token, so that every weight is a whole number and no order of adding matters.
//
// It is made for every byte that is sent, so it must not cost more than reading the input does: 64 bytes at a time
// become one mask for each class of bytes (byte_classes.hpp), and runs are counted in the masks (runs.hpp).

#include <batchwright/json/escape.hpp>
#include <batchwright/money/count_blocks.hpp>
#include <batchwright/money/tokens.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace batchwright::money {
namespace {

static_assert(std::endian::native == std::endian::little, "the first byte of a word is its lowest");

/// Counts a text that comes in pieces.
class Counter {
public:
  void add(std::string_view utf8)
  {
    while (!utf8.empty()) {
      const auto n = std::min(utf8.size(), room());
      std::memcpy(end(), utf8.data(), n);
      grow(n);
      utf8.remove_prefix(n);
    }
  }

  void add_byte(char byte)
  {
    *end() = byte;
    grow(1);
  }

  /// Adds the first bytes up to a backslash, or all where there is none; how many these are.
  std::size_t add_plain(std::string_view token)
  {
    std::size_t added = 0;
    for (; token.size() - added >= word_size && room() >= word_size;) { // escapes often come close upon each other
      const auto n = copy_word(token.data() + added);
      grow(n);
      added += n;
      if (n < word_size) return added;
      if (added >= short_run) break;
    }
    const auto rest = token.substr(added);
    const auto plain = rest.substr(0, rest.find('\\'));
    add(plain);
    return added + plain.size();
  }

  Tokens tokens()
  {
    count_whole_blocks();
    std::memset(end(), 0, block_size - m_size);
    if (m_size > 0) count_blocks(m_runs, begin(), 1, ~std::uint64_t{0} >> (block_size - m_size));
    return {(std::max(m_runs.sum(), std::int64_t{0}) + unit - 1) / unit};
  }

private:
  static constexpr std::size_t look_back = 1; // room before what is held, for the byte before a block
  static constexpr std::size_t word_size = sizeof(std::uint64_t);
  static constexpr std::size_t short_run = 4 * word_size;

  char* begin() { return m_buffer.data() + look_back; }
  char* end() { return begin() + m_size; }
  std::size_t room() const { return m_buffer.size() - look_back - m_size; }

  void grow(std::size_t n)
  {
    m_size += n;
    if (room() == 0) count_whole_blocks();
  }

  /// Copies eight bytes behind what is held; how many of them stand before a backslash.
  std::size_t copy_word(const char* bytes)
  {
    constexpr std::uint64_t ones = 0x0101'0101'0101'0101;
    constexpr std::uint64_t backslashes = '\\' * ones;
    std::uint64_t word = 0;
    std::memcpy(&word, bytes, word_size);
    std::memcpy(end(), &word, word_size);
    word ^= backslashes; // a backslash is a zero byte now, the first of which is found exactly
    const auto zeros = (word - ones) & ~word & (ones << 7);
    return static_cast<std::size_t>(std::countr_zero(zeros)) / 8;
  }

  /// Leaves less than a block.
  void count_whole_blocks()
  {
    const auto blocks = m_size / block_size;
    count_blocks(m_runs, begin(), blocks);
    const auto counted = blocks * block_size;
    m_size -= counted;
    std::memmove(m_buffer.data(), m_buffer.data() + counted, look_back + m_size);
  }

  std::array<char, look_back + 16 * block_size> m_buffer = {};
  std::size_t m_size = 0;
  Runs m_runs = {};
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
    at += counter.add_plain(token.substr(at));
    if (at == token.size()) break;
    if (at + 1 < token.size() && token[at + 1] != 'u') { // most are
      counter.add_byte(json::short_code(token[at + 1]));
      at += 2;
      continue;
    }
    const auto escape = json::read_escape(token, at);
    add_character(counter, escape.code);
    at += escape.size;
  }
  return counter.tokens();
}

} // namespace batchwright::money
