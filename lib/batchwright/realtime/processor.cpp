#include <batchwright/realtime/conditions.hpp>
#include <batchwright/realtime/processor.hpp>
#include <batchwright/realtime/running.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace batchwright::realtime {
namespace {

/// A clock that was set may not hold up the thread that deals out for longer.
constexpr Millis longest_sleep{60'000};
/// A request whose attempt counts though no other is answered waits so long: the trouble may pass meanwhile.
constexpr Millis wait_in_silence{10'000};

double draw()
{
  thread_local std::minstd_rand engine{std::random_device{}()};
  return std::uniform_real_distribution<double>{0, 1}(engine);
}

} // namespace

struct Processor::State {
  State(api::Caller& caller_, const ProcessorOptions& options, const Clock& clock_)
      : caller(caller_), clock(clock_), conditions(options.limits, clock_.now()), bound(options.max_in_flight)
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
    if (has_calls()) caller.end_all();
    for (auto& thread : callers)
      thread.join();
  }

  bool has_calls()
  {
    const std::lock_guard lock{mutex};
    return in_flight > 0;
  }

  using Shared = std::shared_ptr<Running>;
  /// A work, or a request of it, on its way.
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
      if (const auto sleep = deal_one()) wake_dealer.wait_for(lock, *sleep);
    }
  }

  /// Sends the request whose turn it is. Where none may go, tells for how long, if nothing happens until then.
  std::optional<Millis> deal_one()
  {
    const auto now = clock.now();
    waits_until.reset();
    why.clear();
    if (in_flight >= most_in_flight()) return longest_sleep;
    auto& breaker = conditions.breaker;
    if (conditions.is_probing() && probes > 0) return longest_sleep;
    if (const auto at = breaker.probe_at(now); at && *at > now)
      return wait(*at, now,
                  fmt::format("{} requests failed in a row; trying again with one", Breaker::failures_in_a_row));
    auto next = now + longest_sleep;
    const auto turn = find_turn(now, next);
    if (!turn) return next < now + longest_sleep ? wait(next, now, "sent again after a failure") : longest_sleep;
    const auto when = conditions.limiter.ready_at(turn->running->next(now).tokens, now);
    if (when > now) {
      const auto paused = conditions.limiter.paused_until();
      return wait(when, now, paused && *paused > now ? "the server asked to wait" : "the rate limit");
    }
    send(*turn, now);
    return std::nullopt;
  }

  Millis wait(Instant until, Instant now, std::string reason)
  {
    waits_until = until;
    why = std::move(reason);
    return std::clamp(until - now, Millis{1}, longest_sleep);
  }

  /// The work whose turn it is: owners take turns, and of one owner the first work that has something to send. Where
  /// none has, `next` is no later than one will.
  std::optional<Task> find_turn(Instant now, Instant& next)
  {
    const auto& breaker = conditions.breaker;
    // Enough that a server that is gone is told by as many as that takes; then one goes in minutes, and they stay few.
    const auto most_waiting = breaker.is_open()
                                  ? std::numeric_limits<std::uint64_t>::max()
                                  : std::max<std::uint64_t>(2 * most_in_flight(), 2 * Breaker::failures_in_a_row);
    std::map<std::string_view, Task> turns; // by owner
    for (const auto& [id, running] : works) {
      const std::string_view owner = running->work().owner;
      if (turns.contains(owner) || (running->is_careful && in_flight > 0)) continue;
      const bool has_turn = breaker.is_in_doubt() ? running->has_probe(now, most_waiting, next)
                                                  : running->has_next(now, most_waiting, next);
      if (!has_turn) continue;
      if (running->can_pay(now)) {
        turns.emplace(owner, Task{id, running, {}});
      } else if (running->in_flight == 0) { // else what is in flight may leave some over
        running->lack_money(now);
        next = now; // it is over
        wake_dealer.notify_one();
      }
    }
    if (turns.empty()) return std::nullopt;
    const auto behind_last = turns.upper_bound(last_owner);
    return behind_last == turns.end() ? turns.begin()->second : behind_last->second;
  }

  void send(Task turn, Instant now)
  {
    auto& r = *turn.running;
    last_owner = r.work().owner;
    if (idle <= ready.size() && !hire(r)) return;
    if (!r.pay(now)) return; // another took it since
    const auto price = r.next(now).most_cost;
    auto call = r.begin_next(now);
    if (!call) return r.refund(price);
    call->ticket = conditions.limiter.take(call->tokens, now);
    call->probe = conditions.is_probing();
    call->alone = in_flight == 0;
    call->standard = call->standard || refused_tiers.contains(r.work().service_tier);
    ++in_flight;
    probes += call->probe ? 1 : 0;
    turn.call = *std::move(call);
    ready.push_back(std::move(turn));
    if (!deals_to_itself) wake_callers.notify_one();
  }

  /// One thread more for calls, where the system gives it. False where there is none at all.
  bool hire(Running& r)
  {
    try {
      callers.emplace_back([this] { make_calls(); });
    } catch (const std::system_error&) {
      most_threads = std::max<std::uint64_t>(1, callers.size());
      if (callers.empty()) r.break_off(std::current_exception());
    }
    return !callers.empty();
  }

  std::uint64_t most_in_flight() const { return std::min(conditions.most_in_flight(bound), most_threads); }

  void end_works(std::unique_lock<std::mutex>& lock)
  {
    for (auto at = works.begin(); at != works.end();) {
      if (!at->second->is_over()) {
        ++at;
        continue;
      }
      const auto running = at->second;
      works.erase(at);
      lock.unlock();
      running->conclude();
      lock.lock();
      at = works.begin();
    }
  }

  // --- calls: many threads ---

  void make_calls()
  {
    Task task; // the last one is let go without the lock
    std::unique_lock lock{mutex};
    for (bool came_home = false;; came_home = true) {
      ++idle;
      if (came_home) deal_to_itself();
      if (ready.empty()) {
        lock.unlock();
        task = {};
        lock.lock();
      }
      wake_callers.wait(lock, [this] { return is_ending || !ready.empty(); });
      --idle;
      if (is_ending) return;
      auto next = std::move(ready.front());
      ready.pop_front();
      lock.unlock();
      task = std::move(next);
      make(task, lock);
    }
  }

  /// Who comes home takes the next request along: to wake two threads for each costs more than all else.
  void deal_to_itself()
  {
    if (!is_ending && ready.empty()) {
      deals_to_itself = true;
      deal_one();
      deals_to_itself = false;
    }
    if (ready.empty() || in_flight < most_in_flight()) wake_dealer.notify_one();
  }

  /// Comes back with the lock: it is contended, so it is taken once for what came home and what goes next.
  void make(Task& task, std::unique_lock<std::mutex>& lock)
  {
    const auto& work = task.running->work();
    const auto body = body_to_send(task.call, work.service_tier);
    const bool asked_tier = body.size() != task.call.body.size();
    api::Answered answered;
    Decision decision;
    std::exception_ptr fault;
    try {
      answered = caller.call(task.call.url, body, work.timeout);
      decision = decide(answered, work.timeout);
    } catch (...) { // the disk takes no answer
      fault = std::current_exception();
      decision = {
          .then = Then::again_free, .rate = RateWord::failed, .billed = true, .why = "its answer could not be stored"};
    }
    const bool is_unknown_tier = asked_tier && mind_tier(decision, answered, task.call);
    lock.lock();
    come_home(lock, task, answered, std::move(decision), fault, is_unknown_tier);
  }

  void come_home(std::unique_lock<std::mutex>& lock, Task& task, const api::Answered& answered, Decision decision,
                 const std::exception_ptr& fault, bool is_unknown_tier)
  {
    auto& call = task.call;
    auto& r = *task.running;
    const auto now = clock.now();
    if (is_unknown_tier) refused_tiers.insert(r.work().service_tier);
    conditions.hear(call, answered, decision, now);
    if (!r.is_dropped && !is_ending) {
      if (fault) r.break_off(fault); // nothing more is bought
      settle(decision, call,
             {.now = now,
              .let_go = conditions.limiter.let_go(),
              .max_attempts = r.work().max_attempts,
              .in_silence = conditions.is_old_news(call),
              .is_free = !r.work().is_trial && conditions.is_free(call, decision.billed, now),
              .is_large = conditions.is_large(call.tokens)});
      conditions.note(call, answered, decision, now);
      r.account(call, answered, decision);
      if (is_of_use(decision)) end_caution();
      follow(lock, task, answered, decision, now);
      if (--r.in_flight == 0) wake_dealer.notify_one(); // it may be over
    }
    leave(call);
  }

  void leave(const Call& call)
  {
    --in_flight;
    probes -= call.probe ? 1 : 0;
  }

  /// Nothing stands in the way of all requests any more.
  void end_caution()
  {
    for (const auto& [id, running] : works)
      running->is_careful = false;
  }

  void follow(std::unique_lock<std::mutex>& lock, Task& task, const api::Answered& answered, const Decision& decision,
              Instant now)
  {
    auto& r = *task.running;
    if (r.is_to_be_held(decision)) return r.hold(task.call, answered, decision);
    if (decision.then == Then::keep || decision.then == Then::hold)
      return store(lock, r, task.call, answered, decision);
    if (decision.obstacle != Obstacle::none) {
      for (const auto& [id, running] : works) // what stands in the way of one stands in the way of all
        running->meet(decision.obstacle, decision.why);
    }
    r.send_again(std::move(task.call), decision, now + wait_of(task.call, answered, decision));
  }

  /// Until the request goes again.
  Millis wait_of(const Call& call, const api::Answered& answered, const Decision& decision) const
  {
    const bool is_paced = decision.rate == RateWord::refused || decision.rate == RateWord::slow_down;
    if (decision.at_once || is_paced) return Millis{0}; // the limiter holds all of them back
    const auto wait = wait_before_again(std::max(1, call.failures), answered.retry_after, draw());
    // An attempt was used up, and nobody is heard who tells whether that was in vain.
    return decision.in_silence ? std::max(wait, wait_in_silence) : wait;
  }

  /// Without the lock while the line is made and written.
  void store(std::unique_lock<std::mutex>& lock, Running& r, const Call& call, const api::Answered& answered,
             const Decision& decision)
  {
    std::exception_ptr fault;
    ++r.storing;
    lock.unlock();
    try {
      r.journal->answer(call.request, line_of(call, answered, decision));
    } catch (...) {
      fault = std::current_exception();
    }
    lock.lock();
    --r.storing;
    stored.notify_all();
    if (fault) return r.break_off(fault);
    r.was_answered(answered, decision);
  }

  void give_up(std::unique_lock<std::mutex>& lock, const Shared& running)
  {
    running->stop();
    running->is_dropped = true;
    std::erase_if(ready, [&](const Task& task) {
      if (task.running != running) return false;
      running->take_back(task.call);
      conditions.limiter.unsent(task.call.ticket, clock.now());
      leave(task.call);
      return true;
    });
    wake_dealer.notify_one();
    stored.wait(lock, [&] { return running->storing == 0; });
    running->given_up = running->in_flight;
  }

  api::Caller& caller;
  const Clock& clock;
  std::mutex mutex = {}; // of all below
  std::condition_variable wake_dealer = {};
  std::condition_variable wake_callers = {};
  std::condition_variable stored = {};
  Conditions conditions;
  std::uint64_t bound; // of what may be in flight; 0: none
  std::map<Id, Shared> works = {};
  Id next_id = 1;
  std::string last_owner = {};
  std::deque<Task> ready = {};
  std::uint64_t in_flight = 0;
  std::uint64_t probes = 0; // of those
  std::uint64_t idle = 0;   // threads that wait for a call
  std::uint64_t most_threads = std::numeric_limits<std::uint64_t>::max();
  std::optional<Instant> waits_until = {};
  std::string why = {};
  std::set<std::string> refused_tiers = {}; // of those that we were asked to write into requests
  bool is_ending = false;
  bool deals_to_itself = false; // whoever deals makes the call
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
  found->second->stop();
  m_state->wake_dealer.notify_one();
}

void Processor::drop(Id id)
{
  std::unique_lock lock{m_state->mutex};
  const auto found = m_state->works.find(id);
  if (found == m_state->works.end()) return;
  const auto running = found->second;
  m_state->works.erase(found);
  m_state->give_up(lock, running);
  lock.unlock();
  running->conclude();
}

std::optional<Pulse> Processor::pulse(Id id) const
{
  const std::lock_guard lock{m_state->mutex};
  const auto found = m_state->works.find(id);
  return found == m_state->works.end() ? std::nullopt : std::optional{found->second->pulse()};
}

Condition Processor::condition() const
{
  const std::lock_guard lock{m_state->mutex};
  const auto& s = *m_state;
  return {.told = s.conditions.limiter.told(),
          .limits = s.conditions.limiter.limits(),
          .allowed = s.conditions.limiter.allowed(s.clock.now()),
          .is_idle = s.works.empty(),
          .in_flight = s.in_flight,
          .most_in_flight = s.most_in_flight(),
          .latency = s.conditions.latency(),
          .waits_until = s.waits_until,
          .why = s.why,
          .last_answer = s.conditions.last_answer(),
          .putting_off = s.conditions.putting_off()};
}

void Processor::set_share(double share)
{
  const std::lock_guard lock{m_state->mutex};
  m_state->conditions.limiter.set_share(share, m_state->clock.now());
  m_state->wake_dealer.notify_one();
}

void Processor::adjust(const ProcessorOptions& options)
{
  const std::lock_guard lock{m_state->mutex};
  auto& s = *m_state;
  const bool is_tighter = options.max_in_flight > 0 && (s.bound == 0 || options.max_in_flight < s.bound);
  if (is_tighter) s.bound = options.max_in_flight;
  s.conditions.limiter.restrict(options.limits.given, options.limits.headroom, s.clock.now());
  m_state->wake_dealer.notify_one();
}

} // namespace batchwright::realtime
