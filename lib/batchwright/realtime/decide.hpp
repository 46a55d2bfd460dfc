// What follows from one answer: whether it is kept, sent again, and what it tells of the account. Pure.
#pragma once

#include <batchwright/api/caller.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/realtime/call.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::realtime {

/// What becomes of the request.
enum class Then : std::uint8_t {
  keep,       ///< the answer counts: it goes into the journal
  again,      ///< it is sent again, and an attempt is used up; the last one's answer is kept
  again_free, ///< it is sent again, and no attempt is used up
  hold,       ///< kept, unless every answer says so: then it is a matter of the account
};

/// What the answer says of the rate.
enum class RateWord : std::uint8_t {
  answered,  ///< nothing was in the way
  refused,   ///< 429: too fast
  slow_down, ///< 503 "Slow Down": a sudden rise
  failed,    ///< no rate was in the way, and no usage is known
  unsent,    ///< it did not reach the server, or was not counted there
};

/// What stands in the way of all requests of the account.
enum class Obstacle : std::uint8_t {
  none,
  key,       ///< 401
  forbidden, ///< every answer is a 403
  quota,     ///< `insufficient_quota`
  address,   ///< 3xx: another address is to be configured
  money      ///< no more may be spent than is
};

struct Decision {
  Then then = Then::keep;
  RateWord rate = RateWord::answered;
  Obstacle obstacle = Obstacle::none;
  bool billed = false;                 ///< it is sent again, though the server may have run it and billed that
  bool is_failure = false;             ///< of a server that answers nothing of use: many in a row are a reason to wait
  bool timed_out = false;              ///< it took as long as it may: that is tried once more, not more often
  bool no_capacity = false;            ///< of the flex tier: the standard one may have some
  bool too_large = false;              ///< it asks for more than the whole limit: no waiting helps
  bool in_silence = false;             ///< no other request tells whether the attempt was used up in vain
  bool at_once = false;                ///< it is sent again without a wait: another way is open
  std::optional<TokensUsed> used = {}; ///< where the answer tells
  std::string why = {};                ///< for people; empty where the answer is kept at once
};

/// By the API's error guide (openai-batch.md section 14) and the outcomes of the design. `timeout`: what the request
/// was given.
Decision decide(const api::Answered& answered, Millis timeout);

/// Whether it is an answer, whatever it says, from a server that works.
inline bool is_of_use(const Decision& d)
{
  return d.then == Then::keep && !d.is_failure && !d.too_large;
}

/// Where the service tier that we wrote into a request has no room or is not known, the standard one is asked.
/// True where it is not known: no other request need ask for it.
bool mind_tier(Decision& decision, const api::Answered& answered, Call& call);

/// What a decision depends on beyond the answer.
struct Standing {
  Instant now = {};
  std::uint64_t let_go = 0; ///< how many requests of all were sent by now
  int max_attempts = 3;
  bool in_silence = false; ///< nothing was answered since the request's last attempt
  bool is_free = false;    ///< the server is in trouble, not the request: what fails uses up no attempt
  bool is_large = false;   ///< it asks for more than a minute has
};

/// What the decision comes to for a request with a past: the answer to the last attempt is kept, and so is that of one
/// which would never be let through. Counts what the next decision needs.
void settle(Decision& decision, Call& call, const Standing& standing);

constexpr Millis longest_wait_before_again{3'600'000};

/// The wait before a request is sent again after its n-th failure in a row, from 1: 0.5 s, doubling to 30 s, of which
/// half is scaled by `jitter` from 0 to 1. The server's hint is a floor to that, of an hour at most.
Millis wait_before_again(int failures, std::optional<Millis> hint, double jitter);

} // namespace batchwright::realtime
