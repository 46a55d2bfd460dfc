// The network side of the server: accepts connections, makes calls of requests, sends replies, and does to connections
// what the faults ask for. In: a service and a socket. Never: knows what a call means.
#pragma once

#include <batchwright/emulator/service.hpp>
#include <batchwright/emulator/setting.hpp>
#include <batchwright/emulator/tls_certificate.hpp>

#include <cstdint>
#include <memory>
#include <optional>

namespace batchwright::emulator {

class Network {
public:
  virtual ~Network() = default;
  virtual std::uint16_t port() const = 0;
  /// Cuts all connections and joins their threads.
  virtual void stop() = 0;
};

/// Listens on 127.0.0.1 and serves when it returns. Raises the process's limit of open files where so many connections
/// need it; where it may not be raised so far, serves fewer at once. Throws `Error{Fault::network}` when the port is
/// taken.
std::unique_ptr<Network> listen(const Setting& setting, Service& service, std::uint16_t port,
                                const std::optional<TlsFiles>& tls, int connections);

} // namespace batchwright::emulator
