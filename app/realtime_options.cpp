#include "app/realtime_options.hpp"

#include "app/job_options.hpp"
#include "app/numbers.hpp"

#include <batchwright/base/clock.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/model/share.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <ctime>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;

std::uint64_t headroom_of(const std::string& text)
{
  constexpr std::uint64_t most = 950'000;
  if (text.empty()) return 0;
  const auto share = bw::parse_share(text);
  if (share && *share <= most) return *share;
  throw Error{Fault::usage, fmt::format("--headroom {}: expected a share from 0 to 0.95", text),
              "a tenth is 0.1, or 10%"};
}

CLI::Validator headroom()
{
  const auto check = [](const std::string& text) {
    headroom_of(text);
    return std::string{};
  };
  return CLI::Validator{check, {}};
}

std::pair<std::string, std::string> condition_of(const std::string& text)
{
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw Error{Fault::usage, fmt::format("--urgent {}: expected COL=VALUE", text), "for example --urgent tier=gold"};
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

bw::Mode mode_of(const RealtimeOptions& o)
{
  const char* implying = !o.urgent.empty() ? "--urgent" : !o.deadline.empty() ? "--deadline" : "--patience";
  const bool is_implied = !o.urgent.empty() || !o.deadline.empty() || !o.patience.empty();
  if (is_implied && !o.mode.empty() && o.mode != "hybrid") {
    throw Error{Fault::usage,
                fmt::format("--mode {} does not go with {}, which is the hybrid mode's", o.mode, implying),
                "leave out --mode, or say --mode hybrid"};
  }
  if (o.mode == "realtime") return bw::Mode::realtime;
  return is_implied || o.mode == "hybrid" ? bw::Mode::hybrid : bw::Mode::batch;
}

bw::Fallback fallback_of(const RealtimeOptions& o, bw::Mode mode)
{
  const auto usual = mode == bw::Mode::batch ? bw::Fallback::batch : bw::Fallback::realtime;
  const auto fallback = o.fallback.empty() ? usual : bw::fallback_named(o.fallback).value_or(usual);
  const bool switches = !o.deadline.empty() || !o.patience.empty();
  if (switches && fallback != bw::Fallback::realtime) {
    throw Error{Fault::usage,
                fmt::format("--fallback {} does not go with {}: what is left then goes in real time", o.fallback,
                            o.deadline.empty() ? "--patience" : "--deadline"),
                "leave out --fallback"};
  }
  if (mode == bw::Mode::realtime && !o.fallback.empty() && fallback == bw::Fallback::batch) {
    throw Error{Fault::usage, "--fallback batch does not go with --mode realtime: what is tried again stays there",
                "leave out --fallback, or say --mode hybrid"};
  }
  return fallback;
}

/// HH:MM of the next day that has it after now, by the machine's zone.
std::optional<bw::Instant> next_time_of_day(const std::string& text, bw::Instant now)
{
  int hour = 0, minute = 0, used = 0;
  if (std::sscanf(text.c_str(), "%2d:%2d%n", &hour, &minute, &used) != 2 || used != static_cast<int>(text.size()) ||
      text.find(':') != 2 || hour > 23 || minute > 59)
    return std::nullopt;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  for (int days = 0; days < 3; ++days) {
    std::time_t base = static_cast<std::time_t>(seconds);
    std::tm local = {};
    ::localtime_r(&base, &local);
    local.tm_mday += days;
    local.tm_hour = hour;
    local.tm_min = minute;
    local.tm_sec = 0;
    local.tm_isdst = -1;
    const auto when = bw::from_unix(static_cast<std::int64_t>(std::mktime(&local)));
    if (when > now) return when;
  }
  return std::nullopt;
}

} // namespace

void add_realtime_options(CLI::App& command, RealtimeOptions& o)
{
  command
      .add_option("--mode", o.mode,
                  "batch: all at half price (default); hybrid: batches, and in real time what is urgent or what they "
                  "leave undone; realtime: all at once, at the full price")
      ->check(CLI::IsMember({"batch", "hybrid", "realtime"}));
  command
      .add_option("--urgent", o.urgent,
                  "Items whose field has this value go in real time at once; repeatable, one is enough")
      ->type_name("COL=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command
      .add_option("--deadline", o.deadline,
                  "When all is to be done: 6h from now, 18:30, or RFC 3339; what batches have not done by then goes in "
                  "real time, early enough")
      ->type_name("WHEN");
  command
      .add_option("--patience", o.patience,
                  "A batch past 90% that rests for so long is cancelled and finished in real time")
      ->type_name("DURATION");
  command
      .add_option("--fallback", o.fallback,
                  "How items go on that a batch could not finish for a passing reason (default: batch in mode batch, "
                  "else realtime)")
      ->check(CLI::IsMember({"batch", "realtime", "none"}));
  command.add_option("--rpm", o.rpm, "Requests a minute in real time (default: as the server says)")
      ->type_name("N")
      ->check(whole_number("--rpm", {.hint = "leave it out for what the server says"}));
  command.add_option("--tpm", o.tpm, "Tokens a minute in real time (default: as the server says)")
      ->type_name("N")
      ->check(whole_number("--tpm", {.hint = "leave it out for what the server says"}));
  command
      .add_option("--max-in-flight", o.max_in_flight,
                  "Requests at once in real time (default: from the limits and the latency)")
      ->type_name("N")
      ->check(whole_number("--max-in-flight", {.most = 10'000}));
  command
      .add_option("--headroom", o.headroom, "Share of the limits left to other traffic, from 0 to 0.95: 0.1, or 10%")
      ->type_name("SHARE")
      ->check(headroom())
      ->default_str("0");
  command
      .add_option("--drain-timeout", o.drain_timeout, "How long Ctrl-C waits for real-time requests that are in flight")
      ->type_name("DURATION")
      ->default_str("15m");
  command
      .add_option("--service-tier", o.service_tier,
                  "Tier that real-time requests ask for; flex costs as much as a batch, where the model has it, and is "
                  "standard where it is refused")
      ->type_name("T")
      ->check(CLI::IsMember({"auto", "default", "flex", "priority"}));
}

std::vector<std::string> unsuited_defaults(const RealtimeOptions& o)
{
  const bool needs_realtime = o.mode == "realtime" || !o.deadline.empty() || !o.patience.empty();
  return needs_realtime ? std::vector<std::string>{"fallback"} : std::vector<std::string>{};
}

void apply(const RealtimeOptions& o, bw::Job& job)
{
  job.mode = mode_of(o);
  for (const auto& text : o.urgent)
    job.urgent.push_back(condition_of(text));
  job.request.service_tier = o.service_tier;
  auto& policy = job.policy;
  policy.fallback = fallback_of(o, job.mode);
  if (!o.deadline.empty()) policy.deadline = deadline_of(o.deadline, bw::system_clock().now());
  if (const auto patience = duration_of(o.patience, "--patience")) policy.patience = *patience;
  policy.realtime.requests_per_minute = o.rpm;
  policy.realtime.tokens_per_minute = o.tpm;
  policy.realtime.max_in_flight = o.max_in_flight;
  policy.realtime.headroom = headroom_of(o.headroom);
  if (const auto drain = duration_of(o.drain_timeout, "--drain-timeout")) policy.realtime.drain_timeout = *drain;
}

bw::Instant deadline_of(const std::string& text, bw::Instant now)
{
  std::optional<bw::Instant> when;
  if (const auto duration = bw::parse_duration(text); duration && duration->count() > 0) when = now + *duration;
  if (!when) when = bw::parse_rfc3339(text);
  if (!when) when = next_time_of_day(text, now);
  if (!when) {
    throw Error{Fault::usage, fmt::format("--deadline {}: not a time", text),
                "from now on: 90m, 6h; today or tomorrow: 18:30; or 2026-11-22T18:00:00+01:00"};
  }
  if (*when <= now) {
    throw Error{Fault::usage, fmt::format("--deadline {}: has passed, it is {} now", text, bw::rfc3339(now)),
                "give a time to come, or how long from now on: --deadline 6h"};
  }
  return *when;
}

} // namespace app
