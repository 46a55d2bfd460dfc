// A TCP server that does what a script says, byte by byte: the way to see a client meet short bodies, resets and
// silence. Each accepted connection runs the next script on a thread of its own; connections beyond the scripts are
// closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tests {

/// The server's end of one connection. Calls after the client left do nothing.
class Peer {
public:
  struct State;
  explicit Peer(State& state) : m_state(state) {}

  /// Reads a whole request, the body by its Content-Length, and returns its text; empty when the client left.
  std::string read_request();
  /// Reads up to the end of the head only; what came along of the body is thrown away.
  std::string read_head();
  /// Reads and throws away so many more bytes.
  void swallow(std::size_t bytes);
  void send(std::string_view bytes);
  /// Sends one answer with this body, its length, and more header lines ("Name: value\r\n").
  void answer(int status, std::string_view body, std::string_view header_lines = {});
  /// Carries bytes between the client and a port of this machine until one of them ends, as a proxy does.
  void tunnel_to(std::uint16_t port);
  /// Waits until the client has closed its end, or the server ends; what comes meanwhile is thrown away.
  void wait_for_close();
  /// Waits until the server ends and reads nothing.
  void wait_without_reading();
  /// Whether the client closes its end within so many milliseconds.
  bool is_gone_within(int milliseconds);
  /// Ends with a reset instead of an orderly close.
  void reset();
  /// Closes the connection without TLS's own farewell, as a cut or an attacker would.
  void hang_up();
  /// Ends in good order; after it the script may go on with something else.
  void close();

private:
  State& m_state;
};

using Script = std::function<void(Peer&)>;

/// Certificate and key of the server, PEM files; both empty for plain TCP.
struct ServerIdentity {
  std::string certificate = {};
  std::string key = {};
};

class ScriptedServer {
public:
  explicit ScriptedServer(std::vector<Script> scripts, const ServerIdentity& identity = {});
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  /// Ends all scripts and waits for them.
  ~ScriptedServer();

  std::uint16_t port() const;
  /// "http://127.0.0.1:PORT/v1", or with https.
  std::string url(std::string_view host = "127.0.0.1") const;
  /// The requests read so far, in the order in which they were read.
  std::vector<std::string> requests() const;
  /// Connections accepted so far.
  std::size_t connections() const;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace tests
