#include <batchwright/json/escape.hpp>

#include <charconv>

namespace batchwright::json {
namespace {

constexpr std::size_t unicode_size = 6; // \u00e9

/// The code of an escape of the form \u00e9.
unsigned code_at(std::string_view token, std::size_t at)
{
  unsigned code = 0;
  const auto* digits = token.data() + at + 2;
  std::from_chars(digits, digits + 4, code, 16);
  return code;
}

bool stands_at(std::string_view token, std::size_t at)
{
  return at + unicode_size <= token.size() && token[at] == '\\' && token[at + 1] == 'u';
}

} // namespace

Escape read_escape(std::string_view token, std::size_t at)
{
  if (at + 1 == token.size()) return {'\\', 1};
  if (token[at + 1] != 'u') return {static_cast<unsigned char>(short_code(token[at + 1])), 2};
  if (!stands_at(token, at)) return {replacement_character, token.size() - at};
  const auto code = code_at(token, at);
  const bool is_high = code >= 0xd800 && code <= 0xdbff;
  if (is_high && stands_at(token, at + unicode_size)) {
    const auto low = code_at(token, at + unicode_size);
    if (low >= 0xdc00 && low <= 0xdfff) return {0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00), 2 * unicode_size};
  }
  return {code, unicode_size};
}

} // namespace batchwright::json
