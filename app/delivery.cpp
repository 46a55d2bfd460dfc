#include "app/delivery.hpp"

#include "app/handover.hpp"
#include "app/session.hpp"

#include <batchwright/base/interrupt.hpp>
#include <batchwright/report/next_step.hpp>

#include <csignal>

namespace app {

namespace bw = batchwright;

Stdout stdout_use(const bw::engine::Delivery& delivery)
{
  return delivery.is_stdout() ? Stdout::holds_data : Stdout::is_free;
}

void deliver(const std::string& job, const bw::engine::Delivery& delivery, Session& session)
{
  auto& console = session.console();
  bw::engine::deliver(
      session.tools(), job, delivery, [&](std::string_view bytes) { console.write(bytes); },
      [&](const bw::engine::Delivered& file) {
        console.say(bw::report::delivered(file.path, file.records, file.bytes));
      });
}

void tell_end(const bw::JobView& view, Stdout out, Session& session)
{
  if (session.globals.json || view.state == bw::JobState::done) return session.console().conclude(view, out);
  session.console().say(bw::report::next_step(view));
  session.console().tell_deadline(view);
}

bw::Exit finish(const bw::JobView& view, const Ending& ending, Session& session)
{
  const auto& [delivery, max_failed] = ending;
  const bool done = view.state == bw::JobState::done;
  const auto handed = hand_over(view, session);
  if (done && delivery) {
    deliver(view.job, *delivery, session);
    bw::engine::record_fetched(session.tools(), view.job);
  }
  tell_end(view, delivery ? stdout_use(*delivery) : Stdout::is_free, session);
  if (!done) return stopped_by_user().value_or(bw::exit_for(view));
  const bool allowed = max_failed && max_failed->covers(view.items.failed, view.items.items);
  return bw::graver(allowed ? bw::Exit::ok : bw::exit_for(view), handed);
}

std::optional<bw::Exit> stopped_by_user()
{
  const auto& interrupt = bw::process_interrupt();
  if (!interrupt.asked()) return std::nullopt;
  return interrupt.signal() == SIGTERM ? bw::Exit::terminated : bw::Exit::interrupted;
}

} // namespace app
