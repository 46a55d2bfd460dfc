// The room for enqueued work: what live batches take of it, the batches of strangers among them, and what is said where
// there is none left.

#include <batchwright/emulator/batches.hpp>

#include <fmt/format.h>

namespace batchwright::emulator {
namespace {

std::string with_commas(std::int64_t n)
{
  const auto digits = std::to_string(n);
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

/// `kind` is "token" or "request". The code of the second is not known; the message is.
BatchError no_room(std::string_view kind, const std::string& model, std::int64_t limit)
{
  return {.code = fmt::format("{}_limit_exceeded", kind),
          .message = fmt::format("Enqueued {0} limit reached for {1} in organization {2}. Limit: {3} enqueued {0}s. "
                                 "Please try again once some in_progress batches have been completed.",
                                 kind, model, organization, with_commas(limit))};
}

std::int64_t token_limit(const Faults& faults, const std::string& model)
{
  const auto own = faults.enqueued_token_limits.find(model);
  return own == faults.enqueued_token_limits.end() ? faults.enqueued_token_limit : own->second;
}

} // namespace

/// What other live batches of the model have enqueued, for the account that made `batch`.
Load Batches::load_beside(const Batch& batch) const
{
  Load load;
  for (const auto& other : m_batches) {
    const bool ours = other.owner == Owner::stranger || other.batch.account == batch.account;
    const bool counts = ours && other.batch.model == batch.model && !terminal(other.batch.state);
    if (counts && other.batch.id != batch.id) load += other.batch.load;
  }
  return load;
}

/// Why there is no room for a batch that would enqueue `own`; nothing where there is.
std::optional<BatchError> Batches::lack_of_room(const Batch& batch, const Load& own) const
{
  const auto faults = m_setting.faults();
  auto sum = load_beside(batch);
  sum += own;
  const auto tokens = token_limit(*faults, batch.model);
  if (tokens > 0 && sum.tokens > tokens) return no_room("token", batch.model, tokens);
  const auto requests = batch.endpoint == "/v1/embeddings" ? faults->enqueued_request_limit : 0;
  if (requests > 0 && sum.requests > requests) return no_room("request", batch.model, requests);
  return std::nullopt;
}

/// What a batch is answered that is refused when it is to be created; takes the room for one that is not.
std::optional<Reply> Batches::refusal_for_room(Batch& batch, const Checked& checked)
{
  if (!checked.errors.empty()) return std::nullopt; // it will fail for another reason
  batch.model = checked.model;
  const auto load = checked.load();
  const auto lack = lack_of_room(batch, load);
  batch.load = load;
  if (!lack) return std::nullopt;
  ++m_book.refused_for_room;
  const bool bad_request = m_setting.faults()->no_room == NoRoom::status_400;
  return error_reply(bad_request ? 400 : 429, lack->message,
                     {.type = bad_request ? "invalid_request_error" : "tokens", .code = lack->code});
}

void Batches::add_foreign()
{
  const auto now = m_setting.now();
  for (const auto& foreign : m_setting.faults()->foreign_batches) {
    auto& live = m_batches.emplace_back();
    live.owner = Owner::stranger;
    if (foreign.until_ms > 0) live.until = now + Millis{foreign.until_ms};
    live.batch = {.id = fresh_id("batch_"),
                  .input_file_id = fresh_id("file-"),
                  .endpoint = foreign.endpoint,
                  .metadata = "null",
                  .created_at = now,
                  .model = foreign.model,
                  .load = {.tokens = foreign.tokens, .requests = foreign.requests},
                  .total = foreign.requests};
    m_places[live.batch.id] = m_batches.size() - 1;
    enter(live, BatchState::in_progress);
  }
}

/// Completes those whose time has come.
void Batches::end_foreign() const
{
  for (auto& live : m_batches) {
    if (!live.until || terminal(live.batch.state) || m_setting.now() < *live.until) continue;
    live.batch.progress.completed = live.batch.total;
    live.batch.state = BatchState::completed;
    live.batch.entered[static_cast<std::size_t>(BatchState::completed)] = *live.until;
  }
}

} // namespace batchwright::emulator
