#include <batchwright/base/files.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/snapshot.hpp>

#include <fmt/format.h>

#include <algorithm>
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
