// `batchwright clean`: remove what a job left, at the server, here, or both.

#include "app/command.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <batchwright/engine/clean.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;

struct CleanOptions {
  std::vector<std::string> jobs = {};
  bool remote = false;
  bool local = false;
  bool all = false;
  bool force = false;
  std::string older_than = {};
};

void check(const CleanOptions& options)
{
  if (!options.remote && !options.local && !options.all) {
    throw Error{Fault::usage, "what is to be removed?",
                "say --remote (the files at the server), --local (what is kept here), or --all"};
  }
  if (options.jobs.empty() == options.older_than.empty()) {
    throw Error{Fault::usage, "which jobs are to be cleaned?", "name jobs, or say --older-than 30d, and not both"};
  }
}

/// Refuses what would lose something that was paid for.
void check_safe(const std::string& job, bw::engine::Tools& tools)
{
  const auto reason = bw::engine::reason_against_cleaning(tools, job);
  if (reason.empty()) return;
  throw Error{Fault::usage, fmt::format("{} is not cleaned: {}", job, reason),
              fmt::format("`batchwright fetch {0} --wait` or `batchwright cancel {0}` brings it to its end; --force "
                          "cleans it all the same",
                          job)};
}

/// A result that nobody has seen goes only where somebody says so.
void confirm_loss(const std::vector<std::string>& jobs, Session& session)
{
  std::vector<std::string> unseen;
  for (const auto& job : jobs) {
    const auto view = bw::engine::look(session.tools(), job);
    if (!view.fetched_at && !view.handover.delivered_at) unseen.push_back(job);
  }
  if (unseen.empty()) return;
  const auto names = fmt::format("{}", fmt::join(unseen, ", "));
  if (!session.console().confirm(fmt::format("Nobody has fetched the result of {}. Remove it for good?", names),
                                 fmt::format("nobody has fetched the result of {}", names),
                                 "fetch it first, or say --force")) {
    throw Error{Fault::usage, "nothing was removed: consent was not given"};
  }
}

void tell(const std::string& job, std::optional<std::uint64_t> files, std::optional<std::uint64_t> bytes,
          Session& session)
{
  if (session.globals.json) {
    std::string line;
    bw::json::Writer w{line};
    w.begin_object().key("job").string(job);
    w.key("remote_files_deleted").integer(static_cast<std::int64_t>(files.value_or(0)));
    w.key("local_bytes_removed").integer(static_cast<std::int64_t>(bytes.value_or(0)));
    w.end_object();
    return session.console().print(line);
  }
  auto text = fmt::format("{}:", job);
  if (files) text += fmt::format(" {} files deleted at the server", *files);
  if (bytes) text += fmt::format("{} {} removed here", files ? "," : "", bw::report::bytes(*bytes));
  session.console().say(text);
}

void clean(const std::string& job, const CleanOptions& options, Session& session)
{
  std::optional<std::uint64_t> files;
  std::optional<std::uint64_t> bytes;
  auto& tools = session.tools();
  if (options.remote || options.all) files = bw::engine::clean_remote(tools, session.server(), job); // ids stand here
  if (options.local || options.all) bytes = bw::engine::clean_local(tools, job);
  tell(job, files, bytes, session);
}

bw::Exit run_clean(const CleanOptions& options, Session& session)
{
  check(options);
  auto& tools = session.tools_if_any();
  const auto age = duration_of(options.older_than, "--older-than");
  bw::engine::sweep_leftovers(tools); // first: who was killed while cleaning finds no job of that name any more
  auto jobs = age ? bw::engine::jobs_done_since(tools, *age) : options.jobs;
  if (!options.force) {
    for (const auto& job : jobs)
      check_safe(job, tools);
    if (options.local || options.all) confirm_loss(jobs, session);
  }
  if (jobs.empty()) session.console().say("there is nothing to clean");
  auto exit = bw::Exit::ok;
  for (const auto& job : jobs) {
    try {
      clean(job, options, session);
    } catch (const Error& error) {
      exit = bw::graver(exit, session.console().fail(error));
    }
  }
  return exit;
}

constexpr auto help_footer = R"(
A job that runs, has items pending or answers that were not collected is refused;
--force cleans it all the same, and what was paid for is lost. Batches that run are
not stopped by it: `batchwright cancel` does that.

Exit status:
  0    cleaned
  64   refused, or there is no such job
  75   another process works on the job, or the server could not be reached

Examples:
  batchwright clean reviews --all
  batchwright clean --older-than 30d --remote
)";

} // namespace

void add_clean(CLI::App& root, Session& session)
{
  auto options = std::make_shared<CleanOptions>();

  CLI::App* command = root.add_subcommand("clean", "Remove what jobs left, at the server or here");
  command->add_option("jobs", options->jobs, "Names of jobs")->type_name("JOB");
  command->add_flag("--remote", options->remote, "Delete their files at the server");
  command->add_flag("--local", options->local, "Remove what is kept of them here, results included");
  command->add_flag("--all", options->all, "Both");
  command->add_option("--older-than", options->older_than, "All jobs that have been done for longer")
      ->type_name("DURATION");
  command->add_flag("--force", options->force, "Also where something would be lost, and without asking");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_clean(*options, session); });
}

} // namespace app
