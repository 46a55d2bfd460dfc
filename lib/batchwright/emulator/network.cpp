#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/emulator/handler.hpp>
#include <batchwright/emulator/http_faults.hpp>
#include <batchwright/emulator/network.hpp>

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerConnection.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/ThreadPool.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <set>

namespace batchwright::emulator {
namespace {

namespace net = Poco::Net;

constexpr int thread_stack = 512 * 1024;
constexpr rlim_t descriptors_each = 2;
constexpr rlim_t most_waiting = 1024;
constexpr rlim_t other_descriptors = 512; // files, pipes, and what the rest of the process has open

/// How many connections are served at once, and how many may wait for one of those to end; more are closed.
struct Room {
  int served = 0;
  int waiting = 0;
};

/// Raises the limit of open files as far as so many connections need it and the system lets it.
Room room_for(int connections)
{
  const auto wanted = static_cast<rlim_t>(connections);
  const auto needed = descriptors_each * wanted + most_waiting + other_descriptors;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  const auto quarter = limit.rlim_cur / 4;
  const auto waiting = std::min(most_waiting, quarter);
  const auto left = limit.rlim_cur - waiting - std::min(other_descriptors, quarter);
  return {.served = static_cast<int>(std::min(wanted, left / descriptors_each)), .waiting = static_cast<int>(waiting)};
}

class Handlers final : public net::HTTPRequestHandlerFactory {
public:
  explicit Handlers(const Serving& serving) : m_serving(serving) {}

  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override
  {
    return new Handler{m_serving};
  }

private:
  Serving m_serving;
};

/// The sockets of open connections, so that stopping can cut them from outside. Poco's own way of stopping speaks TLS
/// on a socket that another thread uses; a shutdown of the descriptor is safe at any time, as long as the descriptor is
/// still that connection's: a number is taken out before it is closed.
class OpenSockets {
public:
  void add(int fd)
  {
    const std::lock_guard lock{m_mutex};
    m_open.insert(fd);
    if (m_stopped) ::shutdown(fd, SHUT_RDWR);
  }
  void remove(int fd)
  {
    const std::lock_guard lock{m_mutex};
    m_open.erase(fd);
  }
  void cut_all()
  {
    const std::lock_guard lock{m_mutex};
    m_stopped = true;
    for (const int fd : m_open)
      ::shutdown(fd, SHUT_RDWR);
  }

private:
  std::mutex m_mutex;
  std::set<int> m_open = {};
  bool m_stopped = false;
};

class Connection final : public net::HTTPServerConnection {
public:
  Connection(const net::StreamSocket& socket, net::HTTPServerParams::Ptr params,
             net::HTTPRequestHandlerFactory::Ptr handlers, OpenSockets& open, Ledger& ledger)
      : net::HTTPServerConnection(socket, std::move(params), std::move(handlers)),
        m_open(open),
        m_handle(::fcntl(socket.impl()->sockfd(), F_DUPFD_CLOEXEC, 0)),
        m_ongoing(ledger, Activity::connection)
  {
    m_open.add(m_handle.get());
  }
  ~Connection() override { m_open.remove(m_handle.get()); }

private:
  OpenSockets& m_open;
  // A descriptor of our own on the same socket: Poco closes its own before the connection goes, and the next connection
  // may by then have the number.
  Descriptor m_handle;
  Ongoing m_ongoing;
};

class Connections final : public net::TCPServerConnectionFactory {
public:
  Connections(Service& service, const Setting& setting, net::HTTPServerParams::Ptr params)
      : m_service(service),
        m_faults(setting),
        m_params(std::move(params)),
        m_handlers(new Handlers{{.service = service, .faults = m_faults, .pause = m_pause, .clock = setting.clock}})
  {
  }

  net::TCPServerConnection* createConnection(const net::StreamSocket& socket) override
  {
    return new Connection{socket, m_params, m_handlers, m_open, m_service.ledger()};
  }
  void cut_all()
  {
    m_pause.stop();
    m_open.cut_all();
  }

private:
  Service& m_service;
  HttpFaults m_faults;
  Pause m_pause;
  OpenSockets m_open;
  net::HTTPServerParams::Ptr m_params;
  net::HTTPRequestHandlerFactory::Ptr m_handlers;
};

/// Poco's shorter constructors share the port with whoever else listens on it; a second server must be told instead.
template<class Socket>
net::ServerSocket listening(Socket socket, std::uint16_t port)
{
  socket.bind(net::SocketAddress{"127.0.0.1", port}, /*reuseAddress=*/true, /*reusePort=*/false);
  socket.listen(4096); // as many as may connect at the same moment, as far as the system lets them
  // Sockets are handles to what does the work: a secure one accepts TLS whatever its static type.
  return net::ServerSocket{static_cast<const net::Socket&>(socket)};
}

net::ServerSocket server_socket(std::uint16_t port, const std::optional<TlsFiles>& tls)
{
  if (!tls) return listening(net::ServerSocket{}, port);
  net::Context::Ptr context{new net::Context{net::Context::TLS_SERVER_USE, tls->key.native(), tls->certificate.native(),
                                             "", net::Context::VERIFY_NONE}};
  context->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
  return listening(net::SecureServerSocket{context}, port);
}

class PocoNetwork final : public Network {
public:
  PocoNetwork(const Setting& setting, Service& service, const net::ServerSocket& socket, const Room& room)
      : m_socket(socket), m_threads(2, room.served, 60, thread_stack)
  {
    net::HTTPServerParams::Ptr params{new net::HTTPServerParams};
    params->setMaxThreads(room.served);
    params->setMaxQueued(room.waiting);
    params->setKeepAlive(true);
    params->setMaxKeepAliveRequests(0);
    params->setKeepAliveTimeout(Poco::Timespan{600, 0});
    m_connections = new Connections{service, setting, params};
    m_server = std::make_unique<net::TCPServer>(m_connections, m_threads, m_socket, params);
    m_server->start();
  }
  PocoNetwork(const PocoNetwork&) = delete;
  PocoNetwork& operator=(const PocoNetwork&) = delete;
  ~PocoNetwork() override { stop(); }

  std::uint16_t port() const override { return m_socket.address().port(); }

  void stop() override
  {
    if (!m_server) return;
    // Wakes the thread that accepts, which else looks up four times a second.
    ::shutdown(m_socket.impl()->sockfd(), SHUT_RDWR);
    m_server->stop();
    m_connections.cast<Connections>()->cut_all();
    m_threads.joinAll();
    m_server.reset();
  }

private:
  net::ServerSocket m_socket;
  Poco::ThreadPool m_threads;
  net::TCPServerConnectionFactory::Ptr m_connections;
  std::unique_ptr<net::TCPServer> m_server;
};

} // namespace

std::unique_ptr<Network> listen(const Setting& setting, Service& service, std::uint16_t port,
                                const std::optional<TlsFiles>& tls, int connections)
{
  try {
    return std::make_unique<PocoNetwork>(setting, service, server_socket(port, tls), room_for(connections));
  } catch (const Poco::Exception& e) {
    throw Error{Fault::network, fmt::format("listening on 127.0.0.1:{}: {}", port, e.displayText()),
                "choose another port with `--port`, or none to take a free one"};
  }
}

} // namespace batchwright::emulator
