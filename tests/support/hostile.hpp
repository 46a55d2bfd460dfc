// Texts that are hard to pass on as they stand, made from a seed. Each comes with what it stands for, so that a test
// needs no reader to know it; and what is written is told by a writer that goes character by character.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// The inside of a JSON string, its bytes escaped one by one.
inline std::string escaped_plainly(std::string_view text)
{
  std::string out;
  for (const char c : text) {
    const std::string_view named = "\"\"\\\\\nn\rr\tt\bb\ff"; // a character, and what stands behind its backslash
    std::size_t at = 0;
    while (at < named.size() && named[at] != c)
      at += 2;
    if (at < named.size()) {
      out += '\\';
      out += named[at + 1];
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

/// The inside of a JSON string.
struct Token {
  std::vector<std::string> characters = {}; ///< as they stand
  std::string text = {};                    ///< all of them
  std::string decoded = {};                 ///< half a surrogate pair as the three bytes that would be its UTF-8
  std::string shown = {};                   ///< the same as U+FFFD
  bool decodes = true;                      ///< there is no half of a pair in it

  void add(const std::string& as_it_stands, std::string_view stands_for, bool is_half = false)
  {
    characters.push_back(as_it_stands);
    text += as_it_stands;
    decoded += stands_for;
    shown += is_half ? "\xef\xbf\xbd" : stands_for;
    decodes = decodes && !is_half;
  }
};

class Hostile {
public:
  explicit Hostile(unsigned seed) : m_random(seed) {}

  /// Below `end`.
  std::size_t number(std::size_t end) { return m_random() % end; }
  bool one_in(std::size_t n) { return number(n) == 0; }
  std::string_view one_of(std::initializer_list<std::string_view> choice)
  {
    return choice.begin()[number(choice.size())];
  }

  /// Runs of plain bytes, of backslashes, of quotes, of escapes of every kind, and what decodes to nothing.
  Token token(std::size_t runs)
  {
    Token made;
    bool may_be_completed = false; // a low half would make a pair with what stands before it
    for (auto n = number(runs + 1); n > 0; --n) {
      const bool is_high_half = one_in(8);
      if (is_high_half) {
        made.add(std::string{one_of({"\\ud800", "\\uDBFF", "\\ud83d"})}, "\xed\xa0\xbd", true);
      } else if (one_in(8) && !may_be_completed) {
        made.add(std::string{one_of({"\\udc00", "\\uDFFF", "\\ude00"})}, "\xed\xb0\x80", true);
      } else {
        add_run(made);
      }
      may_be_completed = is_high_half;
    }
    return made;
  }

  /// As token(), of what decodes.
  Token text(std::size_t runs)
  {
    Token made;
    for (auto n = number(runs + 1); n > 0; --n)
      add_run(made);
    return made;
  }

  /// A word, with some of its characters escaped.
  std::string spelled(std::string_view word)
  {
    std::string out;
    for (const char c : word) {
      const auto code = static_cast<unsigned>(static_cast<unsigned char>(c));
      out += one_in(3) ? fmt::format(fmt::runtime(one_in(2) ? "\\u{:04x}" : "\\u{:04X}"), code) : std::string{c};
    }
    return out;
  }

  std::string scalar()
  {
    return std::string{one_of({"0", "-0", "-0.0E-0", "1e400", "-1E+400", "1e-400", "18446744073709551616",
                               "-123456789012345678901234567890", "0.1000000000000000055511151231257827", "7", "true",
                               "false", "null"})};
  }

  /// A list or an object, deep or with strings in it, with white space in between.
  std::string nested()
  {
    if (one_in(3)) {
      const auto depth = 1 + number(500);
      std::string lists;
      for (std::size_t i = 0; i < depth; ++i)
        lists += one_in(2) ? "[" : " [\t";
      return lists.substr(lists.find('[')) + scalar() + std::string(depth, ']');
    }
    const auto text = [this] { return '"' + token(6).text + '"'; };
    return "{" + space() + text() + space() + ":" + space() + "[" + text() + space() + "," + scalar() + "]," + space() +
           text() + ":" + text() + space() + ',' + R"("k":1,"\u006b":{})" + space() + "}";
  }

  std::string space() { return std::string{one_of({"", "", " ", "\t", "  \t ", "\r"})}; }

private:
  void add_run(Token& made)
  {
    struct Character {
      std::string_view as_it_stands;
      std::string_view stands_for;
    };
    using namespace std::string_view_literals;
    static constexpr Character known[] = {
        {"a", "a"},
        {" ", " "},
        {"Z", "Z"},
        {"7", "7"},
        {"'", "'"},
        {",", ","},
        {"{", "{"},
        {"/", "/"},
        {"\x7f", "\x7f"},
        {"é", "é"},
        {"漢", "漢"},
        {"😀", "😀"},
        {"\\\\", "\\"},
        {"\\\"", "\""},
        {"\\/", "/"},
        {"\\b", "\b"},
        {"\\f", "\f"},
        {"\\n", "\n"},
        {"\\r", "\r"},
        {"\\t", "\t"},
        {"\\u0000", "\0"sv},
        {"\\u001F", "\x1f"},
        {"\\u0022", "\""},
        {"\\u005c", "\\"},
        {"\\u0041", "A"},
        {"\\u00e9", "é"},
        {"\\u6F22", "漢"},
        {"\\ud83d\\ude00", "😀"},
        {"\\uD83D\\uDE00", "😀"},
        {"\\uffff", "\xef\xbf\xbf"},
        {"\\\\", "\\"},
        {"\\\"", "\""},
    };
    const auto& [as_it_stands, stands_for] = known[number(std::size(known))];
    for (auto n = one_in(4) ? 1 + number(140) : 1; n > 0; --n)
      made.add(std::string{as_it_stands}, stands_for);
  }

  std::mt19937 m_random;
};

/// An object on one line: its keys spelled somehow, others between them, and some once more, of which the first counts.
class HostileObject {
public:
  explicit HostileObject(Hostile& make) : m_make(make) {}

  HostileObject& member(std::string_view name, const std::string& json)
  {
    add_other();
    add(m_make.spelled(name), json);
    m_names.emplace_back(name);
    return *this;
  }

  std::string text()
  {
    for (const auto& name : m_names)
      if (m_make.one_in(2)) add(m_make.spelled(name), m_make.one_in(2) ? "\"another\"" : m_make.nested());
    add_other();
    return "{" + m_make.space() + m_members + "}";
  }

private:
  void add_other()
  {
    if (m_make.one_in(2)) add("~" + m_make.token(4).text, m_make.one_in(2) ? m_make.scalar() : m_make.nested());
  }

  void add(const std::string& key, const std::string& json)
  {
    if (!m_members.empty()) m_members += ',';
    m_members += m_make.space() + '"' + key + '"' + m_make.space() + ':' + m_make.space() + json + m_make.space();
  }

  Hostile& m_make;
  std::string m_members = {};
  std::vector<std::string> m_names = {};
};

} // namespace tests
