// Prices, and what work costs at them. Pure: the table comes in as text.
#pragma once

#include <batchwright/model/money.hpp>
#include <batchwright/model/part.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::money {

/// Prices of one route. Where the provider lists no cached price, all input is billed at `input`.
struct Rates {
  Price input = {};
  std::optional<Price> cached = {};
  Price output = {};
};

struct ModelPrices {
  std::string model = {};
  Rates standard = {};
  std::optional<Rates> batch = {}; ///< nothing: the model cannot be batched
  std::optional<Rates> flex = {};  ///< nothing: the model has no flex tier, as far as is known
};

class PriceTable {
public:
  /// Reads a table in the form of `pricing.json`. Throws `Fault::config` with what is wrong and where.
  explicit PriceTable(std::string_view json);

  /// The prices of a model; dated snapshots ("gpt-5.4-mini-2026-03-17") have those of their base name unless listed.
  const ModelPrices* find(std::string_view model) const;
  /// The day the table was made: "2026-11-22".
  const std::string& as_of() const { return m_as_of; }

private:
  std::string m_as_of = {};
  std::vector<ModelPrices> m_models = {}; // sorted by name
};

/// The table this program was built with.
std::string_view built_in_prices();
const PriceTable& built_in_table();

/// What this usage costs at these rates. Cached tokens are a part of the input.
PicoUsd cost(const Usage& usage, const Rates& rates);

/// The service tier, as answers name it, that costs less in real time.
inline constexpr std::string_view flex_tier = "flex";

/// The rates of a route; nothing where the model has none there. `tier`: of a real-time answer, as it names it.
std::optional<Rates> rates_for(const ModelPrices& prices, Route route, std::string_view tier = {});

} // namespace batchwright::money
