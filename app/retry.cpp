// `batchwright retry`: failed items again, all of them or some, as they were or asked otherwise.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/handover.hpp"
#include "app/job_options.hpp"
#include "app/money_options.hpp"
#include "app/session.hpp"

#include <batchwright/engine/retry.hpp>
#include <batchwright/report/plan.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;

struct RetryOptions {
  std::string job = {};
  std::vector<std::string> where = {};
  std::string model = {};
  std::optional<std::int64_t> max_output_tokens = {};
  std::string max_cost = {};
  std::vector<std::string> set = {};
  bool resend_unknown = false;
  bool yes = false;
  bool detach = false;
};

bw::engine::RetryAsk ask_of(const RetryOptions& options)
{
  bw::engine::RetryAsk ask{.where = options.where,
                           .model = options.model,
                           .max_output_tokens = options.max_output_tokens,
                           .max_cost = cap_of(options.max_cost)};
  for (const auto& text : options.set)
    ask.set.push_back(field_of(text));
  return ask;
}

void get_consent(const RetryOptions& options, const bw::PlanView& plan, Session& session)
{
  if (options.yes || is_covered(options.max_cost, plan.cost_of_policy())) return;
  const auto question = fmt::format("Send {} again to {}?", bw::report::amount_of_work(plan),
                                    plan.model.empty() ? "several models" : plan.model);
  if (!session.console().confirm(question, "this spends money",
                                 "say --yes to send it, or --max-cost with an amount that covers it")) {
    throw Error{Fault::usage, "not sent: consent was not given"};
  }
}

bw::Exit advance(const RetryOptions& options, bw::FileLock lock, Session& session)
{
  const bw::engine::Goal goal{.until = options.detach ? bw::engine::Until::sent : bw::engine::Until::admitted,
                              .sending = bw::engine::Sending::yes};
  const auto view = bw::engine::advance(session.tools(), session.server(), options.job, goal, std::move(lock));
  const auto handed = hand_over(view, session);
  tell_end(view, Stdout::is_free, session);
  if (const auto stopped = stopped_by_user()) return *stopped;
  return view.pause == bw::Pause::none ? handed : bw::exit_for(view);
}

bw::Exit run_resend_unknown(const RetryOptions& options, Session& session)
{
  std::optional<bw::FileLock> lock = bw::engine::take_lock(session.tools(), options.job);
  auto& console = session.console();
  const auto unknown = bw::engine::unknown_batches(session.tools(), options.job);
  if (unknown.parts.empty()) {
    lock.reset();
    console.say(fmt::format("{}: no batch of it is paused for an unknown outcome", options.job));
    if (session.globals.json) tell_end(bw::engine::look(session.tools(), options.job), Stdout::is_free, session);
    return bw::Exit::ok;
  }
  const auto work = bw::report::amount_of_work(unknown.items, unknown.parts.size());
  console.say(
      fmt::format("{}: nobody can tell whether the server has {}; where it has, sending them again buys up to {} "
                  "items twice",
                  options.job, work, bw::report::count(unknown.items)));
  if (!options.yes && !console.confirm(fmt::format("Send {} again?", work), "this may buy items twice",
                                       "say --yes to send them again")) {
    throw Error{Fault::usage, "not sent: consent was not given"};
  }
  bw::engine::give_up_unknown(session.tools(), options.job, unknown);
  return advance(options, std::move(*lock), session);
}

bw::Exit run_retry(const RetryOptions& options, Session& session)
{
  const auto ask = ask_of(options);
  bw::engine::look(session.tools_if_any(), options.job); // an unknown job is said before a missing key
  session.server();
  if (options.resend_unknown) return run_resend_unknown(options, session);
  std::optional<bw::FileLock> lock = bw::engine::take_lock(session.tools(), options.job);
  const auto retry = bw::engine::plan_retry(session.tools(), options.job, ask);
  auto& console = session.console();
  if (retry.out_of_reach > 0) {
    console.warn(fmt::format("{} failed items are left out: their batches were given up and may still answer them; "
                             "`batchwright fetch {}` collects what comes",
                             retry.out_of_reach, options.job));
  }
  if (retry.parts.empty() && retry.copies == 0) {
    console.say(options.where.empty() ? fmt::format("{}: no item failed", options.job)
                                      : fmt::format("{}: no failed item matches", options.job));
    lock.reset();
    const auto view = bw::engine::look(session.tools(), options.job);
    if (session.globals.json || view.state != bw::JobState::done) tell_end(view, Stdout::is_free, session);
    return bw::Exit::ok;
  }
  if (retry.parts.empty()) {
    throw Error{
        Fault::usage,
        fmt::format("{} what others ask, and only those are sent, for all of them",
                    bw::report::counted(retry.copies, "item that is meant asks", "items that are meant ask")),
        fmt::format("`batchwright show {} --failed` shows all that failed; leave --where out, or let it hold for "
                    "the first of each",
                    options.job)};
  }
  if (retry.copies > 0) {
    console.say(fmt::format("{}: {} what others ask: not sent, they get what becomes of those", options.job,
                            bw::report::counted(retry.copies, "item asks", "items ask")));
  }
  console.say(bw::report::plan(retry.plan));
  get_consent(options, retry.plan, session);
  bw::engine::begin_retry(session.tools(), retry);
  try {
    if (!session.globals.json) console.print(options.job);
  } catch (const OutputClosed&) { // nobody reads the name; the items are sent all the same
  }
  return advance(options, std::move(*lock), session);
}

constexpr auto help_footer = R"(
FIELD is a member of the record that `fetch` writes, or what stands inside it:
error.code=truncated, error.http_status=400, finish_reason=length, model=M. What
was paid for these items stays in the job's cost. They get one attempt more, and
another where the failure passes and --max-attempts allows.

Exit status:
  0    the items are sent, or queued for room at the server; or none matches
  4    no key, or the server refused it
  5    the job is being cancelled
  8    the cap is reached (--max-cost)
  64   usage, there is no such job, or consent is missing (--yes)
  65   the input is not what it was
  74   the disk has no room for what this may bring; nothing was sent
  75   network trouble, or another process works on the job

Example:
  batchwright retry reviews --where error.code=truncated --max-output-tokens 2000 --yes
)";

} // namespace

void add_retry(CLI::App& root, Session& session)
{
  auto options = std::make_shared<RetryOptions>();

  CLI::App* command = root.add_subcommand("retry", "Send failed items again");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command->add_option("--where", options->where, "Only failed items whose record has this; repeatable, all must hold")
      ->type_name("FIELD=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--model", options->model, "Ask this model, for these items only")->type_name("M");
  command->add_option("--max-output-tokens", options->max_output_tokens, "Bound of each answer, for these items only")
      ->type_name("N")
      ->check(answerable());
  add_max_cost(*command, options->max_cost,
               "Spend no more than so many dollars on the job from now on; that it covers what is expected is consent");
  command->add_option("--set", options->set, "Body field, for these items only, beside the job's or in place of one")
      ->type_name("KEY=JSON")
      ->take_all()
      ->allow_extra_args(false);
  auto* resend = command->add_flag("--resend-unknown", options->resend_unknown,
                                   "Send batches again of which nobody can tell whether the server has them");
  for (const auto* other : {"--where", "--model", "--max-output-tokens", "--set"})
    resend->excludes(command->get_option(other));
  command->add_flag("-y,--yes", options->yes, "Send without asking");
  command->add_flag("--detach", options->detach, "Do not stay while the server checks the files");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_retry(*options, session); });
}

} // namespace app
