// `batchwright config`: what is in force, and where each value came from. It asks nobody and needs no key.

#include "app/command.hpp"
#include "app/defaults.hpp"
#include "app/job_options.hpp"
#include "app/session.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/workspace/endpoint.hpp>
#include <batchwright/workspace/own_prices.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace app {
namespace {

namespace bw = batchwright;

/// The settings as they are in force, with the defaults of the options that they stand for. Faults are told here as
/// they would be when a job is made.
std::vector<bw::config::Value> in_force(const bw::config::Settings& settings)
{
  (void)bw::endpoint_of(settings);
  CLI::App command;
  JobOptions options;
  add_job_options(command, options);
  take_defaults(command, settings);
  auto values = settings.values;
  for (auto& value : values) {
    auto name = "--" + value.name;
    std::replace(name.begin(), name.end(), '_', '-');
    const auto* option = command.get_option_no_throw(name);
    if (!value.is_set() && option) value.text = option->get_default_str();
    if (!value.is_set() && value.name == "prices") value.text = bw::own_prices(settings).native();
    if (!value.is_set() && bw::config::find_setting(value.name)->kind == bw::config::Kind::flag) value.text = "false";
  }
  return values;
}

std::string table(const bw::config::Settings& settings, const std::vector<bw::config::Value>& values,
                  bw::report::Style style)
{
  style.columns = std::numeric_limits<int>::max(); // a value that is cut is of no use
  using bw::report::Tone;
  bw::report::Grid grid{{{.title = "name"}, {.title = "value"}, {.title = "from"}}};
  for (const auto& value : values) {
    const auto shown = value.is_set() ? bw::report::harmless(value.text) : "-";
    grid.add({{value.name}, {shown, Tone::strong}, {bw::report::harmless(value.origin.words()), Tone::faint}});
  }
  std::error_code ignored;
  const bool is_there = std::filesystem::exists(settings.file, ignored);
  const auto file = settings.file.empty() ? "none" : bw::report::harmless(settings.file.native());
  return fmt::format("file  {}{}\n\n{}", file, is_there ? "" : " (not there)", grid.text(style));
}

void write_value(bw::json::Writer& w, const bw::config::Value& value)
{
  const auto kind = bw::config::find_setting(value.name)->kind;
  w.begin_object().member("name", value.name).key("value");
  if (!value.is_set()) {
    w.null();
  } else if (kind == bw::config::Kind::flag || kind == bw::config::Kind::number) {
    w.raw(value.text);
  } else {
    w.string(bw::report::legible(value.text));
  }
  w.member("origin", bw::report::legible(value.origin.words())).end_object();
}

std::string object(const bw::config::Settings& settings, const std::vector<bw::config::Value>& values)
{
  const auto none_if_empty = [](const std::string& text) {
    return text.empty() ? std::nullopt : std::optional{bw::report::legible(text)};
  };
  std::string out;
  bw::json::Writer w{out};
  w.begin_object().member("schema", 1);
  w.member("file", none_if_empty(settings.file.native()));
  w.member("profile", none_if_empty(settings["profile"].text));
  w.key("values").begin_array();
  for (const auto& value : values)
    write_value(w, value);
  w.end_array().end_object();
  return out;
}

bw::Exit run_config(Session& session)
{
  const auto& settings = session.settings();
  const auto values = in_force(settings);
  session.console().print(session.globals.json ? object(settings, values)
                                               : table(settings, values, session.console().style(STDOUT_FILENO)));
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
Options come before the environment, the environment before the chosen profile in
the file, that before the top of the file, that before what is built in. A key is
never shown.

The file is $XDG_CONFIG_HOME/batchwright/config.toml (~/.config):
  model = "gpt-5.4-mini"          # for all profiles
  [profiles.work]                 # chosen by --profile work
  api_key_file = "work.key"
  project = "proj_123"

Exit status:
  0    shown
  78   something in it cannot be used: a message says what, and where it was set

Examples:
  batchwright config
  batchwright config --profile work --json | jq .values
)";

} // namespace

void add_config(CLI::App& root, Session& session)
{
  CLI::App* command = root.add_subcommand("config", "Show every setting and where it came from");
  command->footer(help_footer);
  command->callback([&session] { session.exit = run_config(session); });
}

} // namespace app
