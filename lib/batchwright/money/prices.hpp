// Prices, and what work costs at them. Pure: the table comes in as text.
#pragma once

#include <batchwright/model/money.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::money {

/// Prices of one route.
struct Rates {
  Price input = {};
  std::optional<Price> cached = {};      ///< nothing: cached input is billed as all input is
  std::optional<Price> cache_write = {}; ///< nothing: writing to the cache costs nothing beside the input
  Price output = {};

  auto operator<=>(const Rates&) const = default;
};

/// What a long request costs: more input than `above`, and the whole of it is billed at these factors, in millionths.
/// Whether they hold for the batch price as well is not known; it is taken that they do.
/// Source: pricing.json, `long_context`.
struct LongContext {
  Tokens above = {};
  std::int64_t input = 1'000'000;
  std::int64_t cached = 1'000'000; ///< also of what is written to the cache
  std::int64_t output = 1'000'000;

  auto operator<=>(const LongContext&) const = default;
};

struct ModelPrices {
  std::string model = {};
  Rates standard = {};
  std::optional<Rates> batch = {}; ///< nothing: the model cannot be batched
  std::optional<Rates> flex = {};  ///< nothing: the model has no flex tier, as far as is known
  std::optional<LongContext> long_context = {};
  std::optional<Tokens> most_output = {}; ///< of one answer; nothing: not known, or it has none

  bool operator==(const ModelPrices&) const = default;
};

class PriceTable {
public:
  /// Reads a table in the form of `pricing.json`: `as_of`, and `models` with `standard` and, where they differ from
  /// what follows from it, `batch` (null: none; left out: half of `standard`), `flex`, `cache_write`, `long_context`,
  /// `max_output_tokens`. Throws `Fault::config` with what is wrong and where.
  explicit PriceTable(std::string_view json);

  /// The same with the models of another table in place of its own or beside them.
  PriceTable overridden_by(const PriceTable& other) const;

  /// The prices of a model; dated snapshots ("gpt-5.4-mini-2026-03-17") have those of their base name unless listed.
  const ModelPrices* find(std::string_view model) const;
  /// The day that a model's prices are of: "2026-11-22". Of an overridden table each of its own; of a model that it
  /// does not know, the day of the table that was overridden.
  const std::string& as_of(std::string_view model) const;

private:
  struct Listed {
    ModelPrices prices = {};
    std::string as_of = {};
  };
  const Listed* find_listed(std::string_view model) const;

  std::string m_as_of = {};
  std::vector<Listed> m_models = {}; // sorted by name
};

/// The table this program was built with.
std::string_view built_in_prices();
const PriceTable& built_in_table();

/// "0.375" as 375'000 by its digits; nothing for what is no plain decimal with up to six places, or a million dollars
/// and more, which is a slip of the pen.
std::optional<Price> read_price(std::string_view decimal);

/// A model's prices by what the user says that it costs in real time: batches and flex cost half of it. What is no
/// price stays as it is `listed`; null: nothing else is known.
ModelPrices prices_given(std::string model, Price input, Price output, const ModelPrices* listed = nullptr);

/// The service tier, as answers name it, that costs less in real time.
inline constexpr std::string_view flex_tier = "flex";

/// Whether what a service tier costs is known: those that cost more than is listed (`priority`, `fast`, `scale`) are
/// not, nor is one that a template leaves to the items (`{{tier}}`).
bool is_priced_tier(std::string_view tier);

/// The rates of a route; nothing where the model has none there. `tier`: of a real-time answer, as it names it; those
/// that cost more than is listed (`priority`, `fast`, `scale`) have none.
std::optional<Rates> rates_for(const ModelPrices& prices, Route route, std::string_view tier = {});

/// What this usage costs at these rates. Cached tokens and those written to the cache are parts of the input.
PicoUsd cost(const Usage& usage, const Rates& rates);

/// What one answer costs by its usage; nothing where the model has no rates there. A long request costs more.
std::optional<PicoUsd> cost_of_answer(const Usage& usage, const ModelPrices& prices, Route route,
                                      std::string_view tier = {});

/// What work costs that is known by its sums only: `requests` of the same size.
std::optional<PicoUsd> cost_of_work(const Usage& sum, std::uint64_t requests, const ModelPrices& prices, Route route,
                                    std::string_view tier = {});

/// The same where the largest of them is known: may that be a long one, all of it counts as such.
std::optional<PicoUsd> cost_of_work(const Workload& work, const ModelPrices& prices, Route route,
                                    std::string_view tier = {});

/// Whether nothing is billed, whatever is used.
bool is_free(const Rates& rates);

} // namespace batchwright::money
