// Batches that are left for real time: for a deadline, or since one rests. What is decided once stays decided: it is
// recorded before anything is done for it.

#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/run.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::engine {
namespace {

constexpr Millis between_looks{1'000};
/// How often a timer polls, as far as we know.
constexpr Millis timer_interval{300'000};

} // namespace

/// The longest time that may pass before the job is looked at again.
Millis Run::longest_between_polls() const
{
  if (m_goal.every) return std::max(*m_goal.every, between_looks);
  return m_goal.until == Until::ended ? between_looks : timer_interval;
}

/// Whether a command that else leaves at once stays: what is done for a deadline is seen through.
bool Run::stays_for_deadline() const
{
  return m_job.policy.deadline && m_job.switched_at && m_goal.sending == Sending::yes && m_job.pause == Pause::none &&
         m_job.cancel == Cancel::none;
}

void Run::look_at_deadline()
{
  const bool may_switch = m_goal.sending == Sending::yes && m_job.policy.deadline && !m_job.switched_at &&
                          m_job.cancel == Cancel::none && m_job.pause == Pause::none &&
                          m_job.standing == Standing::consented;
  if (!may_switch || (now() < m_next_deadline_look && m_next_deadline_look <= now() + between_looks)) return;
  m_next_deadline_look = now() + between_looks;
  const bool has_batches = std::any_of(m_parts.begin(), m_parts.end(), [](const Part& p) {
    return p.route == Route::batch && is_live(p.state) && p.state != PartState::fetched && p.state != PartState::ended;
  });
  const auto seen = m_tools.store.rate(m_job.account, main_model(m_job, m_parts));
  const auto plan = switch_of(m_job, m_parts, seen, longest_between_polls(), now());
  if (!has_batches || now() < plan->at) return;
  record_job([this](Job& job) { job.switched_at = now(); });
  m_tools.observer.on(BatchesLeft{.job = m_job.name, .deadline = *m_job.policy.deadline, .why = *plan});
  hurry_to_cancel();
}

void Run::look_for_stalled()
{
  if (m_goal.sending == Sending::no || m_job.cancel != Cancel::none || m_job.pause != Pause::none) return;
  for (auto& p : m_parts) {
    if (m_busy.contains(p.number) || !has_stalled(p, m_job.policy)) continue;
    note(Note::Level::warning,
         fmt::format("part {}: its batch has rested at {} of {}; what it leaves goes in real time", p.number,
                     p.remote.completed + p.remote.failed, p.requests));
    record(p.number, [](Part& changed, store::Transaction&) {
      changed.withdrawn = true;
      changed.due.reset();
    });
    m_asked.erase(p.number);
  }
}

/// A batch that does not stop holds up what it leaves: no item is on both routes at once, whatever that costs in time.
void Run::tell_of_stuck()
{
  for (const auto& p : m_parts) {
    if (is_stuck(p, m_job, now()) && m_told_stuck.insert(p.number).second) m_tools.observer.on(stuck(p, m_job, now()));
  }
}

/// How long the server took to stop a batch tells how much time to keep for the next.
void Run::learn_cancelling(store::Transaction& tx, const Part& p)
{
  if (p.state != PartState::cancelling || !p.cancelled_at) return;
  const auto took = now() - *p.cancelled_at;
  if (took < Millis{0}) return;
  auto seen = m_tools.store.rate(m_job.account, model_of(p)).value_or(RateSeen{});
  seen.account = m_job.account;
  seen.model = model_of(p);
  seen.cancelling = took;
  seen.seen_at = now();
  tx.put(seen);
}

} // namespace batchwright::engine
