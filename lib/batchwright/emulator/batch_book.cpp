// What the ledger tells of batches; ledger.hpp says what each word means.

#include <batchwright/emulator/batches.hpp>

#include <algorithm>
#include <map>

namespace batchwright::emulator {
namespace {

constexpr std::string_view call_key = "bw_call"; // by which the client tells its calls apart, in a batch's metadata

Instant ended_at(const Batch& batch)
{
  return batch.entered[static_cast<std::size_t>(batch.state)].value_or(batch.created_at);
}

std::string call_of(const Batch& batch)
{
  json::Document document;
  if (!document.parse(batch.metadata)) return {};
  const auto call = document.root().find(call_key);
  return call ? call->text().value_or("") : std::string{};
}

/// The largest number of batches that `key` gives one name; those without a name do not count.
template<class Lives, class Key>
std::int64_t most_of_one(const Lives& lives, Key key)
{
  std::map<std::string, std::int64_t> counts;
  std::int64_t most = 0;
  for (const auto& live : lives) {
    const auto name = key(live.batch);
    if (!name.empty()) most = std::max(most, ++counts[name]);
  }
  return most;
}

void write_row(json::Writer& w, const Batch& batch)
{
  w.begin_object().member("id", batch.id).member("input_file_id", batch.input_file_id);
  w.key("metadata").raw(batch.metadata).member("status", name_of(batch.state));
  w.member("requests", batch.total).member("executed", batch.progress.executed);
  w.member("completed", batch.progress.completed).member("failed", batch.progress.failed);
  w.member("input_tokens", batch.load.tokens).flag("answered", batch.answered);
  w.member("created_at", unix_seconds(batch.created_at)).key("ended_at");
  if (terminal(batch.state))
    w.integer(unix_seconds(ended_at(batch)));
  else
    w.null();
  w.end_object();
}

} // namespace

/// Counts how many live batches there are with one that is about to be made.
void Batches::note_twins(const Batch& batch)
{
  std::int64_t live = 1, of_file = 1, of_content = 1;
  for (const auto& other : m_batches) {
    if (other.owner == Owner::stranger || terminal(other.batch.state)) continue;
    ++live;
    if (other.batch.input_file_id == batch.input_file_id) ++of_file;
    if (other.batch.input_sha256 == batch.input_sha256) ++of_content;
  }
  m_book.peak_live = std::max(m_book.peak_live, live);
  m_book.peak_live_per_file = std::max(m_book.peak_live_per_file, of_file);
  m_book.peak_live_per_content = std::max(m_book.peak_live_per_content, of_content);
}

void Batches::write_ledger(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  const auto cancelled = std::count_if(m_batches.begin(), m_batches.end(), [](const Live& live) {
    return live.owner == Owner::client && live.batch.state == BatchState::cancelled;
  });
  w.member("batches_created", m_book.created).member("batches_cancelled", cancelled);
  w.member("cancels_asked", m_book.cancels_asked).member("foreign_batches_cancelled", m_book.foreign_cancelled);
  w.member("refused_for_room", m_book.refused_for_room).member("peak_live_batches", m_book.peak_live);
  w.member("peak_live_batches_per_file", m_book.peak_live_per_file);
  w.member("peak_live_batches_per_content", m_book.peak_live_per_content);
  w.member("most_batches_per_file", most_of_one(m_batches, [](const Batch& b) { return b.input_file_id; }));
  w.member("most_batches_per_content", most_of_one(m_batches, [](const Batch& b) { return b.input_sha256; }));
  w.member("most_batches_per_call", most_of_one(m_batches, call_of));
  w.key("batches").begin_array();
  for (const auto& live : m_batches)
    if (live.owner == Owner::client) write_row(w, live.batch);
  w.end_array();
}

} // namespace batchwright::emulator
