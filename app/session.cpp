#include "app/session.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/base/version.hpp>
#include <batchwright/config/account.hpp>
#include <batchwright/http/address.hpp>
#include <batchwright/http/dialler.hpp>
#include <batchwright/http/proxy.hpp>

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

namespace {

/// Takes a step that uses a value; what it throws says where the value was set.
template<class Step>
auto using_value(const bw::config::Value& value, Step step)
{
  try {
    return step();
  } catch (const bw::Error& error) {
    throw bw::config::blame(error, value);
  }
}

} // namespace

bw::http::Endpoint endpoint_of(const bw::config::Settings& settings)
{
  const auto account = bw::config::read_account(settings);
  bw::http::Endpoint endpoint{.base_url = account.base_url,
                              .organization = account.organization,
                              .project = account.project,
                              .user_agent = fmt::format("batchwright/{}", bw::version()),
                              .ca_file = settings["cacert"].text,
                              .proxy = settings["proxy"].secret,
                              .no_proxy = settings["no_proxy"].text};
  if (settings.is_on("allow_http")) endpoint.plain_http = bw::http::PlainHttp::anywhere;
  const auto target = using_value(settings["base_url"],
                                  [&] { return bw::http::parse_base_url(endpoint.base_url, endpoint.plain_http); });
  using_value(settings["proxy"], [&] { return bw::http::proxy_for(target, endpoint.proxy, endpoint.no_proxy); });
  if (target.tls && !endpoint.ca_file.empty()) {
    using_value(settings["cacert"], [&] { const bw::http::Tls tried{endpoint.ca_file}; });
  }
  return endpoint;
}

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
    m_settings = bw::config::load({{"home", globals.home}, {"profile", globals.profile}, {"cacert", globals.cacert}},
                                  bw::config::process_variables(), bw::wire::openai().default_base_url);
  }
  return *m_settings;
}

bw::engine::Tools& Session::tools()
{
  if (!m_state) m_state = std::make_unique<State>(bw::config::state_root(settings()), console());
  return m_state->tools;
}

bw::engine::Tools& Session::tools_if_any()
{
  const auto root = bw::config::state_root(settings());
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
  auto c = std::make_unique<Connection>();
  auto endpoint = endpoint_of(settings());
  c->account = bw::config::read_account(settings());
  endpoint.key = bw::config::read_key(settings());
  auto account = bw::config::account_name(c->account, endpoint.key);
  c->plain = bw::http::open(endpoint, bw::process_interrupt());
  c->retrying = bw::http::retrying(*c->plain, {}, bw::http::sleep_unless(bw::process_interrupt()));
  c->client = std::make_unique<bw::api::Client>(*c->retrying, *c->plain, bw::wire::openai());
  c->server =
      std::make_unique<bw::engine::Server>(bw::engine::Server{*c->client, std::move(account), c->account.base_url});
  m_connection = std::move(c);
  return *m_connection->server;
}

} // namespace app
