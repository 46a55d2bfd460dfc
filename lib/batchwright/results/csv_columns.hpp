// Which columns CSV output has, and where each field of a record goes. Private to results/.
#pragma once

#include <batchwright/input/columns.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/model/job.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// The columns of all inputs of a job in the order in which they first appear, each name once; columns without a name
/// are told apart by their order.
class CsvColumns {
public:
  /// Where the columns of JSON lines are not known since they were planned, reads them once from end to end, since any
  /// record may have keys of its own; of other formats the first record; a job without an item has the columns of its
  /// headers. Throws `Fault::input` where there are more keys than
  /// a table can use, and as input::Stream.
  explicit CsvColumns(const Job& job);

  const std::deque<std::string>& names() const { return m_columns.names(); }
  /// The place of a column by its name, which is not empty. REQUIRED: there is one.
  std::size_t place(std::string_view name) const { return m_columns.place(name); }
  /// The place of the n-th column without a name.
  std::size_t unnamed(std::size_t nth) const { return m_columns.unnamed(nth); }

private:
  bool read(const PinnedInput& input, std::uint64_t skip_bad);

  input::Columns m_columns = {};
};

/// The fields of one record after the other by their columns. Each thread has its own.
class CsvRows {
public:
  /// `columns` outlive it.
  explicit CsvRows(const CsvColumns& columns) : m_columns(columns) {}

  using Row = std::vector<std::optional<input::Field>>;
  /// One for each column; nothing where the record has none. The first of keys that come twice. Valid until the next
  /// call, and as long as the item is.
  const Row& row(const input::Item& item);

private:
  std::size_t place(std::size_t nth, std::string_view name);

  const CsvColumns& m_columns;
  std::vector<std::size_t> m_last = {}; // where the n-th field went last: records are mostly alike
  Row m_row = {};
};

} // namespace batchwright::results
