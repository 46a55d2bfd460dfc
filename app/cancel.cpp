// `batchwright cancel`: nothing more is sent, batches are stopped, and what they finished is collected.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/handover.hpp"
#include "app/session.hpp"

#include <memory>
#include <string>

namespace app {
namespace {

namespace bw = batchwright;

struct CancelOptions {
  std::string job = {};
  bool abandon = false;
};

bw::Exit run_cancel(const CancelOptions& options, Session& session)
{
  auto view = bw::engine::look(session.tools_if_any(), options.job);
  if (view.state == bw::JobState::done) {
    session.console().say("there is nothing to cancel");
  } else {
    bw::engine::wish_cancel(session.tools(), options.job, options.abandon ? bw::Cancel::abandon : bw::Cancel::harvest);
    const bw::engine::Goal goal{.until = options.abandon ? bw::engine::Until::idle : bw::engine::Until::ended,
                                .sending = bw::engine::Sending::no};
    view = session.workspace_if_any().collect(options.job, goal, bw::WhileHeld::wait);
  }
  const auto handed = hand_over(view, session);
  tell_end(view, Stdout::is_free, session);
  if (view.state == bw::JobState::done) return handed;
  return stopped_by_user().value_or(bw::exit_for(view));
}

constexpr auto help_footer = R"(
What was not sent yet never is; batches are asked to stop, which may take ten
minutes; answers that were finished by then count, and all other items fail with
the code `cancelled`. Ctrl-C leaves the rest to `fetch`. Where another process
works on the job, it is told, and obeys within a second.

With --abandon items of batches that have not ended fail at once. They may have
been run and billed; `fetch` still collects what comes of them.

Exit status:
  0    cancelled, or done before
  4    no key, or the server refused it
  64   there is no such job
  75   the server could not be reached: the same command, `fetch` or `poll` goes on

Example:
  batchwright cancel reviews
)";

} // namespace

void add_cancel(CLI::App& root, Session& session)
{
  auto options = std::make_shared<CancelOptions>();

  CLI::App* command = root.add_subcommand("cancel", "Stop a job, and collect what was finished");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command->add_flag("--abandon", options->abandon, "Do not wait for batches to end");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_cancel(*options, session); });
}

} // namespace app
