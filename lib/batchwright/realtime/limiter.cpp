#include <batchwright/realtime/limiter.hpp>

#include <algorithm>
#include <cmath>

namespace batchwright::realtime {
namespace {

/// Threads read the clock before their turn comes: so far back is no clock that was set back.
constexpr Millis out_of_turn{1'000};
/// What a server asks for beyond it is not believed: in an hour it is asked again.
constexpr Millis longest_pause{3'600'000};
/// The span of "the last seconds".
constexpr double recent_ms = 5'000;
/// An assumed limit may have been far too low: so many times over it may grow.
constexpr double most_growth = 100;
constexpr double least_assumed = 1;
constexpr double less_at_refusal = 0.9;

double millis(Instant from, Instant to)
{
  return static_cast<double>((to - from).count());
}

} // namespace

void Limiter::Recent::add(Instant now)
{
  if (count == 0) since = now;
  count = count * std::exp(-millis(at, now) / recent_ms) + 1;
  at = now;
}

double Limiter::Recent::per_minute(Instant now) const
{
  // At the start less than the span has gone by; a burst is not taken for more than a second's worth.
  const double seen = std::max(1'000.0, -recent_ms * std::expm1(-millis(since, now) / recent_ms));
  return count * std::exp(-millis(at, now) / recent_ms) / seen * 60'000;
}

Limiter::Limiter(const LimiterOptions& options, Instant now)
    : m_requests({.given = options.given.requests,
                  .known = options.known.requests,
                  .headroom = options.headroom,
                  .burst = options.burst},
                 now),
      m_tokens({.given = options.given.tokens,
                .known = options.known.tokens,
                .headroom = options.headroom,
                .burst = options.burst},
               now),
      m_pace(now),
      m_at(now)
{
}

void Limiter::advance(Instant now)
{
  if (now + m_ahead < m_at - out_of_turn) m_ahead = m_at - now;
  m_at = std::max(m_at, now + m_ahead);
  renew();
}

void Limiter::renew()
{
  m_pace.advance(m_at, m_assumed ? most_growth : 1);
  m_requests.advance(m_at, m_share * m_pace.factor());
  m_tokens.advance(m_at, m_share * m_pace.factor());
}

Instant Limiter::ready_at(std::int64_t tokens, Instant now)
{
  advance(now);
  auto ready = std::max(m_requests.ready_at(1), m_tokens.ready_at(static_cast<double>(tokens)));
  if (m_pause) ready = std::max(ready, *m_pause);
  return now + (ready - m_at);
}

Ticket Limiter::take(std::int64_t tokens, Instant now)
{
  advance(now);
  const Ticket ticket{.tokens = tokens, .at = m_at, .serial = m_serial++, .tokens_before = m_taken};
  m_taken += tokens;
  m_requests.take(1);
  m_tokens.take(static_cast<double>(tokens));
  m_recent.add(m_at);
  renew();
  return ticket;
}

namespace {

Charge request_of(const Ticket& ticket)
{
  return {
      .serial = ticket.serial, .at = ticket.at, .before = static_cast<double>(ticket.serial), .cost = 1, .charged = 1};
}

Charge tokens_of(const Ticket& ticket, double charged)
{
  return {.serial = ticket.serial,
          .at = ticket.at,
          .before = static_cast<double>(ticket.tokens_before),
          .cost = static_cast<double>(ticket.tokens),
          .charged = charged};
}

} // namespace

void Limiter::hear(const Ticket& ticket, double charged_tokens, const api::RateHeaders& rates)
{
  m_requests.hear(request_of(ticket), rates.limit_requests, rates.remaining_requests);
  m_tokens.hear(tokens_of(ticket, charged_tokens), rates.limit_tokens, rates.remaining_tokens);
  if (!m_requests.limit() && !m_tokens.limit()) return;
  m_assumed.reset();
  m_requests.assume(std::nullopt);
}

void Limiter::answered(const Ticket& ticket, std::optional<std::int64_t> used, const api::RateHeaders& rates,
                       Instant now)
{
  advance(now);
  m_tokens.give_back(static_cast<double>(ticket.tokens - used.value_or(ticket.tokens)));
  hear(ticket, static_cast<double>(ticket.tokens), rates);
  renew();
}

void Limiter::refused(const Ticket& ticket, std::optional<Millis> retry_after, const api::RateHeaders& rates,
                      Instant now)
{
  advance(now);
  m_tokens.give_back(static_cast<double>(ticket.tokens));
  hear(ticket, 0, rates);
  pause(retry_after);
  if (ticket.serial >= m_lowered) {
    assume_limit();
    m_pace.lower();
    m_lowered = m_serial;
  }
  renew();
}

void Limiter::slow_down(const Ticket& ticket, std::optional<Millis> retry_after, Instant now)
{
  advance(now);
  pause(retry_after);
  if (ticket.serial >= m_halved) {
    assume_limit();
    m_pace.halve(m_at);
    m_halved = m_serial;
  }
  renew();
}

void Limiter::unsent(const Ticket& ticket, Instant now)
{
  advance(now);
  m_requests.unsent(request_of(ticket));
  m_tokens.unsent(tokens_of(ticket, 0));
  renew();
}

void Limiter::failed(const Ticket& ticket, const api::RateHeaders& rates, Instant now)
{
  answered(ticket, std::nullopt, rates, now);
}

void Limiter::pause(std::optional<Millis> span)
{
  if (!span) return;
  const auto until = m_at + std::min(*span, longest_pause);
  if (!m_pause || *m_pause < until) m_pause = until;
}

void Limiter::assume_limit()
{
  if (m_requests.limit() || m_tokens.limit()) return;
  const double seen = std::max(least_assumed, m_recent.per_minute(m_at));
  if (!m_assumed) {
    m_assumed = seen;
  } else if (m_pace.factor() > 1) {
    m_assumed = std::clamp(seen, *m_assumed, *m_assumed * m_pace.factor());
    m_pace.rebase();
  } else {
    // Too high, as it seems; not at once by all that is refused, since a server may refuse everything for a while.
    m_assumed = std::max(least_assumed, *m_assumed * less_at_refusal);
  }
  m_requests.assume(m_assumed);
}

void Limiter::set_share(double share, Instant now)
{
  advance(now);
  m_share = std::clamp(share, 0.0, 1.0);
  renew();
}

void Limiter::restrict(const Rates& given, double headroom, Instant now)
{
  advance(now);
  m_requests.restrict(given.requests, headroom);
  m_tokens.restrict(given.tokens, headroom);
  renew();
}

Rates Limiter::told() const
{
  return {m_requests.told(), m_tokens.told()};
}

Rates Limiter::limits() const
{
  return {.requests = m_requests.limit(), .tokens = m_tokens.limit()};
}

Rates Limiter::allowed(Instant now) const
{
  Limiter then = *this;
  then.advance(now);
  return {.requests = then.m_requests.rate(), .tokens = then.m_tokens.rate()};
}

std::optional<Instant> Limiter::paused_until() const
{
  if (!m_pause || *m_pause <= m_at) return std::nullopt;
  return *m_pause - m_ahead;
}

} // namespace batchwright::realtime
