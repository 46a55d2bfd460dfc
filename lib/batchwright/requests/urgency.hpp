// Which items are urgent: those of which one of the user's conditions holds; and which kind of parts an item goes into.
// Private to requests/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/model/job.hpp>

#include <algorithm>
#include <filesystem>
#include <optional>
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

private:
  const std::vector<std::pair<std::string, std::string>>& m_conditions;
};

/// The kinds of a job's items: those that are not sent, those that are tried first, those that are urgent, the others.
/// REQUIRED: the job outlives it, and items are asked about in ascending order.
class Kinds {
public:
  /// `unsent`: a list; no such file: all items are sent. Throws as input::Ordinals.
  Kinds(const Job& job, const std::filesystem::path& unsent);

  /// Whether an item belongs in parts of this kind. Throws as Urgency.
  bool picks(Pick pick, const input::Item& item)
  {
    if (is_unsent(item.mark.ordinal)) return false;
    return pick == Pick::all || pick == kind_of(item);
  }

private:
  bool is_unsent(Ordinal ordinal);
  Pick kind_of(const input::Item& item) const
  {
    if (std::binary_search(m_probe.begin(), m_probe.end(), item.mark.ordinal)) return Pick::probe;
    return m_urgency.holds(item) ? Pick::urgent : Pick::others;
  }

  Urgency m_urgency;
  const std::vector<Ordinal>& m_probe;
  std::optional<input::Ordinals> m_unsent = {}; // nothing: all are sent
  std::optional<Ordinal> m_next_unsent = {};
};

} // namespace batchwright::requests
