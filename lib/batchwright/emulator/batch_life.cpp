// The thread of a batch: from validating to its end.

#include <batchwright/base/error.hpp>
#include <batchwright/emulator/batches.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace batchwright::emulator {
namespace {

// Every so many requests a batch looks at the clock and shows its progress.
constexpr std::size_t stride = 128;
// So many batches validate or run requests at once.
constexpr int most_turns = 4;

template<class Rule>
const Rule* rule_for(const std::vector<Rule>& rules, std::int64_t ordinal)
{
  const auto found =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) { return rule.batches.picks(ordinal); });
  return found == rules.end() ? nullptr : &*found;
}

std::size_t share_of(double share, std::size_t size)
{
  return std::min(size, static_cast<std::size_t>(std::max(0.0, share) * static_cast<double>(size)));
}

/// How many of `size` requests are to be done after `elapsed`.
std::size_t due(const Faults& faults, std::size_t size, Millis elapsed)
{
  const auto ms = static_cast<double>(elapsed.count());
  if (faults.requests_per_second > 0)
    return std::min(size, static_cast<std::size_t>(ms * static_cast<double>(faults.requests_per_second) / 1000));
  if (elapsed.count() >= faults.in_progress_ms) return size;
  return share_of(ms / static_cast<double>(faults.in_progress_ms), size);
}

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

BatchError no_room(const std::string& model, std::int64_t limit)
{
  return {.code = "token_limit_exceeded",
          .message = fmt::format("Enqueued token limit reached for {} in organization {}. Limit: {} enqueued tokens. "
                                 "Please try again once some in_progress batches have been completed.",
                                 model, organization, with_commas(limit))};
}

} // namespace

void Batches::run(Live& live)
{
  try {
    live_through(live);
  } catch (const std::exception& e) {
    if (fail(live, {{.code = "server_error", .message = e.what()}}) == Start::cancelled) end_cancelled(live);
  }
}

void Batches::live_through(Live& live)
{
  const auto& batch = live.batch;
  Checked checked;
  switch (validate(live, checked)) {
  case Start::stopped:
  case Start::failed:
    return;
  case Start::cancelled:
    end_cancelled(live);
    return;
  case Start::go:
    break;
  }
  const OutputIds ids{.output = fresh_id("file-"), .error = fresh_id("file-")};
  const Execution::Files files{.input = m_files.path_of(batch.input_file_id),
                               .output = m_files.path_of(ids.output),
                               .error = m_files.path_of(ids.error)};
  const Execution::Which which{.batch = batch.ordinal, .endpoint = *endpoint_at(batch.endpoint)};
  Execution execution{m_setting, m_ledger, which, files, std::move(checked.lines)};
  execute(live, execution);
  if (const auto end = wind_up(live, execution)) publish(live, execution, ids, *end);
}

Batches::Start Batches::validate(Live& live, Checked& checked)
{
  const auto& batch = live.batch;
  if (!m_files.find(batch.input_file_id)) {
    checked.errors.push_back({.code = "invalid_request", .message = "The input file is no longer available."});
  } else if (const Turn turn{*this, live, Until::cancel}) {
    checked = check_input(m_files.path_of(batch.input_file_id), *endpoint_at(batch.endpoint));
  }
  if (!wait_until(live, batch.created_at + Millis{m_setting.faults.validating_ms}))
    return cancelled(live) ? Start::cancelled : Start::stopped;
  const auto* rule = rule_for(m_setting.faults.fail_batches, batch.ordinal);
  if (rule && rule->code.empty()) return fail(live, {});
  if (rule) return fail(live, {{.code = rule->code, .message = rule->message, .line = rule->line}});
  if (!checked.errors.empty()) return fail(live, std::move(checked.errors));
  return admit(live, checked);
}

Batches::Start Batches::admit(Live& live, const Checked& checked)
{
  const std::lock_guard lock{m_mutex};
  auto& batch = live.batch;
  if (live.cancel_asked) return Start::cancelled;
  batch.model = checked.model;
  if (!room_for(batch, checked)) {
    batch.errors = {no_room(checked.model, m_setting.faults.enqueued_token_limit)};
    enter(live, BatchState::failed);
    return Start::failed;
  }
  batch.input_tokens = checked.input_tokens;
  batch.total = static_cast<std::int64_t>(checked.lines.size());
  enter(live, BatchState::in_progress);
  return Start::go;
}

bool Batches::room_for(const Batch& batch, const Checked& checked) const
{
  if (m_setting.faults.enqueued_token_limit == 0) return true;
  auto tokens = checked.input_tokens;
  for (const auto& other : m_batches) {
    const bool same = other.batch.account == batch.account && other.batch.model == checked.model;
    if (same && !terminal(other.batch.state)) tokens += other.batch.input_tokens;
  }
  return tokens <= m_setting.faults.enqueued_token_limit;
}

/// How many requests the rules let a batch run.
std::size_t Batches::last_of(const Live& live, std::size_t size) const
{
  if (const auto* stuck = rule_for(m_setting.faults.stuck_batches, live.batch.ordinal))
    return share_of(stuck->after_share, size);
  const auto* expire = rule_for(m_setting.faults.expire_batches, live.batch.ordinal);
  return expire ? share_of(expire->after_share, size) : size;
}

void Batches::run_stride(Live& live, Execution& execution, std::size_t target)
{
  if (execution.done() >= target) return;
  const Turn turn{*this, live, Until::cancel};
  if (!turn) return;
  const auto end = std::min(target, execution.done() + stride);
  while (execution.done() < end)
    execution.step();
  show_progress(live, execution);
  execution.rest();
}

/// Runs requests as they fall due, until all are done or as many as the batch's rules allow, and its time is over.
void Batches::execute(Live& live, Execution& execution)
{
  const auto& faults = m_setting.faults;
  const auto last = last_of(live, execution.size());
  const auto tick = Millis{std::clamp<std::int64_t>(faults.in_progress_ms / 50, 2, 100)};
  const auto begun = system_clock().now();
  while (execution.done() < last) {
    const auto target = std::min(last, due(faults, execution.size(), system_clock().now() - begun));
    run_stride(live, execution, target);
    const auto next = system_clock().now() + (execution.done() < target ? Millis{0} : tick);
    if (!wait_until(live, next)) return;
  }
  if (!wait_until(live, begun + Millis{faults.in_progress_ms})) return;
  const bool stuck = rule_for(faults.stuck_batches, live.batch.ordinal) != nullptr;
  while (stuck && wait_until(live, system_clock().now() + std::chrono::hours{1})) {
  }
}

/// Takes the batch to the state before its end, and says which end; nothing when the server stops.
std::optional<BatchState> Batches::wind_up(Live& live, Execution& execution)
{
  const auto& faults = m_setting.faults;
  if (wait_until(live, {})) {
    if (rule_for(faults.expire_batches, live.batch.ordinal))
      return leave_rest(live, execution, BatchState::expired) ? std::optional{BatchState::expired} : std::nullopt;
    {
      const std::lock_guard lock{m_mutex};
      if (!live.cancel_asked) enter(live, BatchState::finalizing);
    }
    if (wait_until(live, system_clock().now() + Millis{faults.finalizing_ms})) return BatchState::completed;
  }
  if (!wait_until(live, system_clock().now() + Millis{faults.cancelling_ms}, Until::stop)) return std::nullopt;
  return leave_rest(live, execution, BatchState::cancelled) ? std::optional{BatchState::cancelled} : std::nullopt;
}

/// Writes an error line for what was not done; false when the server stops first.
bool Batches::leave_rest(Live& live, Execution& execution, BatchState end)
{
  const Turn turn{*this, live, Until::stop};
  if (!turn) return false;
  if (end == BatchState::expired)
    execution.leave_rest("batch_expired", "This request could not be executed before the completion window expired.");
  else
    execution.leave_rest("batch_cancelled", "This request was not executed because the batch was cancelled.");
  return true;
}

void Batches::publish(Live& live, Execution& execution, const OutputIds& ids, BatchState end)
{
  execution.commit();
  const auto output = keep_output(live.batch, ids.output, execution.output_bytes(), "output");
  const auto error = keep_output(live.batch, ids.error, execution.error_bytes(), "error");
  const std::lock_guard lock{m_mutex};
  live.batch.output_file_id = output;
  live.batch.error_file_id = error;
  // A cancel that came after the last look was told `cancelling`; no other state may follow that one.
  enter(live, live.cancel_asked ? BatchState::cancelled : end);
}

/// The id of the file, or nothing when it would be empty.
std::string Batches::keep_output(const Batch& batch, const std::string& id, std::uint64_t bytes, std::string_view kind)
{
  if (bytes == 0) return {};
  m_files.add({.id = id,
               .filename = fmt::format("{}_{}.jsonl", batch.id, kind),
               .purpose = "batch_output",
               .bytes = bytes,
               .created_at = system_clock().now(),
               .expires_after = batch.output_expires_after.value_or(batch_file_life)});
  return id;
}

/// A batch that was told `cancelling` does not fail any more.
Batches::Start Batches::fail(Live& live, std::vector<BatchError> errors)
{
  const std::lock_guard lock{m_mutex};
  if (live.cancel_asked) return Start::cancelled;
  live.batch.errors = std::move(errors);
  enter(live, BatchState::failed);
  return Start::failed;
}

/// The end of a cancelled batch that has no files.
void Batches::end_cancelled(Live& live)
{
  if (!wait_until(live, system_clock().now() + Millis{m_setting.faults.cancelling_ms}, Until::stop)) return;
  const std::lock_guard lock{m_mutex};
  enter(live, BatchState::cancelled);
}

void Batches::show_progress(Live& live, const Execution& execution)
{
  const std::lock_guard lock{m_mutex};
  live.batch.progress = execution.progress();
}

/// REQUIRED: the lock is held.
void Batches::enter(Live& live, BatchState state)
{
  live.batch.state = state;
  live.batch.entered[static_cast<std::size_t>(state)] = system_clock().now();
}

/// REQUIRED: the lock is held.
bool Batches::ends_wait(const Live& live, Until until) const
{
  return m_stopping || (until == Until::cancel && live.cancel_asked);
}

/// Whether the time passed in full.
bool Batches::wait_until(Live& live, Instant t, Until until)
{
  std::unique_lock lock{m_mutex};
  return !m_changed.wait_until(lock, t, [&] { return ends_wait(live, until); });
}

bool Batches::take_turn(const Live& live, Until until)
{
  std::unique_lock lock{m_mutex};
  m_turn_free.wait(lock, [&] { return m_turns < most_turns || ends_wait(live, until); });
  if (ends_wait(live, until)) return false;
  ++m_turns;
  return true;
}

void Batches::end_turn()
{
  {
    const std::lock_guard lock{m_mutex};
    --m_turns;
  }
  m_turn_free.notify_all();
}

bool Batches::cancelled(const Live& live) const
{
  const std::lock_guard lock{m_mutex};
  return live.cancel_asked && !m_stopping;
}

} // namespace batchwright::emulator
