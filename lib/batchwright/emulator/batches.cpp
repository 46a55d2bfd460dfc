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

Instant now()
{
  return system_clock().now();
}

Instant entered(const Batch& batch, BatchState state)
{
  return batch.entered[static_cast<std::size_t>(state)].value_or(batch.created_at);
}

} // namespace

Batches::Batches(const Setting& setting, FileStore& files, Ledger& ledger)
    : m_setting(setting), m_files(files), m_ledger(ledger)
{
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
  std::vector<std::jthread> ended; // joined when they go, after the lock
  const std::lock_guard lock{m_mutex};
  if (m_stopping) return error_reply(503, "The server is stopping.", {.type = "server_error"});
  ended = take_ended();
  auto& live = m_batches.emplace_back();
  live.batch = std::move(request.batch);
  live.batch.ordinal = static_cast<std::int64_t>(m_batches.size());
  live.batch.id = fresh_id("batch_");
  live.batch.account = call.account();
  live.batch.answered = call.answered;
  live.batch.created_at = now();
  m_places[live.batch.id] = m_batches.size() - 1;
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, live.batch, m_setting.faults);
  live.thread = std::jthread{[this, &live] { run(live); }};
  return reply;
}

Batch* Batches::find(const std::string& id) const
{
  const auto place = m_places.find(id);
  return place == m_places.end() ? nullptr : &m_batches[place->second].batch;
}

Reply Batches::retrieve(const std::string& id) const
{
  const std::lock_guard lock{m_mutex};
  const auto* batch = find(id);
  if (!batch) return no_such_batch(id);
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, *batch, m_setting.faults);
  return reply;
}

Reply Batches::cancel(const std::string& id)
{
  const std::lock_guard lock{m_mutex};
  const auto place = m_places.find(id);
  if (place == m_places.end()) return no_such_batch(id);
  auto& live = m_batches[place->second];
  auto& batch = live.batch;
  if (terminal(batch.state) && batch.state != BatchState::cancelled) {
    return error_reply(409, fmt::format("Cannot cancel a batch with status '{}'.", name_of(batch.state)));
  }
  if (!terminal(batch.state) && !live.cancel_asked) {
    live.cancel_asked = true;
    enter(live, BatchState::cancelling);
    wake_all();
  }
  Reply reply;
  json::Writer w{reply.body};
  write_batch(w, batch, m_setting.faults);
  return reply;
}

Reply Batches::list(const Call& call) const
{
  const auto limit = limit_of(call, 100, 20);
  if (limit.refusal) return *limit.refusal;
  const std::lock_guard lock{m_mutex};
  const auto size = m_batches.size();
  std::size_t begin = 0; // newest first
  if (const auto after = call.query.find("after"); after != call.query.end()) {
    const auto place = m_places.find(after->second);
    if (place == m_places.end()) return no_such_batch(after->second);
    begin = size - place->second;
  }
  const auto shown_until = now() - Millis{m_setting.faults.list_lag_ms};
  const auto batch_at = [&](std::size_t at) -> const Batch& { return m_batches[size - 1 - at].batch; };
  const auto shown = [&](const Batch& batch) { return batch.created_at <= shown_until; };
  return page_of({.begin = begin, .end = size, .limit = limit.value}, batch_at, shown,
                 [&](json::Writer& w, const Batch& batch) { write_batch(w, batch, m_setting.faults); });
}

void Batches::write_ledger(json::Writer& w) const
{
  const std::lock_guard lock{m_mutex};
  w.member("batches_created", static_cast<std::int64_t>(m_batches.size())).key("batches").begin_array();
  for (const auto& live : m_batches) {
    const auto& batch = live.batch;
    w.begin_object().member("id", batch.id).member("input_file_id", batch.input_file_id);
    w.key("metadata").raw(batch.metadata).member("status", name_of(batch.state));
    w.member("requests", batch.total).member("executed", batch.progress.executed);
    w.member("completed", batch.progress.completed).member("failed", batch.progress.failed);
    w.member("input_tokens", batch.input_tokens).flag("answered", batch.answered);
    w.member("created_at", unix_seconds(batch.created_at)).key("ended_at");
    if (terminal(batch.state))
      w.integer(unix_seconds(entered(batch, batch.state)));
    else
      w.null();
    w.end_object();
  }
  w.end_array();
}

} // namespace batchwright::emulator
