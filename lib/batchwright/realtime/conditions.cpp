#include <batchwright/realtime/conditions.hpp>

#include <algorithm>

namespace batchwright::realtime {
namespace {

/// The most that goes where the user names no bound.
constexpr std::uint64_t default_most = 2'000;
/// The same where no limit is known either.
constexpr std::uint64_t most_without_limits = 256;
/// The most that a user can name.
constexpr std::uint64_t most_ever = 10'000;
/// The latency is taken to be this as long as nothing was answered.
constexpr Millis assumed_latency{2'000};
/// How long a request that fails is tried for nothing while no other is answered: of a few requests nobody can tell
/// whether it is they that fail, or the server.
constexpr Millis patience_with_server{30'000};
/// Of the newest value in an average.
constexpr double weight = 0.1;

/// What the server took off the tokens of the minute: what was used; and where it tells what remains, we know it to
/// charge the input or the bound of the output, whichever is more, and not the sum.
std::optional<std::int64_t> charged(const Ticket& ticket, const api::Answered& answered, const Decision& decision)
{
  if (!decision.used) return std::nullopt;
  const auto& [total, input] = *decision.used;
  if (!answered.rates.remaining_tokens || !input) return total;
  return std::max(*input, std::min(ticket.tokens, total));
}

double smoothed(std::optional<double> before, double value)
{
  return before ? *before + weight * (value - *before) : value;
}

} // namespace

std::uint64_t Conditions::most_in_flight(std::uint64_t bound) const
{
  return std::min(bound > 0 ? bound : most_by_rate(), m_ramp);
}

/// As much as the rate and the latency make of themselves, and half as much again.
std::uint64_t Conditions::most_by_rate() const
{
  const auto limits = limiter.limits();
  if (!limits.requests && !limits.tokens) return most_without_limits;
  auto per_minute = limits.requests.value_or(1e9);
  if (limits.tokens && m_tokens && *m_tokens > 0) per_minute = std::min(per_minute, *limits.tokens / *m_tokens);
  const auto minutes = static_cast<double>(m_latency.value_or(assumed_latency).count()) / 60'000;
  const auto enough = std::clamp(per_minute * minutes * 1.5 + 8, 16.0, static_cast<double>(default_most));
  return static_cast<std::uint64_t>(enough);
}

bool Conditions::is_large(std::int64_t tokens) const
{
  const auto most = limiter.limits().tokens;
  return most && static_cast<double>(tokens) > *most;
}

bool Conditions::is_old_news(const Call& call) const
{
  return call.counted_at && m_answered_before <= call.let_go_then;
}

bool Conditions::is_free(const Call& call, bool billed, Instant now) const
{
  if (call.probe || breaker.is_open()) return !billed || !call.lost_for_nothing;
  return !billed && is_old_news(call) && now < *call.counted_at + patience_with_server;
}

void Conditions::hear(const Call& call, const api::Answered& answered, const Decision& decision, Instant now)
{
  hear_rate(call.ticket, answered, decision, now);
  if (decision.is_failure) {
    breaker.failed(call.ticket.serial, {.is_probe = call.probe, .is_news = call.failures == 0}, now);
    if (breaker.is_open()) m_ramp = first_in_flight;
  } else if (decision.obstacle == Obstacle::none) {
    breaker.succeeded(call.ticket.serial);
  }
}

void Conditions::hear_rate(const Ticket& ticket, const api::Answered& answered, const Decision& decision, Instant now)
{
  switch (decision.rate) {
  case RateWord::answered:
    m_refusals = 0;
    return limiter.answered(ticket, charged(ticket, answered, decision), answered.rates, now);
  case RateWord::refused:
    ++m_refusals;
    return limiter.refused(ticket, answered.retry_after, answered.rates, now);
  case RateWord::slow_down:
    ++m_refusals;
    return limiter.slow_down(ticket, answered.retry_after, now);
  case RateWord::failed:
    return limiter.failed(ticket, answered.rates, now);
  case RateWord::unsent:
    return limiter.unsent(ticket, now);
  }
}

void Conditions::note(const Call& call, const api::Answered& answered, const Decision& settled, Instant now)
{
  if (settled.then == Then::again_free && !m_putting_off) m_putting_off = now;
  if (!is_of_use(settled)) return;
  const auto took = static_cast<double>(answered.took.count());
  const auto before = m_latency ? std::optional{static_cast<double>(m_latency->count())} : std::nullopt;
  m_latency = Millis{static_cast<std::int64_t>(smoothed(before, took))};
  m_tokens = smoothed(m_tokens, static_cast<double>(settled.used ? settled.used->total : call.tokens));
  m_last_answer = now;
  m_answered_before = std::max(m_answered_before, call.ticket.serial + 1);
  m_putting_off.reset();
  m_ramp = std::min(m_ramp + 1, most_ever);
}

} // namespace batchwright::realtime
