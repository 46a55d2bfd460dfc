// The options of `submit` and `run` that say what goes in real time, when, and how fast.
#pragma once

#include <batchwright/model/job.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace app {

struct RealtimeOptions {
  std::string mode = {}; ///< empty: not given
  std::vector<std::string> urgent = {};
  std::string deadline = {};
  std::string patience = {};
  std::string fallback = {}; ///< empty: not given, it follows from the mode
  std::uint64_t rpm = 0;
  std::uint64_t tpm = 0;
  std::uint64_t max_in_flight = 0;
  std::string headroom = {}; ///< a share: "0.1", "10%"; empty: not given
  std::string drain_timeout = {};
  std::string service_tier = {};
};

void add_realtime_options(CLI::App& command, RealtimeOptions& options);

/// The settings that are no defaults for such a job: what they say does not go with it.
std::vector<std::string> unsuited_defaults(const RealtimeOptions& options);

/// Sets mode, fallback, deadline and rates of a job. Throws `Fault::usage` for what cannot be, and what contradicts
/// itself.
void apply(const RealtimeOptions& options, batchwright::Job& job);

/// A moment as users give it: from now on ("6h"), RFC 3339, or HH:MM by the machine's own zone, whichever day comes
/// next. Throws `Fault::usage`, for a moment that has passed, too.
batchwright::Instant deadline_of(const std::string& text, batchwright::Instant now);

} // namespace app
