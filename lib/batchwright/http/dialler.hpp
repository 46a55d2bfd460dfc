// Makes connections: looks up the name, tries its addresses, shakes hands. All of it happens before the first byte of a
// request, so whatever goes wrong here was certainly not sent.
#pragma once

#include <batchwright/http/address.hpp>
#include <batchwright/http/connection.hpp>
#include <batchwright/http/proxy.hpp>
#include <batchwright/http/watchdog.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace batchwright::http {

/// The rules of TLS for all connections of a transport: the certificate must be trusted and be for the host, TLS 1.2 or
/// newer, the authorities of a file, else the system's (`SSL_CERT_FILE` is honoured).
class Tls {
public:
  /// `ca_file` is empty for the system's. Throws `Fault::config` where it cannot be read or holds no certificate.
  explicit Tls(const std::string& ca_file);
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;
  ~Tls();

private:
  friend class Dialler;
  struct State;
  std::unique_ptr<State> m_state;
};

/// Addresses as text, "127.0.0.1" or "::1", in the order in which they are tried.
using Addresses = std::vector<std::string>;

/// All addresses of a name in the order of the system's resolver; those of `localhost` are known without one. Throws
/// Broken where there is none.
Addresses resolve(const std::string& host);

/// How long one of so many addresses is waited for: `connect` is shared, so that one that swallows everything does not
/// use up the time of those that would answer, but two seconds are left to each. 0 is no end.
Millis time_for_address(Millis connect, std::size_t addresses);

class Dialler {
public:
  /// `tls` outlives the dialler; null for plain http. With a proxy, the way to a TLS server is asked of it, and the
  /// connection to a plain one ends there: its requests then name the whole URL.
  Dialler(Target target, const Tls* tls, std::optional<Proxy> proxy = {})
      : m_target(std::move(target)), m_proxy(std::move(proxy)), m_tls(tls)
  {
  }

  /// Whose addresses are dialled: the proxy's, else the target's.
  const std::string& host() const { return m_proxy ? m_proxy->host : m_target.host; }

  /// The first of the addresses that answers. They share `connect`; the proxy's answer and the handshake each get it
  /// once more; all ends at `deadline`. Throws Broken, naming each address that did not answer.
  std::unique_ptr<Connection> dial(const Addresses& addresses, Millis connect, Deadline deadline, Watchdog& dog) const;

private:
  struct Times {
    Millis address{0};
    Millis step{0};
    Deadline deadline = {};
  };

  std::unique_ptr<Connection> dial_one(const std::string& address, const Times& times, Watchdog& dog) const;
  void ask_for_way(const Poco::Net::StreamSocket& raw, Millis idle) const;
  std::unique_ptr<Connection> shake_hands(const Poco::Net::StreamSocket& raw, const std::string& place) const;

  Target m_target;
  std::optional<Proxy> m_proxy;
  const Tls* m_tls;
};

} // namespace batchwright::http
