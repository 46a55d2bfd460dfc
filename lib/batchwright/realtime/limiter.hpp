// How fast real-time requests may go to one model of an account: token buckets for requests and tokens a minute. Pure
// arithmetic: the time comes in as a parameter, waits go out as moments, nothing sleeps.
//
// Two levels bound what may go: ours, which the rates refill, and what the server says remains, brought forward to now
// by what was sent since. A refusal lowers the rate at once; it recovers additively.
#pragma once

#include <batchwright/api/caller.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/realtime/bucket.hpp>
#include <batchwright/realtime/pace.hpp>

#include <cstdint>
#include <optional>

namespace batchwright::realtime {

/// Requests and tokens a minute; nothing: not known, and then not bounded by us.
struct Rates {
  std::optional<double> requests = {};
  std::optional<double> tokens = {};

  bool operator==(const Rates&) const = default;
};

struct LimiterOptions {
  Rates given = {};    ///< what the user allows; the server's word can only lower it
  double headroom = 0; ///< share of the limits left to other traffic, from 0 to below 1
  Millis burst{1'000}; ///< as much as so long a time brings may go at once: limits may be enforced over a second
  Rates known = {};    ///< what the server said last time, for the time until it speaks
};

/// One request that was let go, as its answer needs it. Handed back by exactly one of the calls that end it.
struct Ticket {
  std::int64_t tokens = 0;        ///< as estimated
  Instant at = {};                ///< by the limiter's own time, which a clock that is set back does not set back
  std::uint64_t serial = 0;       ///< how many were let go before
  std::int64_t tokens_before = 0; ///< what those took
};

/// Not safe from several threads; its owner guards it.
class Limiter {
public:
  Limiter(const LimiterOptions& options, Instant now);

  /// When a request of so many tokens may go: `now` or earlier means now. One that is larger than the bucket goes when
  /// the bucket is full, and the next ones wait for what it took too much. Ask again after each call below: an answer
  /// may bring the moment nearer or move it away; time alone never moves it away.
  Instant ready_at(std::int64_t tokens, Instant now);
  /// Lets one go. REQUIRED: ready_at() has come.
  Ticket take(std::int64_t tokens, Instant now);

  /// It was answered with what it really used; nothing: not told.
  void answered(const Ticket& ticket, std::optional<std::int64_t> used, const api::RateHeaders& rates, Instant now);
  /// 429 for a rate: the rate is lowered once for all requests that were under way then, and all wait for the hint.
  /// Where no limit is known, the rate of the last seconds is the one to start from.
  void refused(const Ticket& ticket, std::optional<Millis> retry_after, const api::RateHeaders& rates, Instant now);
  /// 503 "Slow Down": half the rate, held for a quarter of an hour, then slowly up.
  void slow_down(const Ticket& ticket, std::optional<Millis> retry_after, Instant now);
  /// It never reached the server, or was not counted there.
  void unsent(const Ticket& ticket, Instant now);
  /// No rate was in the way, and no usage is known: a timeout, a 5xx.
  void failed(const Ticket& ticket, const api::RateHeaders& rates, Instant now);

  /// Our share of the limits, where other processes send to the same model: from 0 to 1.
  void set_share(double share, Instant now);

  /// Another's wish beside ours: the tighter bounds and the larger headroom hold from now on.
  void restrict(const Rates& given, double headroom, Instant now);

  /// The limits as the server said, now or last time.
  Rates told() const;
  /// The limits as known: the smaller of the user's and the server's, without headroom, share and backing off.
  Rates limits() const;
  /// What we may send a minute at present, all that considered.
  Rates allowed(Instant now) const;
  /// Until when nothing goes, whatever the level.
  std::optional<Instant> paused_until() const;

  /// How many were let go so far.
  std::uint64_t let_go() const { return m_serial; }

private:
  /// How fast they went in the last seconds.
  struct Recent {
    Instant since = {};
    Instant at = {};
    double count = 0; // that of long ago counts less

    void add(Instant now);
    double per_minute(Instant now) const;
  };

  void advance(Instant now);
  void renew();
  void hear(const Ticket& ticket, double charged_tokens, const api::RateHeaders& rates);
  void pause(std::optional<Millis> span);
  void assume_limit();

  Bucket m_requests;
  Bucket m_tokens;
  Pace m_pace;
  double m_share = 1;
  std::optional<double> m_assumed = {}; // requests a minute, where no limit is known

  Instant m_at;      // own time
  Millis m_ahead{0}; // of the clock, by what it was set back
  std::optional<Instant> m_pause = {};

  std::uint64_t m_serial = 0;
  std::int64_t m_taken = 0;    // tokens
  std::uint64_t m_lowered = 0; // serials below were under way when the rate was lowered last
  std::uint64_t m_halved = 0;
  Recent m_recent = {};
};

} // namespace batchwright::realtime
