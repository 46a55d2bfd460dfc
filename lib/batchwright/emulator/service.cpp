#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/service.hpp>
#include <batchwright/emulator/unknown_members.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::emulator {
namespace {

constexpr std::array models{"gpt-6-luna",
                            "gpt-6-sol",
                            "gpt-5.4-mini",
                            "gpt-5.4",
                            "gpt-5.4-nano",
                            "gpt-5-mini",
                            "gpt-4.1",
                            "gpt-4.1-mini",
                            "gpt-4o",
                            "gpt-4o-mini",
                            "gpt-4.1-nano",
                            "gpt-3.5-turbo-instruct",
                            "text-embedding-3-small",
                            "text-embedding-3-large",
                            "text-embedding-ada-002",
                            "omni-moderation-latest",
                            "gpt-image-1",
                            "sora-2"};

void write_model(json::Writer& w, std::string_view id)
{
  w.begin_object().member("id", id).member("object", "model").member("created", std::int64_t{1'772'000'000});
  w.member("owned_by", "openai").end_object();
}

/// What stands in a path where the pattern has its star.
std::string star_of(std::string_view pattern, std::string_view path)
{
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return {};
  return std::string{path.substr(star, path.size() - pattern.size() + 1)};
}

std::string masked(std::string_view key)
{
  if (key.size() < 12) return std::string(key.size(), '*');
  return fmt::format("{}{}{}", key.substr(0, 3), std::string(key.size() - 7, '*'), key.substr(key.size() - 4));
}

constexpr std::string_view organization_path = "/v1/organization/";

/// For a key that is good for other calls.
Reply missing_scope()
{
  return error_reply(403,
                     "You have insufficient permissions for this operation. Missing scopes: api.usage.read. Check that "
                     "you have the correct role in your organization, and if you're using a restricted API key, that "
                     "it has the necessary scopes.",
                     {.code = "missing_scope"});
}

Reply no_such_url(const Call& call)
{
  return error_reply(404,
                     fmt::format("Invalid URL ({} {}). Please check the URL for typos, or see the docs at "
                                 "https://platform.openai.com/docs/api-reference/.",
                                 call.method, call.path),
                     {.code = "unknown_url"});
}

} // namespace

struct Service::Route {
  std::string_view method;
  std::string_view pattern;
  Reply (Service::*handle)(Call&, const std::string&);
};

const Service::Route Service::routes[] = {
    {"POST", "/v1/files", &Service::create_file},
    {"GET", "/v1/files", &Service::list_files},
    {"GET", "/v1/files/*", &Service::retrieve_file},
    {"DELETE", "/v1/files/*", &Service::remove_file},
    {"GET", "/v1/files/*/content", &Service::file_content},
    {"POST", "/v1/batches", &Service::create_batch},
    {"GET", "/v1/batches", &Service::list_batches},
    {"GET", "/v1/batches/*", &Service::retrieve_batch},
    {"POST", "/v1/batches/*/cancel", &Service::cancel_batch},
    {"POST", "/v1/responses", &Service::model_call},
    {"POST", "/v1/chat/completions", &Service::model_call},
    {"POST", "/v1/embeddings", &Service::model_call},
    {"POST", "/v1/completions", &Service::model_call},
    {"POST", "/v1/moderations", &Service::model_call},
    {"POST", "/v1/images/generations", &Service::model_call},
    {"POST", "/v1/images/edits", &Service::model_call},
    {"POST", "/v1/videos", &Service::model_call},
    {"GET", "/v1/models", &Service::list_models},
    {"GET", "/v1/models/*", &Service::retrieve_model},
    {"GET", "/v1/organization/usage/*", &Service::read_usage},
    {"GET", "/emulator/ledger", &Service::read_ledger},
    {"GET", "/emulator/faults", &Service::read_faults},
    {"PUT", "/emulator/faults", &Service::change_faults},
    {"GET", "/emulator/clock", &Service::read_clock},
    {"POST", "/emulator/clock", &Service::move_clock},
};

Service::Service(Setting& setting)
    : m_setting(setting),
      m_ledger(setting.directory, setting.faults()->copies),
      m_files(setting),
      m_batches(setting, m_files, m_ledger, m_cache),
      m_limiter(setting.faults()->rate, setting.clock)
{
}

void Service::stop()
{
  m_pause.stop();
  m_batches.stop();
}

std::string Service::route_of(const Call& call)
{
  for (const auto& route : routes)
    if (path_matches(route.pattern, call.path)) return std::string{route.pattern};
  return "other";
}

bool Service::is_live(const Call& call)
{
  return call.method == "POST" && endpoint_at(call.path);
}

/// Why a key may not make a call; nothing where it may.
std::optional<Reply> Service::refusal_of(const Call& call) const
{
  constexpr std::string_view scheme = "Bearer ";
  const auto given = call.header("authorization");
  if (!given.starts_with(scheme) || given.size() == scheme.size()) {
    return error_reply(401,
                       "You didn't provide an API key. You need to provide your API key in an Authorization header "
                       "using Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from "
                       "https://platform.openai.com/account/api-keys.");
  }
  const auto key = given.substr(scheme.size());
  const bool is_admin = !m_setting.admin_key.empty() && key == m_setting.admin_key;
  const bool is_usual = !is_admin && (m_setting.api_key.empty() || key == m_setting.api_key);
  const bool wants_admin = !m_setting.admin_key.empty() && call.path.starts_with(organization_path);
  if (is_admin == wants_admin && (is_admin || is_usual)) return std::nullopt;
  if (is_usual) return missing_scope();
  return error_reply(401,
                     fmt::format("Incorrect API key provided: {}. You can find your API key at "
                                 "https://platform.openai.com/account/api-keys.",
                                 masked(key)),
                     {.code = "invalid_api_key"});
}

Reply Service::handle(Call& call)
{
  Reply reply;
  try {
    reply = answer_to(call);
  } catch (const std::exception& e) {
    reply = error_reply(500, e.what(), {.type = "server_error"});
  }
  if (m_setting.faults()->extra_fields && !reply.file && call.path.starts_with("/v1/"))
    reply.body = with_unknown_members(reply.body);
  return reply;
}

Reply Service::answer_to(Call& call)
{
  if (!call.path.starts_with("/emulator/")) {
    if (auto refusal = refusal_of(call)) return *refusal;
  }
  bool known = false;
  for (const auto& route : routes) {
    if (!path_matches(route.pattern, call.path)) continue;
    known = true;
    if (route.method == call.method) return (this->*route.handle)(call, star_of(route.pattern, call.path));
  }
  if (known) {
    return error_reply(405, fmt::format("Not allowed to {} on {}.", call.method, call.path),
                       {.code = "method_not_supported"});
  }
  return no_such_url(call);
}

Reply Service::create_file(Call& call, const std::string&)
{
  const Ongoing upload{m_ledger, Activity::upload};
  return m_files.create(call);
}

Reply Service::list_files(Call& call, const std::string&)
{
  return m_files.list(call);
}

Reply Service::retrieve_file(Call&, const std::string& id)
{
  return m_files.retrieve(id);
}

Reply Service::remove_file(Call&, const std::string& id)
{
  return m_files.remove(id);
}

Reply Service::file_content(Call& call, const std::string& id)
{
  return m_files.content(call, id);
}

Reply Service::create_batch(Call& call, const std::string&)
{
  return m_batches.create(call);
}

Reply Service::list_batches(Call& call, const std::string&)
{
  return m_batches.list(call);
}

Reply Service::retrieve_batch(Call&, const std::string& id)
{
  return m_batches.retrieve(id);
}

Reply Service::cancel_batch(Call&, const std::string& id)
{
  return m_batches.cancel(id);
}

Reply Service::read_usage(Call& call, const std::string& kind)
{
  if (kind != "completions" && kind != "embeddings" && kind != "moderations") return no_such_url(call);
  return m_ledger.usage_page(call, kind, m_setting.now());
}

Reply Service::list_models(Call&, const std::string&)
{
  Reply reply;
  json::Writer w{reply.body};
  w.begin_object().member("object", "list").key("data").begin_array();
  for (const auto* id : models)
    write_model(w, id);
  w.end_array().end_object();
  return reply;
}

Reply Service::retrieve_model(Call&, const std::string& id)
{
  if (!model_exists(id)) return no_such_model(id);
  Reply reply;
  json::Writer w{reply.body};
  write_model(w, id);
  return reply;
}

} // namespace batchwright::emulator
