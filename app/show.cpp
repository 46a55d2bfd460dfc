// `batchwright show`: prompts and answers to read.

#include "app/command.hpp"
#include "app/numbers.hpp"
#include "app/session.hpp"

#include <batchwright/engine/show.hpp>
#include <batchwright/report/item.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>

namespace app {
namespace {

namespace bw = batchwright;

constexpr std::uint64_t items_on_terminal = 10;

struct ShowOptions {
  std::string job = {};
  bool failed = false;
  std::string item = {};
  std::optional<std::uint64_t> limit = {};
};

bw::Exit run_show(const ShowOptions& options, Session& session)
{
  auto& tools = session.tools_if_any();
  auto& console = session.console();
  const auto style = console.style(STDOUT_FILENO);
  const bool json = session.globals.json;
  const auto view = bw::engine::look(tools, options.job);
  if (options.failed && options.item.empty() && !json) {
    console.print(bw::report::failures(bw::engine::failures(tools, options.job)));
  }
  bw::engine::ShowAsk ask{.failed = options.failed, .item = options.item, .limit = options.limit};
  if (!ask.limit && ::isatty(STDOUT_FILENO)) ask.limit = items_on_terminal;
  std::uint64_t shown = 0;
  bw::engine::show(tools, options.job, ask, [&](const bw::engine::ItemShown& item) {
    ++shown;
    console.print(json ? bw::report::item_json(item.record, item.request)
                       : bw::report::item(item.record, item.request, style) + '\n');
  });
  const auto all = options.failed ? view.items.failed : view.items.items;
  if (options.item.empty() && shown < all) {
    console.say(
        fmt::format("{} of {} items shown; --limit N shows more", bw::report::count(shown), bw::report::count(all)));
  }
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
Texts are shown on their lines and without power over a terminal; --json gives them
exactly: the merged record with one more member, `input`.

Exit status:
  0    shown
  64   there is no such job, or item

Examples:
  batchwright show reviews --limit 3
  batchwright show reviews --failed
  batchwright show reviews --item bw-0000000042
)";

} // namespace

void add_show(CLI::App& root, Session& session)
{
  auto options = std::make_shared<ShowOptions>();

  CLI::App* command = root.add_subcommand("show", "Prompts and answers to read");
  command->add_option("job", options->job, "Name of the job")->type_name("JOB")->required();
  command->add_flag("--failed", options->failed, "Failed items only, with how many failed for which reason");
  command->add_option("--item", options->item, "One item, by its index from 0 or its custom_id")->type_name("N|ID");
  command->add_option("--limit", options->limit, "How many items at most (default: 10 on a terminal, else all)")
      ->type_name("N")
      ->check(whole_number("--limit"));
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_show(*options, session); });
}

} // namespace app
