#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/base/version.hpp>
#include <batchwright/config/environment.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <utility>

namespace app {

namespace bw = batchwright;

struct Session::State {
  State(const std::filesystem::path& root, Console& console)
      : layout(root), store((layout.prepare(), layout.database())), tools{store,
                                                                          layout,
                                                                          bw::money::built_in_table(),
                                                                          bw::wire::openai(),
                                                                          bw::system_clock(),
                                                                          bw::process_interrupt(),
                                                                          console}
  {
  }

  bw::store::Layout layout;
  bw::store::Store store;
  bw::engine::Tools tools;
};

struct Session::Connection {
  bw::config::Account account = {};
  std::unique_ptr<bw::http::Transport> plain = {};
  std::unique_ptr<bw::http::Transport> retrying = {};
  std::unique_ptr<bw::api::Client> client = {};
  std::unique_ptr<bw::engine::Server> server = {};
};

Session::Session() = default;
Session::~Session() = default;

Console& Session::console()
{
  if (!m_console) m_console = std::make_unique<Console>(globals);
  return *m_console;
}

bw::engine::Tools& Session::tools()
{
  if (!m_state) {
    m_state = std::make_unique<State>(bw::config::state_root(globals.home, bw::config::process_variables()), console());
  }
  return m_state->tools;
}

bw::engine::Tools& Session::tools_if_any()
{
  const auto root = bw::config::state_root(globals.home, bw::config::process_variables());
  if (m_state || std::filesystem::exists(bw::store::Layout{root}.database())) return tools();
  if (!m_rehearsal) {
    m_rehearsal_directory =
        std::make_unique<bw::TemporaryDirectory>(std::filesystem::temp_directory_path(), "batchwright");
    m_rehearsal = std::make_unique<State>(m_rehearsal_directory->path(), console());
  }
  return m_rehearsal->tools;
}

bw::engine::Server& Session::server()
{
  if (m_connection) return *m_connection->server;
  const auto variables = bw::config::process_variables();
  auto c = std::make_unique<Connection>();
  c->account = bw::config::read_account(variables, bw::wire::openai().default_base_url);
  auto key = bw::config::read_key(variables);
  auto account = bw::config::account_name(c->account, key);
  c->plain = bw::http::open({.base_url = c->account.base_url,
                             .key = std::move(key),
                             .organization = c->account.organization,
                             .project = c->account.project,
                             .user_agent = fmt::format("batchwright/{}", bw::version())},
                            bw::process_interrupt());
  c->retrying = bw::http::retrying(*c->plain, {}, bw::http::sleep_unless(bw::process_interrupt()));
  c->client = std::make_unique<bw::api::Client>(*c->retrying, *c->plain, bw::wire::openai());
  c->server =
      std::make_unique<bw::engine::Server>(bw::engine::Server{*c->client, std::move(account), c->account.base_url});
  m_connection = std::move(c);
  return *m_connection->server;
}

} // namespace app
