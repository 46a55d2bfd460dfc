// The columns that records make up together.
#pragma once

#include <batchwright/input/input.hpp>

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace batchwright::input {

/// Names in the order in which they first appear, each once; those of columns without a name are told apart by their
/// order in a record.
class Columns {
public:
  Columns() = default;
  Columns(const Columns&) = delete;
  Columns& operator=(const Columns&) = delete;

  /// Adds those of a record that are not there yet.
  void add(const Item& record);
  void add(const std::vector<std::string>& record);

  const std::deque<std::string>& names() const { return m_names; }
  /// The place of a column by its name, which is not empty. REQUIRED: there is one.
  std::size_t place(std::string_view name) const;
  /// The place of the n-th column without a name.
  std::size_t unnamed(std::size_t nth) const { return m_unnamed.at(nth); }

private:
  void add(std::string_view name, std::size_t& unnamed);
  bool is_as_before(std::size_t nth, std::string_view name) const;

  std::deque<std::string> m_names = {};
  std::unordered_map<std::string_view, std::size_t> m_places = {}; // of names that are not empty; views of m_names
  std::vector<std::size_t> m_unnamed = {};                         // the places of the others
};

/// A table that has more is of no use.
inline constexpr std::size_t most_columns = 5000;

} // namespace batchwright::input
