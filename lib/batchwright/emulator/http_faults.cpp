#include <batchwright/emulator/http_faults.hpp>
#include <batchwright/emulator/unknown_members.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::emulator {
namespace {

/// What the API says with a status (OpenAI API error codes guide); an empty code is null.
struct Words {
  int status;
  std::string_view type;
  std::string_view code;
  std::string_view message;
};

constexpr std::string_view invalid = "invalid_request_error";
constexpr std::string_view server = "server_error";

constexpr std::array words_of_statuses{
    Words{400, invalid, "invalid_value", "Invalid value in the request."},
    Words{401, invalid, "invalid_api_key",
          "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys."},
    Words{403, "request_forbidden", "unsupported_country_region_territory",
          "Country, region, or territory not supported"},
    Words{404, invalid, "model_not_found", "The model does not exist or you do not have access to it."},
    Words{408, invalid, "", "The request timed out."},
    Words{409, invalid, "", "The resource is being changed by another request. Please try again."},
    Words{413, invalid, "", "The request body is too large."},
    Words{422, invalid, "", "The request was well formed but cannot be processed."},
    Words{429, "requests", "rate_limit_exceeded", "Rate limit reached on requests per min (RPM)."},
    Words{502, server, "", "Bad gateway."},
    Words{503, server, "", "The engine is currently overloaded, please try again later."},
    Words{504, server, "", "The upstream server did not answer in time."},
};

std::string api_words(int status)
{
  const auto found = std::find_if(words_of_statuses.begin(), words_of_statuses.end(),
                                  [&](const Words& w) { return w.status == status; });
  if (found != words_of_statuses.end())
    return error_body(found->message, {.type = std::string{found->type}, .code = std::string{found->code}});
  if (status < 500) return error_body("The request cannot be served.");
  return error_body("The server had an error while processing your request. Sorry about that!",
                    {.type = std::string{server}});
}

std::string slow_down_words()
{
  return error_body("Slow Down: your requests came too suddenly. Reduce your rate to its original level, keep it "
                    "consistent for at least 15 minutes, and then increase it gradually.",
                    {.type = std::string{server}, .code = "slow_down"});
}

std::string gateway_page(int status)
{
  return fmt::format("<html><head><title>{0}</title></head><body><center><h1>{0} Bad Gateway</h1></center>"
                     "<hr><center>cloudflare</center></body></html>\n",
                     status);
}

} // namespace

std::optional<HttpFault> HttpFaults::strike(std::string_view method, std::string_view path)
{
  const std::lock_guard lock{m_mutex};
  if (const auto faults = m_setting.faults(); faults != m_counted) {
    m_counted = faults;
    m_counts.assign(faults->http.size(), 0);
  }
  const auto after = m_setting.now() - m_counted->since;
  const HttpFault* struck = nullptr;
  for (std::size_t i = 0; i < m_counted->http.size(); ++i) {
    const auto& rule = m_counted->http[i];
    if (!rule.method.empty() && rule.method != method) continue;
    if (!rule.path.empty() && !path_matches(rule.path, path)) continue;
    if (!rule.holds_at(after)) continue;
    const auto count = ++m_counts[i];
    if (!struck && rule.calls.picks(count, salt_of(m_setting.seed, "http", i + 1))) struck = &rule;
  }
  return struck ? std::optional{*struck} : std::nullopt;
}

Reply HttpFaults::answer_of(const HttpFault& rule) const
{
  const bool slow_down = rule.effect.action == Action::slow_down;
  Reply reply{.status = slow_down ? 503 : rule.status, .body = rule.body, .headers = rule.headers};
  if (rule.effect.action == Action::html) {
    reply.content_type = "text/html";
    reply.body = gateway_page(rule.status);
  } else if (rule.body.empty()) {
    reply.body = slow_down ? slow_down_words() : api_words(rule.status);
    if (m_setting.faults()->extra_fields) reply.body = with_unknown_members(reply.body);
  }
  return reply;
}

} // namespace batchwright::emulator
