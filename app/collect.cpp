#include "app/collect.hpp"

#include "app/session.hpp"

#include <batchwright/base/interrupt.hpp>

#include <thread>

namespace app {
namespace {

namespace bw = batchwright;

constexpr bw::Millis between_looks{250};

} // namespace

bw::JobView collect(const std::string& job, const bw::engine::Goal& goal, WhileHeld while_held, Session& session)
{
  for (;;) {
    auto view = bw::engine::look(session.tools_if_any(), job);
    const bool done = view.state == bw::JobState::done;
    const bool held = bw::engine::is_held(session.tools(), job);
    if (!bw::engine::needs_server(view) && (done || !held)) return view;
    if (done && held) return view;
    if (!held) {
      try {
        return bw::engine::advance(session.tools(), session.server(), job, goal);
      } catch (const bw::Error& error) {
        if (done) {
          session.console().warn(std::string{"batches that were given up were not asked for: "} + error.what());
          return bw::engine::look(session.tools(), job);
        }
        if (error.fault() != bw::Fault::busy) throw; // busy: taken since we looked
      }
    }
    if (while_held == WhileHeld::look || bw::process_interrupt().asked()) return view;
    std::this_thread::sleep_for(between_looks); // the other process does the work; we watch the store
  }
}

} // namespace app
