// `batchwright submit`: make a job of an input and bring it under way.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/handover.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <memory>
#include <utility>

namespace app {
namespace {

namespace bw = batchwright;

struct SubmitOptions {
  JobOptions job = {};
  bool detach = false;
};

bw::Exit run_submit(const SubmitOptions& options, Session& session)
{
  if (options.job.out == "-") {
    throw bw::Error{bw::Fault::usage, "-o -: the result may come long after this command has ended",
                    "name a file, or use `batchwright run`"};
  }
  if (!options.job.out.empty()) bw::engine::Delivery{.out = options.job.out}.check();
  auto made = make_job(options.job, session);
  if (!made) return bw::Exit::ok;
  try {
    if (!session.globals.json) session.console().print(made->job);
  } catch (const OutputClosed&) { // nobody reads the name; the job is sent all the same
  }

  const bw::engine::Goal goal{.until = options.detach ? bw::engine::Until::sent : bw::engine::Until::admitted,
                              .sending = bw::engine::Sending::yes};
  const auto view = send(std::move(*made), goal, options.job, Stdout::is_free, session);
  const auto handed = hand_over(view, session);
  tell_end(view, Stdout::is_free, session);
  if (const auto stopped = stopped_by_user()) return *stopped;
  return view.pause == bw::Pause::none && !view.awaits_word ? handed : bw::exit_for(view);
}

constexpr auto help_footer = R"(
The job's name is printed on stdout. The same submit again continues the job.

Exit status:
  0    everything is sent, or queued for room at the server
  4    no key, or the server refused it
  5    the answers of --sample were seen, and the rest is not to be sent
  8    the cap is reached (--max-cost)
  64   usage, or consent is missing (--yes)
  65   the input cannot be used: a message says where; nothing was sent. Or all that
       was tried first failed: the server's words say why; nothing else was sent
  74   the disk has no room for what the job may bring
  75   network trouble, or another process works on the job

Example:
  batchwright submit reviews.csv --model gpt-5.4-mini --max-output-tokens 20 \
      --prompt 'Positive or negative? {{text}}' --yes
)";

} // namespace

void add_submit(CLI::App& root, Session& session)
{
  auto options = std::make_shared<SubmitOptions>();

  CLI::App* command = root.add_subcommand("submit", "Plan, estimate, upload, create batches");
  add_job_options(*command, options->job);
  command->add_flag("--detach", options->detach, "Do not stay while the server checks the files");
  command->footer(help_footer);
  command->callback([options, command, &session] {
    complete_options(*command, options->job, session.settings());
    session.exit = run_submit(*options, session);
  });
}

} // namespace app
