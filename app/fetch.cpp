// `batchwright fetch`: collect what has ended, and merge it into input order. It never sends.

#include "app/collect.hpp"
#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <memory>

namespace app {
namespace {

namespace bw = batchwright;

struct FetchOptions {
  std::string job = {};
  std::string out = "-";
  std::string format = {};
  bool partial = false;
  bool wait = false;
  std::string every = {};
};

std::optional<bw::results::Format> format_of(const std::string& word)
{
  if (word == "jsonl") return bw::results::Format::jsonl;
  if (word == "csv") return bw::results::Format::csv;
  if (word == "raw") return bw::results::Format::raw;
  if (word == "npy") return bw::results::Format::npy;
  return std::nullopt; // by the name of the output
}

bw::Exit run_fetch(const FetchOptions& options, Session& session)
{
  const Delivery delivery{options.out, format_of(options.format)};
  delivery.check();
  const bw::engine::Goal goal{.until = options.wait ? bw::engine::Until::ended : bw::engine::Until::idle,
                              .sending = bw::engine::Sending::no,
                              .every = duration_of(options.every, "--every")};
  const auto view = collect(options.job, goal, options.wait ? WhileHeld::wait : WhileHeld::look, session);
  if (view.state == bw::JobState::done || (options.wait && !options.partial)) return finish(view, delivery, session);

  if (options.partial) deliver(options.job, delivery, bw::results::Pending::leave_out, session);
  tell_end(view, delivery.stdout_use(), session);
  return stopped_by_user().value_or(bw::Exit::unfinished);
}

constexpr auto help_footer = R"(
One JSON record an item, in input order:
  {"index":0,"custom_id":"...","status":"succeeded","output":"...","error":null,...}

Exit status:
  0    every item has an answer
  3    ended, and some items failed: each names its error
  5    not finished yet: nothing was written (with --partial, what is there)
  64   there is no such job
  65   the input is needed for this format, and has changed

Examples:
  batchwright fetch reviews -o answers.jsonl
  batchwright fetch reviews --wait --format csv > answers.csv
)";

} // namespace

void add_fetch(CLI::App& root, Session& session)
{
  auto options = std::make_shared<FetchOptions>();

  CLI::App* command = root.add_subcommand("fetch", "Collect finished outputs and merge them into input order");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command->add_option("-o,--out", options->out, "Where the merged result goes; - is stdout")
      ->type_name("OUT")
      ->capture_default_str();
  command->add_option("--format", options->format, "jsonl, csv, raw or npy (default: by the name of OUT, else jsonl)")
      ->check(CLI::IsMember({"jsonl", "csv", "raw", "npy"}));
  command->add_flag("--partial", options->partial, "Write what is there, without the pending items");
  command->add_flag("--wait", options->wait, "Stay until nothing more comes by itself");
  command->add_option("--every", options->every, "Time between polls with --wait")->type_name("DURATION");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_fetch(*options, session); });
}

} // namespace app
