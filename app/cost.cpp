// `batchwright cost`: what jobs were expected to cost, and what they cost so far.

#include "app/command.hpp"
#include "app/session.hpp"

#include <batchwright/engine/cost.hpp>
#include <batchwright/report/report.hpp>

#include <unistd.h>

#include <memory>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

struct CostOptions {
  std::string job = {};
};

bw::Exit run_cost(const CostOptions& options, Session& session)
{
  auto& tools = session.tools_if_any();
  std::vector<bw::CostView> views;
  if (!options.job.empty()) {
    views.push_back(bw::engine::account(tools, options.job));
  } else {
    for (const auto& job : tools.store.jobs())
      views.push_back(bw::engine::account(tools, job.name));
  }
  auto& console = session.console();
  const auto style = console.style(STDOUT_FILENO);
  if (session.globals.json) {
    for (const auto& view : views)
      console.print(bw::report::json(view));
  } else if (!options.job.empty()) {
    console.print(bw::report::page(views.front(), style));
  } else if (views.empty()) {
    console.say("no jobs yet; `batchwright submit --help` shows how to make one");
  } else {
    console.print(bw::report::table(views, style));
  }
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
Money is reckoned from the usage that each answer tells, those that are of no use
included, at the prices of the built-in table, of prices.json beside config.toml,
or of --price. What batches have not brought home yet is not in it.

Exit status:
  0    shown
  64   there is no such job

Examples:
  batchwright cost
  batchwright cost reviews
  batchwright cost reviews --json | jq .rows
)";

} // namespace

void add_cost(CLI::App& root, Session& session)
{
  auto options = std::make_shared<CostOptions>();

  CLI::App* command = root.add_subcommand("cost", "Show what jobs cost, by day, route and model");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_cost(*options, session); });
}

} // namespace app
