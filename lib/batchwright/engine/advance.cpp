// The doors of the engine: advance a job, look at it, deliver what it holds.

#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/run.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>

namespace batchwright::engine {
namespace {

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

/// A job belongs to an account: with another one, everything of it is "not found". Another key of the same account
/// passes where something of the job's own answers under it.
void check_account(Tools& tools, Server& server, const Job& job, const std::vector<Part>& parts)
{
  if (job.account == server.account) return;
  const auto url_of = [](const std::string& account) { return account.substr(0, account.find('|')); };
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

/// What a killed process left half written. REQUIRED: the job's lock is held, so nobody writes there now.
void sweep(const std::filesystem::path& directory)
{
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator{directory, ignored}) {
    if (entry.path().filename().native().find(".tmp-") != std::string::npos) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }
}

/// What was on disk may be gone (a cleaned directory): a file that is missing counts as never built.
void forget_missing_files(std::vector<Part>& parts, const store::JobLayout& files)
{
  for (auto& p : parts) {
    if (p.state == PartState::planned && !std::filesystem::exists(files.requests(p.number))) p.sha256.clear();
  }
}

} // namespace

JobView advance(Tools& tools, Server& server, const std::string& name, const Goal& goal)
{
  const auto lock = FileLock::try_lock(tools.layout.lock(known_job(tools, name).name));
  if (!lock) {
    throw Error{Fault::busy, fmt::format("another process is working on {}", name),
                fmt::format("`batchwright status {}` shows how it stands", name)};
  }
  auto job = known_job(tools, name); // read again, now that nobody else writes it
  auto parts = tools.store.parts(name);
  if (tally(job, parts).pending() == 0) return view(job, parts, Held::no);
  check_account(tools, server, job, parts);
  sweep(tools.layout.job(name).directory());
  forget_missing_files(parts, tools.layout.job(name));
  return Run{tools, server, std::move(job), std::move(parts), goal}.go();
}

bool is_held(Tools& tools, const std::string& name)
{
  return FileLock::is_held(tools.layout.lock(name));
}

JobView look(Tools& tools, const std::string& name)
{
  const auto job = known_job(tools, name);
  return view(job, tools.store.parts(name), is_held(tools, name) ? Held::yes : Held::no);
}

JobView look(Tools& tools, Server& server, const std::string& name)
{
  auto v = look(tools, name);
  for (auto& p : v.parts) {
    if (!has_live_batch(p.state)) continue;
    const auto reply = server.client.batch(p.batch);
    if (reply.ok()) {
      p.remote = status_of(reply.value);
    } else {
      tools.observer.on(
          Note{Note::Level::warning, fmt::format("asking for the batch of part {}: {}", p.number, reply.trouble)});
      if (reply.ending != api::Ending::refused) break; // an unreachable server is not asked for each of many batches
    }
  }
  return v;
}

bool needs_server(const JobView& view)
{
  return std::any_of(view.parts.begin(), view.parts.end(), [](const Part& p) {
    return is_live(p.state) && p.state != PartState::planned && p.state != PartState::queued;
  });
}

results::Merged deliver(Tools& tools, const std::string& name, results::Format format, results::Pending pending,
                        const results::Sink& sink)
{
  const auto job = known_job(tools, name);
  const auto files = tools.layout.job(name);
  std::vector<results::OutcomeFile> outcomes;
  for (const auto& p : tools.store.parts(name)) {
    if (p.state != PartState::settled || p.outcome.succeeded + p.outcome.failed == 0) continue;
    outcomes.push_back({files.outcomes(p.number), p.first, p.last, p.route, p.attempt});
  }
  return results::merge(job, outcomes, tools.prices.find(job.request.model), format, pending, sink,
                        [&](std::uint64_t done, std::uint64_t total) {
                          tools.observer.on(Progress{Phase::merging, name, 0, done, total});
                        });
}

} // namespace batchwright::engine
