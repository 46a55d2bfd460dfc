// Sixteen bytes at a time where strings are short, as keys are; 64 where they are long, and then an escape costs no
// more than finding its bit: prompts that hold code or JSON have one every few bytes.

#include <batchwright/base/byte_block.hpp>
#include <batchwright/json/plain.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace batchwright::json {
namespace {

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

/// A string's way through blocks.
class StringScan {
public:
  explicit StringScan(std::string_view s) : m_text(s) {}

  StringEnd from(std::size_t at)
  {
    for (; at + ByteBlock::size <= m_text.size(); at += ByteBlock::size) {
      const ByteBlock block{m_text.data() + at};
      const bool is_plain = !m_escapes.escapes_next() && !block.has_any('"', '\\', last_control);
      if (!is_plain && ends_in(block, at)) return m_end;
    }
    std::array<char, ByteBlock::size> rest{}; // its zeros are control characters
    std::copy(m_text.begin() + static_cast<std::ptrdiff_t>(at), m_text.end(), rest.begin());
    ends_in(ByteBlock{rest.data()}, at);
    return m_end;
  }

private:
  /// Whether the string, or what may be one, ends in the block that begins at `at`.
  bool ends_in(const ByteBlock& block, std::size_t at)
  {
    const auto escaped = m_escapes.escaped(block.equal('\\'));
    const auto ends = (block.equal('"') & ~escaped) | block.up_to(last_control);
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
  EscapeScan m_escapes = {};
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
