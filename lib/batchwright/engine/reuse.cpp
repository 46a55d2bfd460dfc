#include <batchwright/base/files.hpp>
#include <batchwright/engine/doors.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/reuse.hpp>
#include <batchwright/engine/snapshot.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/input/pins.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <utility>

namespace batchwright::engine {
namespace {

namespace fs = std::filesystem;
using requests::Digest;

/// Finds what is not sent, and why.
class Finder {
public:
  Finder(const Job& job, requests::AskedItems asked, const Interrupt& interrupt)
      : m_job(job),
        m_interrupt(interrupt),
        m_asked(std::move(asked)),
        m_by_digest(m_asked.digests.size()),
        m_taken(m_asked.digests.size())
  {
    std::iota(m_by_digest.begin(), m_by_digest.end(), Ordinal{0});
    std::sort(m_by_digest.begin(), m_by_digest.end(), [this](Ordinal a, Ordinal b) {
      const auto order = digest(a) <=> digest(b);
      return order == 0 ? a < b : order < 0;
    });
  }

  /// What the answers of a job are good for.
  void take_from(const Snapshot& seen, const store::JobLayout& files)
  {
    const auto before = m_answers.size();
    for (const auto& part : seen.parts) {
      if (part.state != PartState::settled || part.outcome.succeeded + part.outcome.failed == 0) continue;
      if (holds_copies(part)) continue; // they have what their leaders were sent for last, and that may be another body
      if (fs::exists(files.digests(part.number))) take_from(part, files);
    }
    if (m_answers.size() > before) m_made.from.push_back(seen.job.name);
  }

  /// The answers of a job that cannot be read to its end are not taken.
  void drop_answers_from(std::size_t answers)
  {
    for (auto i = answers; i < m_answers.size(); ++i)
      m_taken[m_answers[i].ordinal] = false;
    m_answers.resize(answers);
  }
  std::size_t answers() const { return m_answers.size(); }

  void find_copies()
  {
    for (auto run = m_by_digest.begin(); run != m_by_digest.end();) {
      const auto end = std::find_if(run, m_by_digest.end(), [&](Ordinal o) { return digest(o) != digest(*run); });
      if (end - run > 1 && !m_taken[*run]) find_copies_in(run, end);
      run = end;
    }
  }

  Reuse finish()
  {
    m_made.of = m_asked.digests.size();
    m_made.reused = m_answers.size();
    m_made.repeated = m_copies.size();
    std::sort(m_answers.begin(), m_answers.end());
    std::sort(m_copies.begin(), m_copies.end());
    for (const auto& [ordinal, line] : m_answers) {
      auto& group = group_for(ordinal, Pick::reused);
      add(group, ordinal);
      group.answers.lines.push_back(line);
    }
    for (const auto& [ordinal, leader] : m_copies) {
      auto& group = group_for(ordinal, Pick::copies);
      add(group, ordinal);
      group.leaders.push_back(leader);
    }
    for (auto& group : m_made.groups)
      complete(group);
    std::sort(m_made.items.begin(), m_made.items.end());
    return std::move(m_made);
  }

private:
  using Place = std::vector<Ordinal>::iterator;

  /// Of an item, where the line of its answer stands.
  struct Answer {
    Ordinal ordinal = 0;
    results::Span line = {};

    bool operator<(const Answer& other) const { return ordinal < other.ordinal; }
  };

  const Digest& digest(Ordinal ordinal) const { return m_asked.digests[ordinal]; }

  bool wants(const Digest& asked) const
  {
    const auto at = std::lower_bound(m_by_digest.begin(), m_by_digest.end(), asked,
                                     [this](Ordinal o, const Digest& d) { return digest(o) < d; });
    return at != m_by_digest.end() && digest(*at) == asked && !m_taken[*at];
  }

  /// Digests are few bytes, outcomes are many.
  bool wants_any_of(const Part& part, const store::JobLayout& files) const
  {
    requests::DigestReader asked{part, files.ordinals(part.number), files.digests(part.number)};
    while (const auto entry = asked.next()) {
      if (wants(entry->digest)) return true;
    }
    return false;
  }

  void take_from(const Part& part, const store::JobLayout& files)
  {
    if (m_interrupt.asked()) throw Error{Fault::interrupted, "stopped while reading earlier jobs; nothing was sent"};
    if (!wants_any_of(part, files)) return;
    const auto outcomes = files.outcomes(part.number, part.outcomes_version);
    const auto source = m_sources.size();
    m_sources.push_back(outcomes);
    requests::DigestReader asked{part, files.ordinals(part.number), files.digests(part.number)};
    auto entry = asked.next();
    results::each_outcome(outcomes, source, [&](const results::Outcome& outcome, const results::Span& line) {
      while (entry && entry->ordinal < outcome.ordinal)
        entry = asked.next();
      ensure(entry && entry->ordinal == outcome.ordinal, "a part's outcomes are of its items");
      if (results::is_good(outcome, m_job.policy)) take(entry->digest, line);
    });
  }

  /// All that ask this take the same answer.
  void take(const Digest& wanted, const results::Span& line)
  {
    auto at = std::lower_bound(m_by_digest.begin(), m_by_digest.end(), wanted,
                               [this](Ordinal o, const Digest& d) { return digest(o) < d; });
    for (; at != m_by_digest.end() && digest(*at) == wanted && !m_taken[*at]; ++at) {
      m_taken[*at] = true;
      m_answers.push_back({*at, line});
    }
  }

  void find_copies_in(Place begin, Place end)
  {
    const auto& urgent = m_asked.urgent;
    const auto first = std::find_if(begin, end, [&](Ordinal o) { return !urgent.empty() && urgent[o]; });
    const auto leader = first == end ? *begin : *first;
    for (; begin != end; ++begin) {
      if (*begin != leader) m_copies.emplace_back(*begin, leader);
    }
  }

  Reuse::Group& group_for(Ordinal ordinal, Pick pick)
  {
    const auto [known, fresh] = m_group_of.try_emplace({m_asked.kind(ordinal), pick}, m_made.groups.size());
    if (!fresh) return m_made.groups[known->second];
    const auto& kind = m_asked.kinds[m_asked.kind(ordinal)];
    auto& group = m_made.groups.emplace_back();
    auto& part = group.part;
    part.route = Route::reused;
    part.pick = pick;
    part.listed = true;
    part.mark = kind.mark;
    part.model = kind.model;
    part.endpoint = kind.endpoint;
    return group;
  }

  void add(Reuse::Group& group, Ordinal ordinal)
  {
    group.items.push_back(ordinal);
    group.digests.push_back(digest(ordinal));
    m_made.items.push_back(ordinal);
  }

  void complete(Reuse::Group& group) const
  {
    auto& part = group.part;
    part.first = group.items.front();
    part.last = group.items.back();
    part.items = group.items.size();
    if (holds_copies(part)) return;
    group.answers.sources = m_sources;
    part.state = PartState::settled;
    part.outcome.succeeded = part.items;
    part.accepted = m_job.policy.accept;
  }

  const Job& m_job;
  const Interrupt& m_interrupt;
  requests::AskedItems m_asked;
  std::vector<Ordinal> m_by_digest; // all items, equal ones side by side
  std::vector<bool> m_taken;        // by ordinal: it has an answer
  std::vector<fs::path> m_sources = {};
  std::vector<Answer> m_answers = {};
  std::vector<std::pair<Ordinal, Ordinal>> m_copies = {}; // and whose
  std::map<std::pair<std::size_t, Pick>, std::size_t> m_group_of = {};
  Reuse m_made = {};
};

bool knows_what_was_asked(const Snapshot& seen, const store::JobLayout& files)
{
  return std::any_of(seen.parts.begin(), seen.parts.end(),
                     [&](const Part& p) { return fs::exists(files.digests(p.number)); });
}

/// Answers that were to keep to no schema, or to another one, were not checked by ours.
bool suits(const Job& earlier, const Job& job)
{
  return earlier.base_url == job.base_url &&
         (job.request.schema.empty() || earlier.request.schema == job.request.schema);
}

void take_from_one(Tools& tools, const Job& job, const std::string& name, Finder& finder)
{
  const auto seen = take_snapshot(tools, name);
  const auto files = tools.layout.job(name);
  if (seen.job.base_url != job.base_url) {
    throw Error{Fault::usage, fmt::format("--reuse {}: its answers are another server's ({})", name, seen.job.base_url),
                "leave --reuse out, or set OPENAI_BASE_URL as it was then"};
  }
  if (!knows_what_was_asked(seen, files)) {
    throw Error{Fault::usage,
                fmt::format("--reuse {}: nobody knows what its items asked: an older version made it, it was rebuilt "
                            "or took batches over, or nothing of it was sent yet",
                            name),
                "leave --reuse out, or name another job; `batchwright status` lists them"};
  }
  if (suits(seen.job, job)) finder.take_from(seen, files);
}

void take_from_all(Tools& tools, const Job& job, Finder& finder)
{
  for (const auto& other : tools.store.jobs()) {
    if (!suits(other, job)) continue;
    const auto before = finder.answers();
    try {
      finder.take_from(take_snapshot(tools, other.name), tools.layout.job(other.name));
    } catch (const Error& e) {
      const bool is_gone = e.fault() == Fault::usage; // it was removed meanwhile
      if (!is_gone && e.fault() != Fault::storage) throw;
      finder.drop_answers_from(before);
      if (!is_gone)
        tools.observer.on(
            Note{Note::Level::warning, fmt::format("nothing of {} is taken over: {}", other.name, e.what())});
    }
  }
}

void write_leaders(const std::vector<Ordinal>& leaders, const fs::path& path)
{
  AtomicFile file{path};
  std::string bytes;
  for (const auto leader : leaders) {
    bytes.clear();
    for (std::size_t i = 0; i < sizeof(Ordinal); ++i)
      bytes += static_cast<char>((leader >> (8 * i)) & 0xff);
    file.write(bytes);
  }
  file.commit();
}

std::vector<Ordinal> read_leaders(const fs::path& path, std::uint64_t items)
{
  const auto bytes = read_file(path);
  if (bytes.size() != items * sizeof(Ordinal)) {
    throw Error{Fault::storage,
                fmt::format("reading {}: it does not name a leader for each of {} items", path.native(), items)};
  }
  std::vector<Ordinal> leaders(items);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    leaders[at / sizeof(Ordinal)] |= Ordinal{static_cast<unsigned char>(bytes[at])} << (8 * (at % sizeof(Ordinal)));
  return leaders;
}

void write_list(const std::vector<Ordinal>& items, const fs::path& path)
{
  input::OrdinalWriter list{path};
  for (const auto ordinal : items)
    list.add(ordinal);
  list.commit();
}

/// Read from the input once more: they are too many to keep.
void write_ids(const Job& job, const Reuse& reuse, const store::JobLayout& files)
{
  input::Pins{job.inputs}.hold([&] {
    for (const auto& group : reuse.groups)
      requests::write_ids(job, group.part.mark, group.items, files.ids(group.part.number));
    return true;
  });
}

/// The file of the user's ids of a part; empty where the ids are ours.
fs::path ids_of(const Job& job, const Part& part, const store::JobLayout& files)
{
  return has_user_ids(job) ? files.ids(part.number) : fs::path{};
}

void write_outcomes(const Job& job, const Reuse::Group& group, const store::JobLayout& files)
{
  const auto& part = group.part;
  const auto ids = ids_of(job, part, files);
  try {
    const auto sums = results::take_over(part,
                                         {.ordinals = files.ordinals(part.number),
                                          .ids = ids,
                                          .outcomes = files.outcomes(part.number, part.outcomes_version)},
                                         group.answers, job.policy);
    ensure(sums == part.outcome, "what is taken over is as it was seen");
  } catch (const Error& e) {
    if (e.fault() != Fault::storage) throw;
    throw Error{
        Fault::busy,
        fmt::format("an answer that was to be taken over is not there any more ({}); nothing was sent", e.what()),
        "run the command again"};
  }
  if (!ids.empty()) discard_file(ids); // the answers carry them now
}

} // namespace

Reuse find_reuse(Tools& tools, const Job& job, const ReuseAsk& ask, const requests::OnRead& on_read)
{
  const bool is_one = !ask.reuse.empty() && ask.reuse != ReuseAsk::all_jobs;
  if (is_one) known_job(tools, ask.reuse); // said before a large input is read
  Finder finder{job, requests::read_asked(job, on_read), tools.interrupt};
  if (is_one) {
    take_from_one(tools, job, ask.reuse, finder);
  } else if (!ask.reuse.empty()) {
    take_from_all(tools, job, finder);
  }
  if (ask.dedupe) finder.find_copies();
  return finder.finish();
}

void write_reuse(const Job& job, const Reuse& reuse, const store::JobLayout& files)
{
  if (reuse.items.empty()) return;
  write_list(reuse.items, files.unsent());
  if (has_user_ids(job)) write_ids(job, reuse, files);
  for (const auto& group : reuse.groups) {
    const auto& part = group.part;
    write_list(group.items, files.ordinals(part.number));
    requests::DigestWriter digests{files.digests(part.number)};
    for (const auto& digest : group.digests)
      digests.add(digest);
    digests.commit();
    if (holds_copies(part)) {
      write_leaders(group.leaders, files.leaders(part.number));
    } else {
      write_outcomes(job, group, files);
    }
  }
}

Settlement copy_outcomes(const Job& job, const Part& copies, const std::vector<Part>& parts,
                         const store::JobLayout& files)
{
  const auto leaders = read_leaders(files.leaders(copies.number), copies.items);
  std::vector<std::size_t> by_leader(leaders.size());
  std::iota(by_leader.begin(), by_leader.end(), std::size_t{0});
  std::sort(by_leader.begin(), by_leader.end(), [&](std::size_t a, std::size_t b) { return leaders[a] < leaders[b]; });
  results::LinesToTake from{.lines = std::vector<results::Span>(leaders.size())};
  for (const auto& part : parts) {
    if (part.route == Route::reused || !has_outcomes(part.state)) continue;
    if (part.outcome.succeeded + part.outcome.failed == 0) continue;
    from.sources.push_back(files.outcomes(part.number, part.outcomes_version));
    results::each_outcome(from.sources.back(), from.sources.size() - 1,
                          [&](const results::Outcome& outcome, const results::Span& line) {
                            auto at = std::lower_bound(by_leader.begin(), by_leader.end(), outcome.ordinal,
                                                       [&](std::size_t i, Ordinal o) { return leaders[i] < o; });
                            for (; at != by_leader.end() && leaders[*at] == outcome.ordinal; ++at)
                              from.lines[*at] = line;
                          });
  }
  return results::take_over(copies,
                            {.ordinals = files.ordinals(copies.number),
                             .ids = ids_of(job, copies, files),
                             .outcomes = files.outcomes(copies.number, copies.outcomes_version)},
                            from, job.policy);
}

void reopen(Part& copies)
{
  move(copies, PartEvent::reopened);
  copies.outcome = {};
  ++copies.outcomes_version; // what is read now stays as it is
}

std::vector<Spending> nothing_spent(const Part& part, Instant now)
{
  return {{.part = part.number,
           .day = day_of(now),
           .tier = std::string{usual_tier},
           .items = part.items,
           .cost = PicoUsd{},
           .realtime = PicoUsd{}}};
}

} // namespace batchwright::engine
