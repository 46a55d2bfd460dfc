// One connection to the server, plain or TLS, over Poco's sockets: bytes out, bytes in, and why it ended, in words for
// people. It knows nothing of HTTP. No Poco exception gets out.
#pragma once

#include <batchwright/base/clock.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace Poco {
class Exception;
class Timespan;
namespace Net {
class StreamSocket;
}
} // namespace Poco

namespace batchwright::http {

/// The connection cannot be used any more; what() says why. Never leaves the room.
class Broken : public std::runtime_error {
public:
  enum class How : std::uint8_t {
    closed,    ///< the other side ended or reset it
    timed_out, ///< silence, for longer than allowed
    failed     ///< anything else: TLS trouble, an answer that is not HTTP
  };
  Broken(How how, const std::string& why) : std::runtime_error(why), m_how(how) {}
  How how() const noexcept { return m_how; }

private:
  How m_how;
};

/// A timeout for Poco; 0, our word for no end, becomes a month.
Poco::Timespan timespan(Millis time);

/// What a Poco exception of a socket means.
Broken broken(const Poco::Exception& trouble);

class Connection {
public:
  /// `socket` is `raw` itself, or TLS over it.
  Connection(const Poco::Net::StreamSocket& raw, const Poco::Net::StreamSocket& socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// The descriptor, for a watchdog.
  int descriptor() const;
  /// The longest silence from now on; 0 is no end.
  void set_idle_timeout(Millis idle) noexcept;

  /// Sends all of it. Throws Broken.
  void send(std::string_view bytes);
  /// Sends the beginning of it, as much as goes without waiting, and takes what has arrived meanwhile: for long bodies,
  /// since a server may answer before it saw all. Waits until one of the two is possible. The number of bytes sent, 0
  /// where only something arrived. Throws Broken. REQUIRED: called again with the same bytes less what was sent.
  std::size_t send_or_receive(std::string_view bytes);

  /// What was received and not yet consumed.
  std::string_view buffered() const;
  void consume(std::size_t bytes);
  /// Waits for more; false when the other side ended in good order. Throws Broken. REQUIRED: the buffer is not full.
  bool fill();
  /// Whether something arrived that nobody asked for, be it the end: an idle connection of which this is true is dead.
  bool has_news() const noexcept;

  static constexpr std::size_t buffer_size = std::size_t{64} * 1024;

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::http
