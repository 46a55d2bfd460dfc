// Which items are urgent: those of which one of the user's conditions holds. Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <string>
#include <utility>
#include <vector>

namespace batchwright::requests {

class Urgency {
public:
  /// Field and value; as templates name fields.
  explicit Urgency(const std::vector<std::pair<std::string, std::string>>& conditions) : m_conditions(conditions) {}

  bool has_conditions() const { return !m_conditions.empty(); }
  std::size_t conditions() const { return m_conditions.size(); }
  /// Whether one of them holds: the field's text is the value, numbers and booleans as they stand. Throws
  /// `Fault::input` where the item has no such column.
  bool holds(const input::Item& item) const;
  /// The same of one of the conditions, by its place.
  bool holds(const input::Item& item, std::size_t condition) const;
  /// Whether an item is of a part's kind.
  bool picks(Pick pick, const input::Item& item) const
  {
    return pick == Pick::all || holds(item) == (pick == Pick::urgent);
  }

private:
  const std::vector<std::pair<std::string, std::string>>& m_conditions;
};

} // namespace batchwright::requests
