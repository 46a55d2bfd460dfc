// The cap on what a job may cost, on both routes. What a part may cost is kept back before it is sent, and given back
// once its answers say what they cost; all of it are sums over parts. What does not fit is cut to what does, or waits
// for what is under way to give back; where nothing is, the job pauses, and a higher cap goes on.

#include <batchwright/base/unsigned.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/cost.hpp>
#include <batchwright/engine/forecast.hpp>
#include <batchwright/engine/run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::engine {
namespace {

/// Pieces that cost less than this share of the cap are not worth a batch of their own.
constexpr std::int64_t pieces_of_a_cap = 50;

std::string dollars(PicoUsd amount)
{
  const auto usd = static_cast<double>(amount.n) / 1e12;
  return usd < 1 ? fmt::format("${:.4f}", usd) : fmt::format("${:.2f}", usd);
}

} // namespace

/// What is spent and kept back by parts that no processor spends on now.
void Run::refresh_purse()
{
  m_reserves.clear(); // what answers took may be better known
  m_unpaid.clear();
  if (!m_job.policy.max_cost) return;
  if (!m_purse) {
    m_purse = std::make_shared<realtime::Purse>(*m_job.policy.max_cost);
    for (const auto& p : m_parts) {
      const bool has_journal = p.route == Route::realtime && (is_called(p) || p.state == PartState::ended);
      if (!has_journal) continue;
      const auto taken = cost_of_journal(m_tools, m_job, p, store::as_it_stands(m_files.output(p.number)));
      m_purse->set_taken(p.number, std::max(taken - p.spent_before_cap, PicoUsd{}));
    }
  }
  const auto before = m_purse->left();
  PicoUsd elsewhere;
  std::vector<int> counted;
  for (const auto& p : m_parts) {
    elsewhere += spent_by(m_tools, m_job, p);
    elsewhere += kept_back_for(p);
    if (p.route == Route::batch || has_outcomes(p.state)) counted.push_back(p.number);
  }
  m_purse->set_elsewhere(elsewhere, counted);
  if (m_purse->left() > before) m_waits_for_money = false;
}

/// Whether what is under way may give back some of what is kept back for it.
bool Run::may_give_back() const
{
  return !m_called.empty() || std::any_of(m_parts.begin(), m_parts.end(), [](const Part& p) {
    return p.state != PartState::abandoned && !p.before_cap && is_under_way_by_batch(p);
  });
}

/// What is kept back for a part, as is known now.
const std::optional<Reserve>& Run::reserve_for(const Part& p) const
{
  const auto [known, fresh] = m_reserves.try_emplace(p.number);
  if (fresh) known->second = reserve_of(m_tools, m_job, p);
  return known->second;
}

/// Whether what an action buys does not fit under the cap now.
bool Run::is_too_dear(const Action& action) const
{
  const bool buys = action.what == Do::upload || action.what == Do::create || action.what == Do::call;
  if (!m_purse || !buys) return false;
  const auto found =
      std::find_if(m_parts.begin(), m_parts.end(), [&](const Part& p) { return p.number == action.part; });
  if (found->route == Route::batch) return fitting(*found) < std::max<std::uint64_t>(1, found->requests);
  // Each of its requests is asked for by itself: it is tried once, and again when so much more is left.
  const auto unpaid = m_unpaid.find(found->number);
  return unpaid != m_unpaid.end() && m_purse->left() < unpaid->second;
}

/// How many requests of a part fit under the cap now.
std::uint64_t Run::fitting(const Part& p) const
{
  const auto left = m_purse->left();
  const auto& reserve = reserve_for(p);
  if (!reserve || left.n < 0) return 0;
  if (reserve->whole() <= left) return reserve->requests;
  return std::min(reserve->requests - 1, unsigned_of(left.n / std::max<std::int64_t>(1, reserve->each().n)));
}

/// How many requests of a part, cut off it, are worth a batch of their own; 0: none.
std::uint64_t Run::worth_cutting(const Part& p) const
{
  if (p.route != Route::batch) return 0;
  const auto fit = fitting(p);
  const auto& reserve = reserve_for(p);
  if (fit == 0 || !reserve) return 0;
  const auto price = saturating_multiply(reserve->each().n, static_cast<std::int64_t>(fit));
  return price >= m_job.policy.max_cost->n / pieces_of_a_cap ? fit : 0;
}

/// Nothing that is left to be bought fits. One part is cut to what does, or all wait for what is under way to give
/// back; where nothing is, a person decides.
void Run::make_fit(const std::vector<int>& dear)
{
  m_waits_for_money = may_give_back();
  if (m_waits_for_money) return;
  for (const int number : dear) {
    const auto& p = part(number);
    const auto fit = worth_cutting(p);
    if (fit == 0) continue;
    note(Note::Level::detail,
         fmt::format("part {} is cut: {} of its {} requests fit under the cap", p.number, fit, p.requests));
    const auto items = std::max<std::uint64_t>(1, fit * p.items / std::max<std::uint64_t>(1, p.requests));
    return replace({p}, m_job, 0, fmt::format("cut from part {} for the cap", p.number), Do::create, items);
  }
  pause(Pause::budget, why_nothing_fits(dear));
}

std::string Run::why_nothing_fits(const std::vector<int>& dear)
{
  auto rest = tally(m_job, m_parts).pending();
  for (const auto& p : m_parts) {
    if (is_called(p)) rest -= std::min(rest, unsigned_of(p.remote.completed + p.remote.failed));
  }
  const auto is_unknown = [this](int number) { return !reserve_for(part(number)); };
  if (std::all_of(dear.begin(), dear.end(), is_unknown)) {
    return fmt::format(
        "nothing says how long the answers of the {} items may be that have none, so that the cap cannot "
        "be kept: `batchwright cancel {}`, and submit them under another --name with --max-output-tokens",
        rest, m_job.name);
  }
  const bool has_before = std::any_of(m_parts.begin(), m_parts.end(),
                                      [](const Part& p) { return p.before_cap || p.spent_before_cap.n > 0; });
  return fmt::format("{} of the cap of {}{} are spent, and what is left does not cover more of the {} items that have "
                     "no answer",
                     dollars(*m_job.policy.max_cost - m_purse->left()), dollars(*m_job.policy.max_cost),
                     has_before ? " on what came since" : "", rest);
}

/// What the requests of a part may spend, where there is a cap.
realtime::Spending Run::spending_of(const Part& p) const
{
  if (!m_job.policy.max_cost) return {};
  const auto prices = prices_of(m_tools, m_job, model_of(p));
  const auto reserve = reserve_for(p).value_or(Reserve{.output = *m_job.policy.max_cost});
  const auto mean_bytes = static_cast<double>(p.bytes) / static_cast<double>(std::max<std::uint64_t>(1, p.requests));
  const auto share = [reserve, mean_bytes](std::string_view line) {
    return reserve.each(mean_bytes > 0 ? static_cast<double>(line.size()) / mean_bytes : 1.0);
  };
  return {.purse = m_purse, .key = p.number, .most_of = share, .cost_of = [prices](std::string_view body) {
            return cost_of_body(prices, body);
          }};
}

} // namespace batchwright::engine
