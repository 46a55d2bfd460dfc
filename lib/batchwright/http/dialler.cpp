#include <batchwright/base/error.hpp>
#include <batchwright/http/dialler.hpp>
#include <batchwright/http/exchange.hpp>

#include <Poco/Delegate.h>
#include <Poco/Net/Context.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/NetSSL.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/Net/SecureStreamSocket.h>
#include <Poco/Net/SocketAddress.h>
#include <fmt/format.h>
#include <openssl/ssl.h>

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <system_error>

namespace batchwright::http {
namespace {

using Poco::Net::StreamSocket;

// OpenSSL knows why it does not trust a certificate, but Poco's exception does not say; its event does, on the thread
// that shakes hands.
thread_local std::string t_distrust;

void note_distrust(const void*, Poco::Net::VerificationErrorArgs& args)
{
  t_distrust = args.errorMessage();
}

void start_tls_once()
{
  static std::once_flag once;
  std::call_once(once, [] {
    Poco::Net::initializeSSL();
    Poco::Net::SSLManager::instance().ClientVerificationError += Poco::delegate(&note_distrust);
  });
}

Deadline earlier(Deadline deadline, Millis from_now)
{
  return from_now > Millis{0} ? std::min(deadline, std::chrono::steady_clock::now() + from_now) : deadline;
}

std::string numeric(const sockaddr* address, socklen_t length)
{
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(address, length, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) return {};
  return text.data();
}

/// Takes a step on the way to a connection; what Poco throws leaves as Broken, with the place.
template<class Step>
auto connecting(const std::string& place, Step step)
{
  try {
    return step();
  } catch (const Poco::Net::ConnectionRefusedException&) {
    throw Broken{Broken::How::failed, fmt::format("connection refused by {}", place)};
  } catch (const Poco::Exception& e) {
    const auto trouble = broken(e);
    throw Broken{trouble.how(), fmt::format("connecting to {}: {}", place, trouble.what())};
  }
}

/// Takes a step on a watched socket; where the watchdog ended it, says so.
template<class Step>
void watched(const Watchdog::Watch& watch, const std::string& place, Step step)
{
  const Broken late{Broken::How::timed_out, fmt::format("no answer from {} in time", place)};
  try {
    step();
  } catch (const Broken& trouble) {
    if (watch.reason() == Watchdog::Reason::none) throw trouble.how() == Broken::How::timed_out ? late : trouble;
  }
  if (watch.reason() == Watchdog::Reason::interrupted) throw Broken{Broken::How::failed, "interrupted"};
  if (watch.reason() == Watchdog::Reason::deadline) throw late;
}

void refuse_directory(const std::string& ca_file)
{
  std::error_code ignored;
  if (!std::filesystem::is_directory(ca_file, ignored)) return;
  throw Error{Fault::config, fmt::format("reading certificate authorities from {}: it is a directory", ca_file),
              "name a file of certificates in PEM form"};
}

/// Why a proxy would not lead on.
std::string refusal(int status)
{
  constexpr int wants_authorization = 407;
  if (status != wants_authorization) return fmt::format("it refused the way (HTTP {})", status);
  return "it wants a user and a password (HTTP 407): http://USER:PASSWORD@HOST:PORT";
}

} // namespace

struct Tls::State {
  Poco::Net::Context::Ptr context;
};

Tls::Tls(const std::string& ca_file) : m_state(std::make_unique<State>())
{
  start_tls_once();
  refuse_directory(ca_file); // OpenSSL would take it, and find nothing in most
  try {
    Poco::Net::Context::Params rules;
    rules.verificationMode = Poco::Net::Context::VERIFY_STRICT;
    rules.loadDefaultCAs = ca_file.empty();
    rules.caLocation = ca_file;
    m_state->context = new Poco::Net::Context{Poco::Net::Context::TLS_CLIENT_USE, rules};
    m_state->context->requireMinimumProtocol(Poco::Net::Context::PROTO_TLSV1_2);
    // Most connections wait, for an answer or for their next use: 16 KiB each for what they do not send meanwhile.
    ::SSL_CTX_set_mode(m_state->context->sslContext(), SSL_MODE_RELEASE_BUFFERS);
  } catch (const Poco::Exception& e) {
    throw Error{Fault::config,
                fmt::format("reading certificate authorities from {}: {}", ca_file.empty() ? "the system" : ca_file,
                            broken(e).what()),
                "the file must hold certificates in PEM form"};
  }
}

Tls::~Tls() = default;

Addresses resolve(const std::string& host)
{
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_family = AF_UNSPEC;
  addrinfo* found = nullptr;
  const int fault = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  // The name means this machine whatever a resolver knows (RFC 6761, 6.3): bare systems have no /etc/hosts.
  if (fault != 0 && host == "localhost") return {"127.0.0.1", "::1"};
  if (fault == EAI_NONAME) throw Broken{Broken::How::failed, fmt::format("no such host: {}", host)};
  if (fault != 0) {
    const auto why = fault == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(fault);
    throw Broken{Broken::How::failed, fmt::format("the host name {} cannot be looked up: {}", host, why)};
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> list{found, ::freeaddrinfo};
  Addresses addresses;
  for (const auto* entry = list.get(); entry; entry = entry->ai_next) {
    auto address = numeric(entry->ai_addr, entry->ai_addrlen);
    if (!address.empty()) addresses.push_back(std::move(address));
  }
  return addresses;
}

Millis time_for_address(Millis connect, std::size_t addresses)
{
  constexpr Millis least{2'000};
  if (addresses < 2) return connect;
  return std::max(connect / static_cast<std::int64_t>(addresses), std::min(connect, least));
}

std::unique_ptr<Connection> Dialler::dial(const Addresses& addresses, Millis connect, Deadline deadline,
                                          Watchdog& dog) const
{
  const Times times{time_for_address(connect, addresses.size()), connect, deadline};
  std::string troubles;
  for (const auto& address : addresses) {
    try {
      return dial_one(address, times, dog);
    } catch (const Broken& trouble) {
      if (!troubles.empty()) troubles += "; ";
      troubles += trouble.what();
    }
  }
  throw Broken{Broken::How::failed, troubles.empty() ? fmt::format("no address for {}", host()) : troubles};
}

std::unique_ptr<Connection> Dialler::dial_one(const std::string& address, const Times& times, Watchdog& dog) const
{
  const bool six = address.find(':') != std::string::npos;
  const auto port = m_proxy ? m_proxy->port : m_target.port;
  const auto place = six ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
  // By way of IPAddress: what is none would be looked up as a name here.
  const auto to = connecting(place, [&] { return Poco::Net::SocketAddress{Poco::Net::IPAddress{address}, port}; });
  // Without files left, or without IPv6 in the kernel, there is no socket.
  auto raw = connecting(place, [&] { return StreamSocket{to.family()}; });
  const int descriptor = raw.impl()->sockfd();
  {
    const Watchdog::Watch watch{dog, descriptor, earlier(times.deadline, times.address)};
    watched(watch, place, [&] {
      connecting(place, [&] {
        // With a timeout, since without one Poco's connect does not survive a signal.
        raw.connect(to, timespan(times.address));
        raw.setNoDelay(true);
      });
    });
  }
  if (!m_tls) return std::make_unique<Connection>(raw, raw);
  if (m_proxy) {
    const Watchdog::Watch watch{dog, descriptor, earlier(times.deadline, times.step)};
    watched(watch, place, [&] { ask_for_way(raw, times.step); });
  }
  const Watchdog::Watch watch{dog, descriptor, earlier(times.deadline, times.step)};
  std::unique_ptr<Connection> connection;
  watched(watch, place, [&] { connection = shake_hands(raw, place); });
  return connection;
}

void Dialler::ask_for_way(const StreamSocket& raw, Millis idle) const
{
  Connection way{raw, raw};
  way.set_idle_timeout(idle);
  way.send(connect_head(*m_proxy, m_target));
  auto head = read_head(way);
  while (head.status < 200)
    head = read_head(way);
  if (head.status > 299) throw Broken{Broken::How::failed, refusal(head.status)};
  // TLS servers wait for the client's word: whatever came already is not from there, and would be lost.
  if (!way.buffered().empty()) throw Broken{Broken::How::failed, "it sends something that was not asked for"};
}

std::unique_ptr<Connection> Dialler::shake_hands(const StreamSocket& raw, const std::string& place) const
{
  t_distrust.clear();
  try {
    const auto secure = Poco::Net::SecureStreamSocket::attach(raw, m_target.host, m_tls->m_state->context);
    return std::make_unique<Connection>(raw, secure);
  } catch (const Poco::Net::CertificateValidationException&) {
    throw Broken{Broken::How::failed, fmt::format("certificate not trusted: it is not for {}", m_target.host)};
  } catch (const Poco::Exception& e) {
    if (!t_distrust.empty()) {
      throw Broken{Broken::How::failed, fmt::format("certificate not trusted: {} ({})", t_distrust, m_target.host)};
    }
    const auto trouble = broken(e);
    throw Broken{trouble.how(), fmt::format("TLS handshake with {}: {}", place, trouble.what())};
  }
}

} // namespace batchwright::http
