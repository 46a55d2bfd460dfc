// The doors of the engine: advance a job, look at it, deliver what it holds.

#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/engine/workers.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <iterator>
#include <memory>
#include <utility>

namespace batchwright::engine {
namespace {

constexpr int worker_threads = 8;
constexpr Millis longest_patience{100};
/// A job that came to its end is looked at again no sooner.
constexpr Millis between_looks{2'000};

std::string url_of(const std::string& account)
{
  return account.substr(0, account.find('|'));
}

/// What a killed process left half written. REQUIRED: the job's lock is held, so nobody writes there now; who only
/// reads may have made something for himself.
void sweep(const std::filesystem::path& directory)
{
  const auto alone = DirectoryHold::try_alone(directory);
  if (!alone) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{directory, ignored}) {
    if (entry.path().filename().native().find(".tmp-") != std::string::npos) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

/// Files of parts that are over, left where a process was killed between a commit and what follows it.
void sweep_parts(const Job& job, const std::vector<Part>& parts, const store::JobLayout& files)
{
  for (const auto& p : parts) {
    if (p.state == PartState::superseded) { // others hold its items now
      discard_file(files.ordinals(p.number));
      discard_file(files.digests(p.number));
    }
    discard_uploaded(job, p, files);
    if (p.route == Route::realtime && p.state == PartState::settled) discard_packed_journal(p, files);
    if (p.state != PartState::settled && p.state != PartState::superseded) continue;
    if (holds_copies(p)) continue; // they may be made anew
    if (job.policy.keep_requests) continue;
    discard_file(files.requests(p.number));
    discard_file(files.ids(p.number));
  }
}

/// What was on disk may be gone (a cleaned directory): a file that is missing counts as never built.
void forget_missing_files(std::vector<Part>& parts, const store::JobLayout& files)
{
  for (auto& p : parts) {
    const bool needs_file = p.state == PartState::planned || is_called(p);
    if (needs_file && !std::filesystem::exists(files.requests(p.number))) p.sha256.clear();
  }
}

/// Whether outcomes are to be counted anew.
bool anything_to_judge(const Job& job, const std::vector<Part>& parts)
{
  return std::any_of(parts.begin(), parts.end(), [&](const Part& p) { return is_judged_otherwise(p, job.policy); });
}

/// Whether answers may still come for what was given up.
bool anything_watched(const std::vector<Part>& parts)
{
  return std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.state == PartState::abandoned; });
}

/// One of the jobs that are moved side by side.
struct Lane {
  Advanced result = {};
  std::optional<FileLock> lock = {};
  std::unique_ptr<Run> run = {};        ///< nothing: not begun, or ended
  std::optional<Instant> ended_at = {}; ///< when it came to its end last
};

/// Takes the lock and begins; where no item is pending it has ended at once.
void begin(Lane& lane, Tools& tools, Server& server, Workers& workers, Processors& processors, const Goal& goal)
{
  const auto& name = lane.result.job;
  if (!lane.lock) lane.lock = take_lock(tools, known_job(tools, name).name);
  auto job = known_job(tools, name); // read again, now that nobody else writes it
  auto parts = tools.store.parts(name);
  sweep(tools.layout.job(name).directory());
  sweep_parts(job, parts, tools.layout.job(name));
  retire_outcomes(parts, tools.layout.job(name));
  if (tally(job, parts).pending() == 0 && !anything_watched(parts) && !anything_to_judge(job, parts) &&
      watched_calls(tools.store, name, tools.clock.now()).empty()) {
    lane.result.view = view(job, parts, Held::no);
    return;
  }
  check_account(tools, server, job, parts);
  forget_missing_files(parts, tools.layout.job(name));
  lane.run = std::make_unique<Run>(tools, server, workers, processors, std::move(job), std::move(parts), goal);
}

/// What does not come to its own end is the lane's fault, not that of the others.
template<class Work>
void guarded(Lane& lane, const Work& work)
{
  try {
    work();
  } catch (...) {
    lane.result.fault = as_error(std::current_exception());
  }
}

void end(Lane& lane, Instant now)
{
  lane.result.view.reset(); // of an earlier end, where it was looked at again
  guarded(lane, [&] { lane.result.view = lane.run->result(); });
  lane.run.reset();
  lane.lock.reset(); // others may go on with the job while we work on the rest
  lane.ended_at = now;
}

/// What is done for a job that is looked at again: it sends no longer than the command was to.
Goal goal_of_later(const Goal& goal, Instant begun, Instant now)
{
  auto later = goal;
  if (!goal.at_most) return later;
  later.at_most = std::max(Millis{0}, std::chrono::duration_cast<Millis>(begun + *goal.at_most - now));
  if (*later.at_most == Millis{0}) {
    later.sending = Sending::no;
    later.at_most.reset();
  }
  return later;
}

/// While one job keeps the command, those that had nothing more to do are looked at again when that is due, but not at
/// once. What cannot be done for one now leaves it as it was: the next command says why.
void look_again(std::vector<Lane>& lanes, Tools& tools, Server& server, Workers& workers, Processors& processors,
                const Goal& goal, Instant begun)
{
  const bool one_stays = std::any_of(lanes.begin(), lanes.end(), [](const Lane& l) { return l.run && !l.ended_at; });
  if (goal.until != Until::idle || !one_stays || tools.interrupt.asked()) return;
  for (auto& lane : lanes) {
    const auto& seen = lane.result.view;
    const auto now = tools.clock.now();
    const bool is_due = lane.ended_at && !lane.run && seen && seen->next_poll_at && now >= *seen->next_poll_at &&
                        seen->pause != Pause::auth && seen->pause != Pause::account &&
                        (now >= *lane.ended_at + between_looks || now < *lane.ended_at);
    if (!is_due) continue;
    try {
      begin(lane, tools, server, workers, processors, goal_of_later(goal, begun, now));
    } catch (const Error&) {
      lane.result.view->next_poll_at.reset();
    }
    if (!lane.run) lane.lock.reset();
  }
}

/// What stopping means for what is in flight.
void tell_of_stop(const std::vector<Lane>& lanes, Tools& tools)
{
  std::uint64_t calls = 0;
  for (const auto& lane : lanes)
    calls += lane.run ? lane.run->calls_in_flight() : 0;
  const auto text =
      calls == 0
          ? std::string{"finishing what is in flight; once more stops at once, and nothing is lost either way"}
          : fmt::format("waiting for {} real-time requests that are in flight; once more stops at once, and they "
                        "may be billed again",
                        calls);
  tools.observer.on(Note{Note::Level::info, text});
}

void drive(std::vector<Lane>& lanes, Tools& tools, Server& server, const Goal& goal)
{
  Workers workers{worker_threads};      // gone before the lanes: its threads work for them
  Processors processors{tools, server}; // gone before the workers, to which it tells what came of its work
  const auto begun = tools.clock.now();
  for (auto& lane : lanes)
    guarded(lane, [&] { begin(lane, tools, server, workers, processors, goal); });

  bool told = false;
  for (std::size_t first = 0;; ++first) { // each in turn is asked first

    auto patience = longest_patience;
    bool anything = false;
    bool in_flight = false;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      auto& lane = lanes[(first + i) % lanes.size()];
      if (!lane.run) continue;
      patience = std::min(patience, lane.run->step());
      if (lane.run->is_over()) {
        end(lane, tools.clock.now());
      } else {
        anything = true;
        in_flight = in_flight || !lane.run->is_idle();
      }
    }
    if (!anything) return;
    look_again(lanes, tools, server, workers, processors, goal, begun);
    processors.share();
    if (in_flight && tools.interrupt.asked() && !std::exchange(told, true)) tell_of_stop(lanes, tools);
    if (const auto completion = workers.next(patience)) (*completion)();
  }
}

} // namespace

Job known_job(Tools& tools, const std::string& name)
{
  if (auto job = tools.store.job(name)) return *job;
  std::vector<std::string> near;
  for (const auto& other : tools.store.jobs()) {
    if (other.name.starts_with(name) || name.starts_with(other.name)) near.push_back(other.name);
  }
  throw Error{Fault::usage, fmt::format("there is no job {}", name),
              near.empty() ? "`batchwright status` lists the jobs"
                           : fmt::format("did you mean {}?", fmt::join(near, ", "))};
}

void require_input(const Job& job, std::string_view doing)
{
  if (knows_input(job)) return;
  throw Error{Fault::usage,
              fmt::format("{} needs the input of {}, which was rebuilt from the server without it", doing, job.name),
              fmt::format("`batchwright submit` the same input, with the same options and --name {}", job.name)};
}

void check_account(Tools& tools, Server& server, const Job& job, const std::vector<Part>& parts)
{
  if (job.account == server.account) return;
  if (url_of(job.account) == url_of(server.account)) {
    const auto anything =
        std::find_if(parts.rbegin(), parts.rend(), [](const Part& p) { return !p.batch.empty() || !p.file.empty(); });
    if (anything == parts.rend()) return;
    const bool answers =
        anything->batch.empty() ? server.client.file(anything->file).ok() : server.client.batch(anything->batch).ok();
    if (answers) return;
  }
  tools.observer.on(
      Note{Note::Level::detail, fmt::format("the job belongs to {}, this is {}", job.account, server.account)});
  throw Error{Fault::config,
              fmt::format("the job {} was made with another account or server ({})", job.name, job.base_url),
              "set OPENAI_BASE_URL, OPENAI_ORG_ID, OPENAI_PROJECT_ID and the key as they were then"};
}

JobView advance(Tools& tools, Server& server, const std::string& name, const Goal& goal, std::optional<FileLock> held)
{
  std::vector<Lane> lanes(1);
  lanes.front().result.job = name;
  lanes.front().lock = std::move(held);
  drive(lanes, tools, server, goal);
  auto& result = lanes.front().result;
  if (result.fault) throw Error{*result.fault};
  return std::move(*result.view);
}

std::vector<Advanced> advance_all(Tools& tools, Server& server, const std::vector<std::string>& jobs, const Goal& goal)
{
  std::vector<Lane> lanes;
  lanes.reserve(jobs.size());
  for (const auto& job : jobs)
    lanes.push_back({.result = {.job = job}});
  drive(lanes, tools, server, goal);
  std::vector<Advanced> all;
  all.reserve(lanes.size());
  for (auto& lane : lanes)
    all.push_back(std::move(lane.result));
  return all;
}

void tidy(Tools& tools, const std::string& name)
{
  const auto lock = FileLock::try_lock(tools.layout.lock(name));
  if (!lock) return; // who works on it tidies
  const auto files = tools.layout.job(name);
  const auto parts = tools.store.parts(name);
  sweep(files.directory());
  sweep_parts(known_job(tools, name), parts, files);
  retire_outcomes(parts, files);
}

void wish_cancel(Tools& tools, const std::string& name, Cancel wish)
{
  if (!may_give_up(known_job(tools, name))) wish = Cancel::harvest;
  store::Transaction tx{tools.store};
  tx.wish_cancel(name, wish);
  tx.log(name, 0, wish == Cancel::abandon ? "cancel wished, without waiting" : "cancel wished");
  tx.commit();
}

std::vector<std::string> open_jobs(Tools& tools)
{
  std::vector<std::string> open;
  for (const auto& job : tools.store.jobs()) {
    const auto v = view(job, tools.store.parts(job.name), Held::no);
    const bool is_open = v.items.pending() > 0 || v.owes_handover() || anything_watched(v.parts) ||
                         anything_to_judge(job, v.parts) ||
                         !watched_calls(tools.store, job.name, tools.clock.now()).empty();
    if (is_open && !is_held(tools, job.name)) open.push_back(job.name);
  }
  return open;
}

FileLock take_lock(Tools& tools, const std::string& name)
{
  if (auto lock = FileLock::try_lock(tools.layout.lock(name))) return std::move(*lock);
  throw Error{Fault::busy, fmt::format("another process is working on {}", name),
              fmt::format("`batchwright status {}` shows how it stands", name)};
}

bool is_held(Tools& tools, const std::string& name)
{
  return FileLock::is_held(tools.layout.lock(name));
}

JobView look(Tools& tools, const std::string& name)
{
  return look(tools, known_job(tools, name));
}

JobView look(Tools& tools, const Job& job)
{
  auto v = view(job, tools.store.parts(job.name), is_held(tools, job.name) ? Held::yes : Held::no);
  add_outlook(tools, job, v);
  return v;
}

void refresh(Tools& tools, Server& server, std::vector<JobView>& views)
{
  const auto warn = [&](std::string text) { tools.observer.on(Note{Note::Level::warning, std::move(text)}); };
  std::vector<Part> live; // of all jobs: one listing shows them
  std::vector<JobView*> asked;
  for (auto& v : views) {
    if (!needs_server(v)) continue;
    if (url_of(known_job(tools, v.job).account) != url_of(server.account)) {
      warn(fmt::format("{} was made with another server and is shown as it was known last", v.job));
      continue;
    }
    asked.push_back(&v);
    std::copy_if(v.parts.begin(), v.parts.end(), std::back_inserter(live),
                 [](const Part& p) { return has_live_batch(p); });
  }

  const auto take = [&](Part& p, const wire::BatchObject& batch) {
    p.remote = status_of(batch);
    if (has_ended(p.remote)) p.lapses_at = lapse_of(p.remote, tools.profile, tools.clock.now());
  };
  const auto listed = list(server.client, live);
  for (auto* v : asked) {
    for (auto& p : v->parts) {
      if (!has_live_batch(p)) continue;
      const auto found = listed.find(p.batch);
      if (found != listed.end()) {
        take(p, found->second);
        continue;
      }
      const auto reply = server.client.batch(p.batch);
      if (reply.ok()) {
        take(p, reply.value);
        continue;
      }
      warn(fmt::format("asking for the batch of part {} of {}: {}", p.number, v->job, reply.trouble));
      // An unreachable server is not asked for each of many batches, nor a refusing one for the rest of the job.
      if (reply.ending != api::Ending::refused || tools.interrupt.asked()) return;
      break;
    }
  }
}

bool needs_server(const JobView& view)
{
  if (anything_watched(view.parts)) return true;
  const auto waits = [](const Part& p) { return p.route != Route::reused && is_live(p.state); };
  const bool may_copy = std::none_of(view.parts.begin(), view.parts.end(), waits);
  return std::any_of(view.parts.begin(), view.parts.end(), [&](const Part& p) {
    if (p.route == Route::reused) return is_live(p.state) && may_copy;
    if (is_called(p)) return view.cancel != Cancel::none; // only who may send goes on with it
    const bool rests = p.state == PartState::planned || p.state == PartState::queued;
    return is_live(p.state) && (!rests || view.cancel != Cancel::none);
  });
}

results::OutcomeFile outcome_file(const Tools& tools, const Job& job, const Part& p, std::filesystem::path path)
{
  const auto& model = model_of(job, p);
  return {.path = std::move(path),
          .first = p.first,
          .last = p.last,
          .route = p.route,
          .attempt = p.attempt,
          .endpoint = endpoint_of(job, p),
          .model = model,
          .prices = prices_of(tools, job, model),
          .part = p.number};
}

std::vector<results::OutcomeFile> outcome_files(Tools& tools, const Job& job, const std::vector<Part>& parts)
{
  const auto files = tools.layout.job(job.name);
  std::vector<results::OutcomeFile> outcomes;
  for (const auto& p : parts) {
    if (!has_outcomes(p.state) || p.outcome.succeeded + p.outcome.failed == 0) continue;
    outcomes.push_back(outcome_file(tools, job, p, files.outcomes(p.number, p.outcomes_version)));
  }
  return outcomes;
}

} // namespace batchwright::engine
