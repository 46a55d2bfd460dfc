// Items that ask what others of the job ask get what became of those, once that is known. Nothing here needs the
// server.

#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/reuse.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/snapshot.hpp>

#include <algorithm>

namespace batchwright::engine {
namespace {

/// Whether what copies are made of is as it was.
bool have_same_outcomes(const std::vector<Part>& now, const std::vector<Part>& then)
{
  return std::equal(now.begin(), now.end(), then.begin(), then.end(), [](const Part& a, const Part& b) {
    const bool is_same = a.state == b.state && a.outcomes_version == b.outcomes_version;
    return a.number == b.number && (is_same || holds_copies(a));
  });
}

} // namespace

void Run::copy_outcomes(const Part& p)
{
  const auto work = [job = m_job, p, parts = m_parts, files = m_files] {
    return engine::copy_outcomes(job, p, parts, files);
  };
  on_worker(Do::copy, p.number, work, [this, number = p.number, from = m_parts](const Settlement& sums) {
    if (have_same_outcomes(m_parts, from)) record_copied(number, sums); // else they are copied again
  });
}

void Run::record_copied(int number, const Settlement& sums)
{
  record(number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::outcomes_fixed);
    changed.outcome = sums;
    changed.accepted = m_job.policy.accept;
    tx.put(m_job.name, number, nothing_spent(changed, now()));
  });
  retire_outcomes({part(number)}, m_files);
}

/// Within a change of what they were made of.
void Run::reopen_copies(store::Transaction& tx)
{
  for (auto copies : m_parts) {
    if (!holds_copies(copies) || copies.state != PartState::settled) continue;
    reopen(copies);
    also(tx, copies);
    tx.log(m_job.name, copies.number, "its items get other outcomes");
  }
}

} // namespace batchwright::engine
