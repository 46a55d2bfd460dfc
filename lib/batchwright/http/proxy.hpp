// Which proxy leads to a server, and how to ask it for the way. No I/O.
#pragma once

#include <batchwright/base/secret.hpp>
#include <batchwright/http/address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::http {

struct Proxy {
  std::string host = {}; ///< a name or an address, without brackets
  std::uint16_t port = 80;
  Secret authorization = {}; ///< value of Proxy-Authorization; empty: none

  /// "proxy.example:3128", for people: never with user and password.
  std::string shown() const;
};

/// The proxy on the way to the target; nothing where `url` is empty, the target is this machine, or `exceptions` name
/// it: a list, by commas or spaces, of `*` (all), names (that host and all below it, a dot or `*.` before it or not)
/// and addresses, each also with `:PORT`. `url` is "http://[USER:PASSWORD@]HOST[:PORT]", user and password
/// percent-encoded; the scheme may be left out. Throws `Fault::config`, without showing it, where the way leads through
/// a proxy that is none or is itself spoken to by TLS or SOCKS.
std::optional<Proxy> proxy_for(const Target& target, const Secret& url, std::string_view exceptions);

/// The head that asks the proxy for a way to the target (RFC 9110, 9.3.6).
std::string connect_head(const Proxy& proxy, const Target& target);

/// The header line for it with its line end; empty where the proxy asks for none.
std::string authorization_line(const Proxy& proxy);

} // namespace batchwright::http
