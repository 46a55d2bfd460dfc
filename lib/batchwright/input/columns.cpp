#include <batchwright/base/error.hpp>
#include <batchwright/input/columns.hpp>

namespace batchwright::input {

void Columns::add(const Item& record)
{
  std::size_t nth = 0;
  std::size_t unnamed = 0;
  record.each([&](std::string_view name, const Field&) {
    if (!is_as_before(nth++, name)) add(name, unnamed);
  });
}

void Columns::add(const std::vector<std::string>& record)
{
  std::size_t unnamed = 0;
  for (const auto& name : record)
    add(name, unnamed);
}

/// Records are mostly alike: whether the n-th field is that of the n-th column.
bool Columns::is_as_before(std::size_t nth, std::string_view name) const
{
  return nth < m_names.size() && !name.empty() && m_names[nth] == name;
}

/// The next column of a record, in which `unnamed` columns without a name came before.
void Columns::add(std::string_view name, std::size_t& unnamed)
{
  if (name.empty() ? unnamed++ < m_unnamed.size() : m_places.contains(name)) return;
  const auto place = m_names.size();
  const auto& kept = m_names.emplace_back(name);
  if (name.empty()) {
    m_unnamed.push_back(place);
  } else {
    m_places.emplace(kept, place);
  }
}

std::size_t Columns::place(std::string_view name) const
{
  const auto found = m_places.find(name);
  ensure(found != m_places.end(), "the columns of every record are known");
  return found->second;
}

} // namespace batchwright::input
