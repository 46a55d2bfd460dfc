// Numbers, money and times as people read them: rounded, but never to a figure that says something else.

#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::report {
namespace {

constexpr std::uint64_t pico_per_usd = 1'000'000'000'000;

struct Unit {
  std::string_view name;
  std::int64_t millis;
};

/// Below ten cents two digits that count, else cents.
int decimals_for(std::uint64_t pico)
{
  int decimals = 2;
  for (auto least = pico_per_usd / 10; decimals < 12 && pico < least; least /= 10)
    ++decimals;
  return decimals;
}

} // namespace

std::string count(std::uint64_t n)
{
  auto digits = fmt::format("{}", n);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  return digits;
}

std::string counted(std::uint64_t n, std::string_view one, std::string_view many)
{
  return fmt::format("{} {}", count(n), n == 1 ? one : many);
}

std::string bytes(std::uint64_t n)
{
  if (n < 1024) return fmt::format("{} B", n);
  constexpr std::array<std::string_view, 6> units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(n) / 1024;
  std::size_t unit = 0;
  while (value >= 1023.95) { // what would read "1024.0 KiB" is 1.0 MiB
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, units.at(unit));
}

std::string money(PicoUsd amount)
{
  const bool negative = amount.n < 0;
  const auto pico = negative ? 0 - static_cast<std::uint64_t>(amount.n) : static_cast<std::uint64_t>(amount.n);
  if (pico == 0) return "$0.00";
  const int decimals = decimals_for(pico);
  std::uint64_t unit = pico_per_usd;
  for (int i = 0; i < decimals; ++i)
    unit /= 10;
  const auto rounded = (pico + unit / 2) / unit * unit;
  auto fraction = fmt::format("{:012}", rounded % pico_per_usd).substr(0, static_cast<std::size_t>(decimals));
  while (fraction.size() > 2 && fraction.back() == '0')
    fraction.pop_back();
  return fmt::format("{}${}.{}", negative ? "-" : "", count(rounded / pico_per_usd), fraction);
}

std::string span(Millis duration)
{
  const auto seconds = std::max<std::int64_t>(0, duration.count()) / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m {:02}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h {:02}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d {:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string about(Millis duration)
{
  constexpr std::int64_t minute = 60;
  constexpr std::int64_t hour = 3600;
  const auto seconds = std::max<std::int64_t>(1, (duration.count() + 999) / 1000);
  if (seconds < 2 * minute) return fmt::format("{}s", seconds);
  const auto minutes = (seconds + minute - 1) / minute;
  if (minutes < hour / minute) return fmt::format("{}m", minutes);
  return span(Millis{minutes * minute * 1000});
}

std::string share(std::uint64_t part, std::uint64_t whole)
{
  if (part >= whole) return "100%";
  if (part == 0) return "0%";
  const auto mille = static_cast<std::uint64_t>(static_cast<double>(part) / static_cast<double>(whole) * 1000);
  const auto shown = std::clamp<std::uint64_t>(mille, 1, 999);
  return fmt::format("{}.{}%", shown / 10, shown % 10);
}

std::string relative(Instant t, Instant now)
{
  constexpr std::array units{Unit{"s", 1000}, Unit{"min", 60'000}, Unit{"h", 3'600'000}, Unit{"days", 86'400'000}};
  const auto distance = (now >= t ? now - t : t - now).count();
  auto unit = units.begin();
  while (unit + 1 != units.end() && distance >= 2 * (unit + 1)->millis)
    ++unit;
  const auto n = distance / unit->millis;
  if (n == 0) return "now";
  return now >= t ? fmt::format("{} {} ago", n, unit->name) : fmt::format("in {} {}", n, unit->name);
}

std::string utc(Instant t)
{
  auto text = rfc3339(t);
  text.replace(text.find('T'), 1, " ");
  text.pop_back();
  return text + " UTC";
}

std::string clock_time(Instant t, Instant now)
{
  constexpr Millis near{600'000};
  const auto text = rfc3339(t);
  const auto day = text.substr(0, 10) == rfc3339(now).substr(0, 10) ? std::string{} : text.substr(0, 10) + " ";
  const bool with_seconds = t < now + near && now < t + near;
  return fmt::format("{}{} UTC", day, text.substr(11, with_seconds ? 8 : 5));
}

} // namespace batchwright::report
