#include <batchwright/base/files.hpp>
#include <batchwright/engine/join.hpp>
#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
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

/// What was made of the items of parts; their lists, in a directory that goes with it.
struct Run::Made {
  std::unique_ptr<TemporaryDirectory> lists = {};
  std::vector<Part> parts = {};
};

std::optional<Instant> gathers_until(const Part& child, const std::vector<Part>& parts)
{
  if (!may_be_joined(child)) return std::nullopt;
  if (child.route == Route::realtime) return child.due; // many small parts are as good as a large one
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
  if (!may_be_joined(child) || child.route == Route::realtime) return others;
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

std::filesystem::path list_in(const TemporaryDirectory& directory, int number)
{
  return directory.path() / fmt::format("{:04}", number);
}

/// One list of all their items, but for those that later ones of `parts` hold. Memory: 8 bytes an item, of as many as a
/// part may hold.
void write_list(const std::vector<Part>& members, const std::vector<Part>& parts, const store::JobLayout& files,
                const std::filesystem::path& list)
{
  std::vector<Ordinal> all;
  for (const auto& p : members) {
    const auto held = p.elsewhere > 0 ? held_by_later(p, parts, files) : std::vector<Ordinal>{};
    input::Ordinals ordinals{p, files.ordinals(p.number)};
    while (const auto ordinal = ordinals.next()) {
      if (!std::binary_search(held.begin(), held.end(), *ordinal)) all.push_back(*ordinal);
    }
  }
  std::sort(all.begin(), all.end());
  input::OrdinalWriter writer{list};
  for (const auto ordinal : all)
    writer.add(ordinal);
  writer.commit();
}

struct Piece {
  std::filesystem::path list = {};
  std::uint64_t items = 0;
};

/// The list as it is, or the first so many items of it and the others, in lists beside it.
std::vector<Piece> pieces_of(const std::filesystem::path& list, std::uint64_t items, std::uint64_t items_apart)
{
  if (items_apart == 0 || items_apart >= items) return {{list, items}};
  std::vector<Piece> pieces{{list.native() + ".first", items_apart}, {list.native() + ".others", items - items_apart}};
  input::Ordinals ordinals{Part{.number = 1, .items = items, .listed = true}, list};
  for (const auto& piece : pieces) {
    input::OrdinalWriter writer{piece.list};
    for (std::uint64_t i = 0; i < piece.items; ++i)
      writer.add(*ordinals.next());
    writer.commit();
  }
  return pieces;
}

} // namespace

void Run::join(const Part& p)
{
  std::vector<Part> members{p};
  for (const auto number : company(p, m_parts, m_job.limits, m_busy))
    members.push_back(part(number));
  const auto from = fmt::format("gathered from {} parts", members.size());
  replace(members, m_job, 0, from, Do::join);
}

/// A part that was rebuilt from the server and goes back to the queue: what later parts hold is not sent again.
void Run::keep_rest(const Part& p)
{
  replace({p}, m_job, 0, fmt::format("that part {} alone holds", p.number), Do::join);
}

void Run::replace(const std::vector<Part>& members, const Job& within, std::uint64_t inputs_per_request,
                  const std::string& from, Do as, std::uint64_t items_apart)
{
  std::vector<int> numbers;
  auto like = child_of(members.front(), 1, members.front().items);
  like.born_at.reset(); // it waits for no other
  if (inputs_per_request > 0) like.inputs_per_request = inputs_per_request;
  like.items = 0;
  for (const auto& member : members) {
    numbers.push_back(member.number);
    like.items += member.items - member.elsewhere;
    if (member.mark.ordinal <= like.mark.ordinal) like.mark = member.mark;
  }
  const auto work = [this, within, members, like, items_apart, parts = m_parts, files = m_files] {
    auto made = std::make_shared<Made>();
    made->lists = std::make_unique<TemporaryDirectory>(files.directory(), "join");
    const auto list = made->lists->path() / "all";
    write_list(members, parts, files, list);
    if (like.items == 0) return made;
    made->parts = m_pins.hold([&] {
      std::vector<Part> all;
      for (const auto& [path, items] : pieces_of(list, like.items, items_apart)) {
        auto piece = like;
        piece.items = items;
        piece.number = static_cast<int>(all.size()) + 1;
        auto cut = requests::cut(within, piece, path, [&](int n) { return list_in(*made->lists, n); });
        std::move(cut.begin(), cut.end(), std::back_inserter(all));
      }
      return all;
    });
    return made;
  };
  on_worker(as, numbers, work, [this, members, from](const std::shared_ptr<Made>& made) {
    const auto waits = [this](const Part& member) { return part(member.number).state == member.state; };
    if (m_job.cancel == Cancel::none && std::all_of(members.begin(), members.end(), waits)) // else they are given up
      record_replaced(members, *made, from);
  });
}

void Run::record_replaced(const std::vector<Part>& members, Made& made, const std::string& from)
{
  const auto offset = highest_number();
  for (auto& child : made.parts) {
    std::filesystem::rename(list_in(*made.lists, child.number), m_files.ordinals(child.number + offset));
    child.number += offset;
  }
  sync_directory(m_files.directory());
  record(members.front().number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::replaced);
    changed.due.reset();
    for (std::size_t i = 1; i < members.size(); ++i) {
      auto member = part(members[i].number);
      move(member, PartEvent::replaced);
      also(tx, member);
    }
    for (const auto& child : made.parts) {
      also(tx, child);
      tx.log(m_job.name, child.number, fmt::format("{} items {}", child.items, from));
    }
  });
  for (const auto& member : members) {
    discard_file(m_files.ordinals(member.number));
    discard_file(m_files.requests(member.number));
    discard_file(m_files.ids(member.number));
    discard_file(m_files.digests(member.number));
  }
}

} // namespace batchwright::engine
