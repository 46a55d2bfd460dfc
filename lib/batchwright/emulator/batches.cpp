#include <batchwright/emulator/batches.hpp>
#include <batchwright/emulator/page.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

Reply no_such_batch(const std::string& id)
{
  return error_reply(404, fmt::format("No batch found with id '{}'.", id));
}

} // namespace

Batches::Batches(const Setting& setting, FileStore& files, Ledger& ledger, PromptCache& cache)
    : m_setting(setting), m_files(files), m_ledger(ledger), m_cache(cache)
{
  add_foreign();
}

Batches::~Batches()
{
  stop();
}

void Batches::stop()
{
  std::vector<std::jthread> taken; // joined when they go, after the lock
  const std::lock_guard lock{m_mutex};
  m_stopping = true;
  for (auto& live : m_batches)
    if (live.thread.joinable()) taken.push_back(std::move(live.thread));
  wake_all();
}

void Batches::wake_all()
{
  m_changed.notify_all();
  m_turn_free.notify_all();
}

void Batches::faults_changed()
{
  const std::lock_guard lock{m_mutex};
  for (auto& live : m_batches)
    if (live.owner == Owner::stranger) live.until = m_setting.now();
  end_foreign();
  add_foreign();
  wake_all();
}

void Batches::clock_moved()
{
  const std::lock_guard lock{m_mutex};
  wake_all();
}

/// The threads of batches that came to their end. REQUIRED: the lock is held here, and not where they are joined.
std::vector<std::jthread> Batches::take_ended()
{
  std::vector<std::jthread> ended;
  for (auto& live : m_batches)
    if (terminal(live.batch.state) && live.thread.joinable()) ended.push_back(std::move(live.thread));
  return ended;
}

Reply Batches::create(Call& call)
{
  const auto body = read_body(call);
  if (body.refusal) return *body.refusal;
  auto request = read_batch_request(body.text);
  if (request.refusal) return *request.refusal;
  const auto input = m_files.find(request.batch.input_file_id);
  if (!input) {
    return error_reply(400, fmt::format("No such File object: {}", request.batch.input_file_id),
                       {.param = "input_file_id"});
  }
  if (input->purpose != "batch") {
    return error_reply(400, fmt::format("Invalid file purpose '{}': expected 'batch'.", input->purpose),
                       {.param = "input_file_id", .code = "invalid_value"});
  }
  const auto faults = m_setting.faults();
  std::optional<Checked> checked; // ahead of the creation
  if (faults->no_room != NoRoom::failed)
    checked = check_input(m_files.path_of(input->id), *endpoint_at(request.batch.endpoint));
  request.batch.account = call.account();
  request.batch.answered = call.answered;
  request.batch.input_sha256 = input->sha256;
  std::vector<std::jthread> ended; // joined when they go, after the lock
  const std::lock_guard lock{m_mutex};
  if (m_stopping) return error_reply(503, "The server is stopping.", {.type = "server_error"});
  ended = take_ended();
  end_foreign();
  if (checked) {
    if (auto refusal = refusal_for_room(request.batch, *checked)) return *refusal;
  }
  auto& live = add(std::move(request.batch));
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, live.batch, view_of(*faults));
  live.thread = std::jthread{[this, &live] { run(live); }};
  return reply;
}

Batches::Live& Batches::add(Batch batch)
{
  batch.ordinal = ++m_book.created;
  batch.id = fresh_id("batch_");
  batch.created_at = m_setting.now();
  note_twins(batch);
  m_places[batch.id] = m_batches.size();
  auto& live = m_batches.emplace_back();
  live.batch = std::move(batch);
  live.ahead = m_setting.clock.ahead();
  return live;
}

BatchView Batches::view_of(const Faults& faults) const
{
  return {.faults = faults, .seed = m_setting.seed, .now = m_setting.now()};
}

Batch* Batches::find(const std::string& id) const
{
  const auto place = m_places.find(id);
  return place == m_places.end() ? nullptr : &m_batches[place->second].batch;
}

Reply Batches::retrieve(const std::string& id) const
{
  const auto faults = m_setting.faults();
  const std::lock_guard lock{m_mutex};
  end_foreign();
  const auto* batch = find(id);
  if (!batch) return no_such_batch(id);
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, *batch, view_of(*faults));
  return reply;
}

std::optional<Reply> Batches::refusal_of_cancel(const Batch& batch) const
{
  const auto refused = [](const CancelFaults& rule) { return rule.how == CancelFaults::How::refused; };
  const bool by_rule = rule_for(m_setting.faults()->cancel_faults, &CancelFaults::batches, m_setting.seed,
                                "cancel_faults", batch.ordinal, refused)
                           .has_value();
  const bool too_late = terminal(batch.state) && batch.state != BatchState::cancelled;
  if (!by_rule && !too_late) return std::nullopt;
  return error_reply(409, fmt::format("Cannot cancel a batch with status '{}'.", name_of(batch.state)));
}

Reply Batches::cancel(const std::string& id)
{
  const auto faults = m_setting.faults();
  const std::lock_guard lock{m_mutex};
  ++m_book.cancels_asked;
  end_foreign();
  const auto place = m_places.find(id);
  if (place == m_places.end()) return no_such_batch(id);
  auto& live = m_batches[place->second];
  auto& batch = live.batch;
  if (auto refusal = refusal_of_cancel(batch)) return *refusal;
  // What was not refused above, a rule may ignore.
  const bool ignored = rule_for(faults->cancel_faults, &CancelFaults::batches, m_setting.seed, "cancel_faults",
                                batch.ordinal, [](const CancelFaults&) { return true; })
                           .has_value();
  if (live.owner == Owner::stranger && !terminal(batch.state)) {
    ++m_book.foreign_cancelled;
    enter(live, BatchState::cancelled);
  } else if (!terminal(batch.state) && !live.cancel_asked && !ignored) {
    live.cancel_asked = true;
    enter(live, BatchState::cancelling);
    wake_all();
  }
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, batch, view_of(*faults));
  return reply;
}

Reply Batches::list(const Call& call) const
{
  const auto faults = m_setting.faults();
  const auto limit = faults->list_ignores_limit ? Limit{.value = 20} : limit_of(call, 100, 20);
  if (limit.refusal) return *limit.refusal;
  const std::lock_guard lock{m_mutex};
  end_foreign();
  const auto size = m_batches.size();
  std::size_t begin = 0; // newest first
  if (const auto after = call.query.find("after"); after != call.query.end() && !faults->list_ignores_after) {
    const auto place = m_places.find(after->second);
    if (place == m_places.end()) return no_such_batch(after->second);
    begin = size - place->second;
  }
  auto view = view_of(*faults);
  if (faults->list_without_metadata) view.metadata = BatchView::Metadata::hidden;
  const auto shown_until = view.now - Millis{faults->list_lag_ms};
  const auto batch_at = [&](std::size_t at) -> const Batch& { return m_batches[size - 1 - at].batch; };
  const auto shown = [&](const Batch& batch) { return batch.created_at <= shown_until; };
  return page_of({.begin = begin, .end = size, .limit = limit.value}, batch_at, shown,
                 [&](json::Writer& w, const Batch& batch) { write_batch(w, batch, view); });
}

} // namespace batchwright::emulator
