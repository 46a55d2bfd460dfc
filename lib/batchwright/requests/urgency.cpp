#include <batchwright/json/json.hpp>
#include <batchwright/requests/column.hpp>
#include <batchwright/requests/urgency.hpp>

namespace batchwright::requests {

bool Urgency::holds(const input::Item& item) const
{
  for (std::size_t i = 0; i < m_conditions.size(); ++i) {
    if (holds(item, i)) return true;
  }
  return false;
}

bool Urgency::holds(const input::Item& item, std::size_t condition) const
{
  const auto& [column, value] = m_conditions[condition];
  auto field = item.field(column);
  if (!field) field = input::find_inside(item, column);
  if (!field) throw unknown_column(item, "--urgent needs", column);
  std::string inside;
  append_inside(inside, *field);
  return json::decode_lossy(inside) == value;
}

Kinds::Kinds(const Job& job, const std::filesystem::path& unsent) : m_urgency(job.urgent), m_probe(job.probe)
{
  if (unsent.empty() || !std::filesystem::exists(unsent)) return;
  m_unsent.emplace(unsent);
  m_next_unsent = m_unsent->next();
}

bool Kinds::is_unsent(Ordinal ordinal)
{
  while (m_next_unsent && *m_next_unsent < ordinal)
    m_next_unsent = m_unsent->next();
  return m_next_unsent == ordinal;
}

} // namespace batchwright::requests
