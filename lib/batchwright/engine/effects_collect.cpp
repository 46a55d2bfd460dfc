// What was paid for comes home: batches are asked for, outcomes fixed. Nothing here sends.

#include <batchwright/base/files.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/engine/waits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace batchwright::engine {
namespace {

/// A batch that is not found this soon after its creation may only not have spread to the server we asked.
constexpr Millis not_found_grace{60'000};

} // namespace

void Run::poll(const Part& p)
{
  m_asked.insert(p.number);
  m_unlisted.erase(p.number);
  const auto work = [this, batch = p.batch] { return m_server.client.batch(batch); };
  on_worker(Do::poll, p.number, work,
            [this, number = p.number, asked_at = now()](const auto& reply) { record_poll(number, reply, asked_at); });
}

/// A batch that could not be asked for, or asked to stop.
void Run::record_unanswered(int number, std::string_view doing, const Setback& why)
{
  if (record_nothing_of_abandoned(number, doing, why)) return;
  Instant when = {};
  if (why.status == 404) {
    const auto& p = part(number);
    const bool fresh = p.remote.created_at && server_time().value_or(now()) < *p.remote.created_at + not_found_grace;
    if (!fresh)
      pause(Pause::account,
            fmt::format("{} ({}): {}; is this the account that made it?", doing, p.batch.str(), why.words));
    when = now() + trouble_wait(4);
  } else {
    when = later(number, doing, why);
  }
  record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
}

/// What the server does not give of a batch that was given up is no trouble of the job's: it is told, and asked for
/// again by a later command, unless it is gone for good. False for any other part.
bool Run::record_nothing_of_abandoned(int number, std::string_view doing, const Setback& why)
{
  if (part(number).state != PartState::abandoned) return false;
  const bool gone = why.ending == api::Ending::refused && why.status == 404;
  note(Note::Level::warning, fmt::format("{}, which was given up: {}", doing, why.words));
  const auto when = now() + trouble_wait(5);
  record(number, [&](Part& changed, store::Transaction&) {
    if (gone) move(changed, PartEvent::batch_gone);
    changed.due = gone ? std::nullopt : std::optional{when};
  });
  return true;
}

void Run::record_poll(int number, const api::Reply<wire::BatchObject>& reply, Instant asked_at)
{
  const auto doing = fmt::format("asking for the batch of part {}", number);
  if (!reply.ok()) return record_unanswered(number, doing, setback(reply));

  m_troubles.erase(number);
  const auto phase = wire::phase(reply.value.status);
  const auto status = status_of(reply.value);
  if (phase == wire::BatchPhase::refused && part(number).state == PartState::running) {
    const auto refusal = wire::refusal_of(reply.value.errors);
    if (refusal == wire::Refusal::no_room) {
      record_no_room(number, status.error_message, PartEvent::batch_refused, {});
      return;
    }
    if (refusal == wire::Refusal::lost_file) {
      record_lost_file(number, status.error_message, {});
      return;
    }
  }
  const bool ended = has_ended(status);
  // Kept as it was seen: it may not be there any more when the part is settled.
  if (phase == wire::BatchPhase::refused) write_file(m_files.batch(number), wire::failed_batch(reply.value));
  const bool is_admitted = !is_checked(part(number).remote) && is_checked(status);
  record(number, [&](Part& changed, store::Transaction& tx) {
    if (is_admitted) learn_admitted(tx, changed);
    const bool goes_on = status.completed + status.failed > changed.remote.completed + changed.remote.failed;
    if (goes_on || !changed.progress_at) changed.progress_at = now();
    changed.remote = status;
    if (!ended && is_checked(status)) {
      changed.admitted_at = changed.admitted_at.value_or(now());
      changed.seen_live_at = asked_at;
    }
    changed.refusals = 0;
    ++changed.polls;
    changed.due = now() + m_goal.every.value_or(poll_wait(changed.polls));
    if (ended) {
      learn_cancelling(tx, changed);
      move(changed, PartEvent::batch_ended);
      changed.due.reset();
      changed.lapses_at = lapse_of(status, m_tools.profile, now());
      learn(tx, changed, learn_end);
    }
  });
  if (ended && (!status.error_code.empty() || !status.error_message.empty())) {
    note(Note::Level::warning,
         fmt::format("the batch of part {} failed: {}: {}", number, status.error_code, status.error_message));
  }
}

void Run::settle(const Part& p, const results::SettleFiles& files, results::Cancelled cancelled, Do as)
{
  auto context = settle_context(m_tools, m_job, p);
  context.cancelled = cancelled;
  if (as == Do::settle) context.demand = demand(p);
  // Ids of the user's are read from the request file or that of ids; where it is gone it is built again, the same
  // bytes.
  // Those of packs that were in flight are read from it, too.
  const bool is_packed_call = p.route == Route::realtime && p.requests != p.items && as == Do::give_up;
  const bool lacks_list = p.has_list() && !std::filesystem::exists(files.ordinals); // given up before it was built
  const bool rebuild =
      lacks_list || !has_ids(m_job, files) || (is_packed_call && !std::filesystem::exists(files.requests));
  if (p.elsewhere > 0) context.elsewhere = held_by_later(p, m_parts, m_files);
  const bool packs = m_job.compress && p.route == Route::realtime;
  const auto work = [this, job = m_job, p, files, context, rebuild, packs, built = request_files(p)] {
    if (rebuild) m_pins.hold([&] { return requests::build(job, p, built); });
    auto from = files;
    if (packs) from.output = pack_journal(p, m_files);
    return results::settle(p, from, context);
  };
  on_worker(as, p.number, work, [this, as, number = p.number](const results::Settled& settled) {
    as == Do::give_up ? record_given_up(number, settled) : record_settled(number, settled);
  });
}

void Run::record_settled(int number, const results::Settled& settled)
{
  const Part parent = part(number);
  discard_uploaded(m_job, parent, m_files); // it may have been built for its ids
  if (settled.put_off) return record_wanting(number, settled.lines);
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::outcomes_fixed);
    changed.outcome = settled.sums;
    changed.accepted = m_job.policy.accept;
    changed.failed_for_good = settled.failed_for_good;
    changed.due.reset();
    tx.put(m_job.name, number, settled.spending);
    if (m_purse && changed.route == Route::realtime) changed.reserved = m_purse->taken(number);
    learn_from(tx, m_tools.store, m_job, changed, settled);
    if (parent.outcome.succeeded + parent.outcome.failed > 0) reopen_copies(tx); // it had been given up
    const auto pack = parent.inputs_per_request;
    add_child(tx, parent, settled.left, m_files.left(number), parent.attempt + 1, pack);
    add_child(tx, parent, settled.left_free, m_files.left_free(number), parent.attempt, pack);
    add_child(tx, parent, settled.left_halved, m_files.left_halved(number), parent.attempt,
              (settled.largest_refused + 1) / 2);
  });
  if (!m_job.policy.keep_requests) {
    discard_file(m_files.requests(number));
    discard_file(m_files.ids(number));
  }
  if (parent.outcomes_version > 0) retire_outcomes({parent}, m_files);
  note_how_it_goes(parent, settled);
  if (settled.obstacle == Pause::quota)
    pause(Pause::quota, fmt::format("part {}: requests were refused for want of quota (insufficient_quota)", number));
  if (settled.obstacle == Pause::auth)
    pause(Pause::auth, fmt::format("part {}: requests were refused for want of permission (401 or 403)", number));
  tell_of_outputs(parent, settled);
  if (is_probe(parent)) tell_of_probe();
  tell_of_cache(parent);
  hold_after_failures();
  if (settled.missing > 0) {
    note(Note::Level::warning, fmt::format("part {}: the server returned no line for {} of {} requests", number,
                                           settled.missing, parent.items));
  }
  if (settled.quarantined > 0) {
    note(Note::Level::warning, fmt::format("part {}: {} lines were not used; they are in {}", number,
                                           settled.quarantined, m_files.quarantine(number).native()));
  }
}

/// The result that was delivered becomes another one.
void Run::deliver_anew()
{
  auto changed = m_job;
  changed.handover.delivered_at.reset();
  store::Transaction tx{m_tools.store};
  tx.update(changed);
  tx.fetched(changed.name, std::nullopt);
  tx.commit();
  m_job = std::move(changed);
}

/// What the user accepts has changed since the part was settled.
void Run::judge(const Part& p)
{
  const bool has_any = p.outcome.succeeded + p.outcome.failed > 0;
  const int version = has_any ? p.outcomes_version + 1 : p.outcomes_version;
  const auto work = [from = m_files.outcomes(p.number, p.outcomes_version), to = m_files.outcomes(p.number, version),
                     has_any, sums = p.outcome,
                     policy = m_job.policy] { return has_any ? results::judge_again(from, to, sums, policy) : sums; };
  on_worker(Do::judge, p.number, work, [this, number = p.number, version](const Settlement& judged) {
    if (judged != part(number).outcome) deliver_anew();
    record(number, [&](Part& changed, store::Transaction&) {
      changed.outcome = judged;
      changed.outcomes_version = version;
      changed.accepted = m_job.policy.accept;
    });
    retire_outcomes({part(number)}, m_files);
    if (m_job.pause == Pause::failures) lift_pause(); // where they are accepted now
  });
}

/// One success shows that the account's requests go through; where all is put off, that is remembered since when.
void Run::note_how_it_goes(const Part& p, const results::Settled& settled)
{
  const bool goes = settled.sums.succeeded > 0;
  if (!goes && settled.left_free.count == 0) return;
  {
    store::Transaction tx{m_tools.store};
    learn(tx, p, [&](Queue& known) {
      if (goes)
        known.failing_since.reset();
      else
        learn_put_off(known, now(), now());
    });
    tx.commit();
  }
  if (!goes) return pause_if_nothing_goes(p);
  if (m_job.probes > 0) record_job([](Job& job) { job.probes = 0; });
}

/// Numbers are never reused: the next part takes the next one.
int Run::highest_number() const
{
  int highest = 0;
  for (const auto* parts : {&m_parts, &m_also}) {
    for (const auto& p : *parts)
      highest = std::max(highest, p.number);
  }
  return highest;
}

/// A planned part of so many of another's items, to be sent as those were.
Part Run::child_of(const Part& parent, int number, std::uint64_t items) const
{
  Part child;
  child.number = number;
  child.route = parent.route;
  child.attempt = parent.attempt;
  child.items = parent.items;
  child.inputs_per_request = parent.inputs_per_request;
  child.model = parent.model;
  child.endpoint = parent.endpoint;
  child.max_output_tokens = parent.max_output_tokens;
  child.set = parent.set;
  child.listed = true;
  child.input_tokens = parent.input_tokens;
  child.largest_input = parent.largest_input;
  child.output_bound = parent.output_bound;
  child.choices = parent.choices;
  child.mark = parent.mark;
  child.born_at = now();
  keep_items(child, items);
  return child;
}

/// The nearest place in the input that is known not to be behind an item.
Mark Run::nearest_mark(const Part& parent, Ordinal first) const
{
  auto mark = parent.mark;
  for (const auto& p : m_parts) {
    if (p.mark.ordinal <= first && p.mark.ordinal >= mark.ordinal) mark = p.mark;
  }
  return mark;
}

/// What a batch leaves undone goes in real time where the fallback says so. A batch that failed as a whole because of
/// some lines never ran: the rest of it is still worth half the price, where there is time for it.
Route Run::route_after(const Part& parent, int attempt) const
{
  const bool goes_as_others = is_probe(parent) && m_job.mode != Mode::realtime && !m_job.switched_at;
  if (goes_as_others) return Route::batch;
  if (parent.route == Route::realtime || m_job.switched_at || parent.withdrawn) return Route::realtime;
  const bool never_ran = failed_as_a_whole(parent) && attempt == parent.attempt;
  return m_job.policy.fallback == Fallback::realtime && !never_ran ? Route::realtime : Route::batch;
}

/// Files first: the list takes its place under the child's number before the commit that makes the child.
void Run::add_child(store::Transaction& tx, const Part& parent, const results::Left& left,
                    const std::filesystem::path& list, int attempt, std::uint64_t inputs_per_request)
{
  if (left.count == 0) return;
  auto child = child_of(parent, highest_number() + 1, left.count);
  child.attempt = attempt;
  child.route = route_after(parent, attempt);
  child.first = left.first;
  child.last = left.last;
  child.inputs_per_request = inputs_per_request;
  child.mark = nearest_mark(parent, child.first);
  // What takes no attempt from the items has a reason that passes with time; but where they leave a batch for real time
  // the limiter there knows when they may go.
  const bool halved = inputs_per_request != parent.inputs_per_request;
  const bool changes_route = child.route != parent.route;
  if (attempt == parent.attempt && !halved && !changes_route) child.due = now() + trouble_wait(5);
  std::filesystem::rename(list, m_files.ordinals(child.number));
  sync_directory(m_files.directory());
  also(tx, child);
  tx.log(m_job.name, child.number,
         fmt::format("{} items left by part {}, attempt {}", left.count, parent.number, attempt));
}

} // namespace batchwright::engine
