// What the commands share: global options, the state root, the server, the console. All of it is made when first
// needed, so that `--version` opens nothing and a dry run leaves nothing.
#pragma once

#include "app/console.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/config/settings.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/http/retry.hpp>
#include <batchwright/http/transport.hpp>

#include <memory>
#include <optional>
#include <string>

namespace app {

/// Where the settings lead. Throws `Fault::config` for what cannot be used, naming where it was set.
batchwright::http::Endpoint endpoint_of(const batchwright::config::Settings& settings);

class Session {
public:
  Session();
  ~Session();

  Globals globals = {};
  batchwright::Exit exit = batchwright::Exit::ok; ///< what the command ended with

  Console& console();
  /// What is in force, and where it came from. Throws `Fault::config` where the configuration file cannot be used.
  const batchwright::config::Settings& settings();
  /// The state root, made if missing.
  batchwright::engine::Tools& tools();
  /// The state root where there is one; else an empty one in a temporary directory that goes with the session.
  batchwright::engine::Tools& tools_if_any();
  /// The server with our key. Throws `Fault::auth` without one.
  batchwright::engine::Server& server();

private:
  struct State;
  struct Connection;

  std::unique_ptr<Console> m_console;
  std::optional<batchwright::config::Settings> m_settings;
  std::unique_ptr<State> m_state;
  std::unique_ptr<batchwright::TemporaryDirectory> m_rehearsal_directory; // before its state: removed after it
  std::unique_ptr<State> m_rehearsal;
  std::unique_ptr<Connection> m_connection;
};

} // namespace app
