// `batchwright poll`: advance open jobs once, whatever is due. What a timer calls.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/handover.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Exit;

struct PollOptions {
  std::vector<std::string> jobs = {};
  std::string for_so_long = {};
};

/// The jobs that were named, each once, or all that are open.
std::vector<std::string> jobs_to_poll(const PollOptions& options, Session& session)
{
  std::vector<std::string> jobs;
  for (const auto& job : options.jobs) {
    if (std::find(jobs.begin(), jobs.end(), job) == jobs.end()) jobs.push_back(job);
  }
  return jobs.empty() ? bw::engine::open_jobs(session.tools_if_any()) : jobs;
}

Exit run_poll(const PollOptions& options, Session& session)
{
  const auto at_most = duration_of(options.for_so_long, "--for"); // a wrong one is said whether jobs are open or not
  const auto jobs = jobs_to_poll(options, session);
  if (jobs.empty()) {
    session.console().say("no open jobs");
    return Exit::ok;
  }
  const bool named = !options.jobs.empty();
  const bw::engine::Goal goal{
      .until = bw::engine::Until::idle, .sending = bw::engine::Sending::yes, .at_most = at_most};
  auto exit = Exit::ok;
  for (const auto& [job, view, fault] : bw::engine::advance_all(session.tools(), session.server(), jobs, goal)) {
    if (view) {
      exit = bw::graver(exit, hand_over(*view, session));
      session.console().conclude(*view, Stdout::is_free);
      if (view->state == bw::JobState::paused) exit = bw::graver(exit, bw::exit_for(*view));
    } else if (named || fault->fault() != bw::Fault::busy) { // taken since we looked: another process moves it
      exit = bw::graver(exit, session.console().fail(*fault));
    }
  }
  return stopped_by_user().value_or(exit);
}

constexpr auto help_footer = R"(
Each live batch is asked for once; what ended is collected; what is due is sent,
in real time too, until it is answered or the time of --for is over.

Exit status:
  0    every open job could be advanced, finished or not
  4    no key, or the server refused it
  8    the named job has reached its cap (--max-cost)
  74   the disk is full: such a job is paused, and goes on when there is room
  75   the server could not be reached, or a named job is worked on by another process
  130  stopped by Ctrl-C; 143 by SIGTERM

Example:
  batchwright poll
)";

} // namespace

void add_poll(CLI::App& root, Session& session)
{
  auto options = std::make_shared<PollOptions>();

  CLI::App* command = root.add_subcommand("poll", "Advance open jobs once, whatever is due");
  command->add_option("jobs", options->jobs, "Names of jobs (default: all that are open)")->type_name("JOB");
  command
      ->add_option("--for", options->for_so_long,
                   "Send in real time for so long at most; what goes for a deadline is seen through")
      ->type_name("DURATION");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_poll(*options, session); });
}

} // namespace app
