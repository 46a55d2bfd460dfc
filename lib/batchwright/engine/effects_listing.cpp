// Many live batches are asked for by pages of the listing, a hundred at a time, instead of one by one.

#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/run.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace batchwright::engine {
namespace {

/// When the oldest of these batches was made; nothing where the server did not say that of all.
std::optional<Instant> oldest(const std::vector<Part>& parts)
{
  std::optional<Instant> first;
  for (const auto& p : parts) {
    if (!p.remote.created_at) return std::nullopt;
    first = std::min(first.value_or(*p.remote.created_at), *p.remote.created_at);
  }
  return first;
}

} // namespace

Listed list(api::Client& client, const std::vector<Part>& parts)
{
  if (parts.size() <= few) return {};
  std::set<BatchId> wanted;
  for (const auto& p : parts)
    wanted.insert(p.batch);
  const auto first = oldest(parts);
  Listed listed;
  std::set<BatchId> pages; // a server that ignores `after` would give the first page for ever
  BatchId after;
  while (!wanted.empty() && pages.size() < parts.size() / 2) {
    const auto reply = client.batches(after);
    if (!reply.ok() || reply.value.data.empty()) break;
    bool is_older = false;
    for (const auto& batch : reply.value.data) {
      if (wanted.erase(batch.id) > 0) listed.emplace(batch.id, batch);
      is_older = is_older || (first && batch.created_at && *batch.created_at < *first);
    }
    after = reply.value.data.back().id;
    if (is_older || !reply.value.has_more.value_or(true) || !pages.insert(after).second) break;
  }
  return listed;
}

/// Takes the polls out of `actions` where there are many of them, and asks for those batches together. What the listing
/// does not show is due as before, and is then asked for by itself.
void Run::poll_together(std::vector<Action>& actions)
{
  const auto is_meant = [this](const Action& a) { return a.what == Do::poll && !m_unlisted.contains(a.part); };
  const auto many = std::count_if(actions.begin(), actions.end(), is_meant);
  if (static_cast<std::size_t>(many) <= few || !m_workers.has_room_for(Do::poll)) return;

  std::vector<Part> asked;
  std::vector<int> numbers;
  for (const auto& action : actions) {
    if (!is_meant(action)) continue;
    numbers.push_back(action.part);
    asked.push_back(part(action.part));
  }
  std::erase_if(actions, is_meant);
  const auto work = [this, asked] { return list(m_server.client, asked); };
  on_worker(Do::poll, numbers, work,
            [this, asked, asked_at = now()](const Listed& listed) { record_listed(asked, listed, asked_at); });
}

void Run::record_listed(const std::vector<Part>& asked, const Listed& listed, Instant asked_at)
{
  for (const auto& p : asked) { // before anything is recorded, which may throw
    if (!listed.contains(p.batch)) m_unlisted.insert(p.number);
  }
  for (const auto& p : asked) {
    const auto found = listed.find(p.batch);
    if (found == listed.end()) continue;
    m_asked.insert(p.number);
    record_poll(p.number, {.ending = api::Ending::ok, .value = found->second}, asked_at);
  }
}

} // namespace batchwright::engine
