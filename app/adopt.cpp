// `batchwright adopt`: batches that were made elsewhere, taken over as a job.

#include "app/command.hpp"
#include "app/delivery.hpp"
#include "app/session.hpp"

#include <batchwright/engine/adopt.hpp>
#include <batchwright/report/next_step.hpp>

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

struct AdoptOptions {
  std::string requests = {};
  std::vector<std::string> batches = {};
  std::string name = {};
};

bw::Exit run_adopt(const AdoptOptions& options, Session& session)
{
  bw::engine::AdoptAsk ask{.name = options.name, .requests = options.requests};
  for (const auto& id : options.batches)
    ask.batches.emplace_back(id);
  const auto view = bw::engine::adopt(session.tools(), session.server(), ask);
  try {
    if (!session.globals.json) session.console().print(view.job);
  } catch (const OutputClosed&) { // nobody reads the name; the job is there all the same
  }
  session.console().say(fmt::format("{}: took over {}: {}", view.job,
                                    ask.batches.size() == 1 ? "1 batch" : fmt::format("{} batches", ask.batches.size()),
                                    bw::report::held_of(view)));
  tell_end(view, Stdout::is_free, session);
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
FILE holds the requests that the batches were made of, a JSON object a line, plain
or packed; each batch may hold all of them or some. Nothing is sent: `fetch`
collects the answers, and `submit FILE --name NAME` sends, once you consent, what
the batches leave undone. The job's name is printed on stdout.

Exit status:
  0    the batches are a job now
  64   the server does not know a batch, or it belongs to a job already
  65   a batch holds what FILE does not
  75   the server could not be reached
  78   nobody can tell any more what a batch holds

Example:
  batchwright adopt --requests requests.jsonl batch_68a1 batch_68a2
)";

} // namespace

void add_adopt(CLI::App& root, Session& session)
{
  auto options = std::make_shared<AdoptOptions>();

  CLI::App* command = root.add_subcommand("adopt", "Take over batches that were made elsewhere");
  command->add_option("--requests", options->requests, "File of the requests that they were made of")
      ->type_name("FILE")
      ->required();
  command->add_option("batches", options->batches, "Ids of the batches")->type_name("BATCH_ID")->required();
  command->add_option("--name", options->name, "Name of the job (default: made from the file's name)")
      ->type_name("NAME");
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_adopt(*options, session); });
}

} // namespace app
