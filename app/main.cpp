// `batchwright`: the program. Everything ends here: a result, or one error in one place.

#include "app/command.hpp"
#include "app/session.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/base/version.hpp>
#include <batchwright/report/report.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <string_view>

namespace {

using batchwright::Error;
using batchwright::Exit;
using batchwright::Fault;

constexpr auto about = R"(Runs large sets of prompts through the OpenAI Batch API, at half price.
Nothing is lost, nothing is paid twice, and the answers come back in input order.)";

constexpr auto footer = R"(
First steps:
  export OPENAI_API_KEY=sk-...
  batchwright run reviews.csv --model gpt-5.4-mini \
      --prompt 'Is this review positive or negative? {{text}}' -o answers.jsonl

  Without a key: start `batchwright emulator`, set OPENAI_BASE_URL to the address
  it prints and OPENAI_API_KEY to any word.

Environment:
  OPENAI_API_KEY, OPENAI_API_KEY_FILE, OPENAI_BASE_URL, OPENAI_ORG_ID,
  OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY, BATCHWRIGHT_HOME, BATCHWRIGHT_PROFILE,
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, NO_COLOR

`batchwright config` shows what is in force and where it was set.
)";

void add_global_options(CLI::App& root, app::Globals& globals)
{
  root.add_option("--home", globals.home, "Where jobs are kept (default: ~/.local/state/batchwright)")
      ->type_name("DIR");
  root.add_option("--profile", globals.profile, "Profile of config.toml to use")->type_name("NAME");
  root.add_option("--cacert", globals.cacert, "Trust the authorities in this PEM file instead of the system's")
      ->type_name("FILE");
  root.add_flag("--json", globals.json, "One JSON object a line instead of text; errors too");
  root.add_flag("-q,--quiet", globals.quiet, "Say nothing but results, warnings and errors");
  root.add_flag("-v,--verbose", globals.verbose, "Tell every step");
  root.add_option("--color", globals.color, "When to use colour")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
}

Exit run(int argc, char** argv, app::Session& session)
{
  CLI::App root{about, "batchwright"};
  root.set_version_flag("--version", fmt::format("batchwright {}", batchwright::version()));
  root.footer(footer);
  root.fallthrough(); // global options may stand after the command, too
  root.require_subcommand(0, 1);
  add_global_options(root, session.globals);
  app::add_submit(root, session);
  app::add_run(root, session);
  app::add_status(root, session);
  app::add_fetch(root, session);
  app::add_poll(root, session);
  app::add_validate(root, session);
  app::add_config(root, session);
  app::add_cancel(root, session);
  app::add_finish(root, session);
  app::add_retry(root, session);
  app::add_recover(root, session);
  app::add_adopt(root, session);
  app::add_clean(root, session);
  app::add_cost(root, session);
  app::add_show(root, session);
  app::add_emulator(root, session);

  try {
    root.parse(argc, argv); // runs the command
  } catch (const CLI::Success& asked) {
    root.exit(asked); // --help, --version
    return Exit::ok;
  } catch (const CLI::ParseError& error) {
    const auto command = root.get_subcommands();
    return session.console().fail(Error{Fault::usage, error.what(),
                                        fmt::format("see `batchwright{}{} --help`", command.empty() ? "" : " ",
                                                    command.empty() ? "" : command.front()->get_name())});
  }
  if (root.get_subcommands().empty()) {
    if (session.globals.json || session.globals.quiet)
      return session.console().fail(Error{Fault::usage, "no command was given", "see `batchwright --help`"});
    session.console().say(root.help());
    return Exit::usage;
  }
  return session.exit;
}

} // namespace

int main(int argc, char** argv)
{
  batchwright::catch_signals();
  app::Session session;
  // A command line that cannot be parsed is answered in the form it asks for.
  session.globals.json = std::find(argv, argv + argc, std::string_view{"--json"}) != argv + argc;
  Exit exit = Exit::error;
  try {
    exit = run(argc, argv, session);
  } catch (const app::OutputClosed&) {
    exit = Exit::ok; // the reader of our output has seen enough, as `head` does
  } catch (...) {
    exit = session.console().fail(batchwright::as_error(std::current_exception()));
  }
  return static_cast<int>(exit);
}
