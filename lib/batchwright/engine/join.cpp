#include <batchwright/base/files.hpp>
#include <batchwright/engine/join.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace batchwright::engine {
namespace {

bool may_be_joined(const Part& p)
{
  return p.state == PartState::planned && p.sha256.empty() && p.born_at;
}

/// Whether what is asked is equal, but for how often it was.
bool ask_the_same(const Part& a, const Part& b)
{
  // Ready-made requests, which have an endpoint of their own, keep to their file.
  return a.route == b.route && a.model == b.model && a.endpoint == b.endpoint &&
         a.inputs_per_request == b.inputs_per_request && a.max_output_tokens == b.max_output_tokens && a.set == b.set &&
         (a.endpoint.empty() || a.mark.input == b.mark.input);
}

bool are_of_a_kind(const Part& a, const Part& b)
{
  return may_be_joined(a) && may_be_joined(b) && a.attempt == b.attempt && ask_the_same(a, b);
}

/// Whether the part may still leave items that would be of the child's kind.
bool may_leave_more(const Part& p, const Part& child)
{
  return is_live(p.state) && !may_be_joined(p) && ask_the_same(p, child) &&
         (p.attempt == child.attempt || p.attempt + 1 == child.attempt);
}

} // namespace

std::optional<Instant> gathers_until(const Part& child, const std::vector<Part>& parts)
{
  if (!may_be_joined(child)) return std::nullopt;
  auto first = *child.born_at;
  std::optional<Instant> due;
  bool more = false;
  for (const auto& p : parts) {
    more = more || may_leave_more(p, child);
    if (!are_of_a_kind(p, child)) continue;
    first = std::min(first, *p.born_at);
    if (p.due) due = std::max(due.value_or(*p.due), *p.due);
  }
  const auto last = first + longest_gathering;
  if (more) return last;
  return due ? std::optional{std::min(*due, last)} : std::nullopt;
}

std::vector<int> company(const Part& child, const std::vector<Part>& parts, const PartLimits& limits,
                         const std::set<int>& taken)
{
  std::vector<int> others;
  auto requests = child.requests;
  auto tokens = child.input_tokens;
  for (const auto& p : parts) {
    if (p.number == child.number || taken.contains(p.number) || !are_of_a_kind(p, child)) continue;
    const bool fits = requests + p.requests <= limits.requests &&
                      (limits.tokens == 0 || static_cast<std::uint64_t>((tokens + p.input_tokens).n) <= limits.tokens);
    if (!fits) continue;
    requests += p.requests;
    tokens += p.input_tokens;
    others.push_back(p.number);
  }
  return others;
}

namespace {

/// What came of joining, in a directory that goes with it.
struct Joined {
  std::unique_ptr<TemporaryDirectory> lists = {};
  std::vector<Part> parts = {};
};

std::filesystem::path list_in(const TemporaryDirectory& directory, int number)
{
  return directory.path() / fmt::format("{:04}", number);
}

/// One list of all their items. Memory: 8 bytes an item, of as many as a part may hold.
void write_list(const std::vector<Part>& members, const store::JobLayout& files, const std::filesystem::path& list)
{
  std::vector<Ordinal> all;
  for (const auto& p : members) {
    input::Ordinals ordinals{p, files.ordinals(p.number)};
    while (const auto ordinal = ordinals.next())
      all.push_back(*ordinal);
  }
  std::sort(all.begin(), all.end());
  input::OrdinalWriter writer{list};
  for (const auto ordinal : all)
    writer.add(ordinal);
  writer.commit();
}

/// What the joined part takes over from its members: the first of them, and where in the input they begin.
Part in_place_of(const std::vector<Part>& members)
{
  Part part = members.front();
  part.number = 1;
  part.born_at.reset(); // it is gathered: it waits for no other
  part.due.reset();
  part.items = 0;
  for (const auto& p : members) {
    part.items += p.items;
    if (p.mark.ordinal <= part.mark.ordinal) part.mark = p.mark;
  }
  return part;
}

} // namespace

void Run::join(const Part& p)
{
  std::vector<Part> members{p};
  for (const auto number : company(p, m_parts, m_job.limits, m_busy))
    members.push_back(part(number));
  std::vector<int> numbers;
  for (const auto& member : members)
    numbers.push_back(member.number);
  const auto work = [this, job = m_job, members, files = m_files] {
    auto joined = std::make_shared<Joined>();
    joined->lists = std::make_unique<TemporaryDirectory>(files.directory(), "join");
    const auto list = joined->lists->path() / "all";
    write_list(members, files, list);
    joined->parts = m_pins.hold([&] {
      return requests::cut(job, in_place_of(members), list, [&](int n) { return list_in(*joined->lists, n); }).parts;
    });
    return joined;
  };
  on_worker(Do::join, numbers, work, [this, members](const std::shared_ptr<Joined>& joined) {
    const auto waits = [this](const Part& member) { return part(member.number).state == PartState::planned; };
    if (m_job.cancel != Cancel::none || !std::all_of(members.begin(), members.end(), waits))
      return; // they are given up
    const auto offset = highest_number();
    for (auto& made : joined->parts) {
      std::filesystem::rename(list_in(*joined->lists, made.number), m_files.ordinals(made.number + offset));
      made.number += offset;
    }
    sync_directory(m_files.directory());
    record(members.front().number, [&](Part& changed, store::Transaction& tx) {
      move(changed, PartEvent::replaced);
      for (std::size_t i = 1; i < members.size(); ++i) {
        auto member = part(members[i].number);
        move(member, PartEvent::replaced);
        also(tx, member);
      }
      for (const auto& made : joined->parts) {
        also(tx, made);
        tx.log(m_job.name, made.number, fmt::format("{} items gathered from {} parts", made.items, members.size()));
      }
    });
    for (const auto& member : members)
      discard_file(m_files.ordinals(member.number));
  });
}

} // namespace batchwright::engine
