// A part that the server will never take as a whole: its own tokens exceed the limit that the server named.

#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::engine {
namespace {

/// How much of the limit a piece takes by our estimate: the server may count half as much again, and two fit at once.
constexpr double share_of_limit = 0.5;

/// Into how many pieces: each of at least one item.
std::uint64_t pieces_of(const Part& part, std::int64_t limit)
{
  const auto room = std::max(1.0, static_cast<double>(limit) * share_of_limit);
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(part.input_tokens.n) / room) + 1;
  return std::clamp<std::uint64_t>(wanted, 2, part.items);
}

} // namespace

/// Superseded, and its items in children below the limit, in one commit. One item alone fails: it will never fit.
void Run::cut(const Part& p)
{
  const auto limit = m_tools.store.queue(m_job.account, model_of(p)).named_tokens;
  ensure(limit.has_value(), "a part is cut only where the server named a limit");
  if (p.items == 1) {
    auto files = settle_files(p);
    files.output.clear();
    files.errors.clear();
    files.batch.clear();
    return settle(p, files, results::Cancelled::no_room, Do::give_up);
  }

  const auto pieces = pieces_of(p, *limit);
  input::Ordinals ordinals{p, m_files.ordinals(p.number)};
  std::vector<Part> children;
  std::uint64_t taken = 0;
  for (std::uint64_t piece = 0; piece < pieces; ++piece) {
    const auto end = p.items * (piece + 1) / pieces;
    children.push_back(piece_of(p, highest_number() + 1 + static_cast<int>(piece), end - taken, ordinals));
    taken = end;
  }
  record(p.number, [&](Part& changed, store::Transaction& tx) {
    move(changed, PartEvent::replaced);
    changed.due.reset();
    for (const auto& child : children) {
      also(tx, child);
      tx.log(m_job.name, child.number, fmt::format("{} items cut from part {}", child.items, p.number));
    }
  });
  discard_file(m_files.requests(p.number));
  discard_file(m_files.ids(p.number));
  note(Note::Level::info, fmt::format("part {} has more tokens than the server takes at once ({}): cut into {}",
                                      p.number, *limit, pieces));
}

/// A child of the next so many items; its list is on disk.
Part Run::piece_of(const Part& parent, int number, std::uint64_t items, input::Ordinals& ordinals) const
{
  auto child = child_of(parent, number, items);
  child.born_at.reset(); // what was cut is not gathered again
  input::OrdinalWriter list{m_files.ordinals(number)};
  for (std::uint64_t i = 0; i < items; ++i) {
    const auto ordinal = ordinals.next();
    ensure(ordinal.has_value(), "a part holds as many ordinals as items");
    if (i == 0) child.first = *ordinal;
    child.last = *ordinal;
    list.add(*ordinal);
  }
  list.commit();
  child.mark = nearest_mark(parent, child.first);
  return child;
}

} // namespace batchwright::engine
