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
  case Start::ended:
    return;
  case Start::cancelled:
    end_cancelled(live);
    return;
  case Start::go:
    break;
  }
  // Time that passed at once while the batch validated would have been spent in progress.
  const auto begun = m_setting.now() - (m_setting.clock.ahead() - live.ahead);
  const OutputIds ids{.output = fresh_id("file-"), .error = fresh_id("file-")};
  const Execution::Files files{.input = m_files.path_of(batch.input_file_id),
                               .output = m_files.path_of(ids.output),
                               .error = m_files.path_of(ids.error)};
  const Execution::Which which{.batch = batch.ordinal, .endpoint = *endpoint_at(batch.endpoint)};
  Execution execution{m_setting, m_ledger, m_cache, which, files, std::move(checked.lines)};
  execute(live, execution, begun);
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
  auto held = Held::cut_short;
  if (spend(live, batch.created_at, &Faults::validating_ms)) held = hold(live, StuckIn::validating);
  if (held == Held::cut_short) return cancelled(live) ? Start::cancelled : Start::stopped;
  return held == Held::over ? expire_early(live) : judge(live, checked);
}

/// What comes of a file that has been looked at.
Batches::Start Batches::judge(Live& live, Checked& checked)
{
  const auto rule = rule_for(m_setting.faults()->fail_batches, &FailBatches::batches, m_setting.seed, "fail_batches",
                             live.batch.ordinal, [](const FailBatches&) { return true; });
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
  end_foreign();
  batch.model = checked.model;
  const bool has_room = batch.load.requests > 0; // taken at its creation
  if (auto lack = has_room ? std::nullopt : lack_of_room(batch, checked.load())) {
    ++m_book.refused_for_room;
    batch.errors = {std::move(*lack)};
    enter(live, BatchState::failed);
    return Start::ended;
  }
  batch.load = checked.load();
  batch.total = static_cast<std::int64_t>(checked.lines.size());
  enter(live, BatchState::in_progress);
  return Start::go;
}

/// The end of a batch whose 24 hours passed before it began.
Batches::Start Batches::expire_early(Live& live)
{
  const std::lock_guard lock{m_mutex};
  if (live.cancel_asked) return Start::cancelled;
  enter(live, BatchState::expired);
  return Start::ended;
}

/// Whether a rule keeps a batch in a state.
bool Batches::stuck(const Batch& batch, StuckIn state) const
{
  return rule_for(m_setting.faults()->stuck_batches, &StuckBatches::batches, m_setting.seed, "stuck_batches",
                  batch.ordinal, [&](const StuckBatches& rule) { return rule.state == state; })
      .has_value();
}

Batches::Held Batches::hold(Live& live, StuckIn state, Until until)
{
  std::unique_lock lock{m_mutex};
  const auto end = expires_at(live.batch);
  for (;;) {
    if (ends_wait(live, until)) return Held::cut_short;
    if (!stuck(live.batch, state)) return Held::free;
    if (m_setting.now() >= end) return Held::over;
    m_changed.wait_until(lock, m_setting.clock.real(end));
  }
}

/// How many requests the rules let a batch run.
std::size_t Batches::last_of(const Live& live, std::size_t size) const
{
  const auto faults = m_setting.faults();
  const auto n = live.batch.ordinal;
  const auto stuck = rule_for(faults->stuck_batches, &StuckBatches::batches, m_setting.seed, "stuck_batches", n,
                              [](const StuckBatches& rule) { return rule.state == StuckIn::in_progress; });
  if (stuck) return share_of(stuck->after_share, size);
  const auto expire = rule_for(faults->expire_batches, &BatchesAt::batches, m_setting.seed, "expire_batches", n,
                               [](const BatchesAt&) { return true; });
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
void Batches::execute(Live& live, Execution& execution, Instant begun)
{
  const auto end = expires_at(live.batch);
  for (;;) {
    const auto faults = m_setting.faults();
    const auto last = last_of(live, execution.size());
    const auto now = std::min(m_setting.now(), end);
    const auto target = std::min(last, due(*faults, execution.size(), now - begun));
    run_stride(live, execution, target);
    if (execution.done() >= last) {
      if (!spend(live, begun, &Faults::in_progress_ms)) return;
      if (hold(live, StuckIn::in_progress) != Held::free) return;
      if (execution.done() >= last_of(live, execution.size())) return;
    } else if (execution.done() >= target && now == end) {
      return;
    }
    const auto tick = Millis{std::clamp<std::int64_t>(faults->in_progress_ms / 50, 2, 100)};
    if (!wait_until(live, m_setting.now() + (execution.done() < target ? Millis{0} : tick))) return;
  }
}

/// Whether a batch that was not cancelled ends as expired.
bool Batches::expires(const Live& live, const Execution& execution) const
{
  const auto by_rule = rule_for(m_setting.faults()->expire_batches, &BatchesAt::batches, m_setting.seed,
                                "expire_batches", live.batch.ordinal, [](const BatchesAt&) { return true; });
  const bool over = m_setting.now() >= expires_at(live.batch);
  const bool undone = execution.done() < execution.size() || stuck(live.batch, StuckIn::in_progress);
  return by_rule || (over && undone);
}

/// Takes the batch to the state before its end, and says which end; nothing when the server stops.
std::optional<BatchState> Batches::wind_up(Live& live, Execution& execution)
{
  if (wait_until(live, {})) {
    if (expires(live, execution))
      return leave_rest(live, execution, BatchState::expired) ? std::optional{BatchState::expired} : std::nullopt;
    {
      const std::lock_guard lock{m_mutex};
      if (!live.cancel_asked) enter(live, BatchState::finalizing);
    }
    auto held = Held::cut_short;
    if (spend(live, m_setting.now(), &Faults::finalizing_ms)) held = hold(live, StuckIn::finalizing);
    if (held != Held::cut_short) return held == Held::over ? BatchState::expired : BatchState::completed;
  }
  if (!linger_cancelling(live)) return std::nullopt;
  return leave_rest(live, execution, BatchState::cancelled) ? std::optional{BatchState::cancelled} : std::nullopt;
}

/// Lets the time pass between a cancel and its end; false when the server stops first.
bool Batches::linger_cancelling(Live& live)
{
  return spend(live, m_setting.now(), &Faults::cancelling_ms, Until::stop) &&
         hold(live, StuckIn::cancelling, Until::stop) != Held::cut_short;
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
  const auto output = keep_output(live.batch, ids.output, execution.output_bytes(), FileObject::Kind::output);
  const auto error = keep_output(live.batch, ids.error, execution.error_bytes(), FileObject::Kind::error);
  const std::lock_guard lock{m_mutex};
  live.batch.output_file_id = output;
  live.batch.error_file_id = error;
  // A cancel that came after the last look was told `cancelling`; no other state may follow that one.
  enter(live, live.cancel_asked ? BatchState::cancelled : end);
}

/// The id of the file, or nothing when it would be empty.
std::string Batches::keep_output(const Batch& batch, const std::string& id, std::uint64_t bytes, FileObject::Kind kind)
{
  if (bytes == 0) return {};
  const auto* const name = kind == FileObject::Kind::output ? "output" : "error";
  m_files.add({.id = id,
               .filename = fmt::format("{}_{}.jsonl", batch.id, name),
               .purpose = "batch_output",
               .bytes = bytes,
               .created_at = m_setting.now(),
               .expires_after = batch.output_expires_after.value_or(batch_file_life),
               .kind = kind,
               .number = batch.ordinal});
  return id;
}

/// A batch that was told `cancelling` does not fail any more.
Batches::Start Batches::fail(Live& live, std::vector<BatchError> errors)
{
  const std::lock_guard lock{m_mutex};
  if (live.cancel_asked) return Start::cancelled;
  live.batch.errors = std::move(errors);
  enter(live, BatchState::failed);
  return Start::ended;
}

/// The end of a cancelled batch that has no files.
void Batches::end_cancelled(Live& live)
{
  if (!linger_cancelling(live)) return;
  const std::lock_guard lock{m_mutex};
  enter(live, BatchState::cancelled);
}

void Batches::show_progress(Live& live, const Execution& execution)
{
  const std::lock_guard lock{m_mutex};
  live.batch.progress = execution.progress();
}

/// REQUIRED: the lock is held. No time of a batch lies behind the end of its 24 hours, however far the clock went at
/// once.
void Batches::enter(Live& live, BatchState state)
{
  live.batch.state = state;
  live.batch.entered[static_cast<std::size_t>(state)] = std::min(m_setting.now(), expires_at(live.batch));
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
  while (!ends_wait(live, until)) {
    if (m_setting.now() >= t) return true;
    m_changed.wait_until(lock, m_setting.clock.real(t));
  }
  return false;
}

/// Whether a state lasted in full, from `from` on, for the time that the faults in force give it, or until the 24 hours
/// were over.
bool Batches::spend(Live& live, Instant from, std::int64_t Faults::*speed, Until until)
{
  std::unique_lock lock{m_mutex};
  while (!ends_wait(live, until)) {
    const auto t = std::min(from + Millis{(*m_setting.faults()).*speed}, expires_at(live.batch));
    if (m_setting.now() >= t) return true;
    m_changed.wait_until(lock, m_setting.clock.real(t));
  }
  return false;
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
