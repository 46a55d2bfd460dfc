#include <batchwright/engine/rebuild.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/input/ordinals.hpp>

#include <algorithm>
#include <vector>

namespace batchwright::engine {
namespace {

/// Calls `take` for each item of a part. The list of a range of ready-made requests may not be written yet.
template<class Take>
void each_item(Part part, const store::JobLayout& files, const Take& take)
{
  if (is_range(part)) {
    part.listed = false;
    part.endpoint.clear();
  }
  input::Ordinals ordinals{part, files.ordinals(part.number)};
  while (const auto ordinal = ordinals.next())
    take(*ordinal);
}

} // namespace

bool is_range(const Part& part)
{
  return part.last - part.first + 1 == part.items;
}

bool ItemSet::add(Ordinal ordinal)
{
  if (m_has.at(ordinal)) return false;
  m_has[ordinal] = true;
  ++m_size;
  return true;
}

Part with_batch(Part part, const wire::BatchObject& batch)
{
  part.state = PartState::running;
  part.batch = batch.id;
  part.file = batch.input_file;
  part.file_created_at = batch.created_at;
  part.remote = status_of(batch);
  return part;
}

Call call_of(const std::string& uuid, int part, const wire::BatchObject& batch, CallState state, Instant now)
{
  // A lost one is watched for a day from now on, whenever it was made.
  const auto begun = state == CallState::abandoned ? now : batch.created_at.value_or(now);
  return {.uuid = uuid, .part = part, .kind = CallKind::create, .state = state, .begun_at = begun};
}

bool is_sent_again(const wire::BatchObject& batch)
{
  if (wire::phase(batch.status) != wire::BatchPhase::refused) return false;
  const auto refusal = wire::refusal_of(batch.errors);
  return refusal == wire::Refusal::no_room || refusal == wire::Refusal::lost_file;
}

ItemSet hold(std::vector<Part>& parts, const store::JobLayout& files, std::uint64_t items,
             const std::function<bool(const Part&)>& may_go)
{
  ItemSet held{items};
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    part->elsewhere = 0;
    each_item(*part, files, [&](Ordinal ordinal) { part->elsewhere += held.has(ordinal) ? 1 : 0; });
    if (part->elsewhere > 0 && may_go(*part)) {
      part->items = 0;
    } else {
      each_item(*part, files, [&](Ordinal ordinal) { held.add(ordinal); });
    }
  }
  std::erase_if(parts, [](const Part& p) { return p.items == 0; });
  return held;
}

std::vector<Ordinal> held_by_later(const Part& part, const std::vector<Part>& parts, const store::JobLayout& files)
{
  std::vector<Ordinal> held;
  for (const auto& later : parts) {
    const bool may_hold = later.number > part.number && later.state != PartState::superseded &&
                          later.first <= part.last && part.first <= later.last;
    if (!may_hold) continue;
    each_item(later, files, [&](Ordinal ordinal) {
      if (ordinal >= part.first && ordinal <= part.last) held.push_back(ordinal);
    });
  }
  std::sort(held.begin(), held.end());
  held.erase(std::unique(held.begin(), held.end()), held.end());
  return held;
}

Part remainder(const Part& whole, const ItemSet& held, const std::filesystem::path& list)
{
  std::uint64_t items = 0;
  for (auto ordinal = whole.first; ordinal <= whole.last; ++ordinal)
    items += held.has(ordinal) ? 0 : 1;
  if (items == whole.items && !whole.listed) return whole;
  auto part = whole;
  keep_items(part, items);
  part.listed = true;
  if (part.items == 0) return part;
  input::OrdinalWriter writer{list};
  bool is_first = true;
  for (auto ordinal = whole.first; ordinal <= whole.last; ++ordinal) {
    if (held.has(ordinal)) continue;
    if (is_first) part.first = ordinal;
    is_first = false;
    part.last = ordinal;
    writer.add(ordinal);
  }
  writer.commit();
  return part;
}

} // namespace batchwright::engine
