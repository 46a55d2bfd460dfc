// The options that make a job, the same for `submit` and `run`.
#pragma once

#include "app/console.hpp"
#include "app/money_options.hpp"
#include "app/realtime_options.hpp"

#include <batchwright/config/settings.hpp>
#include <batchwright/engine/engine.hpp>

#include <CLI/CLI.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace app {

class Session;

struct JobOptions {
  RealtimeOptions realtime = {};
  MoneyOptions money = {};
  std::vector<std::string> inputs = {};
  std::string input_format = "auto";
  std::string id_column = {};
  std::string model = {};
  std::string endpoint = {}; // empty: chat, or as ready-made requests say
  std::string prompt = {};
  std::string messages = {};
  std::string body = {};   // a file
  std::string schema = {}; // a file
  std::uint64_t inputs_per_request = 0;
  std::string prompt_file = {};
  std::string system = {};
  std::string system_file = {};
  std::vector<std::string> set = {};
  std::optional<std::int64_t> max_output_tokens = {};
  std::uint64_t requests_per_part = 0;
  std::uint64_t bytes_per_part = 0;
  std::uint64_t skip_bad = 0;
  int max_attempts = 3;
  std::vector<std::string> accept = {};
  std::string stop_on_failures = {}; ///< a share: "50%"
  std::uint64_t tokens_per_part = 0;
  std::uint64_t enqueued_tokens = 0;
  std::string adopt_grace = {};
  bool keep_requests = false;
  bool compress = false;
  std::optional<std::uint64_t> probe = {}; ///< nothing: as suits the input
  std::uint64_t sample = 0;                ///< 0: not given
  bool dedupe = false;
  std::string reuse = {}; ///< a job's name, or `all`; empty: not given
  std::string out = {};   ///< empty: not given
  std::string on_done = {};
  std::string name = {};
  bool allow_empty = false;
  bool yes = false;
  bool dry_run = false;
};

void add_job_options(CLI::App& command, JobOptions& options);

/// The settings that are no defaults for this job, since what was given says it otherwise or has no place for it: a
/// bound of the output for vectors, a model beside a body that names its own.
std::vector<std::string> unsuited_defaults(const JobOptions& options);

/// Gives options that were not given their values from the configuration. Throws `Fault::usage` for an option that was
/// given and would do nothing.
void complete_options(CLI::App& command, JobOptions& options, const batchwright::config::Settings& settings);

/// Whether the first input holds ready-made requests, as far as its first line tells; no, where an option says how
/// requests are made.
bool is_ready_made(const JobOptions& options);

/// What the options ask for. Throws `Fault::usage` for what cannot be.
batchwright::engine::Ask ask_of(const JobOptions& options);

/// A job that was made or is continued, with its lock.
struct Made {
  std::string job = {};
  batchwright::FileLock lock;
};

/// Moves a job that was made: what is tried first goes first, and where the user wants to see what came of it, that is
/// shown and asked about before the rest goes. Throws `Fault::input` where all that was tried failed; `out` is where
/// the job is told of then.
batchwright::JobView send(Made made, const batchwright::engine::Goal& goal, const JobOptions& options, Stdout out,
                          Session& session);

/// Drafts the job, shows what it comes to, gets consent, and makes it. Nothing for a dry run, which leaves nothing.
std::optional<Made> make_job(const JobOptions& options, Session& session);

/// A `--set` option: "temperature=0.2". Throws `Fault::usage`.
std::pair<std::string, std::string> field_of(const std::string& text);

/// Refuses a bound of answers that no model could use.
CLI::Validator answerable();

/// A duration option: "30s", "1h30m". Throws `Fault::usage` naming the option.
std::optional<batchwright::Millis> duration_of(const std::string& text, const char* option);

} // namespace app
