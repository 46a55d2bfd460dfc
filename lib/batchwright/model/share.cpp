#include <batchwright/model/share.hpp>

#include <charconv>

namespace batchwright {
namespace {

std::optional<std::uint64_t> digits(std::string_view text)
{
  std::uint64_t n = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, fault] = std::from_chars(text.data(), end, n);
  return fault == std::errc{} && stop == end ? std::optional{n} : std::nullopt;
}

/// "0.1" as 100,000 millionths.
std::optional<std::uint64_t> millionths(std::string_view text)
{
  constexpr std::size_t places = 6;
  constexpr std::uint64_t one = 1'000'000;
  constexpr std::uint64_t most = 100;
  const auto point = text.find('.');
  const auto whole = digits(text.substr(0, point));
  if (!whole || *whole > most) return std::nullopt;
  if (point == std::string_view::npos) return *whole * one;
  const auto behind = text.substr(point + 1);
  auto fraction = behind.size() <= places ? digits(behind) : std::nullopt;
  if (!fraction) return std::nullopt;
  for (auto place = behind.size(); place < places; ++place)
    *fraction *= 10;
  return *whole * one + *fraction;
}

} // namespace

std::optional<Allowance> parse_allowance(std::string_view text)
{
  if (!text.ends_with('%')) {
    const auto items = digits(text);
    return items ? std::optional{Allowance{.items = *items}} : std::nullopt;
  }
  constexpr std::uint64_t all = 100'000'000;
  const auto share = millionths(text.substr(0, text.size() - 1));
  return share && *share <= all ? std::optional{Allowance{.millionths = *share, .is_share = true}} : std::nullopt;
}

std::optional<std::uint64_t> parse_share(std::string_view text)
{
  constexpr std::uint64_t one = 1'000'000;
  if (text.ends_with('%')) {
    const auto allowance = parse_allowance(text);
    return allowance ? std::optional{allowance->millionths / 100} : std::nullopt;
  }
  const auto share = millionths(text);
  return share && *share <= one ? share : std::nullopt;
}

} // namespace batchwright
