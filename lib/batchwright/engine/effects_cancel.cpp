// What the user wants no more: batches are asked to stop, and what is not waited for gets its outcomes at once. Nothing
// here costs, and nothing that was answered is thrown away.

#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <fmt/format.h>

namespace batchwright::engine {
namespace {

/// Whether the server may have, or get, answers to the part.
bool may_have_batch(const Part& p)
{
  return p.route == Route::batch &&
         (has_live_batch(p) || p.state == PartState::creating || p.state == PartState::ended);
}

/// Whether the server may not have done it because the batch has ended, or is about to: which status says so is not
/// known of any.
bool may_have_ended(const api::Reply<wire::BatchObject>& reply)
{
  return reply.status >= 400 && reply.status != 401 && reply.status != 403 && reply.status != 429;
}

} // namespace

void Run::cancel(const Part& p)
{
  m_asked.insert(p.number);
  // What is stopped to be finished in real time loses no attempt; that is known before anything can come of it.
  if (m_job.cancel == Cancel::none && !p.withdrawn)
    record(p.number, [](Part& changed, store::Transaction&) { changed.withdrawn = true; });
  const auto work = [this, batch = p.batch] {
    Stopped stopped{.reply = m_server.client.cancel(batch)};
    if (may_have_ended(stopped.reply)) stopped.seen = m_server.client.batch(batch);
    return stopped;
  };
  on_worker(Do::cancel, p.number, work, [this, number = p.number, asked_at = now()](const Stopped& stopped) {
    record_cancel(number, stopped, asked_at);
  });
}

/// What asking came to; a batch may have ended by itself just before.
void Run::tell_stopped(int number, const BatchStatus& status)
{
  if (has_ended(status) && status.status != "cancelled") {
    note(Note::Level::info,
         fmt::format("part {}: its batch ended before it was stopped: it is {}", number, status.status));
  } else if (part(number).state == PartState::running) { // else it was told
    note(Note::Level::info, fmt::format("part {}: its batch is being stopped{}", number,
                                        m_job.cancel == Cancel::none ? "; what it leaves goes in real time" : ""));
  }
}

void Run::record_cancel(int number, const Stopped& stopped, Instant asked_at)
{
  const auto& reply = stopped.reply;
  if (stopped.seen && stopped.seen->ok()) {
    const auto status = status_of(stopped.seen->value);
    if (has_ended(status)) {
      tell_stopped(number, status);
    } else {
      note(Note::Level::info,
           fmt::format("cancelling the batch of part {}: {}; it is {}", number, reply.trouble, status.status));
    }
    return record_poll(number, *stopped.seen, asked_at);
  }
  if (!reply.ok()) {
    return record_unanswered(number, fmt::format("cancelling the batch of part {}", number), setback(reply));
  }
  tell_stopped(number, status_of(reply.value));
  if (has_ended(status_of(reply.value))) return record_poll(number, reply, asked_at);

  m_troubles.erase(number);
  record(number, [&](Part& changed, store::Transaction&) {
    if (changed.state == PartState::running) {
      move(changed, PartEvent::cancel_begun);
      changed.cancelled_at = now();
    }
    changed.remote = status_of(reply.value);
    changed.polls = 0;
    changed.due = now() + m_goal.every.value_or(poll_wait(0));
  });
}

/// Settling without files: every item fails with `cancelled`, but for those that a journal holds answers to.
void Run::give_up_part(const Part& p)
{
  auto files = settle_files(m_job, p, m_files);
  if (p.route == Route::realtime) {
    const auto why = p.state == PartState::planned ? results::Cancelled::unsent : results::Cancelled::at_server;
    return settle(p, files, why, Do::give_up);
  }
  files.output.clear();
  files.errors.clear();
  files.batch.clear();
  settle(p, files, may_have_batch(p) ? results::Cancelled::abandoned : results::Cancelled::unsent, Do::give_up);
}

void Run::record_given_up(int number, const results::Settled& settled)
{
  const bool abandoned = may_have_batch(part(number));
  record(number, [&](Part& changed, store::Transaction& tx) {
    const auto* call = call_of(number);
    if (call && !abandoned) put_call(tx, std::string{call->uuid}, CallState::abandoned); // an upload costs nothing
    move(changed, abandoned ? PartEvent::batch_given_up : PartEvent::given_up);
    changed.outcome = settled.sums;
    tx.put(m_job.name, number, settled.spending);
    if (m_purse && changed.route == Route::realtime) changed.reserved = m_purse->taken(number);
    changed.accepted = m_job.policy.accept;
    if (changed.lapses_at) return; // its outputs were found wanting: when they are looked for again stands
    changed.due.reset();
  });
  discard_uploaded(m_job, part(number), m_files);
  if (m_job.policy.keep_requests || abandoned) return;
  discard_file(m_files.requests(number));
  discard_file(m_files.ids(number));
}

} // namespace batchwright::engine
