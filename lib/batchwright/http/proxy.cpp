#include <batchwright/base/error.hpp>
#include <batchwright/http/head.hpp>
#include <batchwright/http/proxy.hpp>

#include <Poco/Base64Encoder.h>
#include <Poco/Exception.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/URI.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace batchwright::http {
namespace {

/// What was given is never shown: it may hold a password.
[[noreturn]] void refuse(std::string_view why)
{
  throw Error{Fault::config, fmt::format("the proxy cannot be used: {}", why),
              "give it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT"};
}

/// What stands for HOST and PORT, without scheme, user and path.
struct Parts {
  std::string user = {}; ///< "USER:PASSWORD", encoded
  std::string place = {};
};

Parts take_apart(std::string_view url)
{
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const auto word = url.substr(0, scheme);
    if (equal_ignoring_case(word.substr(0, 5), "socks")) refuse("SOCKS proxies are not supported");
    if (equal_ignoring_case(word, "https")) refuse("proxies that are themselves spoken to by TLS are not supported");
    if (!equal_ignoring_case(word, "http")) refuse("it does not begin with http://");
    url.remove_prefix(scheme + 3);
  }
  url = url.substr(0, url.find('/'));
  const auto at = url.rfind('@');
  if (at == std::string_view::npos) return {{}, std::string{url}};
  return {std::string{url.substr(0, at)}, std::string{url.substr(at + 1)}};
}

/// The value of Proxy-Authorization for "USER:PASSWORD" (RFC 7617).
Secret basic(const std::string& user)
{
  if (user.empty()) return {};
  std::string plain;
  Poco::URI::decode(user, plain);
  if (plain.find(':') == std::string::npos) plain += ':';
  std::ostringstream text;
  Poco::Base64Encoder encoder{text};
  encoder.rdbuf()->setLineLength(0);
  encoder << plain;
  encoder.close();
  return Secret{"Basic " + text.str()};
}

Proxy parse_proxy(const std::string& url)
{
  const auto parts = take_apart(url);
  try {
    const Poco::URI uri{"http://" + parts.place};
    if (uri.getHost().empty() || uri.getPort() == 0) refuse("it names no host and port");
    if (uri.getHost().find_first_of(" \t\r\n") != std::string::npos) refuse("it names no host");
    return {uri.getHost(), uri.getPort(), basic(parts.user)};
  } catch (const Poco::Exception&) {
    refuse("it is no URL");
  }
}

/// An exception taken apart: "host", "host:443", "[::1]:443", "::1".
struct Excepted {
  std::string_view host = {};
  std::optional<std::uint16_t> port = {};
};

Excepted excepted(std::string_view text)
{
  Excepted entry{text};
  const auto colon = text.rfind(':');
  const bool bracketed = text.starts_with('[') && text.find(']') != std::string_view::npos;
  // An IPv6 address without brackets has colons of its own, and no port.
  const bool has_port = bracketed ? colon != std::string_view::npos && text[colon - 1] == ']'
                                  : colon != std::string_view::npos && text.find(':') == colon;
  if (has_port) {
    std::uint16_t port = 0;
    std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
    entry.port = port;
    entry.host = text.substr(0, colon);
  }
  if (bracketed) entry.host = text.substr(1, text.find(']') - 1);
  if (entry.host.starts_with("*.")) entry.host.remove_prefix(1);
  if (entry.host.starts_with('.')) entry.host.remove_prefix(1);
  if (entry.host.ends_with('.')) entry.host.remove_suffix(1);
  return entry;
}

bool covers(const Excepted& entry, const Target& target)
{
  if (entry.port && *entry.port != target.port) return false;
  if (entry.host == "*") return true;
  Poco::Net::IPAddress address;
  if (Poco::Net::IPAddress::tryParse(target.host, address)) {
    Poco::Net::IPAddress other;
    return Poco::Net::IPAddress::tryParse(std::string{entry.host}, other) && other == address;
  }
  std::string_view host = target.host;
  if (host.ends_with('.')) host.remove_suffix(1);
  if (entry.host.empty() || host.size() < entry.host.size()) return false;
  const auto above = host.size() - entry.host.size();
  return equal_ignoring_case(host.substr(above), entry.host) && (above == 0 || host[above - 1] == '.');
}

bool is_exception(const Target& target, std::string_view exceptions)
{
  while (!exceptions.empty()) {
    const auto end = std::min(exceptions.find_first_of(", \t"), exceptions.size());
    if (end > 0 && covers(excepted(exceptions.substr(0, end)), target)) return true;
    exceptions.remove_prefix(std::min(end + 1, exceptions.size()));
  }
  return false;
}

std::string with_port(const std::string& host, std::uint16_t port)
{
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

} // namespace

std::string Proxy::shown() const
{
  return with_port(host, port);
}

std::optional<Proxy> proxy_for(const Target& target, const Secret& url, std::string_view exceptions)
{
  if (url.empty() || is_loopback(target.host) || is_exception(target, exceptions)) return std::nullopt;
  return parse_proxy(url.reveal());
}

std::string connect_head(const Proxy& proxy, const Target& target)
{
  const auto place = with_port(target.host, target.port);
  return fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n{1}\r\n", place, authorization_line(proxy));
}

std::string authorization_line(const Proxy& proxy)
{
  if (proxy.authorization.empty()) return {};
  return fmt::format("Proxy-Authorization: {}\r\n", proxy.authorization.reveal());
}

} // namespace batchwright::http
