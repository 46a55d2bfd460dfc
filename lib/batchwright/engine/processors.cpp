#include <batchwright/engine/processors.hpp>
#include <batchwright/realtime/share.hpp>

#include <cmath>
#include <utility>
#include <vector>

namespace batchwright::engine {
namespace {

/// How often processes tell each other that they send.
constexpr Millis between_shares{500};

std::optional<double> rate_of(std::uint64_t per_minute)
{
  return per_minute > 0 ? std::optional{static_cast<double>(per_minute)} : std::nullopt;
}

std::optional<double> rate_of(const std::optional<std::int64_t>& per_minute)
{
  return per_minute && *per_minute > 0 ? std::optional{static_cast<double>(*per_minute)} : std::nullopt;
}

std::optional<std::int64_t> whole(const std::optional<double>& rate)
{
  return rate ? std::optional{std::llround(*rate)} : std::nullopt;
}

} // namespace

Processors::Processors(Tools& tools, Server& server) : m_tools(tools), m_server(server), m_process(make_uuid()) {}

Processors::~Processors()
{
  const auto now = m_tools.clock.now();
  try {
    if (m_lanes.empty()) return;
    store::Transaction tx{m_tools.store};
    for (auto& [model, lane] : m_lanes) {
      if (!lane.processor) continue;
      const auto condition = lane.processor->condition();
      learn(tx, model, lane, condition); // a short run learns, too
      tx.remove(sender(model, condition, now));
    }
    tx.commit();
  } catch (const Error&) { // the others see by its time that it is gone
  }
}

realtime::Processor& Processors::of(const std::string& model, const RealtimePolicy& policy)
{
  realtime::ProcessorOptions options{.limits = {.given = {.requests = rate_of(policy.requests_per_minute),
                                                          .tokens = rate_of(policy.tokens_per_minute)},
                                                .headroom = static_cast<double>(policy.headroom) / 1e6,
                                                .burst = m_server.burst},
                                     .max_in_flight = policy.max_in_flight};
  auto& lane = m_lanes[model];
  if (lane.processor) {
    lane.processor->adjust(options);
    return *lane.processor;
  }
  if (!m_caller) m_caller = m_server.open_caller();
  const auto known = m_tools.store.rate(m_server.account, model);
  if (known) options.limits.known = {rate_of(known->requests), rate_of(known->tokens)};
  lane.processor = std::make_unique<realtime::Processor>(*m_caller, options, m_tools.clock);
  m_next_share = {};
  return *lane.processor;
}

std::optional<realtime::Condition> Processors::condition(const std::string& model) const
{
  const auto found = m_lanes.find(model);
  return found == m_lanes.end() || !found->second.processor ? std::nullopt
                                                            : std::optional{found->second.processor->condition()};
}

void Processors::share()
{
  const auto now = m_tools.clock.now();
  if (m_lanes.empty() || (now < m_next_share && m_next_share <= now + between_shares)) return;
  m_next_share = now + between_shares;
  try {
    tell_and_take(now);
  } catch (const Error&) { // what is in flight does not suffer for it: it is told next time
  }
}

void Processors::tell_and_take(Instant now)
{
  store::Transaction tx{m_tools.store};
  for (auto& [model, lane] : m_lanes) {
    if (!lane.processor) continue;
    const auto condition = lane.processor->condition();
    learn(tx, model, lane, condition);
    if (condition.is_idle) { // it leaves all to the others, for hours maybe
      if (std::exchange(lane.is_told, false)) tx.remove(sender(model, condition, now));
      continue;
    }
    tx.put(sender(model, condition, now));
    lane.is_told = true;
    std::vector<realtime::Want> others;
    for (const auto& sender : m_tools.store.senders(m_server.account, model)) {
      if (sender.process == m_process) continue;
      others.push_back({.rate = {}, .at = sender.at});
    }
    lane.processor->set_share(realtime::fair_share(std::nullopt, others, 1.0, now));
  }
  tx.commit();
}

Sender Processors::sender(const std::string& model, const realtime::Condition& condition, Instant now) const
{
  return {.account = m_server.account,
          .model = model,
          .process = m_process,
          .at = now,
          .in_flight = static_cast<std::int64_t>(condition.in_flight),
          .allowed = whole(condition.allowed.requests),
          .why = condition.why};
}

/// What is old may have been learned anew by others meanwhile.
void Processors::learn(store::Transaction& tx, const std::string& model, Lane& lane,
                       const realtime::Condition& condition)
{
  if (!condition.last_answer || condition.last_answer == lane.learned_until) return;
  lane.learned_until = condition.last_answer;
  const auto stored = m_tools.store.rate(m_server.account, model);
  tx.put(RateSeen{.account = m_server.account,
                  .model = model,
                  .requests = whole(condition.told.requests),
                  .tokens = whole(condition.told.tokens),
                  .latency = condition.latency,
                  .cancelling = stored ? stored->cancelling : std::nullopt, // which is learned of batches
                  .seen_at = m_tools.clock.now()});
}

} // namespace batchwright::engine
