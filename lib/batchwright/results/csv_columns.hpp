// Which columns CSV output has, and where each field of a record goes. Private to results/.
#pragma once

#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace batchwright::results {

/// The columns of all inputs of a job in the order in which they first appear, each name once; columns without a name
/// are told apart by their order.
class CsvColumns {
public:
  /// Reads JSON lines once from end to end, since any record may have keys of its own; of other formats the first
  /// record; a job without an item has the columns of its headers. Throws `Fault::input` where there are more keys than
  /// a table can use, and as input::Stream.
  explicit CsvColumns(const Job& job);

  const std::deque<std::string>& names() const { return m_names; }

  using Row = std::vector<std::optional<input::Field>>;
  /// The fields of a record, one for each column; nothing where it has none. The first of keys that come twice.
  /// Valid until the next call, and as long as the item is.
  const Row& row(const input::Item& item);

private:
  void add(const input::Item& item);
  void add(std::string_view name, std::size_t& unnamed);
  std::size_t place(std::size_t nth, std::string_view name);

  std::deque<std::string> m_names = {};
  std::unordered_map<std::string_view, std::size_t> m_places = {}; // of names that are not empty; views of m_names
  std::vector<std::size_t> m_unnamed = {};                         // the places of the others
  std::vector<std::size_t> m_last = {}; // where the n-th field went last: records are mostly alike
  Row m_row = {};
};

} // namespace batchwright::results
