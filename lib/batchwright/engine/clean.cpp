#include <batchwright/base/files.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>

namespace batchwright::engine {
namespace {

namespace fs = std::filesystem;

/// Listings are read back to this long before the job was made: the server's clock and ours may differ.
constexpr Millis look_back{600'000};

/// The uuids in the names of the job's uploads.
std::vector<std::string> upload_uuids(Tools& tools, const std::string& job)
{
  std::vector<std::string> uuids;
  for (const auto state :
       {CallState::intended, CallState::answered, CallState::not_sent, CallState::adopted, CallState::abandoned}) {
    for (const auto& call : tools.store.calls(job, state)) {
      if (call.kind == CallKind::upload) uuids.push_back(call.uuid);
    }
  }
  return uuids;
}

Error refused(std::string_view doing, const std::string& job, api::Ending ending, int status, const std::string& words)
{
  const bool key = status == 401 || status == 403;
  const auto fault = key ? Fault::auth : ending == api::Ending::refused ? Fault::rejected : Fault::network;
  return Error{fault, fmt::format("{}: {}", doing, words),
               fmt::format("nothing of {} was removed here; run the same command again", job)};
}

/// Files that a listing shows under the name of one of our uploads: twins whose answer never reached us.
void add_listed(Server& server, const Job& job, const std::vector<std::string>& uuids, std::set<FileId>& ids)
{
  if (uuids.empty()) return;
  std::set<std::string> seen;
  for (FileId after;;) {
    const auto page = server.client.files(after);
    if (!page.ok()) throw refused("listing the files at the server", job.name, page.ending, page.status, page.trouble);
    for (const auto& file : page.value.data) {
      const bool ours = std::any_of(uuids.begin(), uuids.end(), [&](const std::string& uuid) {
        return file.filename.find(uuid) != std::string::npos;
      });
      if (ours) ids.insert(file.id);
      if (file.created_at && *file.created_at < job.created_at - look_back) return;
    }
    if (page.value.data.empty() || !page.value.has_more.value_or(true)) return;
    after = page.value.data.back().id;
    if (!seen.insert(after.str()).second) return; // a server that ignores paging
  }
}

std::set<FileId> known_files(const std::vector<Part>& parts)
{
  std::set<FileId> ids;
  for (const auto& p : parts) {
    for (const auto& id : {p.file, p.remote.output_file, p.remote.error_file}) {
      if (!id.empty()) ids.insert(id);
    }
  }
  return ids;
}

/// Parts at rest forget files that are gone; others would be moved by what they know.
void forget_files(Tools& tools, const std::string& job, std::vector<Part> parts)
{
  store::Transaction tx{tools.store};
  for (auto& p : parts) {
    if (is_live(p.state)) continue;
    p.file = p.remote.output_file = p.remote.error_file = FileId{};
    p.lapses_at.reset();
    tx.put(job, p);
  }
  tx.commit();
}

std::uint64_t bytes_in(const fs::path& directory)
{
  std::uint64_t sum = 0;
  std::error_code ignored;
  for (const auto& entry : fs::recursive_directory_iterator{directory, ignored}) {
    if (entry.is_regular_file(ignored)) sum += entry.file_size(ignored);
  }
  return sum;
}

} // namespace

std::string reason_against_cleaning(Tools& tools, const std::string& name)
{
  const auto v = look(tools, name);
  if (is_held(tools, name)) return "another process works on it";
  const auto live = std::count_if(v.parts.begin(), v.parts.end(), [](const Part& p) { return has_live_batch(p); });
  if (live > 0) return fmt::format("{} of its batches run at the server", live);
  if (v.items.pending() > 0) return fmt::format("{} of its items are pending", v.items.pending());
  if (!watched_calls(tools.store, name, tools.clock.now()).empty())
    return "a call whose answer was lost may still show a batch; it is watched for 25 hours";
  if (needs_server(v)) return "batches of it that were given up may still bring answers";
  if (v.owes_handover() && !v.handover.out.empty()) return "its result was not delivered yet";
  return {};
}

std::vector<std::string> jobs_done_since(Tools& tools, Millis age)
{
  std::vector<std::string> old;
  for (const auto& job : tools.store.jobs()) {
    const auto last = tools.store.last_event(job.name).value_or(job.created_at);
    const auto done = look(tools, job.name).state == JobState::done;
    if (done && last + age < tools.clock.now()) old.push_back(job.name);
  }
  std::reverse(old.begin(), old.end());
  return old;
}

std::uint64_t clean_remote(Tools& tools, Server& server, const std::string& name)
{
  const auto lock = take_lock(tools, known_job(tools, name).name);
  const auto job = known_job(tools, name);
  const auto parts = tools.store.parts(name);
  check_account(tools, server, job, parts);
  auto ids = known_files(parts);
  add_listed(server, job, upload_uuids(tools, name), ids);
  for (const auto& id : ids) {
    const auto reply = server.client.remove(id);
    if (!reply.ok()) {
      throw refused(fmt::format("deleting the file {}", id.str()), name, reply.ending, reply.status, reply.trouble);
    }
  }
  forget_files(tools, name, parts);
  return ids.size();
}

std::uint64_t clean_local(Tools& tools, const std::string& name)
{
  const auto lock = take_lock(tools, known_job(tools, name).name);
  const auto directory = tools.layout.job(name).directory();
  const auto bytes = bytes_in(directory);
  // Whoever finds the directory without rows, since we were killed, knows that it is to go.
  if (fs::exists(directory)) write_file(tools.layout.job(name).cleaned(), {});
  store::Transaction tx{tools.store};
  tx.remove(name);
  tx.commit();
  put_aside(tools, name); // without rows nothing of it is looked at any more
  sweep_leftovers(tools);
  return bytes;
}

namespace {

/// Whether a directory without rows may go: the user said so, or no answer is in it. Others are what remains of a state
/// database that was lost, or somebody's copies.
bool may_go(const store::JobLayout& files)
{
  if (fs::exists(files.cleaned())) return true;
  std::error_code ignored;
  const fs::directory_iterator all{files.directory(), ignored};
  return std::none_of(begin(all), end(all), [](const fs::directory_entry& entry) {
    const auto name = entry.path().filename().native();
    const bool is_whole = !name.ends_with(".part");
    return is_whole && (name.find(".out") != std::string::npos || name.find(".errors.") != std::string::npos);
  });
}

} // namespace

void put_aside(Tools& tools, const std::string& name)
{
  const auto files = tools.layout.job(name);
  if (!fs::exists(files.directory())) return;
  const bool goes = may_go(files);
  const auto place = tools.layout.jobs() / (goes ? fmt::format("{}{}", aside_prefix, make_uuid())
                                                 : fmt::format("{}{}-{}", kept_prefix, name, make_uuid()));
  fs::rename(files.directory(), place);
  sync_directory(tools.layout.jobs());
  if (goes) return;
  tools.observer.on(
      Note{Note::Level::warning, fmt::format("answers of another job {}, of which nothing else is known, are "
                                             "kept in {}",
                                             name, place.native())});
}

namespace {

/// Directories whose rows are gone. One that is not known yet is being made under its lock.
void put_orphans_aside(Tools& tools)
{
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{tools.layout.jobs(), ignored})
    names.push_back(entry.path().filename().native());
  for (const auto& name : names) {
    if (name.starts_with('.') || tools.store.job(name) || !may_go(tools.layout.job(name))) continue;
    const auto lock = FileLock::try_lock(tools.layout.lock(name));
    if (lock && !tools.store.job(name)) put_aside(tools, name);
  }
}

} // namespace

void sweep_leftovers(Tools& tools)
{
  put_orphans_aside(tools);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator{tools.layout.jobs(), ignored}) {
    if (entry.path().filename().native().starts_with(aside_prefix)) fs::remove_all(entry.path(), ignored);
  }
}

void sweep_if_possible(Tools& tools) noexcept
{
  try {
    sweep_leftovers(tools);
  } catch (const std::exception&) { // nothing looks at what is left
  }
}

} // namespace batchwright::engine
