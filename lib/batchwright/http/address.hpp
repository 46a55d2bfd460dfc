// A base URL taken apart and checked: where to connect, and what stands before every path.
#pragma once

#include <batchwright/http/transport.hpp>

#include <cstdint>
#include <string>

namespace batchwright::http {

struct Target {
  bool tls = true;
  std::string host = {}; ///< a name or an address, without brackets
  std::uint16_t port = 443;
  std::string path = {}; ///< "/v1", without a slash at the end

  /// The value of the Host header: "api.openai.com", "[::1]:8080".
  std::string authority() const;
};

/// Throws `Fault::config` for what is no http or https URL, carries credentials, a query or a fragment, or is plain
/// http to where it is not allowed. Its words show scheme and host at most: the rest may hold a key.
Target parse_base_url(const std::string& url, PlainHttp plain = PlainHttp::to_loopback);

/// Whether the host, a name or an address, is this machine: "localhost", 127.0.0.0/8, ::1.
bool is_loopback(const std::string& host);

} // namespace batchwright::http
