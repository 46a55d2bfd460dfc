#include <batchwright/base/error.hpp>
#include <batchwright/http/address.hpp>
#include <batchwright/http/head.hpp>

#include <Poco/Exception.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/URI.h>
#include <fmt/format.h>

namespace batchwright::http {
namespace {

/// `shown` stands for the URL, which is never shown as it was given: whatever it is, it may hold a key.
[[noreturn]] void refuse(std::string_view why, std::string_view shown = "given",
                         const std::string& hint = "set OPENAI_BASE_URL to something like https://api.openai.com/v1")
{
  throw Error{Fault::config, fmt::format("the base URL {} cannot be used: {}", shown, why), hint};
}

Poco::URI parse(const std::string& url)
{
  try {
    return Poco::URI{url};
  } catch (const Poco::Exception&) {
    refuse("it is no URL");
  }
}

} // namespace

std::string Target::authority() const
{
  const auto name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

Target parse_base_url(const std::string& url, PlainHttp plain)
{
  const auto uri = parse(url);
  const auto& scheme = uri.getScheme();
  const auto& host = uri.getHost();
  if (!uri.getUserInfo().empty()) refuse("it carries a user name or a password");
  if (scheme != "https" && scheme != "http") refuse("it begins with neither https:// nor http://");
  if (host.empty()) refuse("it names no host");
  const auto shown = fmt::format("{}://{}", scheme, host);
  if (!uri.getRawQuery().empty() || !uri.getFragment().empty()) refuse("it has a query or a fragment", shown);
  if (scheme == "http" && plain == PlainHttp::to_loopback && !is_loopback(host)) {
    refuse("plain http would show the key to everyone on the way; only this machine is reached by it", shown,
           "use https://, or, where the way is safe, `allow_http = true` in config.toml");
  }
  Target target{.tls = scheme == "https", .host = host, .port = uri.getPort(), .path = uri.getPathEtc()};
  while (target.path.ends_with('/'))
    target.path.pop_back();
  return target;
}

bool is_loopback(const std::string& host)
{
  if (equal_ignoring_case(host, "localhost")) return true;
  Poco::Net::IPAddress address;
  return Poco::Net::IPAddress::tryParse(host, address) && address.isLoopback();
}

} // namespace batchwright::http
