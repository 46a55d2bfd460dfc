#include <batchwright/base/version.hpp>
#include <batchwright/config/account.hpp>
#include <batchwright/http/address.hpp>
#include <batchwright/http/dialler.hpp>
#include <batchwright/http/proxy.hpp>
#include <batchwright/workspace/endpoint.hpp>

#include <fmt/format.h>

namespace batchwright {
namespace {

/// Takes a step that uses a value; what it throws says where the value was set.
template<class Step>
auto using_value(const config::Value& value, Step step)
{
  try {
    return step();
  } catch (const Error& error) {
    throw config::blame(error, value);
  }
}

} // namespace

http::Endpoint endpoint_of(const config::Settings& settings)
{
  const auto account = config::read_account(settings);
  http::Endpoint endpoint{.base_url = account.base_url,
                          .organization = account.organization,
                          .project = account.project,
                          .user_agent = fmt::format("batchwright/{}", version()),
                          .ca_file = settings["cacert"].text,
                          .proxy = settings["proxy"].secret,
                          .no_proxy = settings["no_proxy"].text};
  if (settings.is_on("allow_http")) endpoint.plain_http = http::PlainHttp::anywhere;
  const auto target =
      using_value(settings["base_url"], [&] { return http::parse_base_url(endpoint.base_url, endpoint.plain_http); });
  using_value(settings["proxy"], [&] { return http::proxy_for(target, endpoint.proxy, endpoint.no_proxy); });
  if (target.tls && !endpoint.ca_file.empty()) {
    using_value(settings["cacert"], [&] { const http::Tls tried{endpoint.ca_file}; });
  }
  return endpoint;
}

} // namespace batchwright
