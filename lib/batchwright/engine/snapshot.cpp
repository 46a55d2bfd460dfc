#include <batchwright/base/files.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/engine/snapshot.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace batchwright::engine {
namespace {

void refuse_pending(const Snapshot& seen)
{
  const auto pending = tally(seen.job, seen.parts).pending();
  if (pending == 0) return;
  throw Error{Fault::unfinished, fmt::format("{}: {} of {} items are pending", seen.job.name, pending, seen.job.items),
              fmt::format("`batchwright status {}` shows how it stands", seen.job.name)};
}

/// What parts that run in real time have answers to by now, as outcomes in files of its own: others write on.
class Answered {
public:
  Answered(Tools& tools, const Snapshot& seen, results::Pending pending)
  {
    if (pending == results::Pending::refuse) return;
    const auto files = tools.layout.job(seen.job.name);
    for (const auto& p : seen.parts) {
      const bool is_under_way = p.route == Route::realtime && is_live(p.state);
      if (is_under_way && std::filesystem::exists(store::as_it_stands(files.output(p.number))))
        look(tools, seen, p, files);
    }
  }

  const std::vector<results::OutcomeFile>& files() const { return m_files; }

private:
  void look(Tools& tools, const Snapshot& seen, const Part& p, const store::JobLayout& files)
  {
    if (!m_scratch) m_scratch.emplace(files.directory(), "partial");
    const auto made = m_scratch->path() / std::to_string(p.number);
    auto from = settle_files(seen.job, p, files);
    if (!has_ids(seen.job, from)) return;
    from.outcomes = made;
    from.left = from.left_free = from.left_halved = made.native() + ".left";
    from.quarantine = made.native() + ".unused";
    auto context = settle_context(tools, seen.job, p);
    context.policy.fallback = Fallback::realtime; // what has no answer yet has not failed
    context.elsewhere = p.elsewhere > 0 ? held_by_later(p, seen.parts, files) : std::vector<Ordinal>{};
    const auto settled = results::settle(p, from, context);
    if (settled.sums.succeeded + settled.sums.failed > 0) m_files.push_back(outcome_file(tools, seen.job, p, made));
  }

  std::optional<TemporaryDirectory> m_scratch = {};
  std::vector<results::OutcomeFile> m_files = {};
};

} // namespace

Snapshot take_snapshot(Tools& tools, const std::string& name)
{
  known_job(tools, name);
  Snapshot seen{.hold = DirectoryHold::shared(tools.layout.job(name).directory())};
  seen.job = known_job(tools, name); // read while it is held
  seen.parts = tools.store.parts(name);
  return seen;
}

std::vector<InputSpan> input_spans(const Snapshot& seen)
{
  const auto& job = seen.job;
  if (!is_ready_made(job)) {
    throw Error{Fault::usage,
                fmt::format("{}: its requests were made here, and belong to no file of requests", job.name),
                "-o DIR/ gives each file of ready-made requests its output; here, name a file"};
  }
  require_input(job, "an output for each file");
  std::vector<InputSpan> spans;
  for (const auto& input : job.inputs)
    spans.push_back({.path = input.spooled ? "stdin.jsonl" : input.path});
  for (const auto& p : seen.parts) {
    if (p.state == PartState::superseded) continue; // others hold its items
    auto& span = spans.at(p.mark.input);
    span.first = span.items == 0 ? p.first : std::min(span.first, p.first);
    span.last = std::max(span.last, p.last);
    span.items = span.last - span.first + 1; // every item of the file is in some part
  }
  return spans;
}

results::Merged merge(Tools& tools, const Snapshot& seen, const results::MergeOptions& options,
                      const results::Sink& sink)
{
  const bool is_table = options.format == results::Format::csv || options.format == results::Format::tsv;
  if (is_table) require_input(seen.job, "a table");
  if (options.choice.input) require_input(seen.job, "--include input");
  if (options.pending == results::Pending::refuse) refuse_pending(seen);
  auto outcomes = outcome_files(tools, seen.job, seen.parts);
  const Answered answered{tools, seen, options.pending};
  outcomes.insert(outcomes.end(), answered.files().begin(), answered.files().end());
  std::erase_if(outcomes, [&](const results::OutcomeFile& file) {
    return file.last < options.first || (options.last && file.first > *options.last);
  });
  return results::merge(seen.job, outcomes, options, sink, [&](std::uint64_t done, std::uint64_t total) {
    tools.observer.on(Progress{Phase::merging, seen.job.name, 0, done, total});
  });
}

std::vector<InputSpan> input_spans(Tools& tools, const std::string& name)
{
  return input_spans(take_snapshot(tools, name));
}

results::Merged merge(Tools& tools, const std::string& name, const results::MergeOptions& options,
                      const results::Sink& sink)
{
  return merge(tools, take_snapshot(tools, name), options, sink);
}

void retire_outcomes(const std::vector<Part>& parts, const store::JobLayout& files)
{
  const auto alone = DirectoryHold::try_alone(files.directory());
  if (!alone) return;
  for (const auto& p : parts) {
    for (int version = 0; version < p.outcomes_version; ++version)
      discard_file(files.outcomes(p.number, version));
    discard_file(files.outcomes(p.number, p.outcomes_version + 1));
  }
}

} // namespace batchwright::engine
