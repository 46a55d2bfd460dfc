#include <batchwright/base/error.hpp>
#include <batchwright/realtime/running.hpp>

#include <algorithm>
#include <utility>

namespace batchwright::realtime {
namespace {

/// So many 403 and no other answer: it is the account.
constexpr std::size_t forbidden_in_a_row = 20;
/// One that is to be sent again later than this waits because the clock was set back.
constexpr Millis latest_again = longest_wait_before_again + Millis{1'000};

} // namespace

Running::Running(Work work, Processor::OnOver on_over)
    : is_careful(work.careful),
      m_work(std::move(work)),
      m_on_over(std::move(on_over)),
      m_file(m_work.requests, m_work.tokens_of, m_work.spending.most_of)
{
  journal.emplace(m_work.journal, m_work.count);
  m_has_answers = journal->answered() > 0;
}

bool Running::all_forbidden() const
{
  return !m_has_answers && m_held.size() >= forbidden_in_a_row;
}

bool Running::is_due(Instant now) const
{
  if (m_again.empty()) return false;
  const auto at = m_again.begin()->first;
  return at <= now || at > now + latest_again;
}

bool Running::has_next(Instant now, std::uint64_t most_waiting, Instant& next)
{
  m_prefers_new = false;
  if (m_is_stopping || all_forbidden()) return false;
  if (is_due(now)) return true;
  if (!m_again.empty()) next = std::min(next, m_again.begin()->first);
  return m_again.size() <= most_waiting && read_head();
}

bool Running::has_probe(Instant now, std::uint64_t most_waiting, Instant& next)
{
  const bool is_new = !m_is_stopping && !all_forbidden() && m_again.size() <= most_waiting && read_head();
  const bool found = is_new || has_next(now, most_waiting, next);
  m_prefers_new = is_new;
  return found;
}

/// Whether the next one was sent before.
bool Running::goes_again(Instant now) const
{
  return is_due(now) && !(m_prefers_new && m_head);
}

const Call& Running::next(Instant now) const
{
  return goes_again(now) ? m_again.begin()->second : *m_head;
}

bool Running::can_pay(Instant now) const
{
  const auto& purse = m_work.spending.purse;
  return !purse || purse->left() >= next(now).most_cost;
}

bool Running::pay(Instant now)
{
  const auto& spending = m_work.spending;
  return !spending.purse || spending.purse->take(spending.key, next(now).most_cost);
}

void Running::refund(PicoUsd price)
{
  if (m_work.spending.purse) m_work.spending.purse->put_back(m_work.spending.key, price);
}

void Running::account(const Call& call, const api::Answered& answered, const Decision& decision)
{
  const auto& spending = m_work.spending;
  if (!spending.purse) return;
  const bool is_answered = answered.status >= 200 && answered.status < 300;
  const auto told = is_answered ? spending.cost_of(answered.body) : std::nullopt;
  const bool may_be_billed = decision.billed || is_answered || answered.status == 0;
  const auto cost = told.value_or(may_be_billed && decision.rate != RateWord::unsent ? call.most_cost : PicoUsd{});
  spending.purse->put_back(spending.key, call.most_cost - cost);
}

std::optional<Call> Running::begin_next(Instant now)
{
  const auto& call = next(now);
  const bool is_again = goes_again(now);
  try {
    journal->begin(call.request, call.attempt);
  } catch (...) {
    break_off(std::current_exception());
    return std::nullopt;
  }
  ++in_flight;
  if (is_again) return std::move(m_again.extract(m_again.begin()).mapped());
  return std::exchange(m_head, std::nullopt);
}

/// Reads on to the next request without an answer.
bool Running::read_head()
{
  try {
    if (!m_head) find_head();
  } catch (...) {
    break_off(std::current_exception());
  }
  return m_head.has_value();
}

void Running::find_head()
{
  while (m_file.position() < m_work.count && journal->known(m_file.position()).answered)
    m_file.skip();
  if (m_file.position() >= m_work.count) return;
  const auto known = journal->known(m_file.position());
  m_head = m_file.next();
  ensure(m_head.has_value(), "a request file has as many lines as its part has requests");
  m_head->attempt = std::max(known.attempt, m_work.first_attempt);
  m_head->timeouts = known.timed_out ? 1 : 0;
}

void Running::hold(const Call& call, const api::Answered& answered, const Decision& decision)
{
  m_held.push_back({call, line_of(call, answered, decision), decision.why});
}

void Running::was_answered(const api::Answered& answered, const Decision& decision)
{
  if (answered.ending != api::Ending::ok) ++m_failed;
  if (!is_of_use(decision)) return;
  m_has_answers = true;
  try {
    store_held();
  } catch (...) {
    break_off(std::current_exception());
  }
}

/// There are other answers: 403 was the matter of these requests alone.
void Running::store_held()
{
  while (!m_held.empty()) {
    journal->answer(m_held.back().call.request, m_held.back().line);
    m_held.pop_back();
    ++m_failed;
  }
}

/// There is no other answer: it is the account's matter.
void Running::miss_held()
{
  for (const auto& held : m_held) {
    journal->missed({.request = held.call.request, .attempt = held.call.attempt}, held.why);
    meet(Obstacle::forbidden, held.why);
  }
  m_held.clear();
}

void Running::send_again(Call call, const Decision& decision, Instant at)
{
  try {
    const int next = decision.then == Then::again ? call.attempt + 1 : 0;
    journal->missed({.request = call.request,
                     .attempt = call.attempt,
                     .billed = decision.billed,
                     .next = next,
                     .timed_out = decision.timed_out},
                    decision.why);
  } catch (...) {
    break_off(std::current_exception());
  }
  if (decision.then == Then::again) ++call.attempt;
  m_again.emplace(at, std::move(call));
}

void Running::take_back(const Call& call)
{
  --in_flight;
  refund(call.most_cost);
  try {
    journal->missed({.request = call.request, .attempt = call.attempt}, "given up before it was sent");
  } catch (...) {
    break_off(std::current_exception());
  }
}

void Running::meet(Obstacle obstacle, const std::string& words)
{
  m_is_stopping = true;
  if (m_result.obstacle != Obstacle::none) return;
  m_result.obstacle = obstacle;
  m_result.words = words;
}

void Running::lack_money(Instant now)
{
  m_result.lacking = next(now).most_cost;
  meet(Obstacle::money, "what may still be spent does not cover another request");
}

void Running::break_off(std::exception_ptr fault)
{
  m_is_stopping = true;
  if (!m_result.fault) m_result.fault = std::move(fault);
}

bool Running::is_over()
{
  if (in_flight > 0) return false;
  if (m_is_stopping || all_forbidden()) return true;
  return m_again.empty() && !read_head();
}

void Running::conclude()
{
  try {
    miss_held();
    journal->sync();
  } catch (...) {
    break_off(std::current_exception());
  }
  m_result.in_flight = given_up;
  m_result.answered = journal->answered();
  m_result.failed = m_failed;
  m_result.billed_again = journal->billed_again();
  if (m_result.fault) {
    m_result.end = End::broken;
  } else if (m_result.answered == m_work.count) {
    m_result.end = End::answered;
  } else {
    m_result.end = m_result.obstacle == Obstacle::none ? End::stopped : End::obstacle;
  }
  journal.reset(); // the next one on that file may come as soon as the end is told
  m_on_over(m_result);
}

Pulse Running::pulse() const
{
  return {.answered = journal->answered(),
          .failed = m_failed,
          .in_flight = in_flight,
          .billed_again = journal->billed_again()};
}

std::string line_of(const Call& call, const api::Answered& a, const Decision& d)
{
  if (d.too_large)
    return unanswered_line(call, a.error.code.empty() ? "rate_limit_exceeded" : a.error.code,
                           a.error.message.empty() ? a.trouble : a.error.message);
  if (a.status == 0) return unanswered_line(call, d.timed_out ? code_timeout : code_connection_lost, a.trouble);
  const bool is_cut = a.status >= 200 && a.status < 300 && a.ending != api::Ending::ok;
  if (is_cut) return unanswered_line(call, code_unreadable_answer, a.trouble);
  return answer_line(call, a);
}

} // namespace batchwright::realtime
