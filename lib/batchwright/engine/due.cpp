#include <batchwright/engine/due.hpp>
#include <batchwright/engine/join.hpp>
#include <batchwright/engine/waits.hpp>

#include <algorithm>
#include <array>
#include <map>

namespace batchwright::engine {
namespace {

bool sends(Do what)
{
  return what == Do::upload || what == Do::create || what == Do::build || what == Do::join || what == Do::call ||
         what == Do::reroute;
}

/// What becomes of a part whose job is cancelled; nothing where that makes no difference.
std::optional<Do> action_to_cancel(PartState state, Cancel wish)
{
  switch (state) {
  case PartState::planned:
  case PartState::uploading:
  case PartState::queued:
    return Do::give_up;
  case PartState::creating:
  case PartState::cancelling:
  case PartState::ended:
    return wish == Cancel::abandon ? std::optional{Do::give_up} : std::nullopt;
  case PartState::running:
    return wish == Cancel::abandon ? Do::give_up : Do::cancel;
  default:
    return std::nullopt;
  }
}

/// What a batch that was given up is still asked for: that it stop, and what it finished.
Do action_for_abandoned(const Part& part)
{
  if (part.batch.empty()) return Do::look_for_batch;
  if (part.lapses_at) return Do::download;
  return part.remote.status == "cancelling" ? Do::poll : Do::cancel;
}

/// The same of a part whose requests are sent one by one.
std::optional<Do> action_in_realtime(const Part& part, const Job& job)
{
  const bool is_under_way = part.state == PartState::planned || part.state == PartState::running;
  if (is_under_way && job.cancel != Cancel::none) return Do::give_up;
  if (is_under_way) return part.sha256.empty() ? Do::build : Do::call;
  if (part.state == PartState::ended) return Do::settle;
  return is_judged_otherwise(part, job.policy) ? std::optional{Do::judge} : std::nullopt;
}

/// The same of a part whose items are not sent. Cancelled copies wait all the same: what they ask may be answered.
std::optional<Do> action_for_reused(const Part& part, const Job& job, const std::vector<Part>& parts)
{
  if (is_live(part.state)) return waits_for_leaders(parts, job.policy) ? std::nullopt : std::optional{Do::copy};
  return is_judged_otherwise(part, job.policy) ? std::optional{Do::judge} : std::nullopt;
}

/// What becomes of a part of the batch route once all that is left is to go in real time: exactly once outranks speed,
/// so what may be at the server is waited for.
std::optional<Do> action_to_switch(PartState state)
{
  switch (state) {
  case PartState::planned:
  case PartState::uploading:
  case PartState::queued:
    return Do::reroute;
  case PartState::running:
    return Do::cancel;
  default:
    return std::nullopt;
  }
}

/// What moves a part forward from where it is; nothing where only other parts can.
std::optional<Do> action_for(const Part& part, const Job& job, const std::vector<Part>& parts)
{
  if (part.route == Route::reused) return action_for_reused(part, job, parts);
  if (part.route == Route::realtime) return action_in_realtime(part, job);
  if (job.switched_at && job.cancel == Cancel::none) {
    if (const auto what = action_to_switch(part.state)) return what;
  }
  const auto wish = job.cancel;
  const auto special = wish == Cancel::none ? std::nullopt : action_to_cancel(part.state, wish);
  if (special) return special;
  switch (part.state) {
  case PartState::planned:
    return part.sha256.empty() ? Do::build : Do::upload;
  case PartState::uploading:
    return Do::look_for_file;
  case PartState::queued:
    return Do::create;
  case PartState::creating:
    return Do::look_for_batch;
  case PartState::running:
    return part.withdrawn ? Do::cancel : Do::poll;
  case PartState::cancelling:
    return Do::poll;
  case PartState::ended:
    return Do::download;
  case PartState::fetched:
    return Do::settle;
  case PartState::abandoned:
    return action_for_abandoned(part);
  case PartState::settled:
    return is_judged_otherwise(part, job.policy) ? std::optional{Do::judge} : std::nullopt;
  case PartState::superseded:
    break;
  }
  return std::nullopt;
}

/// Whether outcomes are decided by an action.
bool judges(Do what)
{
  return what == Do::settle || what == Do::judge || what == Do::copy || what == Do::give_up;
}

/// Which actions a job's standing and a pause leave: no sending without consent, nor while paused; under `auth` and
/// `account` the server would refuse all the same.
bool allowed(Do what, const Job& job, Sending sending)
{
  const auto pause = job.pause;
  if (what == Do::give_up && !may_give_up(job)) return false;
  if (judges(what)) return job.standing != Standing::bare;
  if (sends(what) && job.standing != Standing::consented) return false;
  if (pause == Pause::auth || pause == Pause::account) return false;
  if (pause == Pause::unknown_submission && what == Do::look_for_batch) return false;
  return !sends(what) || (sending == Sending::yes && pause == Pause::none);
}

/// What waits while items of the job are tried first, and then for the user's word where that is wanted. Files are
/// built all the same.
bool waits_for_probe(Do what, const Part& part, const Job& job, bool tries_first)
{
  const bool leaves = what == Do::upload || what == Do::create || what == Do::call;
  return leaves && !is_probe(part) && (tries_first || job.awaits_word);
}

/// How many request files stand built and have no batch yet. Parts of one model wait for the same room, those of
/// another for another.
using Kind = std::pair<Route, std::string_view>;

std::map<Kind, int> built_by_kind(const std::vector<Part>& parts, const std::set<int>& busy)
{
  std::map<Kind, int> built;
  for (const auto& p : parts) {
    const bool is_built = p.state == PartState::planned && (!p.sha256.empty() || busy.contains(p.number));
    if (is_built || p.state == PartState::uploading || p.state == PartState::queued) ++built[{p.route, p.model}];
  }
  return built;
}

/// How many real-time parts are being sent.
std::map<std::string_view, int> called_by_model(const std::vector<Part>& parts, const std::set<int>& busy)
{
  std::map<std::string_view, int> called;
  for (const auto& p : parts)
    called[p.model] += is_called(p) && busy.contains(p.number) ? 1 : 0;
  return called;
}

} // namespace

std::string_view name(Do what)
{
  constexpr std::array<std::string_view, 15> names{"settle", "judge",          "copy",    "download", "cancel",
                                                   "poll",   "look for batch", "give up", "reroute",  "call",
                                                   "create", "look for file",  "upload",  "build",    "join"};
  return names.at(static_cast<std::size_t>(what));
}

bool is_judged_otherwise(const Part& part, const Policy& policy)
{
  return part.state == PartState::settled && part.accepted != policy.accept;
}

bool waits_for_leaders(const std::vector<Part>& parts, const Policy& policy)
{
  return std::any_of(parts.begin(), parts.end(), [&](const Part& p) {
    return p.route != Route::reused && (is_live(p.state) || is_judged_otherwise(p, policy));
  });
}

bool may_give_up(const Job& job)
{
  return knows_input(job) || (job.standing != Standing::bare && !has_user_ids(job));
}

Due due(const Job& job, const std::vector<Part>& parts, const std::set<int>& busy, Instant now, Sending sending)
{
  auto ahead = built_by_kind(parts, busy);
  auto called = called_by_model(parts, busy);
  const bool tries_first = std::any_of(parts.begin(), parts.end(), is_live_probe);

  Due d;
  auto taken = busy;
  for (const auto& part : parts) {
    const auto what = action_for(part, job, parts);
    if (!what || taken.contains(part.number) || !allowed(*what, job, sending)) continue;
    if (waits_for_probe(*what, part, job, tries_first)) continue;
    const auto gathers = *what == Do::build ? gathers_until(part, parts) : std::nullopt;
    const bool waits_for_nothing = *what == Do::give_up || *what == Do::reroute; // what it waited for is wanted no more
    const auto when = gathers ? gathers : waits_for_nothing ? std::nullopt : part.due;
    const auto longest = gathers ? longest_gathering : longest_wait + job.policy.adopt_grace;
    if (when && *when > now && *when <= now + longest) {
      d.next = std::min(d.next.value_or(*when), *when);
      continue;
    }
    if (*what == Do::build) {
      const auto others = company(part, parts, job.limits, taken);
      if (!others.empty()) {
        taken.insert(others.begin(), others.end());
        d.now.push_back({Do::join, part.number});
        continue;
      }
    }
    if (*what == Do::build && ahead[{part.route, part.model}]++ >= built_ahead(job)) continue;
    if (*what == Do::call && called[part.model]++ >= called_at_once) continue;
    d.now.push_back({*what, part.number});
  }
  std::stable_sort(d.now.begin(), d.now.end(), [](const Action& a, const Action& b) { return a.what < b.what; });
  return d;
}

int built_ahead(const Job& job)
{
  constexpr int usually = 4;
  constexpr int of_small_jobs = 2;
  return job.compress ? of_small_jobs : usually;
}

Millis poll_wait(int polls)
{
  return growing(Millis{1'000}, 1.6, polls, Millis{180'000});
}

Millis probe_wait(int probes)
{
  return growing(Millis{300'000}, 2.0, probes, Millis{3'600'000});
}

Millis second_look_wait(int looks)
{
  return growing(Millis{5'000}, 2.0, looks - 1, Millis{300'000});
}

Millis trouble_wait(int troubles)
{
  return growing(Millis{1'000}, 2.0, troubles - 1, Millis{60'000});
}

} // namespace batchwright::engine
