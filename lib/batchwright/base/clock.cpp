#include <batchwright/base/clock.hpp>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>

namespace batchwright {
namespace {

class SystemClock final : public Clock {
public:
  Instant now() const override { return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now()); }
};

struct Unit {
  std::string_view name;
  std::int64_t millis;
};

// "ms" stands before "m": the longer name is tried first.
constexpr std::array units{Unit{"ms", 1}, Unit{"s", 1000}, Unit{"m", 60'000}, Unit{"h", 3'600'000},
                           Unit{"d", 86'400'000}};

} // namespace

const Clock& system_clock()
{
  static const SystemClock clock;
  return clock;
}

std::string rfc3339(Instant t)
{
  const auto seconds = std::chrono::floor<std::chrono::seconds>(t);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{seconds - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

std::string local_time(Instant t)
{
  const auto seconds = static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
  std::tm local = {};
  ::localtime_r(&seconds, &local);
  std::array<char, 64> text = {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M %Z", &local)};
}

std::optional<Instant> parse_rfc3339(std::string_view text)
{
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, used = 0;
  const std::string copy{text};
  if (std::sscanf(copy.c_str(), "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second,
                  &used) != 6) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                         std::chrono::day{static_cast<unsigned>(day)}};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::string_view rest = std::string_view{copy}.substr(static_cast<std::size_t>(used));
  if (rest.starts_with('.')) {
    const auto end = rest.find_first_not_of("0123456789", 1);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end);
  }
  auto offset = std::chrono::minutes{0};
  if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':') {
    int h = 0, m = 0;
    if (std::sscanf(std::string{rest.substr(1)}.c_str(), "%2d:%2d", &h, &m) != 2) return std::nullopt;
    offset = std::chrono::minutes{(rest[0] == '-' ? -1 : 1) * (h * 60 + m)};
  } else if (rest != "Z" && rest != "z") {
    return std::nullopt;
  }
  return Instant{std::chrono::sys_days{date} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
                 std::chrono::seconds{second} - offset};
}

Instant from_unix(std::int64_t seconds)
{
  return Instant{std::chrono::seconds{seconds}};
}

std::optional<Millis> parse_duration(std::string_view text)
{
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (fault != std::errc{} || number < 0 || text.front() == '-') return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit* unit = nullptr;
    for (const auto& u : units) {
      if (text.starts_with(u.name)) {
        unit = &u;
        break;
      }
    }
    if (!unit || number > (std::numeric_limits<std::int64_t>::max() - total) / unit->millis) return std::nullopt;
    total += number * unit->millis;
    text.remove_prefix(unit->name.size());
  }
  return Millis{total};
}

} // namespace batchwright
