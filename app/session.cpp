#include "app/session.hpp"

#include <filesystem>

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
  if (!m_rehearsal) {
    m_rehearsal_directory =
        std::make_unique<bw::TemporaryDirectory>(std::filesystem::temp_directory_path(), "batchwright");
    m_rehearsal = std::make_unique<bw::Workspace>(settings(), m_rehearsal_directory->path(), console());
  }
  return *m_rehearsal;
}

} // namespace app
