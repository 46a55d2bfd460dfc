#include <batchwright/base/files.hpp>
#include <batchwright/emulator/emulator.hpp>
#include <batchwright/emulator/network.hpp>
#include <batchwright/emulator/service.hpp>
#include <batchwright/emulator/setting.hpp>
#include <batchwright/emulator/tls_certificate.hpp>

#include <fmt/format.h>

#include <optional>

namespace batchwright::emulator {

// Members are destroyed from the last to the first: the network before what it calls, the directory at the end.
struct Server::State {
  std::optional<TemporaryDirectory> temporary = {};
  std::optional<Setting> setting = {};
  std::optional<TlsFiles> tls = {};
  std::optional<Service> service = {};
  std::unique_ptr<Network> network = {};
};

Server::Server(Options options) : m_state(std::make_unique<State>())
{
  auto& state = *m_state;
  if (options.directory.empty()) {
    state.temporary.emplace(std::filesystem::temp_directory_path(), "emulator");
    options.directory = state.temporary->path();
  }
  make_private_directory(options.directory);
  if (options.tls) state.tls = make_tls_files(options.directory);
  state.setting.emplace(options.directory, options.api_key, options.admin_key, std::move(options.faults), options.seed);
  state.service.emplace(*state.setting);
  state.network = listen(*state.setting, *state.service, options.port, state.tls, options.connections);
}

Server::~Server()
{
  stop();
}

std::uint16_t Server::port() const
{
  return m_state->network->port();
}

std::string Server::url() const
{
  return fmt::format("{}://127.0.0.1:{}/v1", m_state->tls ? "https" : "http", port());
}

std::filesystem::path Server::ca_file() const
{
  return m_state->tls ? m_state->tls->authority : std::filesystem::path{};
}

void Server::change(Faults faults)
{
  m_state->service->change(std::move(faults));
}

void Server::advance(std::chrono::milliseconds by)
{
  m_state->service->advance(by);
}

std::string Server::ledger() const
{
  return m_state->service->ledger_page();
}

void Server::stop()
{
  // First what waits inside calls, then the calls, then the batches that calls could still make.
  m_state->service->stop();
  m_state->network->stop();
}

} // namespace batchwright::emulator
