#include <batchwright/results/outcome_block.hpp>

namespace batchwright::results {

void OutcomeBlock::clear()
{
  m_outcomes.clear();
  m_text.clear();
  m_items.clear();
}

void OutcomeBlock::add(const Outcome& outcome, std::string_view line, const input::Item* item)
{
  m_outcomes.push_back({outcome, m_text.size(), outcome.code.size(), line.size()});
  m_text += outcome.code;
  m_text += line;
  if (!item) return;
  m_outcomes.back().item = m_items.size();
  m_items.keep(*item);
}

Outcome OutcomeBlock::outcome(std::size_t i) const
{
  const auto& held = m_outcomes[i];
  const std::string_view text{m_text};
  auto outcome = held.head;
  outcome.code = text.substr(held.begin, held.code_size);
  outcome.answer = text.substr(held.begin + held.code_size, held.line_size);
  return outcome;
}

const input::Item* OutcomeBlock::item(std::size_t i)
{
  const auto at = m_outcomes[i].item;
  return at ? &m_items.item(*at) : nullptr;
}

} // namespace batchwright::results
