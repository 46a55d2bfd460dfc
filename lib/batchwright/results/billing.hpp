// What answers used and cost, summed by day and service tier. Comes in: one answer after the other. Goes out: rows.
#pragma once

#include <batchwright/model/experience.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/spending.hpp>
#include <batchwright/money/prices.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright::results {

class Billing {
public:
  /// `day`: of answers that do not tell when they were made.
  Billing(int part, Route route, const std::optional<money::ModelPrices>& prices, Instant day)
      : m_part(part), m_route(route), m_prices(prices), m_day(day)
  {
  }

  /// Each answer by itself: a long one costs more. `made_at` of the epoch, or an empty tier: it does not tell.
  void add(const Usage& usage, std::string_view tier, Instant made_at, std::uint64_t items);

  /// Sorted by day and tier.
  std::vector<Spending> rows() const;
  /// Requests whose answer told its usage.
  std::uint64_t answered() const { return m_outputs.count(); }
  /// Of those, how long they were.
  const Outputs& outputs() const { return m_outputs; }

private:
  int m_part;
  Route m_route;
  const std::optional<money::ModelPrices>& m_prices;
  Instant m_day;
  std::map<std::pair<Instant, std::string>, Spending> m_rows = {};
  Outputs m_outputs = {};
};

/// What the answers in a journal come to, read on as it grows. Of packs the items are a request's share.
class JournalBilling {
public:
  /// `from`: so many bytes were read before.
  JournalBilling(const Part& part, std::filesystem::path journal, const SettleContext& context, std::uint64_t from = 0);
  JournalBilling(const JournalBilling&) = delete;
  JournalBilling& operator=(const JournalBilling&) = delete;

  /// Takes in the lines that came since, whole ones only. No journal is an empty one. Throws `Fault::storage`.
  void read_on();
  /// Of what was read by this one.
  std::vector<Spending> rows() const { return m_billing.rows(); }
  /// The same added to what was read before.
  SoFar added_to(SoFar before) const;

private:
  std::filesystem::path m_journal;
  std::string m_endpoint;
  std::optional<money::ModelPrices> m_prices;
  std::uint64_t m_items; // of a request
  Billing m_billing;
  std::uint64_t m_read;
};

} // namespace batchwright::results
