#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/remains.hpp>
#include <batchwright/engine/run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <thread>
#include <utility>

namespace batchwright::engine {
namespace {

constexpr auto doing_list = "listing the server's batches";

[[noreturn]] void refuse(const api::Reply<wire::Page<wire::BatchObject>>& reply)
{
  const auto what = fmt::format("{}: {}", doing_list, reply.trouble);
  if (reply.status == 401) throw Error{Fault::auth, what, "set OPENAI_API_KEY to a key of the account"};
  if (reply.ending == api::Ending::refused) throw Error{Fault::rejected, what, "a job is rebuilt from that list alone"};
  throw Error{Fault::network, what, "run the command again when the server can be reached"};
}

/// Every batch that is of a job of this name, newest first.
std::vector<Remains::Batch> batches_of(Tools& tools, Server& server, const std::string& name)
{
  std::uint64_t seen = 0;
  const auto look = look_through<wire::BatchObject>(
      Since{}, tools.clock,
      [&](const BatchId& after) {
        if (tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped; nothing was changed"};
        return server.client.batches(after);
      },
      [&](const wire::BatchObject& batch, Instant) {
        tools.observer.on(Progress{Phase::reading, name, 0, ++seen, 0});
        const auto job = batch.metadata.find("bw_job");
        return job != batch.metadata.end() && job->second == name;
      });
  if (look.failed) refuse(*look.failed);
  if (look.ignores_paging) {
    throw Error{Fault::rejected, fmt::format("{}: it gives the same page again and again", doing_list),
                "`batchwright adopt --requests FILE BATCH_ID...` takes over batches that you name"};
  }
  std::vector<Remains::Batch> found;
  std::map<std::string, std::uint64_t> items; // of the jobs, by uuid: the newest batch tells
  for (const auto& batch : look.found) {
    auto label = label_of(batch);
    if (label && items.emplace(label->job_uuid, label->job_items).first->second == label->job_items) {
      found.push_back({std::move(*label), batch});
    } else {
      tools.observer.on(Note{Note::Level::warning, fmt::format("the batch {} is of a job {}, but its metadata does not "
                                                               "tell which part: it is left alone",
                                                               batch.id.str(), name)});
    }
  }
  return found;
}

/// Whether a file at the server is a request file of a job of this name: NAME-0001-UUID.jsonl.
bool is_upload_of(const std::string& name, const std::string& file)
{
  constexpr std::size_t rest = 1 + 36 + 6; // -UUID.jsonl
  if (!file.starts_with(name + "-") || !file.ends_with(".jsonl") || file.size() < name.size() + 1 + 4 + rest)
    return false;
  const auto number = file.substr(name.size() + 1, file.size() - rest - name.size() - 1);
  return std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether the server has a request file of a job of this name, as far as it tells: a batch of it may be on its way.
bool has_upload_of(Server& server, const std::string& name)
{
  std::set<std::string> pages;
  for (FileId after;;) {
    const auto reply = server.client.files(after);
    if (!reply.ok()) return true; // nobody can say
    for (const auto& file : reply.value.data) {
      if (is_upload_of(name, file.filename)) return true;
    }
    if (reply.value.data.empty() || !reply.value.has_more.value_or(true)) return false;
    after = reply.value.data.back().id;
    if (!pages.insert(after.str()).second) return true;
  }
}

/// Whether items may have been sent in a batch that does not show yet: those that no batch holds, and those that an
/// ended one left. A request file need not show either: files and batches may lag alike.
bool may_hide_batches(const Remains& remains)
{
  std::map<int, std::uint64_t> first_sent; // by part
  bool leaves_any = false;
  for (const auto& [label, batch] : remains.batches) {
    if (label.part.attempt == 1) first_sent[label.part.number] = label.part.items;
    const auto status = status_of(batch);
    leaves_any = leaves_any || (has_ended(status) && (status.status != "completed" || status.failed > 0));
  }
  std::uint64_t sum = 0;
  for (const auto& [number, items] : first_sent)
    sum += items;
  return leaves_any || sum < remains.items;
}

/// The jobs of a name as the listing shows them now, newest first.
std::vector<Remains> look_for(Tools& tools, Server& server, const std::string& name)
{
  std::vector<Remains> jobs;
  for (auto& batch : batches_of(tools, server, name)) {
    const auto& uuid = batch.label.job_uuid;
    auto job = std::find_if(jobs.begin(), jobs.end(), [&](const Remains& r) { return r.uuid == uuid; });
    if (job == jobs.end()) {
      jobs.push_back({.uuid = uuid, .items = batch.label.job_items, .last_made = batch.object.created_at});
      job = jobs.end() - 1;
    }
    job->first_made = batch.object.created_at;
    job->batches.push_back(std::move(batch));
  }
  return jobs;
}

/// The same once what was under way has shown.
std::vector<Remains> look_again(Tools& tools, Server& server, const std::string& name, Millis grace)
{
  tools.observer.on(Note{Note::Level::info, fmt::format("{}: some items show in no batch; one that was just being made "
                                                        "shows within {} s: looking again then",
                                                        name, (grace.count() + 999) / 1000)});
  constexpr Millis step{50};
  for (const auto end = std::chrono::steady_clock::now() + grace; std::chrono::steady_clock::now() < end;) {
    if (tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped; nothing was changed"};
    std::this_thread::sleep_for(std::min(step, grace));
  }
  return look_for(tools, server, name);
}

} // namespace

void refuse_known(Tools& tools, const std::string& name)
{
  if (!tools.store.job(name)) return;
  throw Error{Fault::usage, fmt::format("there is a job {} here", name),
              fmt::format("`batchwright status {}` shows how it stands", name)};
}

Remains settled(Tools& tools, Server& server, Remains remains, Millis grace)
{
  const auto& name = remains.batches.front().label.job;
  if (!may_hide_batches(remains)) return remains;
  for (auto& again : look_again(tools, server, name, grace)) {
    if (again.uuid == remains.uuid) return again;
  }
  return remains; // a listing that forgets what it showed
}

std::vector<Remains> find_remains(Tools& tools, Server& server, const std::string& name, Millis grace)
{
  refuse_known(tools, name);
  auto jobs = look_for(tools, server, name);
  if (jobs.empty() && has_upload_of(server, name)) return look_again(tools, server, name, grace);
  return jobs;
}

} // namespace batchwright::engine
