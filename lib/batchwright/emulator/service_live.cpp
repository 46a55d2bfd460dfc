// The real-time route: a request in, the model's answer out, once the limits allow it and its time has passed.

#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/identity.hpp>
#include <batchwright/emulator/service.hpp>
#include <batchwright/emulator/service_tier.hpp>

#include <cmath>

namespace batchwright::emulator {
namespace {

Reply no_resources()
{
  return error_reply(429,
                     "Resource unavailable: there are currently not enough resources for the flex tier. Please try "
                     "again later, or use the default tier.",
                     {.type = "resource_unavailable", .code = "resource_unavailable"});
}

} // namespace

struct Service::LiveRequest {
  const Endpoint& endpoint;
  json::Value body;
  ServiceTier tier;
};

Reply Service::model_call(Call& call, const std::string&)
{
  const Ongoing ongoing{m_ledger, Activity::chat};
  const auto read = read_body(call);
  if (read.refusal) return *read.refusal;
  json::Document document;
  if (!document.parse(read.text) || !document.root().is(json::Kind::object)) return no_json();
  const auto body = document.root();
  const auto& endpoint = *endpoint_at(call.path);
  const LiveRequest request{.endpoint = endpoint, .body = body, .tier = service_tier_of(endpoint, body)};
  if (request.tier.flex() && flex_is_out(body)) {
    m_ledger.live_refused(Refusal::flex);
    return no_resources();
  }
  const auto model = body.find("model");
  const auto tokens = charged_tokens(endpoint, body);
  auto verdict = m_limiter.take(call.account(), model ? model->text().value_or("") : "", tokens);
  if (verdict.lack)
    m_ledger.live_refused(*verdict.lack);
  else
    m_ledger.live_admitted(m_setting.now(), tokens);
  auto reply = verdict.refusal ? std::move(*verdict.refusal) : live_answer(call, request);
  reply.headers.merge(verdict.headers);
  return reply;
}

/// Whether the flex tier has no room for this call, which it tells by how often it was asked for the same before.
bool Service::flex_is_out(const json::Value& body)
{
  const auto share = m_setting.faults()->flex_unavailable_share;
  if (share == 0) return false;
  const auto asked = static_cast<std::size_t>(m_ledger.ask_flex(body));
  return chance_of(salt_of(m_setting.seed, "flex_unavailable_share", asked), fnv1a(body_sha256(body))) < share;
}

std::int64_t Service::latency_of(const json::Value& body) const
{
  const auto faults = m_setting.faults();
  if (faults->chat_latency_spread_ms == 0) return faults->chat_latency_ms;
  const auto share = chance_of(fnv1a(body_sha256(body)), salt_of(m_setting.seed, "chat_latency_spread_ms", 1));
  return faults->chat_latency_ms + std::llround(share * static_cast<double>(faults->chat_latency_spread_ms));
}

Reply Service::live_answer(Call& call, const LiveRequest& request)
{
  const auto& [endpoint, body, tier] = request;
  // A server that stops cuts its connections: what it would run now, nobody would hear.
  if (!m_pause.wait(latency_of(body))) return error_reply(503, "The server is stopping.", {.type = "server_error"});
  const auto entry = m_ledger.meet(body);
  const auto fate = fate_of(*m_setting.faults(), m_setting.seed, endpoint, body, entry.body_sha256, entry.met);
  const auto now = m_setting.now();
  const Frame frame{.digits = fresh_id(""),
                    .created = unix_seconds(now),
                    .service_tier = tier.used,
                    .cache = m_setting.faults()->no_prompt_cache ? nullptr : &m_cache};
  auto answered = tier.fault ? refused(*tier.fault) : answer(endpoint, body, fate, frame);
  const Ledger::Run run{.billed = answered.billed(),
                        .delivery = call.heard() ? Delivery::whole : Delivery::cut,
                        .inputs = input_digests(endpoint, body),
                        .usage = billed_for(endpoint, body, answered, now)};
  m_ledger.ran(entry, run);
  Reply reply{.status = answered.status, .body = std::move(answered.body)};
  if (run.delivery == Delivery::whole) reply.lost = [this, entry, run] { m_ledger.lost(entry, run); };
  return reply;
}

} // namespace batchwright::emulator
