#include <batchwright/base/files.hpp>
#include <batchwright/engine/adopt.hpp>
#include <batchwright/engine/clean.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/input/pins.hpp>
#include <batchwright/requests/assembler.hpp>
#include <batchwright/wire/answer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

namespace batchwright::engine {
namespace {

/// A line without what ends it.
std::string_view bare(std::string_view line)
{
  const auto last = line.find_last_not_of(" \t\r\n");
  return last == std::string_view::npos ? std::string_view{} : line.substr(0, last + 1);
}

/// A request of a batch, to be found in the file.
struct Wanted {
  std::size_t id = 0;   ///< hash of its custom_id
  std::size_t line = 0; ///< hash of the line
  std::size_t batch = 0;
  bool found = false;
};

/// Takes batches over.
class Adopter {
public:
  Adopter(Tools& tools, Server& server, const AdoptAsk& ask) : m_tools(tools), m_server(server), m_ask(ask) {}

  JobView run()
  {
    ask_for_batches();
    make_job();
    const Sweep sweep{m_tools};
    const auto lock = take_lock(m_tools, m_job.name);
    if (m_tools.store.job(m_job.name))
      throw Error{Fault::busy, fmt::format("a job {} was just made", m_job.name), "choose another --name"};
    put_aside(m_tools, m_job.name); // left by a removed job of that name
    m_files.emplace(m_tools.layout.job(m_job.name));
    make_private_directory(m_files->directory());
    for (std::size_t batch = 0; batch < m_batches.size(); ++batch)
      fetch_requests(batch);
    std::sort(m_wanted.begin(), m_wanted.end(), [](const Wanted& a, const Wanted& b) { return a.id < b.id; });
    input::Pins pins{m_job.inputs};
    pins.hold([this] {
      find_requests();
      return true;
    });
    make_parts();
    add_rest(hold(m_parts, *m_files, m_job.items, [](const Part&) { return false; }));
    commit();
    return view(m_job, m_parts, Held::no);
  }

private:
  static std::size_t index_of(const Part& part) { return static_cast<std::size_t>(part.number) - 1; }

  void ask_for_batches()
  {
    std::set<std::string> known;
    for (const auto& id : m_ask.batches) {
      if (!known.insert(id.str()).second)
        throw Error{Fault::usage, fmt::format("the batch {} is named twice", id.str()), "name each once"};
      const auto reply = m_server.client.batch(id);
      if (reply.status == 404) {
        throw Error{Fault::usage, fmt::format("the server knows no batch {}", id.str()),
                    "is this the account that made it? OPENAI_ORG_ID, OPENAI_PROJECT_ID and the key tell"};
      }
      if (!reply.ok()) {
        const bool is_key = reply.status == 401;
        throw Error{is_key ? Fault::auth : Fault::network,
                    fmt::format("asking for the batch {}: {}", id.str(), reply.trouble),
                    is_key ? "set OPENAI_API_KEY to a key of the account that made it"
                           : "run the command again when the server can be reached"};
      }
      if (wire::phase(reply.value.status) == wire::BatchPhase::refused) {
        const auto why = status_of(reply.value);
        throw Error{Fault::usage,
                    fmt::format("the batch {} failed as a whole ({}: {}): there is nothing to take over", id.str(),
                                why.error_code, why.error_message),
                    "leave it out; a `submit` of the file sends what no batch holds"};
      }
      m_batches.push_back(reply.value);
    }
    refuse_known();
    std::stable_sort(m_batches.begin(), m_batches.end(), [](const wire::BatchObject& a, const wire::BatchObject& b) {
      return a.created_at.value_or(Instant{}) < b.created_at.value_or(Instant{});
    });
  }

  void refuse_known() const
  {
    for (const auto& job : m_tools.store.jobs()) {
      for (const auto& part : m_tools.store.parts(job.name)) {
        const auto same = [&](const wire::BatchObject& batch) { return batch.id == part.batch; };
        if (std::none_of(m_batches.begin(), m_batches.end(), same)) continue;
        throw Error{Fault::usage, fmt::format("the batch {} belongs to the job {}", part.batch.str(), job.name),
                    fmt::format("`batchwright fetch {}` collects it", job.name)};
      }
    }
  }

  void make_job()
  {
    Ask ask{.inputs = {m_ask.requests}, .format = InputFormat::requests};
    ask.job.name = m_ask.name;
    ask.job.account = m_server.account;
    ask.job.base_url = m_server.base_url;
    auto made = draft(m_tools, ask);
    if (made.continues) {
      throw Error{Fault::usage, fmt::format("there is a job {} of this file already", made.job.name),
                  "choose another --name"};
    }
    m_job = std::move(made.job);
    m_job.standing = Standing::adopted;
    expect(m_job, {}); // it was bought elsewhere
    m_job.message = "its batches were made elsewhere: a `submit` of the request file under this name sends what they "
                    "leave undone";
    m_planned = std::move(made.parts);
  }

  /// The server read the whole file before it made a batch of it.
  static Error came_otherwise(const wire::BatchObject& batch, const std::string& how)
  {
    return {Fault::network, fmt::format("the request file of the batch {} came with {}", batch.id.str(), how),
            "run the command again; nothing was changed"};
  }

  /// What a batch was made of.
  void fetch_requests(std::size_t batch)
  {
    const auto& object = m_batches[batch];
    const auto number = static_cast<int>(batch) + 1;
    const auto to = m_files->requests(number);
    m_tools.observer.on(Progress{Phase::downloading, m_job.name, number, 0, 0});
    const auto reply = m_server.client.download(object.input_file, to);
    if (m_tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped; nothing was changed"};
    if (reply.status == 404) return take_whole_file(object);
    if (!reply.ok()) {
      throw Error{Fault::network, fmt::format("downloading the requests of {}: {}", object.id.str(), reply.trouble),
                  "run the command again; nothing was changed"};
    }
    if (!reply.value.last_line_whole) throw came_otherwise(object, "a line that is cut");
    LineReader lines{to};
    while (const auto line = lines.next()) {
      const auto text = bare(line->text);
      if (text.empty()) continue;
      const auto id = wire::salvage_custom_id(text);
      if (!id) throw came_otherwise(object, "a line without a custom_id");
      m_wanted.push_back({std::hash<std::string_view>{}(*id), std::hash<std::string_view>{}(text), batch});
    }
  }

  /// Its requests are gone at the server. Of one batch that counts as many as there are, they are those of the file.
  void take_whole_file(const wire::BatchObject& object)
  {
    const bool is_whole = m_batches.size() == 1 && object.total == static_cast<std::int64_t>(m_job.items) &&
                          m_planned.size() == 1 && m_planned.front().endpoint == object.endpoint;
    if (!is_whole) {
      throw Error{
          Fault::config,
          fmt::format("the request file of {} is gone at the server, and so nobody can tell which requests of {} "
                      "it holds",
                      object.id.str(), m_ask.requests),
          "name a file of just its requests, and that batch alone"};
    }
    m_takes_all = true;
  }

  /// One pass over the file: which batches hold each request, and which planned part would.
  void find_requests()
  {
    m_lists.resize(m_batches.size());
    m_kinds.reserve(m_job.items);
    const auto assembler = requests::assembler_for(m_job, 1);
    const auto stream = input::open(m_job.inputs, {m_job.skip_bad, {}});
    while (const auto* item = stream->next()) {
      if (m_tools.interrupt.asked()) throw Error{Fault::interrupted, "stopped; nothing was changed"};
      const auto* request = assembler->take(*item);
      ensure(request != nullptr, "a ready-made line is a request");
      const auto tokens = assembler->tokens(*request);
      m_kinds.push_back(kind_of(*request));
      if (m_takes_all) add(0, *request, tokens);
      const auto id = std::hash<std::string>{}(assembler->custom_id(*item));
      const auto line = std::hash<std::string_view>{}(bare(request->line));
      const auto [begin, end] = std::equal_range(m_wanted.begin(), m_wanted.end(), Wanted{.id = id},
                                                 [](const Wanted& a, const Wanted& b) { return a.id < b.id; });
      for (auto wanted = begin; wanted != end; ++wanted) {
        if (wanted->line != line) throw differs(*item, wanted->batch);
        wanted->found = true;
        add(wanted->batch, *request, tokens);
      }
    }
    refuse_strangers();
  }

  Error differs(const input::Item& item, std::size_t batch) const
  {
    return input::fault_at(item, fmt::format("the batch {} asks this otherwise", m_batches[batch].id.str()),
                           "give the file that the batch was made of");
  }

  void refuse_strangers() const
  {
    for (std::size_t batch = 0; batch < m_batches.size(); ++batch) {
      const auto strangers = std::count_if(m_wanted.begin(), m_wanted.end(),
                                           [&](const Wanted& w) { return w.batch == batch && !w.found; });
      if (strangers == 0) continue;
      throw Error{
          Fault::input,
          fmt::format("{} of the requests of {} are not in {}", strangers, m_batches[batch].id.str(), m_ask.requests),
          "give the file that the batch was made of"}
          .at({m_ask.requests, 0, {}});
    }
  }

  std::size_t kind_of(const requests::Request& request) const
  {
    const auto ordinal = request.mark.ordinal;
    const auto found = std::find_if(m_planned.begin(), m_planned.end(), [&](const Part& p) {
      return p.first <= ordinal && ordinal <= p.last && p.model == request.model && p.endpoint == request.endpoint;
    });
    ensure(found != m_planned.end(), "every request is in one planned part");
    return static_cast<std::size_t>(found - m_planned.begin());
  }

  void add(std::size_t batch, const requests::Request& request, Tokens tokens)
  {
    auto& list = m_lists[batch];
    if (!list.ordinals.empty() && list.ordinals.back() == request.mark.ordinal)
      return; // a line that stands there twice
    if (list.ordinals.empty()) {
      list.part.first = request.mark.ordinal;
      list.part.mark = request.mark;
      list.part.model = request.model;
      list.part.output_bound = Tokens{};
    }
    list.ordinals.push_back(request.mark.ordinal);
    requests::add_request(list.part, request, tokens);
  }

  void make_parts()
  {
    for (std::size_t batch = 0; batch < m_batches.size(); ++batch) {
      const auto& list = m_lists[batch];
      if (list.ordinals.empty())
        throw Error{Fault::input, fmt::format("the batch {} holds no request", m_batches[batch].id.str())};
      auto part = list.part;
      part.number = static_cast<int>(batch) + 1;
      part.attempt = attempt_of(list.ordinals);
      part.listed = true;
      part.endpoint = m_batches[batch].endpoint;
      part.bytes = 0; // of a file that was not built here
      write_list(part.number, list.ordinals);
      m_parts.push_back(with_batch(std::move(part), m_batches[batch]));
    }
  }

  /// How often the items were sent, this time included.
  int attempt_of(const std::vector<Ordinal>& ordinals) const
  {
    int attempt = 1;
    for (const auto& part : m_parts) {
      const auto& older = m_lists[index_of(part)].ordinals;
      const bool shares = std::any_of(ordinals.begin(), ordinals.end(), [&](Ordinal ordinal) {
        return std::binary_search(older.begin(), older.end(), ordinal);
      });
      if (shares) attempt = std::max(attempt, part.attempt + 1);
    }
    return attempt;
  }

  void write_list(int number, const std::vector<Ordinal>& ordinals) const
  {
    input::OrdinalWriter writer{m_files->ordinals(number)};
    for (const auto ordinal : ordinals)
      writer.add(ordinal);
    writer.commit();
  }

  /// What no batch holds, in the parts that the file would be cut into.
  void add_rest(const ItemSet& held)
  {
    std::vector<std::vector<Ordinal>> rest(m_planned.size());
    for (Ordinal ordinal = 0; ordinal < m_job.items; ++ordinal) {
      if (!held.has(ordinal)) rest[m_kinds[ordinal]].push_back(ordinal);
    }
    auto number = static_cast<int>(m_batches.size());
    for (std::size_t i = 0; i < rest.size(); ++i) {
      if (rest[i].empty()) continue;
      Part part = m_planned[i];
      part.number = ++number;
      part.listed = true;
      write_list(part.number, rest[i]);
      if (rest[i].size() < part.items) {
        keep_items(part, rest[i].size());
        part.first = rest[i].front();
        part.last = rest[i].back();
      }
      m_parts.push_back(std::move(part));
    }
  }

  void commit()
  {
    sync_directory(m_files->directory());
    sync_directory(m_tools.layout.jobs());
    store::Transaction tx{m_tools.store};
    refuse_known(); // now that no other process takes them
    tx.add(m_job);
    for (const auto& part : m_parts)
      tx.put(m_job.name, part);
    tx.log(m_job.name, 0, fmt::format("{} batches made elsewhere were taken over", m_batches.size()));
    tx.commit();
    for (const auto& part : m_parts)
      discard_file(m_files->requests(part.number)); // it is made again from the file, where it is needed
  }

  /// The items that a batch holds.
  struct List {
    std::vector<Ordinal> ordinals = {};
    Part part = {}; // what its requests come to
  };

  Tools& m_tools;
  Server& m_server;
  const AdoptAsk& m_ask;
  std::optional<store::JobLayout> m_files = {};
  Job m_job = {};
  std::vector<wire::BatchObject> m_batches = {}; // oldest first: the parts 1, 2, ...
  std::vector<Part> m_planned = {};
  std::vector<Wanted> m_wanted = {}; // by id, once all are there
  bool m_takes_all = false;
  std::vector<List> m_lists = {};        // by batch
  std::vector<std::size_t> m_kinds = {}; // by ordinal: which planned part would hold it
  std::vector<Part> m_parts = {};
};

} // namespace

JobView adopt(Tools& tools, Server& server, const AdoptAsk& ask)
{
  if (ask.batches.empty()) throw Error{Fault::usage, "no batch is named"};
  return Adopter{tools, server, ask}.run();
}

} // namespace batchwright::engine
