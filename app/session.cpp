#include "app/session.hpp"

namespace app {

namespace bw = batchwright;

Session::Session() = default;
Session::~Session() = default;

Console& Session::console()
{
  if (!m_console) m_console = std::make_unique<Console>(globals);
  return *m_console;
}

const bw::config::Settings& Session::settings()
{
  if (!m_settings) {
    m_settings =
        bw::process_settings({{"home", globals.home}, {"profile", globals.profile}, {"cacert", globals.cacert}});
  }
  return *m_settings;
}

bw::Workspace& Session::workspace()
{
  if (!m_workspace) m_workspace = std::make_unique<bw::Workspace>(settings(), console());
  return *m_workspace;
}

bw::Workspace& Session::workspace_if_any()
{
  if (workspace().exists()) return workspace();
  if (!m_rehearsal) m_rehearsal = std::make_unique<bw::Workspace>(settings(), bw::Workspace::Without::root, console());
  return *m_rehearsal;
}

} // namespace app
