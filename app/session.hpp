// What the commands share: global options, the workspace, the console. All of it is made when first needed, so that
// `--version` opens nothing and a dry run leaves nothing.
#pragma once

#include "app/console.hpp"

#include <batchwright/config/settings.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/workspace/workspace.hpp>

#include <memory>
#include <optional>

namespace app {

class Session {
public:
  Session();
  ~Session();

  Globals globals = {};
  batchwright::Exit exit = batchwright::Exit::ok; ///< what the command ended with

  Console& console();
  /// What is in force, and where it came from. Throws `Fault::config` where the configuration file cannot be used.
  const batchwright::config::Settings& settings();
  /// The user's own; its state root is made when something of it is used.
  batchwright::Workspace& workspace();
  /// The user's own where it has a state root; else one without a job, of which nothing is left.
  batchwright::Workspace& workspace_if_any();

  batchwright::engine::Tools& tools() { return workspace().tools(); }
  batchwright::engine::Tools& tools_if_any() { return workspace_if_any().tools(); }
  /// The server with our key. Throws `Fault::auth` without one.
  batchwright::engine::Server& server() { return workspace().server(); }

private:
  std::unique_ptr<Console> m_console;
  std::optional<batchwright::config::Settings> m_settings;
  std::unique_ptr<batchwright::Workspace> m_workspace;
  std::unique_ptr<batchwright::Workspace> m_rehearsal;
};

} // namespace app
