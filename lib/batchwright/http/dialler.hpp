// Makes connections: looks up the name, tries its addresses, shakes hands. All of it happens before the first byte of a
// request, so whatever goes wrong here was certainly not sent.
#pragma once

#include <batchwright/http/address.hpp>
#include <batchwright/http/connection.hpp>
#include <batchwright/http/watchdog.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace batchwright::http {

/// The rules of TLS for all connections of a transport: the certificate must be trusted and be for the host, TLS 1.2 or
/// newer, the system's authorities (`SSL_CERT_FILE` is honoured) and one more file.
class Tls {
public:
  /// `ca_file` may be empty. Throws `Fault::config` when it cannot be used.
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

class Dialler {
public:
  /// `tls` outlives the dialler; null for plain http.
  Dialler(Target target, const Tls* tls) : m_target(std::move(target)), m_tls(tls) {}

  /// The first of the addresses that answers. Each gets `connect`, and the handshake gets it once more; all ends at
  /// `deadline`. Throws Broken, naming each address that did not answer.
  std::unique_ptr<Connection> dial(const Addresses& addresses, Millis connect, Deadline deadline, Watchdog& dog) const;

private:
  std::unique_ptr<Connection> dial_one(const std::string& address, Millis connect, Deadline deadline,
                                       Watchdog& dog) const;
  std::unique_ptr<Connection> shake_hands(const Poco::Net::StreamSocket& raw, const std::string& place) const;

  Target m_target;
  const Tls* m_tls;
};

} // namespace batchwright::http
