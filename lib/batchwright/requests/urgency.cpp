#include <batchwright/json/json.hpp>
#include <batchwright/requests/column.hpp>
#include <batchwright/requests/urgency.hpp>

#include <algorithm>

namespace batchwright::requests {

bool Urgency::holds(const input::Item& item) const
{
  return std::any_of(m_conditions.begin(), m_conditions.end(), [&](const auto& condition) {
    const auto& [column, value] = condition;
    auto field = item.field(column);
    if (!field) field = input::find_inside(item, column);
    if (!field) throw unknown_column(item, "--urgent needs", column);
    std::string inside;
    append_inside(inside, *field);
    return json::decode_lossy(inside) == value;
  });
}

} // namespace batchwright::requests
