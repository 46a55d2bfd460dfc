#include <batchwright/realtime/purse.hpp>

namespace batchwright::realtime {

void Purse::set_elsewhere(PicoUsd amount, const std::vector<int>& counted_there)
{
  const std::lock_guard lock{m_mutex};
  for (const int work : counted_there)
    m_taken.erase(work);
  m_elsewhere = amount;
}

void Purse::set_taken(int work, PicoUsd amount)
{
  const std::lock_guard lock{m_mutex};
  m_taken[work] = amount;
}

bool Purse::take(int work, PicoUsd amount)
{
  const std::lock_guard lock{m_mutex};
  if (left_now() < amount) return false;
  m_taken[work] += amount;
  return true;
}

void Purse::put_back(int work, PicoUsd amount)
{
  const std::lock_guard lock{m_mutex};
  auto& taken = m_taken[work];
  taken = taken - amount;
}

PicoUsd Purse::taken(int work) const
{
  const std::lock_guard lock{m_mutex};
  const auto found = m_taken.find(work);
  return found == m_taken.end() ? PicoUsd{} : found->second;
}

PicoUsd Purse::left() const
{
  const std::lock_guard lock{m_mutex};
  return left_now();
}

PicoUsd Purse::left_now() const
{
  auto left = m_most - m_elsewhere;
  for (const auto& [work, amount] : m_taken)
    left = left - amount;
  return left;
}

} // namespace batchwright::realtime
