// A disk that is full, or takes nothing more. What cannot be stored is not bought: sending stops. Nothing is lost,
// since all that was bought is at the server, and batches there run on. Once there is room, what waits there is brought
// home first, and then sending goes on by itself.

#include <batchwright/engine/run.hpp>
#include <batchwright/engine/space.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace batchwright::engine {
namespace {

bool is_bought(const Part& p)
{
  return has_live_batch(p) || p.state == PartState::ended || p.state == PartState::fetched;
}

bool is_of_disk(const std::exception_ptr& fault)
{
  return fault && as_error(fault).fault() == Fault::disk;
}

} // namespace

/// Asked before a part is bought: whether its answers could be stored beside those that were bought before. Where not,
/// the job is paused.
bool Run::lacks_room(const Part& p)
{
  std::vector<Part> bought{p};
  std::copy_if(m_parts.begin(), m_parts.end(), std::back_inserter(bought), is_bought);
  const auto want = want_of_room(m_tools, bytes_to_come(m_job, bought));
  if (!want.empty()) {
    m_told_of_disk = true;
    pause(Pause::disk, want);
  }
  return !want.empty();
}

/// Whether the job is paused for the disk, and something that was bought can be stored now.
bool Run::stores_first() const
{
  return m_job.pause == Pause::disk && std::any_of(m_parts.begin(), m_parts.end(), [this](const Part& p) {
           return (p.state == PartState::ended || p.state == PartState::fetched) && (!p.due || *p.due <= now());
         });
}

/// Ends a pause for the disk where all that could be stored now is stored, and there is room for the rest of the job,
/// whoever sends it.
void Run::go_on_with_room()
{
  if (m_job.pause != Pause::disk) return;
  if (stores_first()) return;
  const bool is_to_go_on = tally(m_job, m_parts).pending() > 0 && m_job.cancel == Cancel::none;
  if (is_to_go_on && lacks_room_for_rest()) return;
  record_job([](Job& job) {
    job.pause = Pause::none;
    job.message.clear();
  });
  hold_after_failures();
}

/// Says so, once, with the figures of now.
bool Run::lacks_room_for_rest()
{
  std::vector<Part> rest;
  std::copy_if(m_parts.begin(), m_parts.end(), std::back_inserter(rest),
               [](const Part& p) { return is_live(p.state); });
  const auto want = want_of_room(m_tools, bytes_to_come(m_job, rest));
  if (!want.empty() && !std::exchange(m_told_of_disk, true)) {
    record_job([&](Job& job) { job.message = want; });
    note(Note::Level::warning, "paused (disk): " + want);
  }
  return !want.empty();
}

/// The run is over because of the disk: that becomes a pause, where the store can still be written and anything is
/// pending; else it stays the fault it is.
void Run::pause_for_disk()
{
  if (!is_of_disk(m_fault) || tally(m_job, m_parts).pending() == 0) return;
  try {
    if (m_job.pause == Pause::disk) note(Note::Level::warning, as_error(m_fault).what());
    pause(Pause::disk, as_error(m_fault).what());
    m_fault = nullptr;
  } catch (const Error& unrecorded) {
    note(Note::Level::detail, unrecorded.what());
    m_fault = std::make_exception_ptr(Error{Fault::disk, as_error(m_fault).what(),
                                            "nothing is lost: make room on that disk and run the same command again"});
  }
}

} // namespace batchwright::engine
