// `batchwright emulator`: a local server to rehearse and test against.

#include "app/command.hpp"
#include "app/numbers.hpp"
#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/emulator/emulator.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>

namespace app {
namespace {

namespace bw = batchwright;

struct EmulatorOptions {
  std::string directory = {};
  std::uint16_t port = 0;
  std::string api_key = {};
  std::string admin_key = {};
  bool tls = false;
  std::string faults = {};
  std::uint64_t seed = 0;
};

std::string started(const bw::emulator::Server& server, bool json)
{
  if (!json) return fmt::format("listening on {}", server.url());
  std::string text;
  bw::json::Writer w{text};
  w.begin_object().member("url", server.url()).member("port", server.port()).member("pid", ::getpid());
  if (!server.ca_file().empty()) w.member("ca_file", server.ca_file().native());
  w.end_object();
  return text;
}

bw::Exit run_emulator(const EmulatorOptions& options, Session& session)
{
  constexpr std::chrono::milliseconds between_looks{50};
  bw::emulator::Options serve{.directory = options.directory,
                              .port = options.port,
                              .api_key = options.api_key,
                              .admin_key = options.admin_key,
                              .tls = options.tls,
                              .seed = options.seed};
  if (!options.faults.empty()) {
    serve.faults = bw::emulator::parse_faults(bw::read_file(options.faults), options.faults);
  }
  const bw::emulator::Server server{std::move(serve)};
  session.console().print(started(server, session.globals.json));
  if (!server.ca_file().empty())
    session.console().say(fmt::format("trust it with SSL_CERT_FILE={}", server.ca_file().native()));
  while (!bw::process_interrupt().asked())
    std::this_thread::sleep_for(between_looks);
  return bw::Exit::ok;
}

constexpr auto help_footer = R"(
Speaks the Files, Batches and models endpoints on 127.0.0.1, and all that batches know
(responses, chat completions, embeddings, completions, moderations, images, videos), and
the organisation's usage (/v1/organization/usage/completions, embeddings, moderations).
The first line on stdout is `listening on URL`. Ends with Ctrl-C.

  GET /emulator/ledger    what was uploaded, created, executed and billed
  PUT /emulator/faults    other faults from now on, as in the file
  POST /emulator/clock    {"advance_ms":N} moves its time forward: 24 hours pass at once

Faults that decide about double billing, as a file of --faults has them:
  {"http":[{"method":"POST","path":"/v1/batches","nth":1,
            "phase":"after-effect","action":"status","status":500}]}
  phase   before-effect, after-effect, mid-body (with "at_byte")
  action  delay, status, html, slow_down, close, reset, hang, drip, wrong_length, garbage, truncate
  picked  "nth", "every", "first", or "probability" by the seed
  time    "from_ms", "for_ms" after the faults took force

Limits of real-time calls, of which other traffic on the key takes a part, and how long calls take:
  {"rate":{"rpm":600,"tpm":200000,"foreign_rpm":400,"window_ms":1000},
   "chat_latency_ms":200,"chat_latency_spread_ms":5000}

Example:
  batchwright emulator &
  export OPENAI_BASE_URL=http://127.0.0.1:PORT/v1 OPENAI_API_KEY=rehearsal
)";

} // namespace

void add_emulator(CLI::App& root, Session& session)
{
  auto options = std::make_shared<EmulatorOptions>();

  CLI::App* command = root.add_subcommand("emulator", "A local server that speaks the API, to rehearse and test");
  command->add_option("--dir", options->directory, "Where files are kept (default: a temporary directory)")
      ->type_name("D");
  command->add_option("--port", options->port, "Port (default: the system chooses)")
      ->type_name("N")
      ->check(whole_number("--port", {.least = 0, .most = 65'535}));
  command->add_option("--api-key", options->api_key, "The key to ask for (default: any)")->type_name("K");
  command->add_option("--admin-key", options->admin_key, "The key to ask for in /v1/organization, and nowhere else")
      ->type_name("K");
  command->add_flag("--tls", options->tls, "HTTPS, with a certificate made at start");
  command->add_option("--faults", options->faults, "What goes wrong on purpose, and speeds: a JSON file")
      ->type_name("FILE");
  command->add_option("--seed", options->seed, "Chooses which items fail and how outputs are shuffled")
      ->type_name("N")
      ->check(whole_number("--seed", {.least = 0}));
  command->footer(help_footer);
  command->callback([options, &session] { session.exit = run_emulator(*options, session); });
}

} // namespace app
