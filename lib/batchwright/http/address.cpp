#include <batchwright/base/error.hpp>
#include <batchwright/http/address.hpp>
#include <batchwright/http/head.hpp>

#include <Poco/Exception.h>
#include <Poco/Net/IPAddress.h>
#include <Poco/URI.h>
#include <fmt/format.h>

namespace batchwright::http {
namespace {

[[noreturn]] void refuse(const std::string& url, std::string_view why)
{
  throw Error{Fault::config, fmt::format("the base URL {} cannot be used: {}", url, why),
              "set OPENAI_BASE_URL to something like https://api.openai.com/v1"};
}

Poco::URI parse(const std::string& url)
{
  try {
    return Poco::URI{url};
  } catch (const Poco::Exception&) {
    refuse("given", "it is no URL"); // not shown: whatever it is, it may hold a key
  }
}

} // namespace

std::string Target::authority() const
{
  const auto name = host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
  return port == (tls ? 443 : 80) ? name : fmt::format("{}:{}", name, port);
}

Target parse_base_url(const std::string& url)
{
  const auto uri = parse(url);
  const auto& scheme = uri.getScheme();
  if (!uri.getUserInfo().empty()) refuse("given", "it carries a user name or a password");
  if (scheme != "https" && scheme != "http") refuse(url, "it begins with neither https:// nor http://");
  if (uri.getHost().empty()) refuse(url, "it names no host");
  if (!uri.getRawQuery().empty() || !uri.getFragment().empty()) refuse(url, "it has a query or a fragment");
  if (uri.getPort() == 0) refuse(url, "it names port 0");
  if (scheme == "http" && !is_loopback(uri.getHost())) {
    refuse(url, "plain http would show the key to everyone on the way; only this machine is reached by it");
  }
  Target target{.tls = scheme == "https", .host = uri.getHost(), .port = uri.getPort()};
  Poco::URI path;
  path.setPath(uri.getPath());
  target.path = path.getPathEtc();
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
