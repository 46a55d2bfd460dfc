// Settling: what became of each item of a part, from its files alone.

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/billing.hpp>
#include <batchwright/results/gather.hpp>
#include <batchwright/results/in_flight.hpp>
#include <batchwright/results/members.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/quarantine.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/results/scan.hpp>
#include <batchwright/results/verdict.hpp>
#include <batchwright/wire/answer.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::results {
namespace {

/// A line that several items share is copied for each of them up to this size.
constexpr std::size_t longest_shared_line = 16 * 1024;

/// The i-th of n equal shares; the first ones have the rest, so that the shares come to the whole.
Tokens share(Tokens whole, std::size_t i, std::size_t n)
{
  const auto count = static_cast<std::int64_t>(n);
  return {whole.n / count + (static_cast<std::int64_t>(i) < whole.n % count ? 1 : 0)};
}

Usage share(const Usage& whole, std::size_t i, std::size_t n)
{
  return {.input = share(whole.input, i, n),
          .cached = share(whole.cached, i, n),
          .output = share(whole.output, i, n),
          .reasoning = share(whole.reasoning, i, n),
          .cache_write = share(whole.cache_write, i, n)};
}

bool is_passing(Judgement judgement)
{
  return judgement == Judgement::transient || judgement == Judgement::free_retry;
}

/// Whether another part may do better. One in real time made all attempts itself: what it wrote is its last word. But
/// one that tries items first leaves them to the way of the others.
bool is_worth_another(Judgement judgement, const Part& part)
{
  const bool made_all = part.route == Route::realtime && !is_probe(part);
  return is_passing(judgement) && !(made_all && judgement == Judgement::transient);
}

/// What the policy makes of a judgement. Pending: the item is left for another attempt.
Status status_after(Judgement judgement, const Part& part, const Policy& policy)
{
  // What was stopped to be finished in real time goes on there, whatever else fails for good.
  const bool goes_on = policy.fallback != Fallback::none || part.withdrawn;
  const bool may_go_on = goes_on && is_worth_another(judgement, part);
  switch (judgement) {
  case Judgement::success:
    return Status::succeeded;
  case Judgement::unusable:
  case Judgement::permanent:
    return Status::failed;
  case Judgement::transient:
    return may_go_on && part.attempt < policy.max_attempts ? Status::pending : Status::failed;
  case Judgement::free_retry:
    return may_go_on ? Status::pending : Status::failed;
  }
  return Status::failed;
}

/// The items that live on in one child part: their list appears only where there are any.
class LeftList {
public:
  explicit LeftList(const std::filesystem::path& path) : m_path(path) {}

  void add(Ordinal ordinal)
  {
    if (!m_writer) {
      m_writer.emplace(m_path);
      m_left.first = ordinal;
    }
    m_writer->add(ordinal);
    m_left.last = ordinal;
    ++m_left.count;
  }

  Left commit()
  {
    if (m_writer) {
      m_writer->commit();
    } else {
      discard_file(m_path);
    }
    return m_left;
  }

private:
  const std::filesystem::path& m_path;
  std::optional<input::OrdinalWriter> m_writer = {};
  Left m_left = {};
};

/// Whether every answer there is was refused with 403: then it is the account that may not, not the item.
bool all_forbidden(const Scan& scan)
{
  const auto& picks = scan.picks();
  const auto speaks = [](const Pick& p) { return p.rank != Pick::Rank::none; };
  return std::any_of(picks.begin(), picks.end(), speaks) && std::all_of(picks.begin(), picks.end(), [&](const Pick& p) {
           return !speaks(p) || p.obstacle == wire::Obstacle::forbidden;
         });
}

/// Writes outcomes and what is left, item by item in ascending order, and sums.
class Settling {
public:
  Settling(const Part& part, const SettleFiles& files, const SettleContext& context, const Members& members,
           const Scan& scan)
      : m_part(part),
        m_context(context),
        m_members(members),
        m_scan(scan),
        m_all_forbidden(all_forbidden(scan)),
        m_failed_as_a_whole(!files.batch.empty()),
        m_missing(verdicts_on_missing(part, files, context, scan)),
        m_in_flight(were_in_flight(part, files, context, members)),
        m_unreadable(verdict_on_unreadable()),
        m_cancelled(verdict_on_cancelled(context.cancelled)),
        m_billing(part.number, part.route, context.prices, context.day),
        m_outcomes(files.outcomes, scan.sources()),
        m_left(files.left),
        m_left_free(files.left_free),
        m_left_halved(files.left_halved)
  {
  }

  /// Whether item() must be given the lines: what is not the line as it came is made of it.
  bool needs_lines() const
  {
    const auto& picks = m_scan.picks();
    return m_members.hides_ids() || std::any_of(picks.begin(), picks.end(), [](const Pick& p) { return p.items > 1; });
  }

  /// Called for every place in ascending order; a pack is settled whole at the first of its items.
  void item(std::size_t place, std::string_view line)
  {
    const auto& pick = m_scan.picks()[place];
    if (pick.is_inside) return;
    const auto failed_before = m_settled.sums.failed;
    const bool is_missing = pick.rank == Pick::Rank::none;
    if (is_missing && was_to_be_answered()) ++m_settled.missing;
    const Places places{place, place + pick.items};
    auto judgement = m_all_forbidden ? Judgement::free_retry : pick.judgement;
    if (pick.line.length == 0) {
      auto verdict = is_missing ? m_missing.of(place) : m_unreadable;
      if (is_missing) verdict.judgement = after_withdrawal(verdict.judgement);
      judgement = verdict.judgement;
      unanswered(places, verdict);
    } else {
      if (m_scan.word(pick.code) == "batch_cancelled") judgement = after_withdrawal(judgement);
      answered(places, pick, judgement, line);
    }
    if (!is_passing(judgement)) m_settled.failed_for_good += m_settled.sums.failed - failed_before;
  }

  Settled finish()
  {
    auto& sums = m_settled.sums;
    ensure(sums.succeeded + sums.failed + sums.left == m_part.items,
           "a settled part's outcomes and what is left of it are its items");
    sum_up();
    for (const auto& source : m_scan.sources())
      sync_file(source); // what outcomes refer to is there as long as they are: a journal may not be synced yet
    m_outcomes.commit();
    m_settled.left = m_left.commit();
    m_settled.left_free = m_left_free.commit();
    m_settled.left_halved = m_left_halved.commit();
    return m_settled;
  }

private:
  /// The items of one request, from `begin` to before `end`.
  struct Places {
    std::size_t begin = 0;
    std::size_t end = 0;

    std::size_t size() const { return end - begin; }
  };

  static Unanswered verdicts_on_missing(const Part& part, const SettleFiles& files, const SettleContext& context,
                                        const Scan& scan)
  {
    if (part.route == Route::realtime) return {};
    return {files.batch, part.requests == part.items ? part.items : 0, scan.nameless(), context.lost};
  }

  /// Asked only where items without an answer fail.
  static std::vector<bool> were_in_flight(const Part& part, const SettleFiles& files, const SettleContext& context,
                                          const Members& members)
  {
    const bool fail = context.cancelled != Cancelled::no || context.policy.fallback == Fallback::none;
    return fail && part.route == Route::realtime ? items_in_flight(part, files, members) : std::vector<bool>{};
  }

  /// What our asking the batch to stop left undone takes no attempt.
  Judgement after_withdrawal(Judgement judgement) const
  {
    return m_part.withdrawn && judgement == Judgement::transient ? Judgement::free_retry : judgement;
  }

  /// Whether the server owes a line for each request.
  bool was_to_be_answered() const
  {
    return m_part.route == Route::batch && !m_failed_as_a_whole && m_context.cancelled == Cancelled::no;
  }

  void meet(wire::Obstacle obstacle)
  {
    if (obstacle == wire::Obstacle::key || m_all_forbidden) {
      m_settled.obstacle = Pause::auth;
    } else if (obstacle == wire::Obstacle::quota && m_settled.obstacle == Pause::none) {
      m_settled.obstacle = Pause::quota;
    }
  }

  /// Nothing is tried again in a cancelled job.
  bool is_cancelled(Judgement judgement) const
  {
    return m_context.cancelled != Cancelled::no && is_worth_another(judgement, m_part);
  }

  void answered(const Places& places, const Pick& pick, Judgement judgement, std::string_view line)
  {
    meet(pick.obstacle);
    account(pick);
    if (is_cancelled(judgement)) return cancel(places);
    const auto status = status_after(judgement, m_part, m_context.policy);
    if (status == Status::pending) return leave(places, judgement);
    const auto place = places.begin;
    if (status == Status::succeeded && pick.breaks_schema) return write_unusable(place, wire::code_schema, pick);
    if (judgement == Judgement::unusable && pick.items == 1 && !m_members.hides_ids())
      return write_unusable(place, m_scan.word(pick.code), pick);
    if (pick.items > 1 || m_members.hides_ids()) return unpack(places, status, pick, line);
    write(place, status, m_scan.word(pick.code), pick.paid, pick.line);
  }

  void cancel(const Places& places) { fail_unanswered(places, m_cancelled); }

  void unanswered(const Places& places, const Verdict& verdict)
  {
    if (is_cancelled(verdict.judgement)) return cancel(places);
    const auto status = status_after(verdict.judgement, m_part, m_context.policy);
    if (status == Status::pending) return leave(places, verdict.judgement);
    fail_unanswered(places, verdict);
  }

  void fail_unanswered(const Places& places, const Verdict& verdict)
  {
    for (auto place = places.begin; place < places.end; ++place) {
      const bool was_in_flight = !m_in_flight.empty() && m_in_flight[place];
      fail_with(place, was_in_flight ? maybe_billed(verdict) : verdict);
    }
  }

  void fail_with(std::size_t place, const Verdict& verdict)
  {
    write(place, Status::failed, verdict.code, verdict.paid,
          wire::unanswered_line(m_members.custom_id(place), verdict.code, verdict.message));
  }

  /// One line becomes a line for each item of its request.
  void unpack(const Places& places, Status status, const Pick& pick, std::string_view text)
  {
    ensure(m_document.parse(text), "a line that was read once is read again");
    const auto line = m_document.root();
    const auto answer = wire::read_answer(line, m_context.endpoint);
    if (status == Status::succeeded && places.size() > 1) return give_elements(places, pick, line);
    if (places.size() > 1 && is_of_one_input(answer)) return halve(places);
    for (auto place = places.begin; place < places.end; ++place) {
      if (text.size() > longest_shared_line && places.size() > 1) {
        fail_with(place, {pick.judgement, pick.paid, answer.code, answer.message});
      } else {
        write(place, status, answer.code, pick.paid, wire::with_custom_id(line, m_members.custom_id(place)));
      }
    }
  }

  void give_elements(const Places& places, const Pick& pick, const json::Value& line)
  {
    const auto elements = wire::packed_elements(line, m_context.endpoint, places.size());
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const auto place = places.begin + i;
      if (elements[i].empty()) {
        fail_with(place, verdict_on_no_element());
      } else {
        write(place, Status::succeeded, {}, pick.paid,
              wire::element_line(line, m_context.endpoint, m_members.custom_id(place), elements[i],
                                 share(pick.usage, i, places.size())));
      }
    }
  }

  /// Whether a refusal may be the doing of one of several inputs.
  static bool is_of_one_input(const wire::Answer& answer)
  {
    return answer.http_status == 400 || answer.http_status == 413 || answer.http_status == 422;
  }

  void halve(const Places& places)
  {
    if (m_context.cancelled != Cancelled::no) return cancel(places);
    for (auto place = places.begin; place < places.end; ++place) {
      if (!is_elsewhere(place)) m_left_halved.add(m_members.ordinal(place));
    }
    m_settled.sums.left += places.size();
    m_settled.largest_refused = std::max<std::uint64_t>(m_settled.largest_refused, places.size());
  }

  /// Paid for, and of use only where the user says so.
  void write_unusable(std::size_t place, std::string_view code, const Pick& pick)
  {
    write(place, accepts(m_context.policy, code) ? Status::succeeded : Status::failed, code, pick.paid, pick.line);
  }

  /// Whether a part that came after this one holds the item: its outcome stands there.
  bool is_elsewhere(std::size_t place) const
  {
    const auto& others = m_context.elsewhere;
    return !others.empty() && std::binary_search(others.begin(), others.end(), m_members.ordinal(place));
  }

  /// `answer`: a line of ours, or where the server's stands.
  template<class Answer>
  void write(std::size_t place, Status status, std::string_view code, bool paid, const Answer& answer)
  {
    if (is_elsewhere(place)) {
      ++m_settled.sums.left;
      return;
    }
    m_outcomes.add(m_members.ordinal(place), status, code, paid, answer);
    ++(status == Status::succeeded ? m_settled.sums.succeeded : m_settled.sums.failed);
    if (status == Status::failed && code == wire::code_cancelled) ++m_settled.sums.cancelled;
  }

  void leave(const Places& places, Judgement judgement)
  {
    auto& list = judgement == Judgement::free_retry ? m_left_free : m_left;
    for (auto place = places.begin; place < places.end; ++place) {
      if (!is_elsewhere(place)) list.add(m_members.ordinal(place));
    }
    m_settled.sums.left += places.size();
  }

  /// What was used is billed, whatever becomes of the item.
  void account(const Pick& pick)
  {
    if (pick.paid || pick.usage != Usage{}) m_billing.add(pick.usage, m_scan.word(pick.tier), pick.made_at, pick.items);
  }

  void sum_up()
  {
    auto& sums = m_settled.sums;
    const auto& prices = m_context.prices;
    m_settled.spending = m_billing.rows();
    m_settled.answered = m_billing.answered();
    m_settled.outputs = m_billing.outputs();
    sums.priced = prices && money::rates_for(*prices, m_part.route);
    for (const auto& row : m_settled.spending) {
      sums.usage += row.usage;
      sums.priced = sums.priced && row.cost && row.realtime;
      sums.spent += row.cost.value_or(PicoUsd{});
      sums.realtime += row.realtime.value_or(PicoUsd{});
    }
    if (!sums.priced) sums.spent = sums.realtime = PicoUsd{};
  }

  const Part& m_part;
  const SettleContext& m_context;
  const Members& m_members;
  const Scan& m_scan;
  bool m_all_forbidden;
  bool m_failed_as_a_whole;
  Unanswered m_missing;
  std::vector<bool> m_in_flight; // by place; empty: none was
  Verdict m_unreadable;
  Verdict m_cancelled;
  Billing m_billing;
  OutcomeWriter m_outcomes;
  LeftList m_left;
  LeftList m_left_free;
  LeftList m_left_halved;
  json::Document m_document = {};
  Settled m_settled = {};
};

std::vector<Span> wanted_lines(const Scan& scan)
{
  std::vector<Span> wanted;
  wanted.reserve(scan.picks().size());
  for (const auto& pick : scan.picks())
    wanted.push_back(pick.line);
  return wanted;
}

} // namespace

Settled settle(const Part& part, const SettleFiles& files, const SettleContext& context)
{
  const Members members{part, files, context.user_ids};
  Quarantine quarantine{files.quarantine};
  Scan scan{members, part.route, context.endpoint, context.schema, quarantine};
  const Lines lines{
      .output = scan.read(files.output), .errors = scan.read(files.errors), .unreadable = scan.unreadable()};
  if (!context.demand.is_met_by(lines)) return {.put_off = true, .lines = lines};

  Settling settling{part, files, context, members, scan};
  if (settling.needs_lines()) {
    gather(scan.sources(), wanted_lines(scan), files.outcomes.parent_path(), gather_memory,
           [&](std::size_t place, std::string_view line) { settling.item(place, line); });
  } else {
    for (std::size_t place = 0; place < members.size(); ++place)
      settling.item(place, {});
  }
  quarantine.commit();
  auto settled = settling.finish();
  settled.lines = lines;
  settled.quarantined = quarantine.count();
  return settled;
}

} // namespace batchwright::results
