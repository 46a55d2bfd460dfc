#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/recover.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
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

/// The remains as they are once what was under way has shown.
Remains settled(Tools& tools, Server& server, Remains remains, Millis grace)
{
  const auto& name = remains.batches.front().label.job;
  if (!may_hide_batches(remains)) return remains;
  for (auto& again : look_again(tools, server, name, grace)) {
    if (again.uuid == remains.uuid) return again;
  }
  return remains; // a listing that forgets what it showed
}

/// Rebuilds one job.
class Rebuilder {
public:
  Rebuilder(Tools& tools, Server& server, const Remains& remains)
      : m_tools(tools),
        m_server(server),
        m_remains(remains),
        m_name(remains.batches.front().label.job),
        m_files(tools.layout.job(m_name))
  {
  }

  void run()
  {
    make_job();
    choose_batches();
    put_aside(m_tools, m_name); // left by a removed job of that name
    make_private_directory(m_files.directory());
    for (auto& [number, batch] : m_kept)
      m_parts.push_back(part_of(*batch));
    find_listed();
    const auto held = hold(m_parts, m_files, m_job.items, [this](const Part& p) { // of these another will be made
      return is_sent_again(m_kept.at(p.number)->object);
    });
    discard_dropped();
    add_rest(held);
    commit();
  }

private:
  bool has_ids() const { return !m_job.request.id_column.empty() || is_ready_made(m_job); }
  bool hides_ids() const { return !m_job.request.id_column.empty() && m_job.request.inputs_per_request > 1; }

  void warn(std::string text) { m_tools.observer.on(Note{Note::Level::warning, std::move(text)}); }

  void make_job()
  {
    const auto& [label, batch] = m_remains.batches.back(); // the oldest: of the first attempt, if any is
    m_job.name = m_name;
    m_job.uuid = m_remains.uuid;
    m_job.items = m_remains.items;
    m_job.account = m_server.account;
    m_job.base_url = m_server.base_url;
    m_job.created_at = m_remains.first_made.value_or(m_tools.clock.now());
    m_job.options = label.options;
    const auto& newest = m_remains.batches.front().label; // the policy may have changed
    m_job.policy.max_attempts = newest.max_attempts;
    m_job.policy.fallback = newest.fallback;
    m_job.request.model = label.part.model;
    m_job.request.endpoint = batch.endpoint;
    m_job.request.id_column = label.id_column;
    m_job.request.inputs_per_request = std::max<std::uint64_t>(1, label.part.inputs_per_request);
    if (label.ready_made) m_job.inputs = {{.format = InputFormat::requests}};
    m_job.limits = {.requests = m_tools.profile.requests_per_file, .bytes = m_tools.profile.default_bytes_per_part};
    m_job.standing = label.has_schema || hides_ids() ? Standing::bare : Standing::recovered;
    m_job.message =
        "it was rebuilt from the server: a `submit` of the same input and options under this name sends what "
        "is left";
  }

  /// Of each part one batch; those beside it are watched, and cancelled where they live.
  void choose_batches()
  {
    for (const auto& batch : m_remains.batches) {
      const auto number = batch.label.part.number;
      auto& kept = m_kept[number];
      const auto* other = &batch;
      // Made within the same second, the one that is listed later is the older.
      if (!kept || !is_better(kept->object, batch.object)) std::swap(kept, other);
      if (other && wire::phase(other->object.status) == wire::BatchPhase::live) m_twins.push_back(other);
    }
  }

  Part part_of(const Remains::Batch& batch)
  {
    const auto& [label, object] = batch;
    auto part = with_batch(label.part, object);
    if (!label.ready_made && part.model == m_job.request.model) part.model.clear();
    part.listed = !is_range(part);
    if (label.overrides_lost) {
      warn(fmt::format("part {} was asked otherwise than the job, in more words than the server keeps: what it leaves "
                       "is asked as the job is",
                       part.number));
    }
    const bool needs_requests = !is_range(part) || (has_ids() && !hides_ids());
    if (needs_requests) fetch_requests(part);
    return part;
  }

  /// The request file tells the part's items, and the user's ids.
  void fetch_requests(Part& part)
  {
    const auto to = m_files.requests(part.number);
    m_tools.observer.on(Progress{Phase::downloading, m_name, part.number, 0, 0});
    const auto reply = m_server.client.download(part.file, to);
    if (m_tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped; nothing was changed"};
    if (!reply.ok() && reply.status != 404) {
      throw Error{Fault::network, fmt::format("downloading the requests of part {}: {}", part.number, reply.trouble),
                  "run the command again; nothing was changed"};
    }
    if (!reply.ok()) return lose_requests(part);
    part.bytes = reply.value.bytes;
    part.sha256 = sha256_of_file(to);
    check_requests(part);
    if (is_ready_made(m_job)) write_ids(part);
  }

  /// Throws for a file that came garbled or short: the server had the whole of it when it made the batch.
  void check_requests(const Part& part) const
  {
    std::uint64_t lines = 0;
    each_id(part, [&](const std::string&) { ++lines; });
    if (part.requests == 0 || lines == part.requests) return; // 0: its metadata does not tell
    throw came_otherwise(part, fmt::format("{} of {} requests", lines, part.requests));
  }

  static Error came_otherwise(const Part& part, const std::string& how)
  {
    return {Fault::network, fmt::format("the request file of the batch {} came with {}", part.batch.str(), how),
            "run the command again; nothing was changed"};
  }

  /// The file has lapsed, long after its batch. A range of default ids needs none; of a range with the user's ids they
  /// come again with the input; of a list nobody can tell the items any more.
  void lose_requests(Part& part)
  {
    if (is_range(part)) {
      m_job.standing = Standing::bare;
      return;
    }
    if (wire::phase(part.remote.status) == wire::BatchPhase::live) {
      throw Error{Fault::config,
                  fmt::format("the batch {} runs, and its request file {} is gone: nobody can tell its items",
                              part.batch.str(), part.file.str()),
                  "wait for its end, or cancel it; then run the command again"};
    }
    warn(fmt::format(
        "the request file of the batch {} is gone, and with it which {} items it holds: its answers are not "
        "used",
        part.batch.str(), part.items));
    m_lost.insert(part.number);
  }

  template<class Take>
  void each_id(const Part& part, const Take& take) const
  {
    LineReader lines{m_files.requests(part.number)};
    while (const auto line = lines.next()) {
      if (line->text.empty()) continue;
      auto id = wire::salvage_custom_id(line->text);
      if (!id) throw came_otherwise(part, "a line without a custom_id");
      take(std::move(*id));
    }
  }

  /// A file of ids stands beside ready-made requests.
  void write_ids(const Part& part) const
  {
    AtomicFile file{m_files.ids(part.number)};
    std::string text;
    each_id(part, [&](const std::string& id) {
      text.clear();
      json::append_string(text, id);
      file.write(text + '\n');
    });
    file.commit();
  }

  /// Writes the lists of parts that are no ranges.
  void find_listed()
  {
    std::erase_if(m_parts, [this](const Part& p) { return m_lost.contains(p.number); });
    if (has_ids() && !hides_ids()) return find_by_ids();
    for (const auto& part : m_parts) {
      if (!part.listed) continue;
      std::vector<Ordinal> ordinals;
      each_id(part, [&](const std::string& id) {
        const auto pack = pack_of(id);
        if (!pack || ordinals.size() > part.items) return;
        for (const auto& run : pack->runs) {
          for (auto ordinal = run.first; ordinal <= run.last(); ++ordinal)
            ordinals.push_back(ordinal);
        }
      });
      write_list(part, std::move(ordinals));
    }
  }

  /// The user's ids are those of the ranges, where what is listed was sent the first time.
  void find_by_ids()
  {
    using Key = std::pair<std::uint32_t, std::string>; // of ready-made files each has its own ids
    const auto input_of = [this](const Part& p) { return is_ready_made(m_job) ? p.mark.input : 0; };
    std::map<Key, std::optional<Ordinal>> wanted;
    for (const auto& part : m_parts) {
      if (part.listed && part.attempt == 1 && is_ready_made(m_job)) throw mixed(part);
      if (part.listed) each_id(part, [&](std::string id) { wanted[{input_of(part), std::move(id)}] = {}; });
    }
    for (const auto& part : m_parts) {
      if (part.listed) continue;
      if (is_ready_made(m_job)) write_range(part);
      if (wanted.empty() || part.sha256.empty()) continue;
      auto ordinal = part.first;
      each_id(part, [&](std::string id) {
        const auto found = wanted.find({input_of(part), std::move(id)});
        if (found != wanted.end()) found->second = ordinal;
        ++ordinal;
      });
    }
    for (const auto& part : m_parts) {
      if (!part.listed) continue;
      std::vector<Ordinal> ordinals;
      each_id(part, [&](std::string id) {
        if (const auto known = wanted.at({input_of(part), std::move(id)})) ordinals.push_back(*known);
      });
      write_list(part, std::move(ordinals));
    }
  }

  Error mixed(const Part& part) const
  {
    std::vector<std::string> ids;
    for (const auto& [number, batch] : m_kept)
      ids.push_back(batch->object.id.str());
    return {
        Fault::config,
        fmt::format("the batch {} holds some requests of a file of several models, and which ones only the file tells",
                    part.batch.str()),
        fmt::format("`batchwright adopt --requests FILE {}` takes them over with the file", fmt::join(ids, " "))};
  }

  void write_range(const Part& part) const
  {
    input::OrdinalWriter list{m_files.ordinals(part.number)};
    for (auto ordinal = part.first; ordinal <= part.last; ++ordinal)
      list.add(ordinal);
    list.commit();
  }

  void write_list(const Part& part, std::vector<Ordinal> ordinals) const
  {
    std::sort(ordinals.begin(), ordinals.end());
    const bool is_it = ordinals.size() == part.items && ordinals.front() == part.first &&
                       ordinals.back() == part.last &&
                       std::adjacent_find(ordinals.begin(), ordinals.end()) == ordinals.end();
    if (!is_it) {
      throw Error{Fault::config,
                  fmt::format("the request file of the batch {} does not hold the {} items that its metadata tells of",
                              part.batch.str(), part.items)};
    }
    input::OrdinalWriter list{m_files.ordinals(part.number)};
    for (const auto ordinal : ordinals)
      list.add(ordinal);
    list.commit();
  }

  /// Files of parts of which others will be made.
  void discard_dropped() const
  {
    std::set<int> left;
    for (const auto& part : m_parts)
      left.insert(part.number);
    for (const auto& [number, batch] : m_kept) {
      if (left.contains(number)) continue;
      for (const auto& file : {m_files.requests(number), m_files.ids(number), m_files.ordinals(number)})
        discard_file(file);
    }
  }

  /// What no batch holds waits in one part, which is cut when the input is known.
  void add_rest(const ItemSet& held)
  {
    if (held.size() == held.items()) return;
    const auto& last = m_kept.rbegin()->second->label.part;
    const Part whole{.number = last.number + 1, .last = held.items() - 1, .items = held.items(), .listed = true};
    auto rest = remainder(whole, held, m_files.ordinals(whole.number));
    rest.input_tokens.n =
        last.input_tokens.n * static_cast<std::int64_t>(rest.items) / static_cast<std::int64_t>(last.items);
    m_parts.push_back(std::move(rest));
  }

  void commit()
  {
    sync_directory(m_files.directory());
    sync_directory(m_tools.layout.jobs());
    store::Transaction tx{m_tools.store};
    tx.add(m_job);
    for (const auto& part : m_parts)
      tx.put(m_name, part);
    const auto now = m_tools.clock.now();
    for (const auto& [number, batch] : m_kept)
      tx.put(m_name, call_of(batch->label.call, number, batch->object, CallState::adopted, now));
    for (const auto* twin : m_twins) {
      if (!has_part(twin->label.part.number)) continue;
      tx.put(m_name, call_of(twin->label.call, twin->label.part.number, twin->object, CallState::abandoned, now));
    }
    tx.log(m_name, 0, fmt::format("rebuilt from {} batches at the server", m_kept.size()));
    tx.commit();
  }

  bool has_part(int number) const
  {
    return std::any_of(m_parts.begin(), m_parts.end(), [number](const Part& p) { return p.number == number; });
  }

  Tools& m_tools;
  Server& m_server;
  const Remains& m_remains;
  const std::string m_name;
  const store::JobLayout m_files;
  Job m_job = {};
  std::map<int, const Remains::Batch*> m_kept = {}; // by part
  std::vector<const Remains::Batch*> m_twins = {};
  std::vector<Part> m_parts = {};
  std::set<int> m_lost = {}; // parts whose items nobody can tell
};

/// The part of what no batch holds, as add_rest() made it.
bool is_rest(const Part& p)
{
  return p.state == PartState::planned && p.listed && p.attempt == 1 && !p.born_at;
}

void refuse_known(Tools& tools, const std::string& name)
{
  if (!tools.store.job(name)) return;
  throw Error{Fault::usage, fmt::format("there is a job {} here", name),
              fmt::format("`batchwright status {}` shows how it stands", name)};
}

} // namespace

std::vector<Remains> find_remains(Tools& tools, Server& server, const std::string& name, Millis grace)
{
  refuse_known(tools, name);
  auto jobs = look_for(tools, server, name);
  if (jobs.empty() && has_upload_of(server, name)) return look_again(tools, server, name, grace);
  return jobs;
}

JobView recover(Tools& tools, Server& server, const Remains& found, Millis grace)
{
  ensure(!found.batches.empty(), "a job is rebuilt from its batches");
  const auto& name = found.batches.front().label.job;
  const Sweep sweep{tools};
  const auto lock = take_lock(tools, name);
  refuse_known(tools, name);
  const auto remains = settled(tools, server, found, grace);
  Rebuilder{tools, server, remains}.run();
  return view(*tools.store.job(name), tools.store.parts(name), Held::no);
}

namespace {

/// Marks as the input gives them, in place of those that the server told.
void mark_anew(std::vector<Part>& parts, const std::vector<Part>& planned)
{
  for (auto& part : parts) {
    for (const auto& plan : planned) {
      if (plan.first <= part.first && part.first <= plan.last) part.mark = plan.mark;
    }
  }
}

} // namespace

void go_on(Tools& tools, store::Transaction& tx, Job job, const std::vector<Part>& planned)
{
  const auto files = tools.layout.job(job.name);
  auto parts = tools.store.parts(job.name);
  auto number = parts.empty() ? 0 : parts.back().number;
  if (!knows_input(job)) mark_anew(parts, planned);
  for (auto& rest : parts) {
    if (knows_input(job)) continue; // it was cut by its input at once
    tx.put(job.name, rest);
    if (!is_rest(rest)) continue;
    ItemSet held{job.items};
    Ordinal next = 0;
    input::Ordinals free{rest, files.ordinals(rest.number)};
    for (auto ordinal = free.next(); ordinal; ordinal = free.next(), ++next) {
      for (; next < *ordinal; ++next)
        held.add(next);
    }
    for (; next < job.items; ++next)
      held.add(next);
    move(rest, PartEvent::replaced);
    tx.put(job.name, rest);
    for (const auto& plan : planned) {
      ensure(is_range(plan), "what is recovered is cut into ranges");
      auto part = remainder(plan, held, files.ordinals(number + 1));
      if (part.items == 0) continue;
      part.number = ++number;
      tx.put(job.name, part);
    }
  }
  job.standing = Standing::consented;
  job.options.clear();
  job.message.clear();
  tx.update(job);
  tx.log(job.name, 0, "input and consent were given again");
}

} // namespace batchwright::engine
