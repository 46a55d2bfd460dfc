// `batchwright status`: how jobs stand. It only reads.

#include "app/command.hpp"
#include "app/session.hpp"

#include <batchwright/engine/finish.hpp>
#include <batchwright/report/report.hpp>

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

struct StatusOptions {
  std::string job = {};
  bool offline = false;
};

/// Asks the server where that is possible: without a key, what is known here is shown.
void refresh(std::vector<bw::JobView>& views, Session& session)
{
  if (std::none_of(views.begin(), views.end(), bw::engine::needs_server)) return;
  try {
    bw::engine::refresh(session.tools(), session.server(), views);
  } catch (const bw::Error& error) {
    if (error.fault() != bw::Fault::auth && error.fault() != bw::Fault::config) throw;
    session.console().warn(std::string{"the server was not asked: "} + error.what());
  }
}

bw::Exit run_status(const StatusOptions& options, Session& session)
{
  auto& tools = session.tools_if_any();
  std::vector<bw::JobView> views;
  if (!options.job.empty()) {
    views.push_back(bw::engine::look(tools, options.job));
  } else {
    for (const auto& job : tools.store.jobs())
      views.push_back(bw::engine::look(tools, job));
  }
  if (!options.offline) refresh(views, session);

  auto& console = session.console();
  const auto style = console.style(STDOUT_FILENO);
  const auto now = tools.clock.now();
  if (session.globals.json) {
    for (const auto& view : views)
      console.print(bw::report::json(view));
  } else if (!options.job.empty()) {
    views.front().offer = bw::engine::offer_finish(tools, views.front());
    console.print(bw::report::page(views.front(), style, now));
  } else if (views.empty()) {
    console.say("no jobs yet; `batchwright submit --help` shows how to make one");
  } else {
    console.print(bw::report::table(views, style, now));
  }
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
Exit status:
  0    shown, whatever the state
  64   there is no such job

Examples:
  batchwright status
  batchwright status reviews
  batchwright status reviews --json | jq .items
)";

} // namespace

void add_status(CLI::App& root, Session& session)
{
  auto options = std::make_shared<StatusOptions>();

  CLI::App* command = root.add_subcommand("status", "Show all jobs, or one with its parts");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB");
  command->add_flag("--offline", options->offline, "Show what is known here; do not ask the server");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_status(*options, session); });
}

} // namespace app
