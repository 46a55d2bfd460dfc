// `batchwright run`: submit, wait, fetch, in one. Run again, it goes on where it was.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <memory>
#include <utility>

namespace app {
namespace {

namespace bw = batchwright;

struct RunOptions {
  JobOptions job = {};
  std::string every = {};
};

bw::Exit run_run(const RunOptions& options, Session& session)
{
  const bool to_stdout = options.job.out.empty() || options.job.out == "-";
  if (!to_stdout) bw::engine::Delivery{.out = options.job.out}.check();
  const auto every = duration_of(options.every, "--every");
  auto made = make_job(options.job, session);
  if (!made) return bw::Exit::ok;

  const bw::engine::Goal goal{.until = bw::engine::Until::ended, .sending = bw::engine::Sending::yes, .every = every};
  const auto out = to_stdout ? Stdout::holds_data : Stdout::is_free;
  const auto view = send(std::move(*made), goal, options.job, out, session);
  Ending ending;
  if (to_stdout) ending.delivery.emplace();
  return finish(view, ending, session);
}

constexpr auto help_footer = R"(
Ctrl-C stops waiting; nothing is lost, and batches go on at the server. The same
command again goes on where it was.

Exit status:
  0    every item has an answer
  3    ended, and some items failed: each names its error
  4    no key, or the server refused it
  5    not finished yet
  8    the cap is reached (--max-cost)
  64   usage, or consent is missing (--yes)
  65   the input cannot be used: a message says where; nothing was sent. Or all that
       was tried first failed: the server's words say why; nothing else was sent
  75   temporary: quota, or another process works on the job
  130  stopped by Ctrl-C; 143 by SIGTERM

Example:
  batchwright run reviews.csv --model gpt-5.4-mini --max-output-tokens 20 \
      --prompt 'Positive or negative? {{text}}' -o answers.jsonl
)";

} // namespace

void add_run(CLI::App& root, Session& session)
{
  auto options = std::make_shared<RunOptions>();

  CLI::App* command = root.add_subcommand("run", "Submit, wait with progress, fetch; run again, it goes on");
  add_job_options(*command, options->job);
  command->add_option("--every", options->every, "Time between polls (default: short at first, growing)")
      ->type_name("DURATION");
  command->footer(help_footer);
  command->callback([options, command, &session] {
    complete_options(*command, options->job, session.settings());
    session.exit = run_run(*options, session);
  });
}

} // namespace app
