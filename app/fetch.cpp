// `batchwright fetch`: collect what has ended, and merge it into input order. It never sends.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <batchwright/model/share.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

struct FetchOptions {
  std::string job = {};
  std::string out = "-";
  std::string format = {};
  std::vector<std::string> fields = {};
  std::string only = {};
  std::vector<std::string> include = {};
  std::string max_failed = {};
  bool partial = false;
  bool wait = false;
  std::string every = {};
};

bool contains(const std::vector<std::string>& words, std::string_view word)
{
  return std::find(words.begin(), words.end(), word) != words.end();
}

bw::engine::Delivery delivery_of(const FetchOptions& options)
{
  bw::engine::Delivery delivery{.out = options.out};
  delivery.format = bw::results::format_named(options.format);
  if (options.partial) delivery.pending = bw::results::Pending::leave_out;
  if (options.only == "succeeded") delivery.only = bw::results::Only::succeeded;
  if (options.only == "failed") delivery.only = bw::results::Only::failed;
  delivery.choice = {.fields = options.fields,
                     .input = contains(options.include, "input"),
                     .response = contains(options.include, "response")};
  delivery.check();
  return delivery;
}

std::optional<bw::Allowance> max_failed_of(const FetchOptions& options)
{
  if (options.max_failed.empty()) return std::nullopt;
  const auto allowance = bw::parse_allowance(options.max_failed);
  if (!allowance) {
    throw bw::Error{bw::Fault::usage, fmt::format("--max-failed {}: neither a number nor a share", options.max_failed),
                    "a number of items, or a share of them: --max-failed 5, --max-failed 0.1%"};
  }
  return allowance;
}

bw::Exit run_fetch(const FetchOptions& options, Session& session)
{
  const Ending ending{delivery_of(options), max_failed_of(options)};
  const bw::engine::Goal goal{.until = options.wait ? bw::engine::Until::ended : bw::engine::Until::idle,
                              .sending = bw::engine::Sending::no,
                              .every = duration_of(options.every, "--every")};
  const auto view =
      session.workspace_if_any().collect(options.job, goal, options.wait ? bw::WhileHeld::wait : bw::WhileHeld::look);
  if (view.state == bw::JobState::done || (options.wait && !options.partial)) return finish(view, ending, session);

  if (options.partial) deliver(options.job, *ending.delivery, session);
  tell_end(view, stdout_use(*ending.delivery), session);
  const auto unfinished = view.pause == bw::Pause::disk ? bw::exit_for(view) : bw::Exit::unfinished;
  return stopped_by_user().value_or(unfinished);
}

constexpr auto help_footer = R"(
One JSON record an item, in input order:
  {"index":0,"custom_id":"...","status":"succeeded","output":"...","error":null,...}

Exit status:
  0    every item has an answer
  3    ended, and some items failed (more than --max-failed): each names its error
  5    not finished yet: nothing was written (with --partial, what is there)
  8    the cap is reached (--max-cost); as 5
  64   usage, or there is no such job
  65   the input is needed for this format, and has changed
  74   a file or the disk: a full one pauses the job until there is room

Examples:
  batchwright fetch reviews -o answers.jsonl
  batchwright fetch reviews --wait --format csv > answers.csv
  batchwright fetch reviews --fields id,output.label,error.code -o labels.tsv.gz
  batchwright fetch reviews --only failed --include input,response -o failed.jsonl
)";

} // namespace

void add_fetch(CLI::App& root, Session& session)
{
  auto options = std::make_shared<FetchOptions>();

  CLI::App* command = root.add_subcommand("fetch", "Collect finished outputs and merge them into input order");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command
      ->add_option("-o,--out", options->out,
                   "Where the merged result goes; - is stdout; packed where it ends in .gz or .zst")
      ->type_name("OUT")
      ->capture_default_str();
  command
      ->add_option("--format", options->format, "jsonl, csv, tsv, raw or npy (default: by the name of OUT, else jsonl)")
      ->check(CLI::IsMember({"jsonl", "csv", "tsv", "raw", "npy"}));
  command
      ->add_option("--fields", options->fields,
                   "What to write of each item: members of the record and columns of the input, as "
                   "id,output.label,error.code,usage.output_tokens")
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--only", options->only, "Write only items that succeeded, or that failed")
      ->check(CLI::IsMember({"succeeded", "failed"}));
  command
      ->add_option("--include", options->include,
                   "Write also the item's own record (input), what the server said (response)")
      ->type_name("input,response")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"input", "response"}));
  command
      ->add_option("--max-failed", options->max_failed,
                   "So many failed items, or such a share of them, are no failure: exit 0 in place of 3")
      ->type_name("N|P%");
  command->add_flag("--partial", options->partial, "Write what is there, without the pending items");
  command->add_flag("--wait", options->wait, "Stay until nothing more comes by itself");
  command->add_option("--every", options->every, "Time between polls with --wait")->type_name("DURATION");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_fetch(*options, session); });
}

} // namespace app
