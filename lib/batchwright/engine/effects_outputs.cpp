// Outputs: brought home from the server, and brought again where they hold less than they should. What the server
// claims is doubted for a while, never for ever, and what came counts in any case.

#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/waits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace batchwright::engine {
namespace {

/// How long files that hold fewer lines than the server claims are looked for again.
constexpr Millis short_patience{600'000};

/// Looks so far apart that both find nothing tell that a file is gone.
constexpr Millis gone_patience{3'600'000};

bool names_none(const BatchStatus& batch)
{
  return batch.output_file.empty() && batch.error_file.empty();
}

/// What would be sent again is asked for once more: a batch that left nothing may not have ended at all.
bool is_doubted(const Part& p)
{
  return p.short_since || p.gone_since || p.reread || names_none(p.remote);
}

/// What the server says of an ended batch's files. A batch that completed or expired has a line at least, even where it
/// counts nothing; more lines than it claims, and counts of nothing, prove nothing.
results::Demand claims_of(const Part& p)
{
  const auto completed = static_cast<std::uint64_t>(p.remote.completed);
  const bool has_some = (p.remote.status == "completed" || p.remote.status == "expired") && names_none(p.remote);
  return {.output = has_some ? std::max<std::uint64_t>(completed, 1) : completed,
          .errors = static_cast<std::uint64_t>(p.remote.failed)};
}

std::string in_words(const Part& p, const results::Lines& lines)
{
  return fmt::format("the server counts {} answers and {} failures{}, and {} and {} lines came", p.remote.completed,
                     p.remote.failed, names_none(p.remote) ? ", names no file" : "", lines.output, lines.errors);
}

} // namespace

/// Brings home what an ended batch left: why it failed, where it did, and its files, where it names them. Where they
/// were found wanting before, or are now, the batch is asked again: it may name others. Runs on a worker.
Brought Run::bring(Part p, Packing packing, const http::OnBytes& on_received)
{
  Brought b;
  const auto ask_again = [&] {
    const auto reply = failed_as_a_whole(p) ? m_server.client.batch_into(p.batch, m_files.batch(p.number))
                                            : m_server.client.batch(p.batch);
    if (!reply.ok()) {
      b.unanswered = setback(reply);
      return false;
    }
    auto seen = status_of(reply.value);
    if (!has_ended(seen)) {
      b.runs = std::move(seen);
      return false;
    }
    const bool was_refused = failed_as_a_whole(p);
    if (wire::phase(seen.status) != wire::phase(p.remote.status) && !was_refused) return true; // it had answers
    if (seen.output_file.empty()) seen.output_file = p.remote.output_file;
    if (seen.error_file.empty()) seen.error_file = p.remote.error_file;
    p.remote = seen;
    b.seen = std::move(seen);
    return true;
  };
  const bool lacks_reason = failed_as_a_whole(p) && !std::filesystem::exists(m_files.batch(p.number));
  const bool asks_first = is_doubted(p) || lacks_reason;
  std::optional<Setback> lost_batch; // it ended, and its files may be there all the same
  if (asks_first && !ask_again()) {
    if (b.runs) return b;
    const bool is_known = !names_none(p.remote) || (failed_as_a_whole(p) && !lacks_reason);
    if (b.unanswered->status != 404 || !is_known) return b;
    std::swap(lost_batch, b.unanswered);
  }

  const std::pair<FileId, std::filesystem::path> files[] = {{p.remote.output_file, m_files.output(p.number)},
                                                            {p.remote.error_file, m_files.errors(p.number)}};
  for (const auto& [id, place] : files) {
    if (id.empty()) continue;
    const auto to = packing == Packing::none ? place : store::packed(place);
    const auto reply = m_server.client.download(id, to, on_received);
    if (reply.status == 404) {
      b.gone = setback(reply);
    } else if (!reply.ok()) {
      b.failed = setback(reply);
      return b;
    }
  }
  if (b.gone && !asks_first) ask_again();
  if (b.gone && lost_batch) b.unanswered = lost_batch; // nothing of it is found: perhaps it is another's key
  return b;
}

void Run::download(const Part& p)
{
  auto gauge = std::make_shared<Gauge>();
  gauge->phase = Phase::downloading;
  m_gauges[p.number] = gauge;
  const auto packing = m_job.compress ? Packing::zstd : Packing::none;
  const auto work = [this, p, packing, gauge] {
    return bring(p, packing, [gauge](std::uint64_t n) { gauge->done = n; });
  };
  on_worker(Do::download, p.number, work, [this, number = p.number](const Brought& b) { record_brought(number, b); });
}

void Run::record_brought(int number, const Brought& b)
{
  if (b.unanswered) {
    return record_unanswered(number, fmt::format("asking again for the batch of part {}", number), *b.unanswered);
  }
  if (b.runs) return record_withdrawn(number, *b.runs);
  if (b.failed) {
    const auto doing = fmt::format("downloading the answers of part {}", number);
    if (record_nothing_of_abandoned(number, doing, *b.failed)) return;
    record(number, [](Part& changed, store::Transaction&) { ++changed.downloads; });
    const auto when = later(number, doing, *b.failed);
    record(number, [&](Part& changed, store::Transaction&) { changed.due = when; });
    return;
  }
  m_troubles.erase(number);
  if (b.gone && may_come_back(part(number))) return record_gone(number, b);
  const bool has_outcomes = part(number).state == PartState::abandoned; // and readers of them
  if (has_outcomes) deliver_anew();
  record(number, [&](Part& changed, store::Transaction&) {
    if (has_outcomes) ++changed.outcomes_version;
    move(changed, PartEvent::outputs_stored);
    if (b.seen) changed.remote = *b.seen;
    changed.gone_since = b.gone ? std::optional{going_on_since(changed.gone_since, now())} : std::nullopt;
    changed.due.reset();
  });
}

bool Run::may_come_back(const Part& p) const
{
  const bool lapsed = p.lapses_at && now() >= *p.lapses_at;
  return !lapsed && !(p.gone_since && now() >= *p.gone_since + gone_patience);
}

/// A file that is not found once may only not have spread to the server we asked.
void Run::record_gone(int number, const Brought& b)
{
  if (!part(number).gone_since) {
    note(Note::Level::warning,
         fmt::format("a file of part {}'s answers is not at the server ({}); it is looked for again for an hour",
                     number, b.gone->words));
  }
  record(number, [&](Part& changed, store::Transaction& tx) {
    if (!changed.gone_since) tx.log(m_job.name, number, fmt::format("a file is not there: {}", b.gone->words));
    if (b.seen) changed.remote = *b.seen;
    changed.gone_since = going_on_since(changed.gone_since, now());
    changed.due = std::min(now() + second_look_wait(++changed.downloads), *changed.gone_since + gone_patience);
  });
}

/// An end that the server no longer knows of: the batch is polled on, and nothing of it counts.
void Run::record_withdrawn(int number, const BatchStatus& runs)
{
  note(Note::Level::warning, fmt::format("the batch of part {} was said to be {}, and now to be {}: it is waited for",
                                         number, part(number).remote.status, runs.status));
  record(number, [&](Part& changed, store::Transaction& tx) {
    tx.log(m_job.name, number, fmt::format("{} was taken back: {}", changed.remote.status, runs.status));
    move(changed, PartEvent::end_withdrawn);
    changed.remote = runs;
    changed.lapses_at.reset();
    changed.short_since.reset();
    changed.gone_since.reset();
    changed.due = now() + m_goal.every.value_or(poll_wait(changed.polls));
  });
}

/// What the files must hold for the part to be settled. Nothing more comes of files that are gone, nor of those that
/// stayed as they are for so long.
results::Demand Run::demand(const Part& p) const
{
  if (p.route != Route::batch || p.gone_since) return {};
  const bool is_given_time = !p.short_since || now() < *p.short_since + short_patience;
  auto demand = is_given_time ? claims_of(p) : results::Demand{};
  demand.readable = !p.reread;
  return demand;
}

/// The files are to be downloaded again: after a while where lines are missing, at once where some cannot be read.
void Run::record_wanting(int number, const results::Lines& lines)
{
  const auto& p = part(number);
  const bool is_short = !claims_of(p).is_met_by(lines);
  const auto why = is_short ? in_words(p, lines) : fmt::format("{} lines cannot be read", lines.unreadable);
  if (!is_short || !p.short_since) note(Note::Level::info, fmt::format("part {}: {}; downloading again", number, why));
  record(number, [&](Part& changed, store::Transaction& tx) {
    tx.log(m_job.name, number, fmt::format("downloading again: {}", why));
    move(changed, PartEvent::files_wanting);
    ++changed.downloads;
    if (lines.unreadable > 0) changed.reread = true;
    if (!is_short) return;
    changed.short_since = going_on_since(changed.short_since, now());
    changed.due = std::min(now() + second_look_wait(changed.downloads), *changed.short_since + short_patience);
  });
}

/// What a person should know of the files a part was settled with.
void Run::tell_of_outputs(const Part& p, const results::Settled& settled)
{
  std::string text;
  if (p.gone_since) {
    text = "a file of its answers is gone at the server; requests without a line fail with lost_remote";
  } else if (p.route == Route::batch && !claims_of(p).is_met_by(settled.lines)) {
    text = in_words(p, settled.lines) + "; settled with what is there";
  }
  if (text.empty()) return;
  note(Note::Level::warning, fmt::format("part {}: {}", p.number, text));
  store::Transaction tx{m_tools.store};
  tx.log(m_job.name, p.number, text);
  tx.commit();
}

} // namespace batchwright::engine
