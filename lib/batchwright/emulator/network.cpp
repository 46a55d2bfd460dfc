#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/emulator/http_faults.hpp>
#include <batchwright/emulator/network.hpp>

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServerConnection.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerRequestImpl.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/TCPServer.h>
#include <Poco/Net/TCPServerConnectionFactory.h>
#include <Poco/ThreadPool.h>
#include <Poco/URI.h>
#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace batchwright::emulator {
namespace {

namespace net = Poco::Net;

constexpr std::uint64_t most_drained = 1ULL << 30;
constexpr int thread_stack = 512 * 1024;

std::string lower(std::string text)
{
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Call call_of(net::HTTPServerRequest& request)
{
  const Poco::URI uri{request.getURI()};
  Call call{.method = request.getMethod(), .path = uri.getPath(), .body = &request.stream()};
  for (const auto& [name, value] : uri.getQueryParameters())
    call.query[name] = value;
  for (const auto& [name, value] : request)
    call.headers[lower(name)] = value;
  if (request.hasContentLength()) call.content_length = static_cast<std::uint64_t>(request.getContentLength64());
  return call;
}

int descriptor_of(net::HTTPServerRequest& request)
{
  return dynamic_cast<net::HTTPServerRequestImpl&>(request).socket().impl()->sockfd();
}

/// Whether the client has closed its end, by which it says that it waits no longer. Looks below TLS, whose last words
/// may lie unread before the end.
bool has_left(int fd)
{
  pollfd look{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

/// Cuts a connection below TLS and below Poco: the peer sees it break off.
void cut(net::HTTPServerRequest& request, net::HTTPServerResponse& response)
{
  response.setKeepAlive(false);
  ::shutdown(descriptor_of(request), SHUT_RDWR);
}

class Handler final : public net::HTTPRequestHandler {
public:
  Handler(Service& service, HttpFaults& faults, Pause& pause) : m_service(service), m_faults(faults), m_pause(pause) {}

  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override
  {
    m_begun = std::chrono::steady_clock::now();
    auto call = call_of(request);
    const auto* fault = call.path.starts_with("/v1/") ? m_faults.strike(call.method, call.path) : nullptr;
    const auto effect = fault ? fault->effect : Effect::delay;
    const bool answered =
        effect != Effect::close_before && effect != Effect::close_after && effect != Effect::short_body;
    m_service.ledger().called(call.method, Service::route_of(call), answered);
    call.answered = answered;
    call.client_left = [fd = descriptor_of(request)] { return has_left(fd); };
    if (fault && !m_pause.wait(fault->delay_ms)) return cut(request, response);
    if (effect == Effect::close_before) return cut(request, response);
    const bool instead = effect == Effect::status || effect == Effect::html;
    const auto reply = instead ? m_faults.answer_of(*fault) : m_service.handle(call);
    drain(*call.body);
    if (effect == Effect::close_after) return cut(request, response);
    send(response, reply, effect == Effect::short_body);
    if (effect == Effect::short_body) cut(request, response);
  }

private:
  /// What a handler left unread would be taken for the next request of the connection.
  static void drain(std::istream& body)
  {
    std::string block(1 << 16, '\0');
    for (std::uint64_t n = 0; n < most_drained; n += block.size()) {
      body.read(block.data(), static_cast<std::streamsize>(block.size()));
      if (body.gcount() == 0) return;
    }
  }

  void send(net::HTTPServerResponse& response, const Reply& reply, bool half)
  {
    using std::chrono::milliseconds;
    const auto spent = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - m_begun);
    const auto status = static_cast<net::HTTPResponse::HTTPStatus>(reply.status);
    response.setStatusAndReason(status, net::HTTPResponse::getReasonForStatus(status));
    response.setContentType(reply.content_type);
    response.set("x-request-id", fresh_id("req_"));
    response.set("openai-processing-ms", std::to_string(spent.count()));
    response.set("openai-organization", std::string{organization});
    response.set("openai-version", "2020-10-01");
    for (const auto& [name, value] : reply.headers)
      response.set(name, value);
    const auto size = reply.file ? reply.file->length : reply.body.size();
    response.setContentLength64(static_cast<Poco::Int64>(size));
    auto file = reply.file ? std::optional<InputFile>{reply.file->path} : std::nullopt;
    if (reply.file && reply.file->afterwards == FilePiece::Afterwards::remove) discard_file(reply.file->path);
    auto& out = response.send();
    if (file)
      send_file(out, *reply.file, *file, half ? size / 2 : size);
    else
      out.write(reply.body.data(), static_cast<std::streamsize>(half ? size / 2 : size));
    out.flush();
  }

  void send_file(std::ostream& out, const FilePiece& piece, InputFile& file, std::uint64_t left)
  {
    std::optional<Ongoing> download;
    if (piece.afterwards == FilePiece::Afterwards::keep) download.emplace(m_service.ledger(), Activity::download);
    file.seek(piece.offset);
    std::string block(1 << 18, '\0');
    while (left > 0 && out) {
      const auto n = file.read(block.data(), static_cast<std::size_t>(std::min<std::uint64_t>(left, block.size())));
      if (n == 0) return;
      out.write(block.data(), static_cast<std::streamsize>(n));
      left -= n;
    }
  }

  Service& m_service;
  HttpFaults& m_faults;
  Pause& m_pause;
  std::chrono::steady_clock::time_point m_begun = {};
};

class Handlers final : public net::HTTPRequestHandlerFactory {
public:
  Handlers(Service& service, HttpFaults& faults, Pause& pause) : m_service(service), m_faults(faults), m_pause(pause) {}

  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override
  {
    return new Handler{m_service, m_faults, m_pause};
  }

private:
  Service& m_service;
  HttpFaults& m_faults;
  Pause& m_pause;
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
        m_faults(setting.faults),
        m_params(std::move(params)),
        m_handlers(new Handlers{service, m_faults, m_pause})
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
  socket.listen(512);
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
  PocoNetwork(const Setting& setting, Service& service, const net::ServerSocket& socket, int connections)
      : m_socket(socket), m_threads(2, connections, 60, thread_stack)
  {
    net::HTTPServerParams::Ptr params{new net::HTTPServerParams};
    params->setMaxThreads(connections);
    params->setMaxQueued(4096);
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
    return std::make_unique<PocoNetwork>(setting, service, server_socket(port, tls), connections);
  } catch (const Poco::Exception& e) {
    throw Error{Fault::network, fmt::format("listening on 127.0.0.1:{}: {}", port, e.displayText()),
                "choose another port with `--port`, or none to take a free one"};
  }
}

} // namespace batchwright::emulator
