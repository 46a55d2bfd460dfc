// Inside the room: a job made of batches that are at the server already. Which items each holds, what later ones hold
// again, and what none holds.
#pragma once

#include <batchwright/engine/engine.hpp>
#include <batchwright/wire/objects.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

namespace batchwright::engine {

/// Items of a job; a bit an item.
class ItemSet {
public:
  explicit ItemSet(std::uint64_t items) : m_has(items) {}

  std::uint64_t items() const { return m_has.size(); }
  std::uint64_t size() const { return m_size; }
  bool has(Ordinal ordinal) const { return m_has.at(ordinal); }
  /// Whether it was not there.
  bool add(Ordinal ordinal);

private:
  std::vector<bool> m_has;
  std::uint64_t m_size = 0;
};

/// Whether a part's items are all those from its first to its last.
bool is_range(const Part& part);

/// A part as it is once the server told of its batch: it is asked for, whatever was said of it, by the next advance.
Part with_batch(Part part, const wire::BatchObject& batch);

/// The call that made a batch, as if its answer had been read; of a batch beside the one that is kept, as if it had
/// been lost: it is watched, and cancelled.
Call call_of(const std::string& uuid, int part, const wire::BatchObject& batch, CallState state, Instant now);

/// Whether a batch was refused in a way that has its part sent again with the same file.
bool is_sent_again(const wire::BatchObject& batch);

/// Tells each part how many of its items later ones hold, and gives all that they hold. A part that `may_go` and of
/// which later ones hold anything is dropped, with what it alone holds. Parts stand by their numbers, and their lists
/// in `files`.
ItemSet hold(std::vector<Part>& parts, const store::JobLayout& files, std::uint64_t items,
             const std::function<bool(const Part&)>& may_go);

/// Those of a part's items that later ones hold, ascending.
std::vector<Ordinal> held_by_later(const Part& part, const std::vector<Part>& parts, const store::JobLayout& files);

/// The items of a range that are not in `held`, as a part of the same properties; its list is written where it is to be
/// listed or is not that range itself. A part without items: all are held.
Part remainder(const Part& part, const ItemSet& held, const std::filesystem::path& list);

} // namespace batchwright::engine
