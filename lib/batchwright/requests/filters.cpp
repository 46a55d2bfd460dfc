#include <batchwright/requests/filters.hpp>

#include <charconv>

namespace batchwright::requests {
namespace {

std::string_view without_spaces(std::string_view text)
{
  const auto begin = text.find_first_not_of(' ');
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::optional<Filter> parse_filter(std::string_view text)
{
  text = without_spaces(text);
  if (text == "trim") return Filter{Filter::Kind::trim, 0};
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto word = text.substr(0, space);
  const auto number = without_spaces(text.substr(space));
  Filter filter;
  if (word != "head" && word != "tail") return std::nullopt;
  filter.kind = word == "head" ? Filter::Kind::head : Filter::Kind::tail;
  const auto* end = number.data() + number.size();
  const auto [stop, fault] = std::from_chars(number.data(), end, filter.n);
  return fault == std::errc{} && stop == end ? std::optional{filter} : std::nullopt;
}

/// `\ud800` to `\udbff`, which another `\u` escape may complete to one character.
bool opens_pair(std::string_view token)
{
  return token.size() >= 12 && token[1] == 'u' && (token[2] == 'd' || token[2] == 'D') &&
         std::string_view{"89abAB"}.find(token[3]) != std::string_view::npos && token[6] == '\\' && token[7] == 'u' &&
         (token[8] == 'd' || token[8] == 'D') && std::string_view{"cdefCDEF"}.find(token[9]) != std::string_view::npos;
}

/// How many bytes the first character takes. REQUIRED: there is one.
std::size_t character(std::string_view token)
{
  const auto lead = static_cast<unsigned char>(token.front());
  if (lead == '\\') return token[1] != 'u' ? 2 : opens_pair(token) ? 12 : 6;
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

std::string_view head(std::string_view token, std::uint64_t n)
{
  std::size_t at = 0;
  for (; n > 0 && at < token.size(); --n)
    at += character(token.substr(at));
  return token.substr(0, at);
}

std::string_view tail(std::string_view token, std::uint64_t n)
{
  std::uint64_t characters = 0;
  for (auto rest = token; !rest.empty(); ++characters)
    rest.remove_prefix(character(rest));
  for (; characters > n; --characters)
    token.remove_prefix(character(token));
  return token;
}

bool is_space(std::string_view character)
{
  return character == " " || character == "\\n" || character == "\\r" || character == "\\t";
}

std::string_view trim(std::string_view token)
{
  while (!token.empty() && is_space(token.substr(0, character(token))))
    token.remove_prefix(character(token));
  // From the front, since a `\n` at the end may be the end of `\\n`.
  std::size_t end = 0;
  for (std::size_t at = 0; at < token.size();) {
    const auto size = character(token.substr(at));
    const bool space = is_space(token.substr(at, size));
    at += size;
    if (!space) end = at;
  }
  return token.substr(0, end);
}

} // namespace

std::optional<std::vector<Filter>> parse_filters(std::string_view text)
{
  std::vector<Filter> filters;
  for (;;) {
    const auto bar = text.find('|');
    const auto filter = parse_filter(text.substr(0, bar));
    if (!filter) return std::nullopt;
    filters.push_back(*filter);
    if (bar == std::string_view::npos) return filters;
    text.remove_prefix(bar + 1);
  }
}

std::string_view filtered(const std::vector<Filter>& filters, std::string_view token)
{
  for (const auto& filter : filters) {
    switch (filter.kind) {
    case Filter::Kind::head:
      token = head(token, filter.n);
      break;
    case Filter::Kind::tail:
      token = tail(token, filter.n);
      break;
    case Filter::Kind::trim:
      token = trim(token);
      break;
    }
  }
  return token;
}

} // namespace batchwright::requests
