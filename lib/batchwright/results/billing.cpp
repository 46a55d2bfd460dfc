#include <batchwright/base/files.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/results/billing.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/wire/answer.hpp>

#include <algorithm>
#include <utility>

namespace batchwright::results {

void Billing::add(const Usage& usage, std::string_view tier_or_none, Instant made_at, std::uint64_t items)
{
  const auto tier = std::string{tier_or_none.empty() ? usual_tier : tier_or_none};
  const auto day = day_of(made_at == Instant{} ? m_day : made_at);
  auto& row = m_rows[{day, tier}];
  if (row.tier.empty()) {
    row = {.part = m_part, .day = day, .tier = tier};
    if (m_prices && money::rates_for(*m_prices, m_route, tier)) row.cost = PicoUsd{};
    if (m_prices) row.realtime = PicoUsd{};
  }
  if (usage != Usage{}) m_outputs.add(usage.output);
  row.items += items;
  ++row.requests;
  row.usage += usage;
  if (row.cost) *row.cost += *money::cost_of_answer(usage, *m_prices, m_route, tier);
  if (row.realtime) *row.realtime += *money::cost_of_answer(usage, *m_prices, Route::realtime);
}

std::vector<Spending> Billing::rows() const
{
  std::vector<Spending> rows;
  rows.reserve(m_rows.size());
  for (const auto& [key, row] : m_rows)
    rows.push_back(row);
  return rows;
}

JournalBilling::JournalBilling(const Part& part, std::filesystem::path journal, const SettleContext& context,
                               std::uint64_t from)
    : m_journal(std::move(journal)),
      m_endpoint(context.endpoint),
      m_prices(context.prices),
      m_items(std::max<std::uint64_t>(1, part.items / std::max<std::uint64_t>(1, part.requests))),
      m_billing(part.number, part.route, m_prices, context.day),
      m_read(from)
{
}

void JournalBilling::read_on()
{
  if (!std::filesystem::exists(m_journal)) return;
  json::Document document;
  LineReader lines{m_journal, m_read};
  while (const auto line = lines.next()) {
    if (!line->ended) return; // it is being written
    m_read = line->offset + line->text.size() + 1;
    if (is_journal_mark(line->text) || !document.parse(line->text)) continue;
    const auto answer = wire::read_answer(document.root(), m_endpoint);
    if (answer.paid || answer.usage)
      m_billing.add(answer.usage.value_or(Usage{}), answer.tier, answer.made_at.value_or(Instant{}), m_items);
  }
}

SoFar JournalBilling::added_to(SoFar before) const
{
  for (const auto& row : m_billing.rows()) {
    before.spent += row.cost.value_or(PicoUsd{});
    before.realtime += row.realtime.value_or(PicoUsd{});
    before.priced = before.priced && row.cost && row.realtime;
  }
  before.bytes = m_read;
  return before;
}

} // namespace batchwright::results
