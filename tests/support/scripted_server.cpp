#include "tests/support/scripted_server.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>
#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <thread>

namespace tests {
namespace {

std::size_t content_length(std::string head)
{
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto at = head.find("content-length:");
  return at == std::string::npos ? 0 : std::stoul(head.substr(at + 15));
}

} // namespace

struct Journal {
  std::mutex mutex;
  std::vector<std::string> requests;
};

struct Peer::State {
  Poco::Net::StreamSocket raw;
  Poco::Net::StreamSocket socket;
  Journal& journal;
  std::string buffer = {};
  bool open = true;

  bool fill()
  {
    if (!open) return false;
    std::array<char, 65536> block;
    int got = 0;
    try {
      got = socket.receiveBytes(block.data(), static_cast<int>(block.size()));
    } catch (const Poco::Exception&) {
      got = 0;
    }
    if (got > 0) {
      buffer.append(block.data(), static_cast<std::size_t>(got));
    } else {
      open = false;
    }
    return open;
  }

  void note(const std::string& request)
  {
    const std::lock_guard lock{journal.mutex};
    journal.requests.push_back(request);
  }
};

std::string Peer::read_request()
{
  auto end = std::string::npos;
  while ((end = m_state.buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!m_state.fill()) return {};
  }
  const auto size = end + 4 + content_length(m_state.buffer.substr(0, end));
  while (m_state.buffer.size() < size) {
    if (!m_state.fill()) return {};
  }
  auto request = m_state.buffer.substr(0, size);
  m_state.buffer.erase(0, size);
  m_state.note(request);
  return request;
}

std::string Peer::read_head()
{
  auto end = std::string::npos;
  while ((end = m_state.buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!m_state.fill()) return {};
  }
  auto head = m_state.buffer.substr(0, end + 4);
  m_state.buffer.clear();
  m_state.note(head);
  return head;
}

void Peer::swallow(std::size_t bytes)
{
  std::size_t seen = 0;
  while (seen < bytes && m_state.fill()) {
    seen += m_state.buffer.size();
    m_state.buffer.clear();
  }
}

void Peer::send(std::string_view bytes)
{
  try {
    if (m_state.open) m_state.socket.sendBytes(bytes.data(), static_cast<int>(bytes.size()));
  } catch (const Poco::Exception&) {
    m_state.open = false;
  }
}

void Peer::answer(int status, std::string_view body, std::string_view header_lines)
{
  send(fmt::format("HTTP/1.1 {} Whatever\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), header_lines, body));
}

void Peer::tunnel_to(std::uint16_t port)
{
  Poco::Net::StreamSocket upstream{Poco::Net::SocketAddress{"127.0.0.1", port}};
  const auto pass = [](Poco::Net::StreamSocket& from, Poco::Net::StreamSocket& to) {
    std::array<char, 65536> block;
    const int got = from.receiveBytes(block.data(), static_cast<int>(block.size()));
    if (got > 0) to.sendBytes(block.data(), got);
    return got > 0;
  };
  try {
    for (bool going = true; going;) {
      pollfd ends[2] = {{m_state.raw.impl()->sockfd(), POLLIN, 0}, {upstream.impl()->sockfd(), POLLIN, 0}};
      if (::poll(ends, 2, -1) < 0) continue;
      if (ends[0].revents != 0) going = pass(m_state.socket, upstream);
      if (going && ends[1].revents != 0) going = pass(upstream, m_state.socket);
    }
  } catch (const Poco::Exception&) {
    // One of the two was faster.
  }
}

void Peer::wait_for_close()
{
  while (m_state.fill())
    m_state.buffer.clear();
}

void Peer::wait_without_reading()
{
  pollfd end{m_state.raw.impl()->sockfd(), 0, 0};
  while (::poll(&end, 1, -1) < 0 && errno == EINTR) {
  }
}

bool Peer::is_gone_within(int milliseconds)
{
  return m_state.socket.poll(Poco::Timespan{milliseconds / 1000, milliseconds % 1000 * 1000},
                             Poco::Net::Socket::SELECT_READ) &&
         !m_state.fill();
}

void Peer::reset()
{
  m_state.raw.setLinger(true, 0);
  m_state.raw.close();
  m_state.open = false;
}

void Peer::hang_up()
{
  m_state.open = false;
  m_state.raw.shutdownSend();
  wait_without_reading();
}

void Peer::close()
{
  if (!m_state.open) return;
  m_state.open = false;
  try {
    m_state.socket.shutdown();
    m_state.socket.close();
  } catch (const Poco::Exception&) {
    // The client was faster.
  }
}

struct ScriptedServer::State {
  struct Session {
    Poco::Net::StreamSocket raw;
    int descriptor = -1;
    std::atomic<bool> done{false};
    std::thread thread = {};
  };

  std::vector<Script> scripts;
  Poco::Net::Context::Ptr context;
  Poco::Net::ServerSocket listener;
  Journal journal = {};
  std::mutex mutex = {};
  std::list<Session> sessions = {};
  std::atomic<std::size_t> accepted{0};
  std::atomic<bool> ending{false};
  std::thread acceptor = {};

  void accept()
  {
    while (!ending) {
      if (!listener.poll(Poco::Timespan{0, 20'000}, Poco::Net::Socket::SELECT_READ)) continue;
      auto raw = listener.acceptConnection();
      const auto number = accepted++;
      if (number >= scripts.size()) continue;
      const std::lock_guard lock{mutex};
      auto& session = sessions.emplace_back();
      session.raw = raw;
      session.descriptor = raw.impl()->sockfd();
      session.thread = std::thread{[this, &session, script = scripts[number]] { run(session, script); }};
    }
  }

  void run(Session& session, const Script& script)
  {
    try {
      Poco::Net::StreamSocket socket = session.raw;
      if (context) {
        auto secure = Poco::Net::SecureStreamSocket::attach(session.raw, context);
        secure.completeHandshake();
        socket = secure;
      }
      Peer::State state{session.raw, socket, journal};
      Peer peer{state};
      script(peer);
      peer.close();
    } catch (const Poco::Exception&) {
      // A client that refuses our certificate ends here.
    }
    const std::lock_guard lock{mutex};
    session.done = true;
    session.raw = Poco::Net::StreamSocket{};
  }
};

ScriptedServer::ScriptedServer(std::vector<Script> scripts, const ServerIdentity& identity)
    : m_state(new State{.scripts = std::move(scripts), .context = {}, .listener = {}})
{
  if (!identity.certificate.empty()) {
    Poco::Net::Context::Params rules;
    rules.certificateFile = identity.certificate;
    rules.privateKeyFile = identity.key;
    rules.verificationMode = Poco::Net::Context::VERIFY_NONE;
    m_state->context = new Poco::Net::Context{Poco::Net::Context::TLS_SERVER_USE, rules};
  }
  m_state->listener.bind(Poco::Net::SocketAddress{"127.0.0.1", 0}, true);
  m_state->listener.listen(64);
  m_state->acceptor = std::thread{[this] { m_state->accept(); }};
}

ScriptedServer::~ScriptedServer()
{
  m_state->ending = true;
  m_state->acceptor.join();
  {
    const std::lock_guard lock{m_state->mutex};
    for (auto& session : m_state->sessions) {
      if (!session.done) ::shutdown(session.descriptor, SHUT_RDWR);
    }
  }
  for (auto& session : m_state->sessions)
    session.thread.join();
}

std::uint16_t ScriptedServer::port() const
{
  return m_state->listener.address().port();
}

std::string ScriptedServer::url(std::string_view host) const
{
  return fmt::format("{}://{}:{}/v1", m_state->context ? "https" : "http", host, port());
}

std::vector<std::string> ScriptedServer::requests() const
{
  const std::lock_guard lock{m_state->journal.mutex};
  return m_state->journal.requests;
}

std::size_t ScriptedServer::connections() const
{
  return m_state->accepted;
}

} // namespace tests
