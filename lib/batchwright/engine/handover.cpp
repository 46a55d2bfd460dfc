// What is remembered of a result that left the house.

#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/engine.hpp>

#include <fmt/format.h>

namespace batchwright::engine {
namespace {

template<class Change>
void change_handover(Tools& tools, const std::string& name, std::string_view what, Change change)
{
  auto job = tools.store.job(name);
  ensure(job.has_value(), "a job whose lock is held is in the store");
  change(job->handover);
  store::Transaction tx{tools.store};
  tx.update(*job);
  tx.log(name, 0, what);
  tx.commit();
}

} // namespace

void record_delivered(Tools& tools, const std::string& name)
{
  change_handover(tools, name, "delivered", [&](Handover& h) { h.delivered_at = tools.clock.now(); });
}

void record_hook_begun(Tools& tools, const std::string& name)
{
  change_handover(tools, name, "running the command for its end",
                  [&](Handover& h) { h.hook_begun_at = tools.clock.now(); });
}

void record_fetched(Tools& tools, const std::string& name)
{
  try {
    {
      store::Transaction tx{tools.store};
      const auto job = known_job(tools, name);
      if (tally(job, tools.store.parts(name)).pending() == 0) tx.fetched(name, tools.clock.now());
      tx.commit();
    }
    tidy(tools, name);
  } catch (const Error& error) {
    tools.observer.on(Note{Note::Level::detail, error.what()});
  }
}

} // namespace batchwright::engine
