// A drafted job becomes real: its directory and files first, its rows then.

#include <batchwright/base/files.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/continuing.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/recover.hpp>
#include <batchwright/engine/space.hpp>

#include <fmt/format.h>

namespace batchwright::engine {
namespace {

/// A job with what was piped in where it is going to be kept.
Job with_kept_input(Tools& tools, const Draft& draft, Job job)
{
  for (auto& input : job.inputs) {
    if (draft.spooled && input.path == draft.spooled->path()) input.path = tools.layout.job(job.name).input().native();
  }
  return job;
}

/// The directory of a new job, and what is in it before there are rows. Until then it may go.
void make_directory(Tools& tools, const Draft& draft)
{
  const auto& name = draft.job.name;
  if (tools.store.job(name)) {
    throw Error{Fault::busy, fmt::format("job {} was just made by another process", name),
                "run the same command again, or give another --name"};
  }
  put_aside(tools, name); // left by a removed job of that name
  const auto files = tools.layout.job(name);
  make_private_directory(files.directory());
  if (!draft.reuse.items.empty()) write_file(files.cleaned(), {});
  write_reuse(draft.job, draft.reuse, files);
  sync_directory(tools.layout.jobs());
}

/// A job with nothing to wait for has ended when it is made.
Job as_made(Tools& tools, const Draft& draft)
{
  auto job = with_kept_input(tools, draft, draft.job);
  if (!draft.reuse.items.empty() && tally(job, draft.parts).pending() == 0) job.ended_at = tools.clock.now();
  return job;
}

} // namespace

FileLock found(Tools& tools, const Draft& draft)
{
  const auto& name = draft.job.name;
  const auto& to_send = draft.needs_consent ? draft.planned : draft.parts;
  if (!draft.continues || draft.needs_consent)
    check_space(tools, name, bytes_to_come(draft.job, to_send, draft.output_allowed));
  if (!draft.continues) sweep_if_possible(tools); // what one that was killed here left of the job
  auto lock = take_lock(tools, name);
  if (!draft.continues) make_directory(tools, draft);
  store::Transaction tx{tools.store};
  if (draft.continues) {
    auto job = tools.store.job(name); // again: others may have moved it since it was drafted
    if (!job) throw Error{Fault::busy, fmt::format("the job {} was just removed", name), "run the command again"};
    if (job->standing == Standing::consented) {
      const auto before = job->policy;
      take_over(*job, draft.asked);
      take_over_parts(tools, tx, *job, before, draft);
      if (!job->estimated) expect(*job, draft.estimate); // the price is known now
      tx.update(with_kept_input(tools, draft, *job));
    } else {
      auto asked = with_kept_input(tools, draft, draft.asked);
      asked.compress = job->compress; // its files stand as they were made
      go_on(tools, tx, asked, draft.planned);
    }
    if (draft.asked.compress && !job->compress) {
      tools.observer.on(Note{Note::Level::info, "the job was made without --compress, and keeps its files as before"});
    }
  } else {
    tx.add(as_made(tools, draft));
    learn_shared(tx, tools.store, draft.job, draft.shared);
    for (const auto& part : draft.parts) {
      tx.put(name, part);
      if (part.route == Route::reused && !is_live(part.state))
        tx.put(name, part.number, nothing_spent(part, tools.clock.now()));
    }
    tx.log(name, 0, fmt::format("{} items in {} parts", draft.job.items, draft.parts.size()));
  }
  if (draft.spooled) draft.spooled->keep(tools.layout.job(name).input());
  tx.commit(); // the files are in their places
  return lock;
}

} // namespace batchwright::engine
