#include "app/handover.hpp"

#include "app/delivery.hpp"
#include "app/hook.hpp"
#include "app/session.hpp"

#include <batchwright/base/interrupt.hpp>

#include <fmt/format.h>

#include <thread>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;

constexpr bw::Millis between_tries{50};

bw::FileLock lock_of(const std::string& job, Session& session)
{
  for (;;) {
    try {
      return bw::engine::take_lock(session.tools(), job);
    } catch (const Error& error) {
      if (error.fault() != bw::Fault::busy || bw::process_interrupt().asked()) throw;
    }
    std::this_thread::sleep_for(between_tries);
  }
}

void write_result(const bw::JobView& view, Session& session)
{
  try {
    deliver(view.job, {.out = view.handover.out}, session);
  } catch (const Error& error) {
    throw Error{
        error.fault(), fmt::format("delivering {}: {}", view.job, error.what()),
        fmt::format("nothing is lost: the next command for the job tries again, and `batchwright fetch {} -o OUT` "
                    "writes it elsewhere",
                    view.job)};
  }
  bw::engine::record_delivered(session.tools(), view.job);
}

void hand_over_what_is_owed(const std::string& job, Session& session)
{
  std::optional<bw::FileLock> lock = lock_of(job, session);
  const auto view = bw::engine::look(session.tools(), job); // again, now that nobody else changes it
  if (!view.owes_handover()) return;
  if (!view.handover.out.empty() && !view.handover.delivered_at) write_result(view, session);
  if (view.handover.on_done.empty() || view.handover.hook_begun_at) return;
  bw::engine::record_hook_begun(session.tools(), job);
  lock.reset(); // the command may well be one of ours
  run_hook(view, session.console());
}

} // namespace

bw::Exit hand_over(const bw::JobView& view, Session& session)
{
  if (!view.owes_handover()) return bw::Exit::ok;
  try {
    hand_over_what_is_owed(view.job, session);
    return bw::Exit::ok;
  } catch (const Error& error) {
    return session.console().fail(error);
  }
}

} // namespace app
