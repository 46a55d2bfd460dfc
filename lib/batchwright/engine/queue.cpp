#include <batchwright/base/error.hpp>
#include <batchwright/engine/queue.hpp>
#include <batchwright/engine/waits.hpp>
#include <batchwright/wire/objects.hpp>

#include <algorithm>
#include <map>
#include <tuple>

namespace batchwright::engine {
namespace {

/// A limit is doubted after this long: limits grow, and while we keep to one, nobody tells us.
constexpr Millis limit_holds{86'400'000};

/// No batch lives longer: what is known of an older one is out of date, since nobody asks for it.
constexpr Millis longest_life{25 * 3'600'000};

/// Jobs that nobody moved for so long claim no room.
constexpr Millis claim_holds{900'000};

bool takes_room(const Enqueued& e, Instant now)
{
  return e.state != PartState::queued && (!e.created_at || is_within(e.created_at, longest_life, now));
}

bool holds(const std::optional<std::int64_t>& limit, const std::optional<Instant>& since, Instant now)
{
  return limit && is_within(since, limit_holds, now);
}

/// Whether the server has let it into the queue.
bool is_admitted(const Enqueued& e)
{
  return e.state != PartState::queued && e.state != PartState::creating && !e.remote_status.empty() &&
         e.remote_status != "validating";
}

std::optional<std::int64_t> limit_of(const Room& room, Instant now)
{
  const auto& known = room.known;
  if (room.given) return room.given;
  const bool has_named = holds(known.named_tokens, known.named_since, now);
  if (!holds(known.own_tokens, known.own_since, now)) return has_named ? known.named_tokens : std::nullopt;
  return has_named ? std::min(*known.named_tokens, *known.own_tokens) : known.own_tokens;
}

/// How a job stands among those that want room: the least goes first.
struct Claim {
  std::int64_t tokens = 0; ///< that it takes already
  Instant created_at = {};
  std::string job = {};

  auto operator<=>(const Claim&) const = default;
};

/// A job that goes before this one, and the tokens that its next part wants; nothing where there is none.
std::optional<std::int64_t> wanted_before(const Room& room, const std::string& job, Instant now)
{
  std::map<std::string, Claim> claims;
  std::map<std::string, std::int64_t> wanted; // by those that wait: the least of their parts
  for (const auto& e : room.parts) {
    auto& claim = claims.try_emplace(e.job, Claim{0, e.job_created_at, e.job}).first->second;
    if (takes_room(e, now)) {
      claim.tokens += e.tokens;
    } else if (e.job == job || (e.may_send && is_within(e.advanced_at, claim_holds, now))) {
      const auto known = wanted.try_emplace(e.job, e.tokens).first;
      known->second = std::min(known->second, e.tokens);
    }
  }
  const auto first = std::min_element(wanted.begin(), wanted.end(), [&](const auto& a, const auto& b) {
    return claims.at(a.first) < claims.at(b.first);
  });
  return first == wanted.end() || first->first == job ? std::nullopt : std::optional{first->second};
}

bool is_quiet(const Room& room, bool any_live, Instant now)
{
  // A refusal in the future was recorded by a clock that was ahead.
  if (!room.known.quiet_since || *room.known.quiet_since > now) return false;
  return any_live || now < *room.known.quiet_since + refusal_wait(room.known.refusals);
}

} // namespace

bool counts_others(const Queue& known, bool has_given_limit)
{
  return has_given_limit || known.named_tokens || known.own_tokens || known.named_requests || known.quiet_since;
}

std::int64_t enqueued_tokens(const Room& room, Instant now)
{
  std::int64_t sum = room.foreign.tokens;
  for (const auto& e : room.parts)
    sum += takes_room(e, now) ? e.tokens : 0;
  return sum;
}

std::optional<bool> finds_room(const Room& room, std::int64_t tokens, Instant now)
{
  const auto limit = limit_of(room, now);
  return limit ? std::optional{enqueued_tokens(room, now) + tokens <= *limit} : std::nullopt;
}

std::int64_t most_at_once(const Room& room)
{
  const auto sum_at = [&](Instant moment) {
    std::int64_t sum = room.foreign.seen_at == moment ? room.foreign.tokens : 0;
    for (const auto& e : room.parts) {
      const bool was_there =
          e.admitted_at && e.seen_live_at && *e.admitted_at <= moment && moment <= *e.seen_live_at && is_admitted(e);
      sum += was_there ? e.tokens : 0;
    }
    return sum;
  };
  std::int64_t most = 0;
  if (room.foreign.seen_at) most = sum_at(*room.foreign.seen_at);
  for (const auto& e : room.parts) {
    if (e.admitted_at) most = std::max(most, sum_at(*e.admitted_at));
  }
  return most;
}

Turn turn(const Room& room, const std::string& job, int part, Instant now)
{
  const auto it = std::find_if(room.parts.begin(), room.parts.end(),
                               [&](const Enqueued& e) { return e.job == job && e.part == part; });
  ensure(it != room.parts.end() && it->state == PartState::queued, "a part that asks for room is queued");
  const auto count = [&](auto holds) { return std::count_if(room.parts.begin(), room.parts.end(), holds); };
  const auto live = count([now](const Enqueued& e) { return takes_room(e, now); });
  const auto admitted = count([now](const Enqueued& e) { return takes_room(e, now) && is_admitted(e); });

  const auto& known = room.known;
  if (holds(known.named_tokens, known.named_since, now) && it->tokens > *known.named_tokens) return Turn::cut;
  if (is_quiet(room, live > 0, now)) return Turn::wait_for_room;

  std::int64_t requests = room.foreign.requests + it->requests;
  for (const auto& e : room.parts)
    requests += takes_room(e, now) ? e.requests : 0;
  const auto most_requests = room.known.named_requests ? room.known.named_requests : room.most_requests;
  const bool is_alone = live == 0 && room.foreign.batches == 0;
  if (most_requests && requests > *most_requests && !is_alone) return Turn::wait_for_room;

  const auto sum = enqueued_tokens(room, now) + it->tokens;
  const auto limit = limit_of(room, now);
  const auto before = wanted_before(room, job, now);
  if (limit) {
    if (sum > *limit && !is_alone) return Turn::wait_for_room;
    return before && sum + *before > *limit ? Turn::wait_for_other : Turn::go;
  }
  if (sum <= room.known.admitted_tokens) return Turn::go;
  if (before) return Turn::wait_for_other;
  return live - admitted < std::max<std::int64_t>(1, (admitted + 1) / 2) ? Turn::go : Turn::wait_for_check;
}

void learn_refusal(Queue& known, std::int64_t sum, std::string_view message, Instant now)
{
  auto named = wire::named_limit(message);
  if (named && *named <= 0) named.reset(); // no figure to go by
  if (named && wire::limits_requests(message)) {
    known.named_requests = named;
  } else if (named) {
    known.named_tokens = named;
    known.named_since = now;
  }
  const bool below = !named || sum <= *named;
  if (below && !wire::limits_requests(message) && known.admitted_tokens > 0) {
    known.own_tokens = known.admitted_tokens;
    known.own_since = now;
  }
  known.quiet_since = now;
  ++known.refusals;
}

void learn_put_off(Queue& known, Instant since, Instant now)
{
  constexpr Millis longest_gap{6 * 3'600'000};
  const bool goes_on = known.failing_since && known.failing_seen && now < *known.failing_seen + longest_gap;
  known.failing_since = std::min(goes_on ? *known.failing_since : since, now);
  known.failing_seen = now;
}

void learn_admission(Queue& known, std::int64_t sum)
{
  known.admitted_tokens = std::max(known.admitted_tokens, sum);
  known.refusals = 0;
  if (known.named_tokens && sum > *known.named_tokens) known.named_tokens = sum; // it has grown
}

void learn_end(Queue& known)
{
  known.quiet_since.reset();
}

Millis refusal_wait(int refusals)
{
  return growing(Millis{60'000}, 2.0, refusals - 1, Millis{1'800'000});
}

} // namespace batchwright::engine
