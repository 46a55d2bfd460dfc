// `batchwright poll`: advance open jobs once, whatever is due. What a timer calls.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/session.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Exit;

struct PollOptions {
  std::vector<std::string> jobs = {};
};

/// Which of two jobs' ends the process tells: the graver one.
Exit graver(Exit a, Exit b)
{
  constexpr std::array order{Exit::newer_state, Exit::config, Exit::storage,   Exit::input,
                             Exit::auth,        Exit::budget, Exit::temporary, Exit::unfinished,
                             Exit::some_failed, Exit::usage,  Exit::error,     Exit::ok};
  return *std::find_if(order.begin(), order.end(), [&](Exit e) { return e == a || e == b; });
}

/// One job, once. A job that another process holds is left to it, unless it was named.
Exit poll_one(const std::string& job, bool named, Session& session)
{
  if (!named && bw::engine::is_held(session.tools(), job)) return Exit::ok;
  try {
    const bw::engine::Goal goal{.until = bw::engine::Until::idle, .sending = bw::engine::Sending::yes};
    const auto view = bw::engine::advance(session.tools(), session.server(), job, goal);
    session.console().conclude(view, Stdout::is_free);
    return view.pause == bw::Pause::none ? Exit::ok : bw::exit_for(view);
  } catch (const bw::Error& error) {
    if (!named && error.fault() == bw::Fault::busy) return Exit::ok; // taken between the look and the lock
    session.console().fail(error);
    return bw::exit_for(error.fault());
  }
}

Exit run_poll(const PollOptions& options, Session& session)
{
  auto jobs = options.jobs;
  const bool named = !jobs.empty();
  if (!named) {
    auto& tools = session.tools_if_any();
    for (const auto& job : tools.store.jobs()) {
      if (bw::tally(job, tools.store.parts(job.name)).pending() > 0) jobs.push_back(job.name);
    }
  }
  if (jobs.empty()) session.console().say("no open jobs");
  auto exit = Exit::ok;
  for (const auto& job : jobs) {
    exit = graver(exit, poll_one(job, named, session));
    if (const auto stopped = stopped_by_user()) return *stopped;
  }
  return exit;
}

constexpr auto help_footer = R"(
Each live batch is asked for once; what ended is collected; what is due is sent.

Exit status:
  0    every open job could be advanced, finished or not
  4    no key, or the server refused it
  75   the server could not be reached, or a named job is worked on by another process

Example:
  batchwright poll
)";

} // namespace

void add_poll(CLI::App& root, Session& session)
{
  auto options = std::make_shared<PollOptions>();

  CLI::App* command = root.add_subcommand("poll", "Advance open jobs once, whatever is due");
  command->add_option("jobs", options->jobs, "Names of jobs (default: all that are open)")->type_name("JOB");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_poll(*options, session); });
}

} // namespace app
