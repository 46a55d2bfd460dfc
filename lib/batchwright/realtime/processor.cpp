#include <batchwright/base/error.hpp>
#include <batchwright/realtime/breaker.hpp>
#include <batchwright/realtime/call.hpp>
#include <batchwright/realtime/journal.hpp>
#include <batchwright/realtime/processor.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace batchwright::realtime {
namespace {

/// What may be in flight at first; it doubles with each round of answers, since each connection costs a handshake.
constexpr std::uint64_t first_in_flight = 16;
/// The most that goes where the user names no bound.
constexpr std::uint64_t default_most = 2'000;
/// The same where no limit is known either.
constexpr std::uint64_t most_without_limits = 256;
/// The latency is taken to be this as long as nothing was answered.
constexpr Millis assumed_latency{2'000};
/// So many 403 and no other answer: it is the account.
constexpr std::size_t forbidden_in_a_row = 20;
/// How often a request that asks for more than a minute has is refused before that is final.
constexpr int refusals_of_large = 3;
/// A clock that was set may not hold up the thread that deals out for longer.
constexpr Millis longest_sleep{60'000};

struct HeldAnswer {
  Call call = {};
  std::string line = {};
  std::string why = {};
};

/// A work in progress.
struct Running {
  Running(Work work_, Processor::OnOver on_over_)
      : work(std::move(work_)),
        on_over(std::move(on_over_)),
        journal(work.journal, work.count),
        file(work.requests, work.tokens_of)
  {
    pulse.answered = journal.answered();
    has_answers = pulse.answered > 0;
    pulse.billed_again = journal.billed_again();
    is_careful = work.careful;
  }

  Work work;
  Processor::OnOver on_over;
  Journal journal;
  RequestFile file;
  std::optional<Call> head = {};           // read, and not dealt out yet
  std::multimap<Instant, Call> again = {}; // to be sent again, by their time
  std::vector<HeldAnswer> held = {};
  bool is_read = false; // the file is at its end
  bool is_stopping = false;
  bool is_dropped = false;
  bool has_answers = false; // some that are no 403
  bool is_careful = false;
  int storing = 0; // threads that write into the journal now
  Pulse pulse = {};
  Result result = {};
};

double draw()
{
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

} // namespace

struct Processor::State {
  State(api::Caller& caller_, const ProcessorOptions& options_, const Clock& clock_)
      : caller(caller_), clock(clock_), options(options_), limiter(options_.limits, clock_.now())
  {
    dealer = std::thread{[this] { deal_out(); }};
  }

  ~State()
  {
    {
      const std::lock_guard lock{mutex};
      is_ending = true;
    }
    wake_dealer.notify_all();
    wake_callers.notify_all();
    dealer.join();
    if (in_flight > 0) caller.end_all();
    for (auto& thread : callers)
      thread.join();
  }

  using Shared = std::shared_ptr<Running>;
  struct Task {
    Id id = 0;
    Shared running = {};
    Call call = {};
  };

  // --- dealing out: one thread, under the lock ---

  void deal_out()
  {
    std::unique_lock lock{mutex};
    while (!is_ending) {
      end_works(lock);
      if (is_ending) return;
      auto sleep = longest_sleep;
      if (deal_one(sleep)) continue;
      if (sleep > Millis{0}) wake_dealer.wait_for(lock, sleep);
    }
  }

  /// Sends one request on its way; false where none may go, and `sleep` says until when.
  bool deal_one(Millis& sleep)
  {
    const auto now = clock.now();
    const auto wait_for = [&](Instant until, std::string_view reason) {
      sleep = std::min(sleep, std::max(Millis{1}, until - now));
      waits_until = until;
      why = reason;
      return false;
    };
    waits_until.reset();
    why.clear();
    if (in_flight >= may_be_in_flight()) return false; // an answer wakes us
    if (breaker.is_open()) {
      if (in_flight > 0) return false;
      if (const auto at = breaker.probe_at(now); at && *at > now)
        return wait_for(*at,
                        fmt::format("{} requests failed in a row; trying again with one", Breaker::failures_in_a_row));
    }
    Instant next = now + longest_sleep;
    const auto candidate = find_candidate(now, next);
    if (!candidate) {
      if (next < now + longest_sleep) wait_for(next, "sent again after a failure");
      return false;
    }
    const auto& call = head_of(*candidate->second, now);
    const auto when = limiter.ready_at(call.tokens, now);
    if (when > now) {
      const auto paused = limiter.paused_until();
      return wait_for(when, paused && *paused > now ? "the server asked to wait" : "the rate limit");
    }
    send(candidate->first, candidate->second, now);
    return true;
  }

  using Candidate = std::pair<Id, Shared>;

  /// The work whose turn it is: owners take turns, and of one owner the first work that has something to send.
  std::optional<Candidate> find_candidate(Instant now, Instant& next)
  {
    std::optional<Candidate> first;
    std::optional<Candidate> after_last; // the first of an owner behind the one served last
    std::map<std::string_view, bool> seen;
    for (const auto& [id, running] : works) {
      if (running->is_stopping || seen.contains(running->work.owner) || !has_something(*running, now, next)) continue;
      seen.emplace(running->work.owner, true);
      if (!first || running->work.owner < first->second->work.owner) first = Candidate{id, running};
      const bool is_behind = running->work.owner > last_owner;
      if (is_behind && (!after_last || running->work.owner < after_last->second->work.owner))
        after_last = Candidate{id, running};
    }
    return after_last ? after_last : first;
  }

  /// Whether the work has a request that may go now; where only later, `next` says when.
  bool has_something(Running& r, Instant now, Instant& next)
  {
    if (r.is_careful && r.pulse.in_flight > 0) return false;
    if (!r.has_answers && r.held.size() >= forbidden_in_a_row) return false;
    if (!r.again.empty()) {
      const auto due = r.again.begin()->first;
      if (due <= now || due > now + longest_sleep + Millis{3'600'000}) return true;
      next = std::min(next, due);
    }
    const bool has_many_waiting = r.again.size() > 2 * may_be_in_flight();
    return !has_many_waiting && read_head(r);
  }

  /// Reads on to the next request without an answer.
  bool read_head(Running& r)
  {
    if (r.head) return true;
    try {
      while (r.file.position() < r.work.count && r.journal.known(r.file.position()).answered)
        r.file.skip();
      if (r.file.position() >= r.work.count) {
        r.is_read = true;
        return false;
      }
      const auto known = r.journal.known(r.file.position());
      r.head = r.file.next();
      ensure(r.head.has_value(), "a request file has as many lines as its part has requests");
      r.head->attempt = std::max(known.attempt, r.work.first_attempt);
    } catch (...) {
      break_off(r, std::current_exception());
    }
    return r.head.has_value();
  }

  const Call& head_of(Running& r, Instant now)
  {
    const bool has_due = !r.again.empty() && (r.again.begin()->first <= now || !r.head);
    return has_due ? r.again.begin()->second : *r.head;
  }

  Call take_head(Running& r, Instant now)
  {
    const bool has_due = !r.again.empty() && (r.again.begin()->first <= now || !r.head);
    if (has_due) return std::move(r.again.extract(r.again.begin()).mapped());
    return *std::exchange(r.head, std::nullopt);
  }

  void send(Id id, const Shared& running, Instant now)
  {
    auto& r = *running;
    auto call = take_head(r, now);
    try {
      r.journal.begin(call.request, call.attempt);
    } catch (...) {
      r.again.emplace(now, std::move(call));
      return break_off(r, std::current_exception());
    }
    call.ticket = limiter.take(call.tokens, now);
    call.probe = breaker.is_open();
    call.alone = in_flight == 0;
    last_owner = r.work.owner;
    ++in_flight;
    ++r.pulse.in_flight;
    ready.push_back({id, running, std::move(call)});
    if (idle < ready.size()) hire();
    wake_callers.notify_one();
  }

  /// One thread more for calls, where the system gives it.
  void hire()
  {
    try {
      callers.emplace_back([this] { make_calls(); });
    } catch (const std::system_error&) {
      most_threads = std::max<std::uint64_t>(1, callers.size());
      if (callers.empty()) throw;
    }
  }

  std::uint64_t may_be_in_flight() const
  {
    auto most = options.max_in_flight > 0 ? options.max_in_flight : most_by_rate();
    return std::max<std::uint64_t>(1, std::min({most, ramp, most_threads}));
  }

  /// As much as the rate and the latency make of themselves, and half as much again.
  std::uint64_t most_by_rate() const
  {
    const auto limits = limiter.limits();
    if (!limits.requests && !limits.tokens) return most_without_limits;
    auto per_minute = limits.requests.value_or(1e9);
    if (limits.tokens && mean_tokens > 0) per_minute = std::min(per_minute, *limits.tokens / mean_tokens);
    const auto minutes = static_cast<double>(latency.value_or(assumed_latency).count()) / 60'000;
    const auto enough = std::clamp(per_minute * minutes * 1.5 + 8, 16.0, static_cast<double>(default_most));
    return static_cast<std::uint64_t>(enough);
  }

  // --- works that end ---

  bool is_over(const Running& r) const
  {
    if (r.pulse.in_flight > 0) return false;
    if (r.is_stopping) return true;
    const bool all_forbidden = !r.has_answers && r.held.size() >= forbidden_in_a_row;
    return all_forbidden || (r.is_read && !r.head && r.again.empty());
  }

  void end_works(std::unique_lock<std::mutex>& lock)
  {
    for (auto at = works.begin(); at != works.end();) {
      if (!is_over(*at->second)) {
        ++at;
        continue;
      }
      const auto running = at->second;
      works.erase(at);
      lock.unlock();
      conclude(*running);
      lock.lock();
      at = works.begin();
    }
  }

  /// Without the lock: nobody else has the work any more.
  static void conclude(Running& r)
  {
    auto& result = r.result;
    try {
      store_held(r);
      r.journal.sync();
    } catch (...) {
      if (!result.fault) result.fault = std::current_exception();
    }
    result.answered = r.journal.answered();
    result.billed_again = r.journal.billed_again();
    if (result.fault) {
      result.end = End::broken;
    } else if (result.answered == r.work.count) {
      result.end = End::answered;
    } else {
      result.end = result.obstacle == Obstacle::none ? End::stopped : End::obstacle;
    }
    r.on_over(result);
  }

  /// 403 for single requests among others is their own matter; for all, it is the account's.
  static void store_held(Running& r)
  {
    for (const auto& held : r.held) {
      if (r.has_answers) {
        r.journal.answer(held.call.request, held.line);
      } else {
        r.journal.missed({JournalLine::Kind::missed, held.call.request, held.call.attempt, false}, held.why);
        r.result.obstacle = Obstacle::forbidden;
        r.result.words = held.why;
      }
    }
    r.held.clear();
  }

  void break_off(Running& r, std::exception_ptr fault)
  {
    if (!r.result.fault) r.result.fault = std::move(fault);
    r.is_stopping = true;
  }

  // --- calls: many threads ---

  void make_calls()
  {
    std::unique_lock lock{mutex};
    for (;;) {
      ++idle;
      wake_callers.wait(lock, [this] { return is_ending || !ready.empty(); });
      --idle;
      if (is_ending) return;
      auto task = std::move(ready.front());
      ready.pop_front();
      lock.unlock();
      make(task);
      lock.lock();
    }
  }

  void make(Task& task)
  {
    const auto& work = task.running->work;
    const auto body = body_to_send(task.call, has_tier ? std::string_view{work.service_tier} : std::string_view{});
    const bool asked_tier = body.size() != task.call.body.size();
    api::Answered answered;
    try {
      answered = caller.call(task.call.url, body, work.timeout);
    } catch (...) { // the disk takes no answer: nothing more is bought
      const std::lock_guard lock{mutex};
      break_off(*task.running, std::current_exception());
      answered.trouble = "its answer could not be stored";
    }
    auto decision = decide(answered, work.timeout);
    if (asked_tier) mind_tier(decision, answered, task.call);
    come_home(task, answered, std::move(decision));
  }

  /// Where the tier that was asked for has no room or is not known, the standard one is asked.
  void mind_tier(Decision& decision, const api::Answered& answered, Call& call)
  {
    const bool unknown = answered.status == 400 && (answered.error.param == "service_tier" ||
                                                    answered.error.message.find("service_tier") != std::string::npos);
    if (!unknown && !decision.no_capacity) return;
    if (unknown) has_tier = false;
    call.standard = true;
    decision = {.then = Then::again_free, .rate = RateWord::unsent, .no_capacity = true, .why = answered.trouble};
  }

  void come_home(Task& task, const api::Answered& answered, Decision decision)
  {
    auto& call = task.call;
    auto& r = *task.running;
    const auto used = tokens_used(answered);
    std::unique_lock lock{mutex};
    const auto now = clock.now();
    learn(call, answered, decision, used, now);
    if (r.is_dropped || is_ending) return leave_open();
    settle_attempts(r, call, decision);
    if (decision.then == Then::keep || decision.then == Then::hold) {
      ++r.storing;
      lock.unlock();
      keep(r, call, answered, decision);
      lock.lock();
      --r.storing;
      stored.notify_all();
    } else {
      send_again(r, std::move(call), answered, decision, now);
    }
    --in_flight;
    --r.pulse.in_flight;
    wake_dealer.notify_one();
  }

  void leave_open()
  {
    --in_flight;
    wake_dealer.notify_one();
  }

  /// What an answer tells of the account and the server.
  void learn(const Call& call, const api::Answered& a, const Decision& d, std::optional<std::int64_t> used, Instant now)
  {
    switch (d.rate) {
    case RateWord::answered:
      limiter.answered(call.ticket, used, a.rates, now);
      break;
    case RateWord::refused:
      limiter.refused(call.ticket, a.retry_after, a.rates, now);
      break;
    case RateWord::slow_down:
      limiter.slow_down(call.ticket, a.retry_after, now);
      break;
    case RateWord::failed:
      limiter.failed(call.ticket, a.rates, now);
      break;
    case RateWord::unsent:
      limiter.unsent(call.ticket, now);
      break;
    }
    if (d.is_failure) {
      breaker.failed(call.probe, now);
      if (breaker.is_open()) ramp = first_in_flight;
    } else if (d.obstacle == Obstacle::none) {
      breaker.succeeded();
    }
    const bool is_answer = d.then == Then::keep;
    if (is_answer) {
      constexpr double weight = 0.1;
      const auto before = static_cast<double>(latency.value_or(a.took).count());
      latency = Millis{static_cast<std::int64_t>(before + weight * (static_cast<double>(a.took.count()) - before))};
      mean_tokens = mean_tokens == 0
                        ? static_cast<double>(used.value_or(call.tokens))
                        : mean_tokens + weight * (static_cast<double>(used.value_or(call.tokens)) - mean_tokens);
      last_answer = now;
      putting_off.reset();
      if (ramp < default_most * 3) ++ramp;
    } else if (d.then != Then::again && !putting_off) {
      putting_off = now;
    }
  }

  /// Whether what is to be sent again is, and what that takes.
  void settle_attempts(const Running& r, Call& call, Decision& d) const
  {
    if (d.is_failure) ++call.failures;
    if (d.then == Then::again) {
      call.timeouts += d.timed_out ? 1 : 0;
      const bool is_free = call.probe || breaker.is_open();
      if (is_free && !d.timed_out) {
        d.then = Then::again_free;
      } else if (call.attempt >= r.work.max_attempts || call.timeouts > 1) {
        d.then = Then::keep;
      }
    } else if (d.rate == RateWord::refused && call.alone && is_large(call)) {
      ++call.refusals_alone;
      d.too_large = d.too_large || call.refusals_alone >= refusals_of_large;
    }
    if (d.too_large) d.then = Then::keep;
  }

  bool is_large(const Call& call) const
  {
    const auto tokens = limiter.limits().tokens;
    return tokens && static_cast<double>(call.tokens) > *tokens;
  }

  /// Without the lock, but counted in `storing`.
  void keep(Running& r, Call& call, const api::Answered& a, const Decision& d)
  {
    try {
      auto line = line_of(call, a, d);
      if (d.then == Then::hold) {
        const std::lock_guard lock{mutex};
        if (!r.has_answers) {
          r.held.push_back({std::move(call), std::move(line), d.why});
          return;
        }
      }
      r.journal.answer(call.request, line);
      const std::lock_guard lock{mutex};
      ++r.pulse.answered;
      if (a.ending != api::Ending::ok) ++r.pulse.failed;
      if (d.then == Then::keep && !d.is_failure) {
        r.has_answers = true;
        r.is_careful = false;
      }
    } catch (...) {
      const std::lock_guard lock{mutex};
      break_off(r, std::current_exception());
    }
  }

  static std::string line_of(const Call& call, const api::Answered& a, const Decision& d)
  {
    if (d.too_large)
      return unanswered_line(call, a.error.code.empty() ? "rate_limit_exceeded" : a.error.code,
                             a.error.message.empty() ? a.trouble : a.error.message);
    if (a.status == 0) return unanswered_line(call, d.timed_out ? "request_timeout" : "connection_lost", a.trouble);
    const bool is_cut = a.status >= 200 && a.status < 300 && a.ending != api::Ending::ok;
    if (is_cut) return unanswered_line(call, "unreadable_answer", a.trouble);
    return answer_line(call, a);
  }

  void send_again(Running& r, Call call, const api::Answered& a, const Decision& d, Instant now)
  {
    try {
      r.journal.missed({JournalLine::Kind::missed, call.request, call.attempt, d.billed}, d.why);
    } catch (...) {
      break_off(r, std::current_exception());
    }
    r.pulse.billed_again += d.billed ? 1 : 0;
    if (d.then == Then::again) ++call.attempt;
    if (d.obstacle != Obstacle::none) stop_all_for(d);
    const bool is_paced =
        d.rate == RateWord::refused || d.rate == RateWord::slow_down; // the limiter holds all of them back
    const auto wait =
        d.no_capacity || is_paced ? Millis{0} : wait_before_again(std::max(1, call.failures), a.retry_after, draw());
    r.again.emplace(now + wait, std::move(call));
  }

  /// What stands in the way of one stands in the way of all.
  void stop_all_for(const Decision& d)
  {
    for (auto& [id, running] : works) {
      running->is_stopping = true;
      if (running->result.obstacle != Obstacle::none) continue;
      running->result.obstacle = d.obstacle;
      running->result.words = d.why;
    }
  }

  api::Caller& caller;
  const Clock& clock;
  std::mutex mutex = {}; // of all below
  std::condition_variable wake_dealer = {};
  std::condition_variable wake_callers = {};
  std::condition_variable stored = {};
  ProcessorOptions options;
  Limiter limiter;
  Breaker breaker = {};
  std::map<Id, Shared> works = {};
  Id next_id = 1;
  std::string last_owner = {};
  std::deque<Task> ready = {};
  std::uint64_t in_flight = 0;
  std::uint64_t idle = 0; // threads that wait for a call
  std::uint64_t ramp = first_in_flight;
  std::uint64_t most_threads = default_most * 10;
  std::optional<Millis> latency = {};
  double mean_tokens = 0;
  std::optional<Instant> last_answer = {};
  std::optional<Instant> putting_off = {};
  std::optional<Instant> waits_until = {};
  std::string why = {};
  std::atomic<bool> has_tier = true;
  bool is_ending = false;
  std::thread dealer = {};
  std::vector<std::thread> callers = {};
};

Processor::Processor(api::Caller& caller, const ProcessorOptions& options, const Clock& clock)
    : m_state(std::make_unique<State>(caller, options, clock))
{
}

Processor::~Processor() = default;

Processor::Id Processor::start(Work work, OnOver on_over)
{
  auto running = std::make_shared<Running>(std::move(work), std::move(on_over));
  const std::lock_guard lock{m_state->mutex};
  const auto id = m_state->next_id++;
  m_state->works.emplace(id, std::move(running));
  m_state->wake_dealer.notify_one();
  return id;
}

void Processor::stop(Id id)
{
  const std::lock_guard lock{m_state->mutex};
  const auto found = m_state->works.find(id);
  if (found == m_state->works.end()) return;
  found->second->is_stopping = true;
  m_state->wake_dealer.notify_one();
}

void Processor::drop(Id id)
{
  std::unique_lock lock{m_state->mutex};
  const auto found = m_state->works.find(id);
  if (found == m_state->works.end()) return;
  const auto running = found->second;
  running->is_stopping = running->is_dropped = true;
  running->result.in_flight = running->pulse.in_flight;
  m_state->works.erase(found);
  std::erase_if(m_state->ready, [&](const State::Task& task) {
    if (task.running != running) return false;
    --m_state->in_flight; // it was never sent
    return true;
  });
  m_state->stored.wait(lock, [&] { return running->storing == 0; });
  lock.unlock();
  State::conclude(*running);
}

std::optional<Pulse> Processor::pulse(Id id) const
{
  const std::lock_guard lock{m_state->mutex};
  const auto found = m_state->works.find(id);
  return found == m_state->works.end() ? std::nullopt : std::optional{found->second->pulse};
}

Condition Processor::condition() const
{
  const std::lock_guard lock{m_state->mutex};
  const auto& s = *m_state;
  return {.limits = s.limiter.limits(),
          .allowed = s.limiter.allowed(s.clock.now()),
          .in_flight = s.in_flight,
          .most_in_flight = s.may_be_in_flight(),
          .latency = s.latency,
          .waits_until = s.waits_until,
          .why = s.why,
          .last_answer = s.last_answer,
          .putting_off = s.putting_off};
}

void Processor::set_share(double share)
{
  const std::lock_guard lock{m_state->mutex};
  m_state->limiter.set_share(share, m_state->clock.now());
  m_state->wake_dealer.notify_one();
}

void Processor::adjust(const ProcessorOptions& options)
{
  const std::lock_guard lock{m_state->mutex};
  m_state->options.max_in_flight = options.max_in_flight;
  m_state->wake_dealer.notify_one();
}

} // namespace batchwright::realtime
