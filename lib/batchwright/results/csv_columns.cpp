#include <batchwright/results/csv_columns.hpp>

namespace batchwright::results {
CsvColumns::CsvColumns(const Job& job)
{
  bool any = false;
  for (const auto& input : job.inputs) {
    const bool is_known = !input.columns.empty() && names().size() + input.columns.size() <= input::most_columns;
    if (is_known) m_columns.add(input.columns);
    any = is_known || read(input, job.skip_bad) || any;
  }
  if (any) return;
  for (const auto& input : job.inputs) // no item at all: the header is all there is
    m_columns.add(input::fixed_columns(input));
}

/// Whether there is a record.
bool CsvColumns::read(const PinnedInput& input, std::uint64_t skip_bad)
{
  const auto stream = input::open({input}, {.skip_bad = skip_bad});
  bool any = false;
  while (const auto* item = stream->next()) {
    any = true;
    m_columns.add(*item);
    if (input.format != InputFormat::jsonl) break;
    if (names().size() > input::most_columns) {
      throw input::fault_at(*item, "the records have more than 5,000 different keys: too many for columns",
                            "JSON lines need no columns: batchwright fetch JOB --format jsonl");
    }
  }
  return any;
}

const CsvRows::Row& CsvRows::row(const input::Item& item)
{
  m_row.assign(m_columns.names().size(), std::nullopt);
  std::size_t nth = 0;
  std::size_t unnamed = 0;
  item.each([&](std::string_view name, const input::Field& field) {
    auto& cell = m_row[name.empty() ? m_columns.unnamed(unnamed++) : place(nth, name)];
    if (!cell) cell = field;
    ++nth;
  });
  return m_row;
}

/// The place of the column that the n-th field of a record belongs to.
std::size_t CsvRows::place(std::size_t nth, std::string_view name)
{
  if (nth >= m_last.size()) m_last.resize(nth + 1);
  if (m_columns.names()[m_last[nth]] != name) m_last[nth] = m_columns.place(name);
  return m_last[nth];
}

} // namespace batchwright::results
