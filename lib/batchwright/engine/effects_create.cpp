// What costs money: batches are created, each POST with a uuid of its own, recorded before it is sent, and only when
// there is room. Where no readable answer came, the listing is asked for that uuid before anything is sent again; a
// batch that shows even later is a twin.

#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/label.hpp>
#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/waits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::engine {
namespace {

/// Whether a batch that a listing shows is what one of these calls made.
bool is_made_by(const wire::BatchObject& batch, const std::vector<Call>& calls)
{
  const auto uuid = batch.metadata.find("bw_call");
  return uuid != batch.metadata.end() &&
         std::any_of(calls.begin(), calls.end(), [&](const Call& c) { return c.uuid == uuid->second; });
}

/// Whether a batch may have answers that count.
bool is_of_use(const wire::BatchObject& batch)
{
  return wire::phase(batch.status) != wire::BatchPhase::refused && batch.status != "cancelled";
}

/// Whether any batch that was made for the part is welcome: it waits to be sent again, or was given up before a batch
/// of it was known, and none of its items was taken out since.
bool is_without_batch(const Part& p)
{
  if (p.route == Route::realtime) return false; // it may have been sent already
  switch (p.state) {
  case PartState::planned:
  case PartState::uploading:
  case PartState::queued:
    return true;
  case PartState::abandoned:
  case PartState::settled:
    return p.batch.empty() && p.outcome.left == 0;
  default:
    return false;
  }
}

} // namespace

Since since_oldest(const std::vector<Call>& calls)
{
  const auto oldest = std::min_element(calls.begin(), calls.end(),
                                       [](const Call& a, const Call& b) { return a.begun_at < b.begun_at; });
  return {.local = oldest->begun_at, .server = oldest->server_time};
}

bool is_watched(const Call& call, Instant now)
{
  constexpr Millis for_so_long{25 * 3'600'000};
  return call.kind == CallKind::create && call.state == CallState::abandoned &&
         is_within(call.begun_at, for_so_long, now);
}

std::vector<Call> watched_calls(const store::Store& store, const std::string& job, Instant now)
{
  auto calls = store.calls(job, CallState::abandoned);
  std::erase_if(calls, [now](const Call& c) { return !is_watched(c, now); });
  return calls;
}

void Run::create(const Part& p)
{
  ensure(p.elsewhere == 0, "what other parts hold is not sent again");
  if (lacks_room(p)) return;
  if (wants_survey(p)) return survey(p);
  learn_what_was_seen(p);
  // Asked before the transaction, too: what waits writes nothing.
  auto said = turn(room_for(p), m_job.name, p.number, now());
  if (said != Turn::go) return queue_says(p, said);

  const auto call = intent(CallKind::create, p.number);
  const auto reserve = m_purse ? reserve_for(p).value_or(Reserve{}).whole() : PicoUsd{};
  bool is_paid = true;
  record(p.number, [&](Part& changed, store::Transaction& tx) {
    said = turn(room_for(p), m_job.name, p.number, now()); // now that no other process takes room
    if (said != Turn::go) return;
    is_paid = !m_purse || m_purse->take(p.number, reserve); // others that were due with it may have taken it
    if (!is_paid) return;
    move(changed, PartEvent::create_begun);
    changed.reserved = reserve;
    changed.before_cap = false;
    tx.put(m_job.name, call);
  });
  if (said != Turn::go) return queue_says(p, said);
  if (!is_paid) return;

  m_calls.push_back(call);
  const auto work = [this, p, endpoint = endpoint_of(m_job, p), data = metadata_of(m_job, p, call.uuid)] {
    return m_server.client.create_batch(p.file, endpoint, data);
  };
  on_worker(Do::create, p.number, work,
            [this, number = p.number, uuid = call.uuid](const auto& reply) { record_create(number, uuid, reply); });
}

void Run::record_create(int number, const std::string& uuid, const api::Reply<wire::BatchObject>& reply)
{
  const auto doing = fmt::format("creating the batch of part {}", number);
  if (reply.ok()) {
    m_troubles.erase(number);
    m_probing = false;
    record(number, [&](Part& changed, store::Transaction& tx) {
      move(changed, PartEvent::batch_known);
      changed.batch = reply.value.id;
      changed.remote = status_of(reply.value);
      changed.admitted_at = changed.seen_live_at = std::nullopt;
      changed.polls = 0;
      changed.due = now() + m_goal.every.value_or(poll_wait(0));
      put_call(tx, uuid, CallState::answered);
      if (is_checked(changed.remote)) learn_admitted(tx, changed);
    });
    return;
  }
  const auto why = setback(reply);
  if (reply.ending == api::Ending::unknown) { // stays `creating`: the listing decides
    const auto when = trouble(number, doing, why);
    record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
    return;
  }
  if (reply.ending == api::Ending::refused) {
    const auto& [code, type, message, param] = reply.error;
    if (wire::means_no_room(code, message)) return record_no_room(number, message, PartEvent::batch_refused, uuid);
    if (wire::means_lost_file(code, message)) return record_lost_file(number, why.words, uuid);
  }
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::batch_absent);
    put_call(tx, uuid, CallState::not_sent);
  });
  const auto when = later(number, doing, why);
  record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
}

void Run::look_for_batch(const Part& p)
{
  const auto* call = call_of(p.number);
  if (!call) {
    record(p.number, [](Part& changed, store::Transaction&) { move(changed, PartEvent::batch_absent); });
    return;
  }
  // What an earlier call for the part made may show only now, and is as good.
  std::vector<Call> calls{*call};
  std::copy_if(m_watched.begin(), m_watched.end(), std::back_inserter(calls),
               [&](const Call& c) { return c.part == p.number; });
  auto since = since_oldest(calls);
  since.earlier = p.file_created_at;
  // An earlier one that is of no use must not end the grace time of the last.
  const auto is_ours = [p, calls, last = *call, since](const wire::BatchObject& b, Instant intent) {
    if (is_made_by(b, calls)) return is_of_use(b) || is_made_by(b, {last});
    // A server that keeps no metadata: an older batch of the same file may be one that it refused.
    const auto of_last = last.server_time.value_or(intent + (last.begun_at - since.local));
    return b.metadata.empty() && b.input_file == p.file && b.created_at &&
           *b.created_at >= (is_of_use(b) ? intent : of_last) - clock_grain;
  };
  const auto work = [this, since, is_ours] {
    return look_through<wire::BatchObject>(
        since, m_tools.clock, [this](const BatchId& after) { return m_server.client.batches(after); }, is_ours);
  };
  on_worker(Do::look_for_batch, p.number, work,
            [this, number = p.number, call = *call](const BatchLook& look) { record_look(number, call, look); });
}

void Run::record_look(int number, const Call& call, const BatchLook& look)
{
  const auto doing = fmt::format("looking for the batch of part {}", number);
  if (!look.found.empty()) return record_found(number, call, look.found);
  if (look.ignores_paging && part(number).state == PartState::abandoned) {
    record_nothing_of_abandoned(number, doing, {.words = "the server's list of batches cannot be read to its end"});
    return;
  }
  if (look.ignores_paging) {
    pause(Pause::unknown_submission, fmt::format("{}: the server's list of batches cannot be read to its end", doing));
    return;
  }
  if (look.failed) {
    if (record_nothing_of_abandoned(number, doing, setback(*look.failed))) return;
    const int status = look.failed->status;
    if (status == 403 || status == 404 || status == 405 || status == 501) {
      pause(Pause::unknown_submission, fmt::format("{}: the server cannot be asked: {}", doing, look.failed->trouble));
      return;
    }
    const auto when = later(number, doing, setback(*look.failed));
    record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
    return;
  }
  record_not_listed(number, call);
}

void Run::record_found(int number, const Call& call, std::vector<wire::BatchObject> found)
{
  std::sort(found.begin(), found.end(), is_better);
  const auto& kept = found.front();
  const auto uuid = kept.metadata.find("bw_call");
  const bool is_earlier = uuid != kept.metadata.end() && uuid->second != call.uuid;
  record(number, [&](Part& changed, store::Transaction& tx) {
    changed.due.reset();
    move(changed, PartEvent::batch_known);
    changed.batch = kept.id;
    changed.remote = status_of(kept);
    changed.polls = 0;
    put_call(tx, call.uuid, is_earlier ? CallState::abandoned : CallState::adopted);
    if (is_checked(changed.remote)) learn_admitted(tx, changed);
  });
  if (is_earlier) watch(call);
  cancel_others(number, {found.begin() + 1, found.end()});
}

/// Batches of the part beside the one that is kept: those that live would run its items twice.
void Run::cancel_others(int number, std::vector<wire::BatchObject> others)
{
  std::erase_if(others, [](const wire::BatchObject& b) { return wire::phase(b.status) != wire::BatchPhase::live; });
  if (others.empty()) return;
  for (const auto& other : others)
    note(Note::Level::warning, fmt::format("part {}: the batch {} is another one of the same items and is cancelled",
                                           number, other.id.str()));
  const auto work = [this, others] {
    std::vector<std::string> troubles;
    for (const auto& other : others) {
      const auto reply = m_server.client.cancel(other.id);
      if (!reply.ok()) troubles.push_back(fmt::format("cancelling {}: {}", other.id.str(), reply.trouble));
    }
    return troubles;
  };
  on_worker(Do::cancel, number, work, [this](const std::vector<std::string>& troubles) {
    for (const auto& trouble : troubles)
      note(Note::Level::warning, trouble);
  });
}

void Run::record_not_listed(int number, const Call& call)
{
  const bool is_first = !call.first_look_at;
  record(number, [&](Part& changed, store::Transaction& tx) {
    changed.due.reset();
    if (is_first) {
      const auto known =
          std::find_if(m_calls.begin(), m_calls.end(), [&](const Call& c) { return c.uuid == call.uuid; });
      known->first_look_at = now();
      changed.due = now() + m_job.policy.adopt_grace;
      put_call(tx, call.uuid, CallState::intended);
    } else {
      move(changed, PartEvent::batch_absent);
      put_call(tx, call.uuid, CallState::abandoned);
    }
  });
  if (!is_first) watch(call);
}

// --- twins -----------------------------------------------------------------------------------------------------------

/// From here on the listing is asked now and then whether the call made a batch after all.
void Run::watch(Call call)
{
  call.state = CallState::abandoned;
  m_watched.push_back(std::move(call));
}

bool Run::looks_for_twins() const
{
  const bool may_ask = m_job.pause != Pause::auth && m_job.pause != Pause::account;
  return may_ask && !m_watched.empty() && now() >= m_next_twin_look && !m_busy.contains(no_part);
}

/// Whether a look is under way that may find a batch of the part: another one would run its items twice.
bool Run::waits_for_twin_look(int number) const
{
  return m_busy.contains(no_part) &&
         std::any_of(m_watched.begin(), m_watched.end(), [number](const Call& c) { return c.part == number; });
}

/// One listing for all calls that are watched.
void Run::look_for_twins()
{
  m_next_twin_look = now() + between_twin_looks;
  std::erase_if(m_watched, [&](const Call& c) { return !is_watched(c, now()); });
  if (m_watched.empty()) return;
  auto since = since_oldest(m_watched);
  for (const auto& call : m_watched) {
    const auto uploaded = part(call.part).file_created_at;
    if (uploaded) since.earlier = std::min(since.earlier.value_or(*uploaded), *uploaded);
  }
  const auto work = [this, since, calls = m_watched] {
    return look_through<wire::BatchObject>(
        since, m_tools.clock, [this](const BatchId& after) { return m_server.client.batches(after); },
        [&](const wire::BatchObject& b, Instant) { return is_made_by(b, calls); });
  };
  on_worker(Do::look_for_batch, no_part, work, [this](const BatchLook& look) {
    if (look.failed) {
      note(Note::Level::detail, fmt::format("looking for batches of lost calls: {}", look.failed->trouble));
      return;
    }
    for (const auto& batch : look.found) {
      meet_twin(batch);
      if (!m_busy.contains(no_part)) continue;
      m_next_twin_look = {}; // one is being cancelled: the others come after it
      return;
    }
  });
}

/// A batch of a call whose answer was lost showed up after another was created, or is going to be, or after the part
/// was given up.
void Run::meet_twin(const wire::BatchObject& twin)
{
  const auto call = std::find_if(m_watched.begin(), m_watched.end(),
                                 [&](const Call& c) { return c.uuid == twin.metadata.find("bw_call")->second; });
  if (call == m_watched.end()) return;
  const Part& p = part(call->part);
  const bool is_being_called = m_called.contains(p.number);  // for hours, maybe, and nothing of it is changed here
  if (m_busy.contains(p.number) && !is_being_called) return; // the next look finds it again
  if (p.batch == twin.id) return forget(Call{*call}, CallState::adopted);
  const bool counts = is_of_use(twin);
  if (counts && p.state == PartState::creating) return; // its own look finds this one, too, and chooses
  if (counts && is_without_batch(p)) return adopt(twin, Call{*call});
  if (!counts || wire::phase(twin.status) == wire::BatchPhase::finished) {
    if (counts)
      note(Note::Level::warning, fmt::format("part {} ran twice at the server: {} was made by a call whose answer was "
                                             "lost, and ended before it showed",
                                             p.number, twin.id.str()));
    return forget(Call{*call}, CallState::twin);
  }
  note(Note::Level::warning,
       fmt::format(
           "part {}: the batch {}, made by a call whose answer was lost, showed late and is cancelled; {} goes on",
           p.number, twin.id.str(),
           p.route == Route::realtime ? "real time"
           : p.batch.empty()          ? "another one"
                                      : p.batch.str()));
  on_worker(
      Do::cancel, no_part, [this, id = twin.id] { return m_server.client.cancel(id); },
      [this, lost = Call{*call}](const api::Reply<wire::BatchObject>& reply) {
        if (reply.ok()) return forget(lost, CallState::twin);
        note(Note::Level::warning, fmt::format("cancelling it: {}", reply.trouble));
      });
}

/// The batch becomes that of its part, which has none.
void Run::adopt(const wire::BatchObject& batch, const Call& call)
{
  note(Note::Level::info, fmt::format("part {}: the batch {}, made by a call whose answer was lost, showed late and is "
                                      "taken for it",
                                      call.part, batch.id.str()));
  record(call.part, [&](Part& changed, store::Transaction& tx) {
    const auto* upload = call_of(call.part);
    if (upload) put_call(tx, std::string{upload->uuid}, CallState::abandoned); // it costs nothing
    move(changed, PartEvent::batch_known);
    changed.batch = batch.id;
    changed.remote = status_of(batch);
    changed.file = batch.input_file;
    changed.polls = 0;
    changed.due.reset();
    auto adopted = call;
    adopted.state = CallState::adopted;
    tx.put(m_job.name, adopted);
  });
  std::erase_if(m_watched, [&](const Call& c) { return c.uuid == call.uuid; });
}

/// It is known what became of the call.
void Run::forget(Call call, CallState state)
{
  call.state = state;
  store::Transaction tx{m_tools.store};
  tx.put(m_job.name, call);
  tx.commit();
  std::erase_if(m_watched, [&](const Call& c) { return c.uuid == call.uuid; });
}

} // namespace batchwright::engine
