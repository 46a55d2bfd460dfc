// Real-time parts: their requests are handed to a processor, which keeps the journal; here it is started, watched and
// stopped, and what came of it is recorded. Also the switch: parts that change their route.

#include <batchwright/engine/moves.hpp>
#include <batchwright/engine/processors.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>
#include <batchwright/results/billing.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

namespace batchwright::engine {
namespace {

constexpr Millis request_timeout{600'000};
constexpr Millis flex_timeout{900'000};
/// How often the figures of a part that is being sent are stored, for those who look from outside.
constexpr Millis between_figures{2'000};
/// How often it is noted that all is still put off.
constexpr Millis between_sights{600'000};

/// How often a part sends a request at most. What is only tried first leaves attempts for the way that all others go.
int attempts_of(const Job& job, const Part& p)
{
  constexpr int attempts_of_probe = 2;
  return is_probe(p) ? std::min(attempts_of_probe, job.policy.max_attempts) : job.policy.max_attempts;
}

/// What a request will be charged: the larger of its input, as its share of the part's, and what bounds its answer.
std::function<std::int64_t(std::string_view)> charge_of(const Job& job, const Part& p)
{
  auto spec = job.request;
  if (p.max_output_tokens) spec.max_output_tokens = p.max_output_tokens;
  const auto bound = wire::output_bound(spec).value_or(Tokens{}).n;
  const auto per_byte = p.bytes > 0 ? static_cast<double>(p.input_tokens.n) / static_cast<double>(p.bytes) : 0.25;
  return [bound, per_byte](std::string_view line) {
    return std::max(bound, static_cast<std::int64_t>(per_byte * static_cast<double>(line.size())) + 1);
  };
}

/// What was read of the journal, as far as that is still there: a crash of the machine may have taken its end.
SoFar so_far_in(const std::filesystem::path& journal, const Part& p)
{
  std::error_code none;
  const auto bytes = std::filesystem::file_size(journal, none);
  return !none && bytes >= p.so_far.bytes ? p.so_far : SoFar{};
}

std::string_view words_of(realtime::Obstacle obstacle)
{
  switch (obstacle) {
  case realtime::Obstacle::key:
    return "the key was refused";
  case realtime::Obstacle::forbidden:
    return "every request was refused for want of permission";
  case realtime::Obstacle::quota:
    return "the quota is used up";
  default:
    return "the server cannot be used";
  }
}

} // namespace

void Run::call(const Part& p)
{
  if (lacks_room(p)) return;
  if (p.state == PartState::planned)
    record(p.number, [](Part& changed, store::Transaction&) { move(changed, PartEvent::calls_begun); });
  const auto& tier = m_job.request.service_tier;
  auto& processor = m_processors.of(model_of(p), m_job.policy.realtime);
  const auto on_over = [this, number = p.number](const realtime::Result& result) {
    m_workers.announce([this, number, result] { take_called(number, result); });
  };
  const auto id = processor.start({.owner = m_job.name,
                                   .requests = m_files.requests(p.number),
                                   .journal = m_files.output(p.number),
                                   .count = p.requests,
                                   .first_attempt = p.attempt,
                                   .max_attempts = attempts_of(m_job, p),
                                   .is_trial = is_probe(p),
                                   .timeout = tier == "flex" ? flex_timeout : request_timeout,
                                   .service_tier = tier,
                                   .careful = m_probing,
                                   .tokens_of = charge_of(m_job, p),
                                   .spending = spending_of(p)},
                                  on_over);
  m_busy.insert(p.number); // only now: where the start throws, nothing is under way
  const auto so_far = so_far_in(m_files.output(p.number), p);
  m_called[p.number] = {.processor = &processor,
                        .id = id,
                        .failed_before = p.remote.failed,
                        .answered_before = p.remote.completed + p.remote.failed,
                        .so_far_before = so_far,
                        .billing = std::make_shared<results::JournalBilling>(
                            p, m_files.output(p.number), settle_context(m_tools, m_job, p), so_far.bytes)};
}

void Run::take_called(int number, const realtime::Result& result)
{
  const auto called = m_called.at(number);
  m_busy.erase(number);
  m_called.erase(number);
  if (static_cast<std::int64_t>(result.answered) > called.answered_before) m_probing = false;
  try {
    record_called(number, called, result);
  } catch (...) {
    give_up(std::current_exception());
  }
}

void Run::record_called(int number, const Called& called, const realtime::Result& result)
{
  called.billing->read_on();
  record(number, [&](Part& changed, store::Transaction&) {
    changed.billed_again = result.billed_again;
    const auto answered = static_cast<std::int64_t>(result.answered);
    changed.remote.failed = std::min(called.failed_before + static_cast<std::int64_t>(result.failed), answered);
    changed.remote.completed = answered - changed.remote.failed;
    changed.so_far = called.billing->added_to(called.so_far_before);
    if (result.end == realtime::End::answered) move(changed, PartEvent::calls_answered);
  });
  if (const auto condition = m_processors.condition(model_of(part(number))))
    note_how_calls_go(part(number), *condition); // a short run learns, too
  if (result.in_flight > 0) {
    note(Note::Level::warning,
         fmt::format("part {}: {} requests were given up while they were in flight; they may be billed again", number,
                     result.in_flight));
  }
  if (result.fault) std::rethrow_exception(result.fault);
  if (result.end != realtime::End::obstacle) return;
  const auto why = fmt::format("part {}: {}: {}", number, words_of(result.obstacle), result.words);
  switch (result.obstacle) {
  case realtime::Obstacle::key:
  case realtime::Obstacle::forbidden:
    return pause(Pause::auth, why);
  case realtime::Obstacle::quota:
    return pause(Pause::quota, why);
  case realtime::Obstacle::address:
    throw Error{Fault::config, why, "set OPENAI_BASE_URL to the address that the server names"};
  case realtime::Obstacle::money:
    m_unpaid[number] = result.lacking;
    return;
  case realtime::Obstacle::none:
    break;
  }
}

/// Whether the requests of real-time parts may go on being sent.
bool Run::may_call() const
{
  return m_course == Course::going && m_job.pause == Pause::none && m_job.cancel == Cancel::none;
}

/// What was started is watched: it stops where the job does, and what takes too long to come home is given up.
void Run::tend_calls()
{
  if (m_called.empty()) return;
  const bool goes_on = may_call();
  const bool is_hurried = m_course != Course::going || m_job.cancel != Cancel::none; // a pause waits for what it takes
  if (!is_hurried) {
    m_drain_until.reset();
  } else {
    const auto latest = now() + m_job.policy.realtime.drain_timeout;
    m_drain_until = std::min(m_drain_until.value_or(latest), latest); // though the clock was set back
  }
  const bool at_once =
      m_tools.interrupt.count() > 1 || m_job.cancel == Cancel::abandon || (m_drain_until && now() >= *m_drain_until);
  const auto calls = m_called; // dropping one tells us at once
  for (const auto& [number, called] : calls) {
    if (goes_on) continue;
    if (at_once) {
      called.processor->drop(called.id);
    } else {
      called.processor->stop(called.id);
    }
  }
  try {
    store_figures();
  } catch (...) { // what is in flight comes home first
    if (m_course == Course::going) give_up(std::current_exception());
  }
}

std::uint64_t Run::calls_in_flight() const
{
  std::uint64_t sum = 0;
  for (const auto& [number, called] : m_called) {
    const auto pulse = called.processor->pulse(called.id);
    sum += pulse ? pulse->in_flight : 0;
  }
  return sum;
}

/// What is only put off, with nothing answered in between, is remembered since when: after a day the job pauses.
void Run::note_how_calls_go(const Part& p, const realtime::Condition& condition)
{
  if (!condition.putting_off && !condition.last_answer) return; // nothing came home yet
  const auto known = m_tools.store.queue(m_job.account, model_of(p));
  auto changed = known;
  if (condition.putting_off) {
    learn_put_off(changed, *condition.putting_off, now());
  } else {
    changed.failing_since.reset();
  }
  const bool is_news = changed.failing_since != known.failing_since || !known.failing_seen ||
                       changed.failing_seen > *known.failing_seen + between_sights;
  if (is_news) {
    store::Transaction tx{m_tools.store};
    learn(tx, p, [&](Queue& q) {
      q.failing_since = changed.failing_since;
      q.failing_seen = changed.failing_seen;
    });
    tx.commit();
  }
  if (condition.putting_off) pause_if_nothing_goes(p);
}

void Run::store_figures()
{
  if (now() < m_next_figures && m_next_figures <= now() + between_figures) return;
  m_next_figures = now() + between_figures;
  for (const auto& [number, called] : m_called) {
    const auto pulse = called.processor->pulse(called.id);
    if (!pulse) continue;
    const auto failed = called.failed_before + static_cast<std::int64_t>(pulse->failed);
    const auto completed = static_cast<std::int64_t>(pulse->answered) - failed;
    const auto& p = part(number);
    if (const auto condition = m_processors.condition(model_of(p))) note_how_calls_go(p, *condition);
    if (p.remote.completed == completed && p.remote.failed == failed && p.billed_again == pulse->billed_again) continue;
    called.billing->read_on();
    record(number, [&](Part& changed, store::Transaction&) {
      changed.remote.completed = std::max<std::int64_t>(0, completed);
      changed.remote.failed = failed;
      changed.billed_again = pulse->billed_again;
      changed.so_far = called.billing->added_to(called.so_far_before);
    });
  }
}

/// All that is left goes in real time: a part without a batch changes its route, and keeps its file where that stands.
void Run::reroute(const Part& p)
{
  record(p.number, [&](Part& changed, store::Transaction& tx) {
    if (const auto* upload = call_of(p.number)) put_call(tx, std::string{upload->uuid}, CallState::abandoned);
    move(changed, PartEvent::rerouted);
    changed.route = Route::realtime;
    forget_file(changed, m_files);
    changed.remote = {};
    changed.reserved = {};
    changed.before_cap = false;
    changed.due.reset();
    tx.log(m_job.name, p.number, "goes in real time");
  });
}

} // namespace batchwright::engine
