// `batchwright cost`: what jobs were expected to cost, what they cost so far, and whether the provider agrees.

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
  bool reconcile = false;
};

/// What is missing at the provider is an error, but for what it tells late.
bw::Exit exit_for(const bw::Reconciliation& reconciliation)
{
  if (reconciliation.has(bw::Comparison::fewer)) return bw::Exit::error;
  return reconciliation.has(bw::Comparison::not_reported) ? bw::Exit::unfinished : bw::Exit::ok;
}

bw::Exit run_reconcile(const CostOptions& options, Session& session)
{
  const auto reconciliation = session.workspace_if_any().reconcile(options.job);
  auto& console = session.console();
  if (!session.globals.json) {
    console.print(bw::report::page(reconciliation, console.style(STDOUT_FILENO)));
  } else {
    for (const auto& row : reconciliation.rows)
      console.print(bw::report::json(row));
  }
  return exit_for(reconciliation);
}

bw::Exit run_cost(const CostOptions& options, Session& session)
{
  if (options.reconcile) return run_reconcile(options, session);
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

--reconcile asks the provider for the organisation's usage, with OPENAI_ADMIN_KEY, and
compares it with the jobs of this account, by day (UTC), model and route; with JOB, what
that job has a share in. The organisation's figures hold other traffic, too: more than
ours is said, fewer is a finding. With --json it prints, in place of the usual objects,
one a row: day, model, batch (null: the provider tells no routes apart), comparison
(equal, more, another_day, lost_answers, not_reported, fewer), ours, provider and
difference, which is theirs less ours.

Exit status:
  0    shown; with --reconcile: the provider knows of all that is accounted for here
  1    --reconcile: it does not
  4    --reconcile: no admin key, or one that may not read the usage
  5    --reconcile: of today's it has not told all yet
  64   there is no such job

Examples:
  batchwright cost
  batchwright cost reviews
  batchwright cost reviews --json | jq .rows
  batchwright cost --reconcile
)";

} // namespace

void add_cost(CLI::App& root, Session& session)
{
  auto options = std::make_shared<CostOptions>();

  CLI::App* command = root.add_subcommand("cost", "Show what jobs cost, by day, route and model");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB");
  command->add_flag("--reconcile", options->reconcile, "Compare with the organisation's usage (OPENAI_ADMIN_KEY)");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_cost(*options, session); });
}

} // namespace app
