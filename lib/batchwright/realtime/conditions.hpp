// What answers tell of a model and its server: how fast requests may go, how many at once, whether anybody is there.
// Private to realtime/. Pure: the time comes in as a parameter. Not safe from several threads; its owner guards it.
#pragma once

#include <batchwright/realtime/breaker.hpp>
#include <batchwright/realtime/call.hpp>
#include <batchwright/realtime/decide.hpp>
#include <batchwright/realtime/limiter.hpp>

#include <cstdint>
#include <optional>

namespace batchwright::realtime {

class Conditions {
public:
  Conditions(const LimiterOptions& options, Instant now) : limiter(options, now) {}

  /// How many may be in flight; `bound`: what the user allows, 0: no word.
  std::uint64_t most_in_flight(std::uint64_t bound) const;
  /// Whether a request asks for more than a minute has.
  bool is_large(std::int64_t tokens) const;

  /// Whether nothing was answered that was sent since a failure of that request used up an attempt: nobody knows
  /// whether another failure is its own, or the server's.
  bool is_old_news(const Call& call) const;
  /// Whether a failure is the server's trouble, and not the request's: it uses up no attempt. `billed`: each try may
  /// cost money, so that what few others share is not tried for nothing, and what all share once.
  bool is_free(const Call& call, bool billed, Instant now) const;

  /// What an answer says at once: of the rate, and whether the server is there.
  void hear(const Call& call, const api::Answered& answered, const Decision& decision, Instant now);
  /// What became of the request: whether there are answers of use, how long they take, how much they use.
  void note(const Call& call, const api::Answered& answered, const Decision& settled, Instant now);

  /// Whether one request at a time goes, to see whether anything is answered: nobody is there, or all that was sent
  /// lately was put off by a rate limit.
  bool is_probing() const { return breaker.is_open() || m_refusals >= refusals_in_a_row; }

  std::optional<Millis> latency() const { return m_latency; }
  std::optional<Instant> last_answer() const { return m_last_answer; }
  std::optional<Instant> putting_off() const { return m_putting_off; }

  Limiter limiter;
  Breaker breaker = {};

private:
  std::uint64_t most_by_rate() const;
  void hear_rate(const Ticket& ticket, const api::Answered& answered, const Decision& decision, Instant now);

  /// What may be in flight at first; it doubles with each round of answers, since each connection costs a handshake.
  static constexpr std::uint64_t first_in_flight = 16;

  /// So many 429 or "Slow Down" and no answer between them: more at once would only be more of them.
  static constexpr int refusals_in_a_row = 20;

  int m_refusals = 0;
  std::uint64_t m_ramp = first_in_flight;
  std::optional<Millis> m_latency = {};
  std::optional<double> m_tokens = {}; // of a request, on the average
  std::optional<Instant> m_last_answer = {};
  std::uint64_t m_answered_before = 0; // above the serials of all that were answered
  std::optional<Instant> m_putting_off = {};
};

} // namespace batchwright::realtime
