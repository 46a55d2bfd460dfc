// The records of an advance: each change is one transaction, and what cannot be done now says when it is tried again.

#include <batchwright/engine/run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::engine {
namespace {

/// How many waits for an unreachable server a command that does not stay to the end is willing to make: seven seconds.
constexpr int patience_with_network = 3;

} // namespace

Part& Run::part(int number)
{
  const auto found =
      std::find_if(m_parts.begin(), m_parts.end(), [number](const Part& p) { return p.number == number; });
  ensure(found != m_parts.end(), fmt::format("part {} of job {} exists", number, m_job.name));
  return *found;
}

void Run::record(int number, const Change& change)
{
  Part changed = part(number);
  const auto from = changed.state;
  m_also.clear();
  store::Transaction tx{m_tools.store};
  change(changed, tx);
  tx.put(m_job.name, changed);
  if (changed.state != from) tx.log(m_job.name, number, fmt::format("{} -> {}", name(from), name(changed.state)));
  std::optional<Job> ended;
  if (changed.state != from && ends_with(changed)) {
    ended = m_job;
    ended->ended_at = now();
    tx.update(*ended);
  }
  tx.commit();
  if (ended) m_job = std::move(*ended);
  part(number) = changed;
  for (auto& other : m_also) {
    const auto known =
        std::find_if(m_parts.begin(), m_parts.end(), [&](const Part& p) { return p.number == other.number; });
    if (known != m_parts.end()) {
      *known = std::move(other);
    } else {
      m_parts.push_back(std::move(other));
    }
  }
  if (changed.state != from) {
    refresh_purse();
    m_tools.observer.on(PartMoved{m_job.name, number, from, changed.state});
  }
}

/// Whether no item is pending once this change, and what goes with it, is made.
bool Run::ends_with(const Part& changed) const
{
  const auto is_over = [](const Part& p) { return !is_live(p.state); };
  const auto is_changed = [&](const Part& p) {
    return p.number == changed.number ||
           std::any_of(m_also.begin(), m_also.end(), [&](const Part& other) { return other.number == p.number; });
  };
  return is_over(changed) && std::all_of(m_also.begin(), m_also.end(), is_over) &&
         std::all_of(m_parts.begin(), m_parts.end(), [&](const Part& p) { return is_over(p) || is_changed(p); });
}

void Run::also(store::Transaction& tx, const Part& other)
{
  tx.put(m_job.name, other);
  m_also.push_back(other);
}

void Run::record_job(const std::function<void(Job&)>& change)
{
  Job changed = m_job;
  change(changed);
  store::Transaction tx{m_tools.store};
  tx.update(changed);
  tx.commit();
  m_job = std::move(changed);
}

requests::PartFiles Run::request_files(const Part& p) const
{
  return {.unsent = m_files.unsent(),
          .ordinals = m_files.ordinals(p.number),
          .requests = m_files.requests(p.number),
          .digests = m_files.digests(p.number),
          .ids = m_files.ids(p.number)};
}

void Run::put_call(store::Transaction& tx, const std::string& uuid, CallState state)
{
  const auto found = std::find_if(m_calls.begin(), m_calls.end(), [&](const Call& c) { return c.uuid == uuid; });
  ensure(found != m_calls.end(), "the call that is answered was recorded before");
  found->state = state;
  tx.put(m_job.name, *found);
  if (state != CallState::intended) m_calls.erase(found);
}

const Call* Run::call_of(int number) const
{
  const auto found = std::find_if(m_calls.begin(), m_calls.end(), [number](const Call& c) { return c.part == number; });
  return found == m_calls.end() ? nullptr : &*found;
}

Call Run::intent(CallKind kind, int number) const
{
  return {.uuid = make_uuid(), .part = number, .kind = kind, .begun_at = now(), .server_time = server_time()};
}

std::optional<Instant> Run::server_time() const
{
  return m_server_ahead ? std::optional{now() + *m_server_ahead} : std::nullopt;
}

void Run::pause(Pause why, const std::string& message)
{
  if (m_job.pause == why) return; // several calls in flight are refused for one reason: it is said once
  record_job([&](Job& job) {
    job.pause = why;
    job.message = message;
    if (why == Pause::quota) job.probe_at = now() + probe_wait(job.probes++);
  });
  note(Note::Level::warning, fmt::format("paused ({}): {}", name(why), message));
}

void Run::note(Note::Level level, std::string text)
{
  m_tools.observer.on(Note{level, std::move(text)});
}

Instant Run::later(int number, std::string_view doing, const Setback& setback)
{
  // A gateway may refuse a key in words of its own: the status says enough.
  const bool is_refused_key = setback.status == 401 || setback.status == 403;
  if (setback.ending != api::Ending::refused && !is_refused_key) return trouble(number, doing, setback);

  if (is_refused_key) { // nothing but the pause keeps it waiting: another key is tried at once
    pause(Pause::auth, fmt::format("{}: {}", doing, setback.words));
    return now();
  }
  const auto when = now() + std::max(trouble_wait(++m_troubles[number]),
                                     std::min(setback.retry_after.value_or(Millis{0}), longest_wait));
  if (setback.status == 429 && setback.code == "insufficient_quota") {
    pause(Pause::quota, fmt::format("{}: {}", doing, setback.words));
  } else if (setback.status != 429) {
    reject(doing, setback);
  }
  return when;
}

Instant Run::trouble(int number, std::string_view doing, const Setback& setback)
{
  const int troubles = ++m_troubles[number];
  if (m_goal.until != Until::ended && troubles > patience_with_network) {
    throw Error{Fault::network, fmt::format("{}: {}", doing, setback.words),
                fmt::format("nothing is lost; run `batchwright poll {}` when the server can be reached", m_job.name)};
  }
  const auto wait = std::max(trouble_wait(troubles), std::min(setback.retry_after.value_or(Millis{0}), longest_wait));
  const auto when = now() + wait;
  if (now() >= m_quiet_until) {
    m_quiet_until = when;
    note(Note::Level::warning, fmt::format("{}: {}; trying again in {} s", doing, setback.words, wait.count() / 1000));
  }
  return when;
}

void Run::reject(std::string_view doing, const Setback& setback) const
{
  const bool redirect = setback.status >= 300 && setback.status < 400;
  throw Error{redirect ? Fault::config : Fault::rejected, fmt::format("{}: {}", doing, setback.words),
              redirect ? "set OPENAI_BASE_URL to the address that the server names"
                       : fmt::format("nothing is lost; `batchwright status {}` shows how the job stands", m_job.name)};
}

bool has_ended(const BatchStatus& status)
{
  const auto phase = wire::phase(status.status);
  return phase == wire::BatchPhase::finished || phase == wire::BatchPhase::refused;
}

Instant lapse_of(const BatchStatus& status, const wire::Profile& profile, Instant now)
{
  return status.ended_at.value_or(now) + profile.file_retention;
}

bool failed_as_a_whole(const Part& p)
{
  return wire::phase(p.remote.status) == wire::BatchPhase::refused;
}

BatchStatus status_of(const wire::BatchObject& batch)
{
  BatchStatus s;
  s.status = batch.status;
  s.total = batch.total;
  s.completed = batch.completed;
  s.failed = batch.failed;
  s.output_file = batch.output_file;
  s.error_file = batch.error_file;
  s.created_at = batch.created_at;
  s.ended_at = batch.ended_at;
  if (!batch.errors.empty()) {
    s.error_code = batch.errors.front().code;
    s.error_message = batch.errors.front().message;
  }
  return s;
}

} // namespace batchwright::engine
