#include <batchwright/base/error.hpp>
#include <batchwright/results/text_rules.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

namespace batchwright::results {
namespace {

re2::StringPiece piece(std::string_view text)
{
  return {text.data(), text.size()};
}

/// RE2 writes \x{00e9} where ECMA 262 writes \u00e9; the rest that both know is written alike.
std::string as_re2(std::string_view pattern)
{
  const auto is_hex = [](char c) {
    return std::string_view{"0123456789abcdefABCDEF"}.find(c) != std::string_view::npos;
  };
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '\\') {
      out += pattern[at];
      continue;
    }
    const auto digits = pattern.substr(std::min(at + 2, pattern.size()), 4);
    const bool code =
        pattern.substr(at, 2) == "\\u" && digits.size() == 4 && std::all_of(digits.begin(), digits.end(), is_hex);
    out += code ? fmt::format("\\x{{{}}}", digits) : std::string{pattern.substr(at, 2)};
    at += code ? 5 : 1;
  }
  return out;
}

RE2::Options quietly()
{
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

/// A year, month and day that are on the calendar.
bool is_date(std::string_view text)
{
  static const RE2 shape{R"((\d{4})-(\d\d)-(\d\d))", quietly()};
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!RE2::FullMatch(piece(text), shape, &year, &month, &day)) return false;
  return std::chrono::year_month_day{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}}.ok();
}

bool is_time(std::string_view text)
{
  static const RE2 shape{R"(([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)?)",
                         quietly()};
  return RE2::FullMatch(piece(text), shape);
}

bool is_date_time(std::string_view text)
{
  constexpr std::size_t date_size = 10;
  if (text.size() <= date_size || std::string_view{"Tt "}.find(text[date_size]) == std::string_view::npos) return false;
  return is_date(text.substr(0, date_size)) && is_time(text.substr(date_size + 1));
}

bool is_duration(std::string_view text)
{
  static const RE2 shape{R"(P(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?))", quietly()};
  return RE2::FullMatch(piece(text), shape) && text.size() > 2 && text.back() != 'T';
}

bool is_email(std::string_view text)
{
  static const RE2 shape{R"([^\s@]+@[^\s@]+|".+"@[^\s@]+)", quietly()};
  return RE2::FullMatch(piece(text), shape);
}

/// Letters of any script, digits, `-` inside and `_`, in labels of at most 63 bytes.
bool is_label(std::string_view label)
{
  constexpr std::size_t longest = 63;
  const auto stands = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0 || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= longest && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), stands);
}

bool is_hostname(std::string_view text)
{
  constexpr std::size_t longest = 254; // with the dot of the root
  if (text.size() > longest) return false;
  if (text.ends_with('.')) text.remove_suffix(1);
  for (auto dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_label(text);
}

bool is_address(std::string_view text, int family)
{
  std::array<unsigned char, 16> address{};
  return text.size() < INET6_ADDRSTRLEN && inet_pton(family, std::string{text}.c_str(), address.data()) == 1;
}

bool is_uuid(std::string_view text)
{
  static const RE2 shape{"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}", quietly()};
  return RE2::FullMatch(piece(text), shape);
}

} // namespace

struct TextPattern::Compiled {
  RE2 expression;
};

TextPattern::TextPattern(const std::string& pattern) : m_compiled(new Compiled{RE2{as_re2(pattern), quietly()}})
{
  if (m_compiled->expression.ok()) return;
  throw Error{Fault::input,
              fmt::format("the pattern `{}` cannot be checked: {}", pattern, m_compiled->expression.error()),
              "write it without lookaround, back references and named groups"};
}

TextPattern::TextPattern(TextPattern&&) noexcept = default;
TextPattern::~TextPattern() = default;

bool TextPattern::matches(std::string_view text) const
{
  return RE2::PartialMatch(piece(text), m_compiled->expression);
}

bool has_format(std::string_view text, std::string_view format)
{
  if (format == "date") return is_date(text);
  if (format == "time") return is_time(text);
  if (format == "date-time") return is_date_time(text);
  if (format == "duration") return is_duration(text);
  if (format == "email") return is_email(text);
  if (format == "hostname") return is_hostname(text);
  if (format == "ipv4") return is_address(text, AF_INET);
  if (format == "ipv6") return is_address(text, AF_INET6);
  if (format == "uuid") return is_uuid(text);
  return true;
}

std::size_t length(std::string_view utf8)
{
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

} // namespace batchwright::results
