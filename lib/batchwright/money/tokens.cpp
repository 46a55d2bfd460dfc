// The estimate counts in 1/300 of a token, so that every weight is a whole number and no order of adding matters.

#include <batchwright/json/json.hpp>
#include <batchwright/money/tokens.hpp>

#include <array>
#include <charconv>

namespace batchwright::money {
namespace {

enum class Class : std::uint8_t {
  letter,
  digit,
  space,
  newline,
  punctuation,
  cjk,
  other,
  follows, ///< a byte inside a UTF-8 character: it belongs to the one before
  high,    ///< the first byte of a character outside ASCII: its code point decides
};

constexpr std::int64_t unit = 300;

// Fitted to o200k_base on English prose, code, Chinese mixed with Latin, and JSON.
constexpr std::int64_t word = unit;
constexpr std::int64_t short_word = 7;           // letters that make one token
constexpr std::int64_t letter_beyond = unit / 6; // each letter more
constexpr std::int64_t each_digit = unit / 3;
constexpr std::int64_t spaces = unit;           // more than one; a single one belongs to the next word
constexpr std::int64_t newlines = unit * 3 / 4; // a run of them
constexpr std::int64_t punctuation_run = unit / 2;
constexpr std::int64_t each_punctuation = unit * 3 / 10;
constexpr std::int64_t each_cjk = unit * 72 / 100;
constexpr std::int64_t each_other = unit / 2;

constexpr Class class_of_byte(unsigned char c)
{
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Class::letter;
  if (c >= '0' && c <= '9') return Class::digit;
  if (c == ' ' || c == '\t') return Class::space;
  if (c == '\n' || c == '\r') return Class::newline;
  if (c >= 0xc0) return Class::high;
  if (c >= 0x80) return Class::follows;
  if (c < 0x20 || c == 0x7f) return Class::other;
  return Class::punctuation;
}

constexpr auto classes = [] {
  std::array<Class, 256> table{};
  for (unsigned c = 0; c < table.size(); ++c)
    table[c] = class_of_byte(static_cast<unsigned char>(c));
  return table;
}();

/// Han, kana, hangul, their punctuation and wide forms.
constexpr bool is_cjk(unsigned code)
{
  return (code >= 0x3000 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3) ||
         (code >= 0xf900 && code <= 0xfaff) || (code >= 0xff00 && code <= 0xffef) ||
         (code >= 0x20000 && code <= 0x3ffff);
}

constexpr Class class_of_code(unsigned code)
{
  if (code < 0x80) return classes[code];
  return is_cjk(code) ? Class::cjk : Class::other;
}

constexpr std::int64_t weight(Class kind, std::int64_t length)
{
  switch (kind) {
  case Class::letter:
    return length > short_word ? word + (length - short_word) * letter_beyond : word;
  case Class::digit:
    return length * each_digit;
  case Class::space:
    return length > 1 ? spaces : 0;
  case Class::newline:
    return newlines;
  case Class::punctuation:
    return punctuation_run + length * each_punctuation;
  case Class::cjk:
    return length * each_cjk;
  case Class::other:
    return length * each_other;
  case Class::follows:
  case Class::high:
    break;
  }
  return 0;
}

/// Adds up runs of characters of one class.
class Runs {
public:
  void add(Class kind, std::int64_t length = 1)
  {
    if (kind != m_kind) {
      close();
      m_kind = kind;
    }
    m_length += length;
  }

  /// UTF-8 text without escapes.
  void add_text(std::string_view utf8)
  {
    for (std::size_t at = 0; at < utf8.size();) {
      const auto kind = classes[static_cast<unsigned char>(utf8[at])];
      if (kind == Class::high) {
        add(class_of_code(code_point(utf8.substr(at))));
        ++at;
        continue;
      }
      const auto begin = at;
      while (at < utf8.size() && classes[static_cast<unsigned char>(utf8[at])] == kind)
        ++at;
      if (kind != Class::follows) add(kind, static_cast<std::int64_t>(at - begin));
    }
  }

  Tokens tokens()
  {
    close();
    return {(m_sum + unit - 1) / unit};
  }

private:
  void close()
  {
    if (m_length > 0) m_sum += weight(m_kind, m_length);
    m_length = 0;
  }

  /// The code point at the start of the text, as far as is_cjk() needs to know it.
  static unsigned code_point(std::string_view utf8)
  {
    const auto byte = [&](std::size_t i) { return i < utf8.size() ? static_cast<unsigned char>(utf8[i]) & 0x3fu : 0u; };
    const auto lead = static_cast<unsigned char>(utf8[0]);
    if (lead < 0xe0) return (lead & 0x1fu) << 6 | byte(1);
    if (lead < 0xf0) return (lead & 0x0fu) << 12 | byte(1) << 6 | byte(2);
    return (lead & 0x07u) << 18 | byte(1) << 12 | byte(2) << 6 | byte(3);
  }

  std::int64_t m_sum = 0;
  std::int64_t m_length = 0;
  Class m_kind = Class::letter;
};

unsigned hex4(std::string_view token, std::size_t at)
{
  unsigned code = 0;
  if (at + 4 <= token.size()) std::from_chars(token.data() + at, token.data() + at + 4, code, 16);
  return code;
}

/// Adds the character that the escape at `at` stands for and returns where the text goes on.
std::size_t add_escape(Runs& runs, std::string_view token, std::size_t at)
{
  const char kind = at + 1 < token.size() ? token[at + 1] : '\\';
  if (kind != 'u') {
    runs.add(kind == 'n' || kind == 'r'   ? Class::newline
             : kind == 't'                ? Class::space
             : kind == 'b' || kind == 'f' ? Class::other
                                          : Class::punctuation);
    return at + 2;
  }
  const auto code = hex4(token, at + 2);
  const bool pair = code >= 0xd800 && code <= 0xdbff && token.substr(at + 6).starts_with("\\u");
  const auto low = pair ? hex4(token, at + 8) : 0;
  if (low >= 0xdc00 && low <= 0xdfff) {
    runs.add(class_of_code(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)));
    return at + 12;
  }
  runs.add(class_of_code(code));
  return at + 6;
}

} // namespace

Tokens estimate_tokens(std::string_view utf8)
{
  Runs runs;
  runs.add_text(utf8);
  return runs.tokens();
}

Tokens estimate_tokens_escaped(std::string_view token)
{
  Runs runs;
  for (std::size_t at = 0; at < token.size();) {
    const auto backslash = token.find('\\', at);
    runs.add_text(token.substr(at, backslash - at));
    if (backslash == std::string_view::npos) break;
    at = add_escape(runs, token, backslash);
    if (at > token.size()) break;
  }
  return runs.tokens();
}

} // namespace batchwright::money
