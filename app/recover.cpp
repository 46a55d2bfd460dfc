// `batchwright recover`: a job whose state is lost, rebuilt from its batches at the server.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <batchwright/engine/recover.hpp>
#include <batchwright/report/next_step.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;
using bw::engine::Remains;

struct RecoverOptions {
  std::string name = {};
  std::string uuid = {};
  std::string adopt_grace = {};
};

std::string described(const Remains& remains)
{
  const auto made = remains.first_made ? bw::rfc3339(*remains.first_made) : std::string{"at an unknown time"};
  return fmt::format("{} (made {}, {} items)", remains.uuid, made, bw::report::count(remains.items));
}

/// Of several jobs of a name the one that is meant.
const Remains& chosen(const std::vector<Remains>& jobs, const RecoverOptions& options)
{
  if (jobs.empty()) {
    throw Error{Fault::usage, fmt::format("the server has no batch of a job {}", options.name),
                "`batchwright adopt --requests FILE BATCH_ID...` takes over batches that were made elsewhere"};
  }
  if (options.uuid.empty() && jobs.size() == 1) return jobs.front();
  const auto found =
      std::find_if(jobs.begin(), jobs.end(), [&](const Remains& job) { return job.uuid == options.uuid; });
  if (found != jobs.end()) return *found;
  std::string list;
  for (const auto& job : jobs)
    list += (list.empty() ? "" : ", ") + described(job);
  const auto* why = options.uuid.empty() ? "several jobs of this name are at the server" : "no job has this uuid";
  throw Error{Fault::usage, fmt::format("{}: {}: {}", options.name, why, list),
              fmt::format("say which: `batchwright recover {} --uuid UUID`", options.name)};
}

bw::Exit run_recover(const RecoverOptions& options, Session& session)
{
  if (!bw::is_job_name(options.name))
    throw Error{Fault::usage, fmt::format("{}: not a job name", options.name),
                "up to 40 of a-z, 0-9, _ and -, the first a letter or digit"};
  const auto grace = duration_of(options.adopt_grace, "--adopt-grace").value_or(bw::Policy{}.adopt_grace);
  auto& server = session.server();
  const auto jobs = bw::engine::find_remains(session.tools(), server, options.name, grace);
  const auto view = bw::engine::recover(session.tools(), server, chosen(jobs, options), grace);
  const auto batches =
      std::count_if(view.parts.begin(), view.parts.end(), [](const bw::Part& part) { return !part.batch.empty(); });
  session.console().say(fmt::format("{}: rebuilt from {} at the server: {}", view.job,
                                    batches == 1 ? "1 batch" : fmt::format("{} batches", batches),
                                    bw::report::held_of(view)));
  tell_end(view, Stdout::is_free, session);
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
For when the directory of jobs is lost. Nothing is sent, and nothing is bought:
`fetch` collects what is at the server, and the same `submit` as before, with
--name NAME, sends what no batch holds, once you consent again.

Exit status:
  0    the job is there again
  64   the server has no such job, or several (--uuid), or it is here already
  75   the server could not be reached
  78   what a batch holds cannot be told without its input: see `adopt`

Example:
  batchwright recover reviews
  batchwright fetch reviews --partial -o so-far.jsonl
)";

} // namespace

void add_recover(CLI::App& root, Session& session)
{
  auto options = std::make_shared<RecoverOptions>();

  CLI::App* command = root.add_subcommand("recover", "Rebuild a job from the server when its state is lost");
  command->add_option("name", options->name, "Name of the job")->type_name("NAME")->required();
  command->add_option("--uuid", options->uuid, "Which job, where the server has several of the name")
      ->type_name("UUID");
  command
      ->add_option("--adopt-grace", options->adopt_grace,
                   "How long the server's listing may lag behind a batch that was just being made")
      ->type_name("DURATION")
      ->default_str("60s");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_recover(*options, session); });
}

} // namespace app
