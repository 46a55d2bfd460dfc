// The steps of an advance: what is due is asked, and started where there is room.

#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/join.hpp>
#include <batchwright/engine/probe.hpp>
#include <batchwright/engine/run.hpp>
#include <batchwright/engine/settling.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::engine {
namespace {

/// How often progress is told while workers are busy.
constexpr Millis tick{100};

/// How often the store is asked whether another process wants the job cancelled.
constexpr Millis wish_interval{500};

/// How long a command that only sends stays for a part that may be sent later.
constexpr Millis longest_stay{30'000};

} // namespace

Run::Run(Tools& tools, Server& server, Workers& workers, Processors& processors, Job job, std::vector<Part> parts,
         Goal goal)
    : m_tools(tools),
      m_server(server),
      m_workers(workers),
      m_processors(processors),
      m_job(std::move(job)),
      m_goal(goal),
      m_files(tools.layout.job(m_job.name)),
      m_parts(std::move(parts)),
      m_calls(tools.store.calls(m_job.name, CallState::intended)),
      m_pins(m_job.inputs),
      m_watched(watched_calls(tools.store, m_job.name, now()))
{
  // Somebody asked just now: batches are looked at however recently that was done.
  for (auto& p : m_parts) {
    const bool is_watched = p.state == PartState::abandoned && !p.batch.empty();
    if (has_live_batch(p) || is_watched) p.due.reset();
  }
  if (m_job.cancel != Cancel::none) hurry_to_cancel();
  if (m_goal.every) m_goal.every = std::min(*m_goal.every, longest_wait);
  if (m_goal.at_most && !m_job.policy.deadline) m_ends_at = now() + *m_goal.at_most;
  lift_pause();
  refresh_purse();
  hold_after_failures();
}

/// Where the clock was set back, nothing waits for a time of the old one.
void Run::look_at_clock()
{
  if (now() < std::exchange(m_last_step, now())) {
    m_next_wish_look = m_next_claim = m_next_twin_look = m_next_deadline_look = m_quiet_until = {};
    m_shut.clear();
  }
}

/// Jobs that nobody moves claim no room at the server: this one is moved.
void Run::claim_room()
{
  constexpr Millis between_claims{300'000};
  if (m_goal.sending == Sending::no || now() < m_next_claim) return;
  m_next_claim = now() + between_claims;
  record_job([this](Job& job) { job.advanced_at = now(); });
}

JobView Run::result() const
{
  ensure(is_over(), "a run that is asked for its result has ended");
  if (m_fault) std::rethrow_exception(m_fault);
  auto v = view(m_job, m_parts, Held::no);
  add_outlook(m_tools, m_job, v);
  return v;
}

/// A command that may send tries again what was refused; one that only collects tries what it needs itself.
void Run::lift_pause()
{
  const bool hinders_collecting = m_job.pause == Pause::auth || m_job.pause == Pause::account;
  if (m_job.pause == Pause::none ||
      (m_goal.sending == Sending::no && !hinders_collecting && m_job.cancel == Cancel::none))
    return;
  if (m_job.pause == Pause::disk) return;                              // goes on when there is room
  if (m_job.pause == Pause::failures && is_held_by_failures()) return; // only who says so goes on: `submit`, `retry`
  if (m_job.pause == Pause::quota) {
    // A timer waits for its time; somebody who runs a command may know better.
    if (m_goal.until == Until::idle && m_job.probe_at && now() < *m_job.probe_at &&
        *m_job.probe_at <= now() + probe_wait(m_job.probes))
      return;
    m_probing = true;
  }
  record_job([](Job& job) {
    job.pause = Pause::none;
    job.message.clear();
  });
}

const Part* Run::stopping_part() const
{
  const auto found =
      std::find_if(m_parts.begin(), m_parts.end(), [&](const Part& p) { return stops(m_job.policy, p); });
  return found == m_parts.end() ? nullptr : &*found;
}

bool Run::is_held_by_failures() const
{
  return stopping_part() || tally_of_probe(m_parts).has_failed();
}

/// Follows from the parts alone, so that no crash and no other pause makes it forgotten.
void Run::hold_after_failures()
{
  if (!is_held_by_failures() || m_job.pause != Pause::none || tally(m_job, m_parts).pending() == 0) return;
  const auto probe = tally_of_probe(m_parts);
  if (probe.has_failed()) {
    return pause(Pause::failures, fmt::format("all {} items that were tried first failed: {}", probe.items,
                                              first_failure(m_tools, m_job, m_parts)));
  }
  const auto* part = stopping_part();
  pause(Pause::failures,
        fmt::format("{} of {} items of part {} failed for good", part->failed_for_good, part->items, part->number));
}

/// Once the last of them is settled.
void Run::tell_of_probe()
{
  const auto probe = tally_of_probe(m_parts);
  if (!probe.is_over) return;
  const auto whole = estimate_of_job(m_tools, m_job, m_parts);
  const auto done = probe.answered + probe.failed;
  const auto output =
      done > 0 ? std::optional{static_cast<double>(probe.output.n) / static_cast<double>(done)} : std::nullopt;
  auto routes = route_costs_of_rest(m_tools, m_job, m_parts);
  const bool is_live_cheaper = routes && routes->is_live_cheaper();
  if (is_live_cheaper == m_job.told_live_is_cheaper) routes.reset();
  if (probe.answered > 0) {
    record_job([&](Job& job) {
      expect(job, whole);
      job.told_live_is_cheaper = is_live_cheaper;
    });
  }
  m_tools.observer.on(ProbeOver{.job = m_job.name,
                                .items = probe.items,
                                .answered = probe.answered,
                                .output = output,
                                .whole = whole,
                                .routes = std::move(routes)});
}

/// Once the first batch was settled: it told how much of its input was cached.
void Run::tell_of_cache(const Part& settled)
{
  const auto has_told = [&](const Part& p) {
    return p.route == Route::batch && p.outcome.usage != Usage{} && p.number != settled.number;
  };
  const bool tells = settled.route == Route::batch && part(settled.number).outcome.usage != Usage{};
  if (!tells || std::any_of(m_parts.begin(), m_parts.end(), has_told)) return;
  const auto routes = route_costs_of_rest(m_tools, m_job, m_parts);
  if (!routes || !routes->is_live_cheaper() || routes->cached_live.n == 0) return;
  m_tools.observer.on(LiveIsCheaper{.job = m_job.name, .routes = *routes});
}

void Run::look_for_wish()
{
  if (m_job.cancel == Cancel::abandon || now() < m_next_wish_look) return;
  m_next_wish_look = now() + wish_interval;
  const auto wish = m_tools.store.cancel_wish(m_job.name);
  if (wish == m_job.cancel) return;
  m_job.cancel = wish;
  note(Note::Level::info, fmt::format("{} is being cancelled, as another process asked", m_job.name));
  hurry_to_cancel();
}

/// While what is in flight is waited for, somebody may want it given up.
void Run::look_for_late_wish()
{
  if (m_course != Course::stopping || m_called.empty()) return;
  try {
    look_for_wish();
  } catch (const Error&) { // it is looked for again
  }
}

/// What is to be cancelled does not wait for its time. A look that comes after a grace time does.
void Run::hurry_to_cancel()
{
  m_asked.clear();
  for (auto& p : m_parts) {
    const bool may_wait_for_look = p.state == PartState::creating && m_job.cancel != Cancel::abandon;
    if (!may_wait_for_look && p.state != PartState::abandoned) p.due.reset();
  }
}

Millis Run::step()
{
  auto patience = tick;
  if (m_course == Course::going && (m_tools.interrupt.asked() || (m_ends_at && now() >= *m_ends_at)))
    m_course = Course::stopping;
  if (m_course == Course::going) {
    try {
      look_at_clock();
      look_for_wish();
      claim_room();
      look_at_deadline();
      look_for_stalled();
      tell_of_stuck();
      patience = advance();
    } catch (...) {
      give_up(std::current_exception());
    }
  }
  look_for_late_wish();
  tend_calls();
  if (m_course == Course::stopping && m_busy.empty()) {
    pause_for_disk();
    m_course = Course::over;
  }
  report_progress();
  return patience;
}

Millis Run::advance()
{
  go_on_with_room();
  if (looks_for_twins() && m_workers.has_room_for(Do::look_for_batch)) look_for_twins();
  auto d = due(m_job, m_parts, m_busy, now(), m_goal.sending);
  std::vector<int> dear;
  std::erase_if(d.now, [&](const Action& a) {
    if (const auto until = shut_until(a)) d.next = std::min(d.next.value_or(*until), *until);
    if (!wanted(a)) return true;
    const bool is_dear = is_too_dear(a);
    if (is_dear) dear.push_back(a.part);
    return is_dear;
  });
  if (!dear.empty() && m_busy.empty() && d.now.empty()) {
    make_fit(dear);
    if (!m_busy.empty() || m_job.pause == Pause::budget) return Millis{0};
  }
  const bool nothing_now = m_busy.empty() && d.now.empty();
  // Without a next moment only another command, or another's answer, could go on.
  const bool leaves = m_goal.until == Until::idle && !stays_for_deadline();
  if ((m_busy.empty() && reached()) || (nothing_now && (leaves || !d.next))) {
    m_course = Course::over;
    return tick;
  }
  let_earlier_go(d.now);
  poll_together(d.now);
  bool has_waiting = false; // for a worker that others use now
  for (const auto& action : d.now) {
    if (m_workers.has_room_for(action.what)) {
      start(action);
    } else {
      has_waiting = true;
    }
  }
  if (!m_busy.empty() || has_waiting) return tick;
  if (!nothing_now) return Millis{0}; // what was started was done at once: ask again
  return std::clamp(std::chrono::duration_cast<Millis>(*d.next - now()), Millis{1}, tick);
}

/// When a batch that is not created now may be; nothing where it may be at once.
std::optional<Instant> Run::shut_until(const Action& action) const
{
  if (action.what != Do::create) return std::nullopt;
  const auto found =
      std::find_if(m_parts.begin(), m_parts.end(), [&](const Part& p) { return p.number == action.part; });
  const auto shut = m_shut.find(model_of(*found));
  return shut == m_shut.end() || now() >= shut->second.until ? std::nullopt : std::optional{shut->second.until};
}

bool Run::wanted(const Action& action) const
{
  if (shut_until(action)) return false;
  const bool runs_items = action.what == Do::create || action.what == Do::reroute || action.what == Do::call;
  if (runs_items && waits_for_twin_look(action.part)) return false;
  if (action.what == Do::create && m_probing) { // one tries for all
    return std::none_of(m_parts.begin(), m_parts.end(), [](const Part& p) { return p.state == PartState::creating; });
  }
  if (action.what == Do::call) {
    const bool tries_first = std::any_of(m_parts.begin(), m_parts.end(),
                                         [&](const Part& p) { return p.number == action.part && is_live_probe(p); });
    if (m_goal.until == Until::sent && !tries_first) return false; // whoever stays longer sends them
    return !m_probing || m_called.empty();
  }
  const bool asks = action.what == Do::poll || action.what == Do::cancel;
  return !asks || m_goal.until != Until::idle || stays_for_deadline() || !m_asked.contains(action.part);
}

/// What ended without an answer is not tried again where the user wants the job cancelled, or wanted it when the part
/// was given up, whose items had outcomes then.
results::Cancelled Run::cancelled(const Part& p) const
{
  const bool was_given_up = p.outcome.succeeded + p.outcome.failed > 0;
  return m_job.cancel != Cancel::none || was_given_up ? results::Cancelled::at_server : results::Cancelled::no;
}

void Run::start(const Action& action)
{
  const Part copy = part(action.part); // workers get values, never references
  const bool sends = action.what == Do::build || action.what == Do::upload || action.what == Do::create ||
                     (action.what == Do::call && copy.state == PartState::planned);
  if (sends && copy.elsewhere > 0) return keep_rest(copy);
  switch (action.what) {
  case Do::settle:
    return settle(copy, settle_files(m_job, copy, m_files), cancelled(copy), Do::settle);
  case Do::judge:
    return judge(copy);
  case Do::copy:
    return copy_outcomes(copy);
  case Do::download:
    return download(copy);
  case Do::cancel:
    return cancel(copy);
  case Do::poll:
    return poll(copy);
  case Do::look_for_batch:
    return look_for_batch(copy);
  case Do::give_up:
    return give_up_part(copy);
  case Do::reroute:
    return reroute(copy);
  case Do::call:
    return call(copy);
  case Do::create:
    return create(copy);
  case Do::look_for_file:
    return look_for_file(copy);
  case Do::upload:
    return upload(copy);
  case Do::build:
    return build(copy);
  case Do::join:
    return join(copy);
  }
}

/// Whether nothing more will come of a part within this advance.
bool Run::is_over(const Part& p) const
{
  if (is_called(p) && m_job.cancel == Cancel::none)
    return m_goal.sending == Sending::no || m_job.pause != Pause::none || m_job.standing != Standing::consented;
  if (p.route == Route::reused && is_live(p.state)) return waits_for_leaders(m_parts, m_job.policy);
  switch (p.state) {
  case PartState::settled:
    return !is_judged_otherwise(p, m_job.policy) || m_job.standing == Standing::bare;
  case PartState::superseded:
  case PartState::abandoned:
    return true;
  case PartState::planned:
  case PartState::queued:
    if (m_job.cancel != Cancel::none) return false;
    return m_goal.sending == Sending::no || m_job.pause != Pause::none || m_job.standing != Standing::consented;
  case PartState::fetched:
    return m_job.standing == Standing::bare;
  default:
    return m_job.pause == Pause::auth || m_job.pause == Pause::account;
  }
}

/// Whether the part waits for what may take long. A command that does not stay for the server's check waits for that
/// likewise.
bool Run::waits_for_room(const Part& p) const
{
  const auto shut = m_shut.find(model_of(p));
  if (shut == m_shut.end() || now() >= shut->second.until) return false;
  return shut->second.why != Turn::wait_for_check || m_goal.until == Until::sent;
}

bool Run::reached() const
{
  if (stores_first()) return false;
  const auto all = [this](auto holds) { return std::all_of(m_parts.begin(), m_parts.end(), holds); };
  // What can be sent only much later, for want of room or after a loss, is left to `poll`.
  const auto is_left = [this](const Part& p) {
    if (m_waits_for_money && (p.state == PartState::queued || p.state == PartState::planned || is_called(p)))
      return true;
    if ((p.state == PartState::queued || p.state == PartState::planned) && waits_for_room(p)) return true;
    if (const auto until = gathers_until(p, m_parts); until && *until > now() + longest_stay) return true;
    return (p.state == PartState::planned || p.state == PartState::queued) && p.due && *p.due > now() + longest_stay;
  };
  const auto is_sent = [this, is_left](const Part& p) {
    if (p.route == Route::reused) return is_over(p);
    if (m_waits_for_money && is_left(p)) return true;
    if (p.route == Route::realtime) { // what is answered is settled at once, by whoever stayed for it
      const bool is_ours = m_goal.until != Until::sent || is_live_probe(p);
      return is_over(p) || (is_ours ? p.due && *p.due > now() + longest_stay : m_job.cancel == Cancel::none);
    }
    return is_over(p) || has_live_batch(p) || p.state == PartState::ended || p.state == PartState::fetched ||
           is_left(p);
  };
  switch (m_goal.until) {
  case Until::idle:
    return false;
  case Until::sent:
    return all(is_sent);
  case Until::admitted:
    return all([&](const Part& p) {
      const bool checking =
          p.state == PartState::running && (p.remote.status.empty() || p.remote.status == "validating");
      return is_sent(p) && !checking;
    });
  case Until::ended:
    return all([this](const Part& p) { return is_over(p); });
  }
  return true;
}

void Run::give_up(const std::exception_ptr& fault)
{
  m_course = Course::stopping;
  if (!m_fault) {
    m_fault = fault;
    return;
  }
  auto other = fault;
  if (as_error(fault).fault() == Fault::disk && as_error(m_fault).fault() != Fault::disk) std::swap(m_fault, other);
  try {
    std::rethrow_exception(other);
  } catch (const std::exception& e) {
    note(Note::Level::warning, e.what());
  }
}

void Run::report_progress()
{
  for (const auto& [number, gauge] : m_gauges) {
    m_tools.observer.on(
        Progress{gauge->phase, m_job.name, number, gauge->done.load(std::memory_order_relaxed), gauge->total});
  }
  Progress whole{Phase::running, m_job.name, 0, 0, m_job.items};
  for (const auto& p : m_parts) {
    if (const auto called = m_called.find(p.number); called != m_called.end()) {
      const auto pulse = called->second.processor->pulse(called->second.id);
      whole.done += pulse ? pulse->answered : 0;
      continue;
    }
    whole.done += has_outcomes(p.state) ? p.outcome.succeeded + p.outcome.failed - p.outcome.cancelled
                                        : static_cast<std::uint64_t>(p.remote.completed + p.remote.failed);
  }
  whole.done = std::min(whole.done, whole.total);
  m_tools.observer.on(whole);
}

} // namespace batchwright::engine
