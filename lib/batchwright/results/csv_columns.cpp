#include <batchwright/base/error.hpp>
#include <batchwright/results/csv_columns.hpp>

namespace batchwright::results {
namespace {

constexpr std::size_t most_keys = 5000;

} // namespace

CsvColumns::CsvColumns(const Job& job)
{
  bool any = false;
  for (const auto& input : job.inputs) {
    const auto stream = input::open({input}, {.skip_bad = job.skip_bad, .on_skipped = {}});
    while (const auto* item = stream->next()) {
      any = true;
      add(*item);
      if (input.format != InputFormat::jsonl) break;
      if (m_names.size() > most_keys) {
        throw input::fault_at(*item, "the records have more than 5,000 different keys: too many for columns",
                              "JSON lines need no columns: batchwright fetch JOB --format jsonl");
      }
    }
  }
  if (any) return;
  for (const auto& input : job.inputs) { // no item at all: the header is all there is
    std::size_t unnamed = 0;
    for (const auto& name : input::fixed_columns(input))
      add(name, unnamed);
  }
}

void CsvColumns::add(const input::Item& item)
{
  std::size_t unnamed = 0;
  item.each([&](std::string_view name, const input::Field&) { add(name, unnamed); });
}

/// The next column of a record, in which `unnamed` columns without a name came before.
void CsvColumns::add(std::string_view name, std::size_t& unnamed)
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

std::size_t CsvColumns::place(std::string_view name) const
{
  const auto found = m_places.find(name);
  ensure(found != m_places.end(), "the columns of every record are known");
  return found->second;
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
