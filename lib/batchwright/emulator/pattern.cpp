#include <batchwright/emulator/pattern.hpp>

#include <charconv>

namespace batchwright::emulator {
namespace {

constexpr std::string_view digits = "0123456789";
constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::size_t most_repeats = 4'000;

/// Reads a pattern from left to right; every function gives nothing for what it does not know.
class Reader {
public:
  explicit Reader(std::string_view pattern) : m_left(pattern) {}

  std::optional<std::vector<PatternPiece>> read()
  {
    std::vector<PatternPiece> pieces;
    take("^");
    while (!m_left.empty() && m_left != "$") {
      auto choices = read_choices();
      const auto count = choices ? read_count() : std::nullopt;
      if (!count) return std::nullopt;
      pieces.push_back({.choices = std::move(*choices), .count = *count});
    }
    return pieces;
  }

private:
  bool take(std::string_view text)
  {
    if (!m_left.starts_with(text)) return false;
    m_left.remove_prefix(text.size());
    return true;
  }

  char next()
  {
    const char c = m_left.front();
    m_left.remove_prefix(1);
    return c;
  }

  std::optional<std::string> read_choices()
  {
    const char c = next();
    if (c == '[') return read_class();
    if (c == '\\') return read_escape();
    if (c == '.') return std::string{letters};
    if (static_cast<unsigned char>(c) >= 0x80 || std::string_view{"^$*+?(){}|]"}.find(c) != std::string_view::npos)
      return std::nullopt;
    return std::string{c};
  }

  /// What stands behind a backslash.
  std::optional<std::string> read_escape()
  {
    if (m_left.empty()) return std::nullopt;
    const char c = next();
    if (c == 'd') return std::string{digits};
    if (c == 'w') return std::string{letters} + std::string{digits} + "_";
    if (c == 's') return std::string{" "};
    const bool sign = letters.find(c) == std::string_view::npos && digits.find(c) == std::string_view::npos;
    return sign && static_cast<unsigned char>(c) < 0x80 ? std::optional{std::string{c}} : std::nullopt;
  }

  /// The rest of a class whose `[` was read.
  std::optional<std::string> read_class()
  {
    std::string choices;
    if (m_left.starts_with('^')) return std::nullopt;
    while (!m_left.empty() && !m_left.starts_with(']')) {
      const char c = next();
      if (static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
      if (c == '\\') {
        const auto escaped = read_escape();
        if (!escaped) return std::nullopt;
        choices += *escaped;
      } else if (m_left.size() >= 2 && m_left[0] == '-' && m_left[1] != ']') {
        next();
        const char last = next();
        if (last == '\\' || last < c) return std::nullopt;
        for (auto at = static_cast<unsigned char>(c); at <= static_cast<unsigned char>(last); ++at)
          choices += static_cast<char>(at);
      } else {
        choices += c;
      }
    }
    if (choices.empty() || !take("]")) return std::nullopt;
    return choices;
  }

  /// The least that the quantifier at this place allows.
  std::optional<std::size_t> read_count()
  {
    std::size_t count = 1;
    if (take("?") || take("*")) {
      count = 0;
    } else if (take("{")) {
      const auto end = m_left.find('}');
      if (end == std::string_view::npos) return std::nullopt;
      const auto [rest, fault] = std::from_chars(m_left.data(), m_left.data() + end, count);
      if (fault != std::errc{} || count > most_repeats || (rest != m_left.data() + end && *rest != ','))
        return std::nullopt;
      m_left.remove_prefix(end + 1);
    } else if (!take("+")) {
      return count;
    }
    // A second quantifier would make the first lazy or possessive.
    const bool another = !m_left.empty() && std::string_view{"?*+{"}.find(m_left.front()) != std::string_view::npos;
    return another ? std::nullopt : std::optional{count};
  }

  std::string_view m_left;
};

} // namespace

std::optional<std::vector<PatternPiece>> pieces_of(std::string_view pattern)
{
  return Reader{pattern}.read();
}

} // namespace batchwright::emulator
