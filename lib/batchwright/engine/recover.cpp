#include <batchwright/base/files.hpp>
#include <batchwright/base/sha256.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/doors.hpp>
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
#include <utility>

namespace batchwright::engine {
namespace {

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
    if (m_job.policy.fallback == Fallback::realtime) {
      constexpr auto lost = "what came in real time was kept in the lost state alone: it is sent again";
      m_job.message += fmt::format("; {}", lost);
      warn(lost);
    }
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
    if (!label.without.empty()) write_list_without(part, label.without);
    const bool needs_requests = !is_told(part) || (has_ids() && !hides_ids());
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
    if (is_told(part)) {
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
      if (is_told(part)) continue;
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
      if (is_told(part)) continue;
      if (part.attempt == 1) throw is_ready_made(m_job) ? mixed(part) : picked(part);
      each_id(part, [&](std::string id) { wanted[{input_of(part), std::move(id)}] = {}; });
    }
    for (const auto& part : m_parts) {
      if (!is_told(part)) continue;
      if (is_ready_made(m_job) && is_range(part)) write_range(part);
      if (wanted.empty() || part.sha256.empty()) continue;
      input::Ordinals ordinals{part, m_files.ordinals(part.number)};
      each_id(part, [&](std::string id) {
        const auto found = wanted.find({input_of(part), std::move(id)});
        const auto ordinal = ordinals.next();
        if (found != wanted.end()) found->second = ordinal;
      });
    }
    for (const auto& part : m_parts) {
      if (is_told(part)) continue;
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

  /// Beside urgent items, which had no batch.
  static Error picked(const Part& part)
  {
    return {
        Fault::config,
        fmt::format("the batch {} holds some items of its range, under ids of the user's: which ones only the input "
                    "tells",
                    part.batch.str()),
        fmt::format("`batchwright adopt --requests FILE {}` takes it over with its request file, which the server "
                    "has as {}",
                    part.batch.str(), part.file.str())};
  }

  void write_range(const Part& part, const std::vector<Ordinal>& without = {}) const
  {
    input::OrdinalWriter list{m_files.ordinals(part.number)};
    for (auto ordinal = part.first; ordinal <= part.last; ++ordinal) {
      if (!std::binary_search(without.begin(), without.end(), ordinal)) list.add(ordinal);
    }
    list.commit();
  }

  /// Of a part that holds all of its range but what was tried first.
  void write_list_without(const Part& part, const std::vector<Ordinal>& gaps)
  {
    write_range(part, gaps);
    m_told.insert(part.number);
  }

  /// Whether the metadata of its batch tells a part's items.
  bool is_told(const Part& part) const { return is_range(part) || m_told.contains(part.number); }

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
  std::set<int> m_told = {}; // parts that are no ranges, but the metadata of their batches tells what they lack
  std::set<int> m_lost = {}; // parts whose items nobody can tell
};

/// The part of what no batch holds, as add_rest() made it.
bool is_rest(const Part& p)
{
  return p.state == PartState::planned && p.listed && p.attempt == 1 && !p.born_at;
}

} // namespace

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

/// What the input tells of parts that the server told of: where they begin in it, and what bounds their answers.
void complete(std::vector<Part>& parts, const std::vector<Part>& planned)
{
  for (auto& part : parts) {
    for (const auto& plan : planned) {
      if (part.first < plan.first || plan.last < part.first) continue;
      auto share = plan;
      keep_items(share, part.items);
      part.mark = plan.mark;
      part.output_bound = share.output_bound;
      part.largest_input = plan.largest_input;
      part.choices = plan.choices;
    }
  }
}

} // namespace

void go_on(Tools& tools, store::Transaction& tx, Job job, const std::vector<Part>& planned)
{
  const auto files = tools.layout.job(job.name);
  auto parts = tools.store.parts(job.name);
  auto number = parts.empty() ? 0 : parts.back().number;
  if (!knows_input(job)) complete(parts, planned);
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
  if (!knows_input(job)) tx.forget(job.uuid); // what is settled from now on may have taught before the job was lost
  job.standing = Standing::consented;
  job.options.clear();
  job.message.clear();
  tx.update(job);
  if (job.policy.max_cost) {
    auto all = tools.store.parts(job.name);
    cap_from_start(tools, job, all);
    for (const auto& part : all)
      tx.put(job.name, part);
  }
  tx.log(job.name, 0, "input and consent were given again");
}

} // namespace batchwright::engine
