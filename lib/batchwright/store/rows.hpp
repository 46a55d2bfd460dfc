// A model value as a row of Poco::Data, and the SQL text that reads and writes it. Inside the store only.
#pragma once

#include <batchwright/store/columns.hpp>

#include <Poco/Data/LOB.h>
#include <Poco/Data/Session.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace batchwright::store {

inline void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, std::int64_t cell)
{
  binder.bind(at, Poco::Int64{cell});
}

inline void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, const std::string& cell)
{
  binder.bind(at, cell);
}

inline void bind_cell(Poco::Data::AbstractBinder& binder, std::size_t at, const std::optional<std::int64_t>& cell)
{
  if (cell) {
    bind_cell(binder, at, *cell);
  } else {
    binder.bind(at, Poco::Data::Keywords::null);
  }
}

inline void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::optional<std::int64_t>& cell)
{
  Poco::Int64 n = 0;
  cell = extractor.extract(at, n) ? std::optional<std::int64_t>{n} : std::nullopt;
}

inline void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::int64_t& cell)
{
  Poco::Int64 n = 0;
  extractor.extract(at, n);
  cell = n;
}

inline void extract_cell(Poco::Data::AbstractExtractor& extractor, std::size_t at, std::string& cell)
{
  Poco::Data::CLOB text; // as a std::string, Poco would end it at the first NUL
  extractor.extract(at, text);
  cell.assign(text.rawContent(), text.size());
}

template<class Row>
struct RowHandler {
  static std::size_t size()
  {
    std::size_t count = 0;
    Row row;
    each_column(row, [&](std::string_view, const auto&) { ++count; });
    return count;
  }

  static void bind(std::size_t at, const Row& row, Poco::Data::AbstractBinder::Ptr binder,
                   Poco::Data::AbstractBinder::Direction)
  {
    each_column(row, [&](std::string_view, const auto& value) { bind_cell(*binder, at++, to_cell(value)); });
  }

  static void extract(std::size_t at, Row& row, const Row&, Poco::Data::AbstractExtractor::Ptr extractor)
  {
    each_column(row, [&](std::string_view, auto& value) {
      std::remove_cvref_t<decltype(to_cell(value))> cell{};
      extract_cell(*extractor, at++, cell);
      from_cell(std::move(cell), value);
    });
  }

  static void prepare(std::size_t, const Row&, const Poco::Data::AbstractPreparator::Ptr&) {}
};

} // namespace batchwright::store

namespace Poco::Data {

template<>
class TypeHandler<batchwright::Job> : public batchwright::store::RowHandler<batchwright::Job> {
};
template<>
class TypeHandler<batchwright::PinnedInput> : public batchwright::store::RowHandler<batchwright::PinnedInput> {
};
template<>
class TypeHandler<batchwright::store::BodyField>
    : public batchwright::store::RowHandler<batchwright::store::BodyField> {
};
template<>
class TypeHandler<batchwright::Part> : public batchwright::store::RowHandler<batchwright::Part> {
};
template<>
class TypeHandler<batchwright::Queue> : public batchwright::store::RowHandler<batchwright::Queue> {
};
template<>
class TypeHandler<batchwright::RateSeen> : public batchwright::store::RowHandler<batchwright::RateSeen> {
};
template<>
class TypeHandler<batchwright::Sender> : public batchwright::store::RowHandler<batchwright::Sender> {
};
template<>
class TypeHandler<batchwright::Enqueued> : public batchwright::store::RowHandler<batchwright::Enqueued> {
};
template<>
class TypeHandler<batchwright::Spending> : public batchwright::store::RowHandler<batchwright::Spending> {
};
template<>
class TypeHandler<batchwright::Experience> : public batchwright::store::RowHandler<batchwright::Experience> {
};
template<>
class TypeHandler<batchwright::Call> : public batchwright::store::RowHandler<batchwright::Call> {
};

} // namespace Poco::Data

namespace batchwright::store {

template<class Row>
std::vector<std::string> column_names()
{
  std::vector<std::string> names;
  Row row;
  each_column(row, [&](std::string_view column, const auto&) { names.emplace_back(column); });
  return names;
}

template<class Row>
std::string select(std::string_view table, std::string_view rest)
{
  return fmt::format("SELECT {} FROM {} {}", fmt::join(column_names<Row>(), ", "), table, rest);
}

/// Writes a row whether it is there or not; the columns in `before` stand before those of the row.
template<class Row>
std::string upsert(std::string_view table, const std::vector<std::string>& before = {})
{
  const auto own = column_names<Row>();
  auto all = before;
  all.insert(all.end(), own.begin(), own.end());
  const std::vector<std::string_view> places(all.size(), "?");
  std::vector<std::string> changes;
  changes.reserve(own.size());
  for (const auto& column : own)
    changes.push_back(fmt::format("{0} = excluded.{0}", column));
  return fmt::format("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO UPDATE SET {}", table, fmt::join(all, ", "),
                     fmt::join(places, ", "), fmt::join(changes, ", "));
}

} // namespace batchwright::store
