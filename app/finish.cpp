// `batchwright finish`: what batches have not done goes in real time now.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/handover.hpp"
#include "app/money_options.hpp"
#include "app/session.hpp"

#include <batchwright/engine/finish.hpp>
#include <batchwright/report/outlook.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

namespace app {
namespace {

namespace bw = batchwright;

struct FinishOptions {
  std::string job = {};
  bool yes = false;
  std::string max_cost = {};
};

bw::Exit run_finish(const FinishOptions& options, Session& session)
{
  auto view = bw::engine::look(session.tools_if_any(), options.job); // an unknown job is said before a missing key
  if (view.state == bw::JobState::done) {
    session.console().say(fmt::format("{}: nothing is left to finish", options.job));
    tell_end(view, Stdout::is_free, session);
    return bw::exit_for(view);
  }
  session.server();
  std::optional<bw::FileLock> lock = bw::engine::take_lock(session.tools(), options.job);
  const auto at_most = cap_of(options.max_cost);
  const auto plan = bw::engine::plan_finish(session.tools(), options.job, at_most);
  auto& console = session.console();
  console.say(bw::report::sentence(plan));
  const bool is_paid_for = at_most && plan.cost && *plan.cost <= *at_most - plan.spent;
  if (!options.yes && !is_paid_for &&
      !console.confirm(fmt::format("Finish {} in real time now?", options.job), "this spends money",
                       "say --yes to send it, or --max-cost with an amount that covers it")) {
    throw bw::Error{bw::Fault::usage, "not sent: consent was not given"};
  }
  bw::engine::begin_finish(session.tools(), options.job, at_most);
  const bw::engine::Goal goal{.until = bw::engine::Until::ended, .sending = bw::engine::Sending::yes};
  view = bw::engine::advance(session.tools(), session.server(), options.job, goal, std::move(lock));
  const auto handed = hand_over(view, session);
  tell_end(view, Stdout::is_free, session);
  if (const auto stopped = stopped_by_user()) return *stopped;
  return bw::graver(handed, bw::exit_for(view));
}

constexpr auto help_footer = R"(
Batches that run are asked to stop, which may take ten minutes; answers that were
finished by then count, and only the rest is sent, at the price of real time. No
item is on both routes at once. Ctrl-C stops; the same command, or `poll`, goes on.

Exit status:
  0    every item has an answer
  3    ended, and some items failed: each names its error
  4    no key, or the server refused it
  5    not finished yet
  8    the cap is reached (--max-cost)
  64   there is no such job, or consent is missing (--yes, --max-cost)
  75   temporary: quota, or another process works on the job
  130  stopped by Ctrl-C; 143 by SIGTERM

Example:
  batchwright finish reviews --yes
)";

} // namespace

void add_finish(CLI::App& root, Session& session)
{
  auto options = std::make_shared<FinishOptions>();

  CLI::App* command = root.add_subcommand("finish", "Complete the rest of a job in real time now");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command->add_flag("-y,--yes", options->yes, "Send without asking");
  add_max_cost(*command, options->max_cost,
               "Spend no more than so many dollars on finishing, however often this is said; that it covers what is "
               "expected is consent");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_finish(*options, session); });
}

} // namespace app
