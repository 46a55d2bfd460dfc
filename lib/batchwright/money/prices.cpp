// The table is small and read once; what matters is that a price is the decimal that stands in it, to the last digit.

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/model_name.hpp>
#include <batchwright/money/prices.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::money {
namespace {

constexpr std::size_t decimals = 6; // micro-dollars
constexpr std::size_t most_whole_digits = 6;
constexpr std::int64_t millionths = 1'000'000;

[[noreturn]] void refuse(std::string_view model, std::string_view what)
{
  throw Error{Fault::config, fmt::format("reading the price table: model `{}`: {}", model, what),
              "prices are dollars for a million tokens, as plain decimals with up to six places: 0.375"};
}

bool is_digits(std::string_view text)
{
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Price price_of(std::string_view model, std::string_view name, json::Value value)
{
  const auto price = value.is(json::Kind::number) ? read_price(value.raw()) : std::nullopt;
  if (!price) refuse(model, fmt::format("`{}` is {}, which is no price", name, value.raw()));
  return *price;
}

Rates rates_of(std::string_view model, json::Value value)
{
  Rates rates;
  const auto required = [&](std::string_view name) {
    const auto price = value.get(name);
    if (!price) refuse(model, fmt::format("`{}` is missing", name));
    return price_of(model, name, *price);
  };
  rates.input = required("input");
  rates.output = required("output");
  if (const auto cached = value.get("cached_input")) rates.cached = price_of(model, "cached_input", *cached);
  return rates;
}

/// A factor of the table, in millionths; written as prices are.
std::int64_t factor_of(std::string_view model, json::Value object, std::string_view name)
{
  const auto value = object.get(name);
  return value ? price_of(model, name, *value).micro_usd_per_mtok : millionths;
}

std::optional<Tokens> tokens_of(std::string_view model, json::Value object, std::string_view name)
{
  const auto value = object.get(name);
  if (!value) return std::nullopt;
  const auto n = value->integer();
  if (!n || *n <= 0) refuse(model, fmt::format("`{}` is {}, which is no number of tokens", name, value->raw()));
  return Tokens{*n};
}

LongContext long_context_of(std::string_view model, json::Value value)
{
  const auto above = tokens_of(model, value, "above_input_tokens");
  if (!above) refuse(model, "`long_context` has no `above_input_tokens`");
  return {.above = *above,
          .input = factor_of(model, value, "input_factor"),
          .cached = factor_of(model, value, "cached_input_factor"),
          .output = factor_of(model, value, "output_factor")};
}

/// Rounded up: no price is told too low.
Price scaled(Price price, std::int64_t factor)
{
  const auto micro = saturating_multiply(price.micro_usd_per_mtok, factor);
  return {micro / millionths + (micro % millionths > 0 ? 1 : 0)};
}

std::optional<Price> scaled(const std::optional<Price>& price, std::int64_t factor)
{
  return price ? std::optional{scaled(*price, factor)} : std::nullopt;
}

Rates halved(const Rates& rates)
{
  constexpr auto half = millionths / 2;
  return {.input = scaled(rates.input, half),
          .cached = scaled(rates.cached, half),
          .cache_write = scaled(rates.cache_write, half),
          .output = scaled(rates.output, half)};
}

/// What writing to the cache costs. A route that is not named costs as much more than its input as real time does.
void read_cache_write(ModelPrices& prices, json::Value value)
{
  const auto standard = value.get("standard");
  if (!standard) refuse(prices.model, "`cache_write` has no `standard`");
  prices.standard.cache_write = price_of(prices.model, "cache_write", *standard);
  const auto fill = [&](std::optional<Rates>& rates, std::string_view name) {
    if (!rates) return;
    const auto named = value.get(name);
    rates->cache_write = named ? price_of(prices.model, name, *named) : halved(prices.standard).cache_write;
  };
  fill(prices.batch, "batch");
  fill(prices.flex, "flex");
}

ModelPrices model_of(json::Value value)
{
  ModelPrices prices;
  const auto name = value.get("model");
  prices.model = name ? name->text().value_or("") : "";
  if (prices.model.empty()) refuse("?", "it has no name");
  const auto standard = value.get("standard");
  if (!standard) refuse(prices.model, "`standard` is missing");
  prices.standard = rates_of(prices.model, *standard);
  if (const auto batch = value.get("batch")) {
    prices.batch = rates_of(prices.model, *batch);
  } else if (!value.find("batch")) {
    prices.batch = halved(prices.standard);
  }
  if (const auto flex = value.get("flex")) prices.flex = rates_of(prices.model, *flex);
  if (const auto write = value.get("cache_write")) read_cache_write(prices, *write);
  if (const auto above = value.get("long_context")) prices.long_context = long_context_of(prices.model, *above);
  prices.most_output = tokens_of(prices.model, value, "max_output_tokens");
  return prices;
}

Rates for_long(Rates rates, const LongContext& factors)
{
  return {.input = scaled(rates.input, factors.input),
          .cached = scaled(rates.cached, factors.cached),
          .cache_write = scaled(rates.cache_write, factors.cached),
          .output = scaled(rates.output, factors.output)};
}

} // namespace

std::optional<Price> read_price(std::string_view text)
{
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto part = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  const bool is_decimal = is_digits(whole) && is_digits(part) && !(whole.empty() && part.empty());
  if (!is_decimal || part.size() > decimals || whole.size() > most_whole_digits) return std::nullopt;
  std::int64_t micro = 0;
  for (const char c : whole)
    micro = micro * 10 + (c - '0');
  for (std::size_t i = 0; i < decimals; ++i)
    micro = micro * 10 + (i < part.size() ? part[i] - '0' : 0);
  return Price{micro};
}

PriceTable::PriceTable(std::string_view json)
{
  json::Document document;
  if (!document.parse(json)) {
    throw Error{Fault::config, fmt::format("reading the price table: not JSON at byte {}: {}", document.fault().byte,
                                           document.fault().what)};
  }
  const auto as_of = document.root().get("as_of");
  const auto models = document.root().get("models");
  if (!as_of || !as_of->text() || !models || !models->is(json::Kind::array)) {
    throw Error{Fault::config, "reading the price table: expected an object with `as_of` and a list `models`"};
  }
  m_as_of = *as_of->text();
  for (const auto& model : models->elements())
    m_models.push_back({.prices = model_of(model), .as_of = m_as_of});
  const auto name = [](const Listed& listed) -> const std::string& { return listed.prices.model; };
  std::sort(m_models.begin(), m_models.end(), [&](const auto& a, const auto& b) { return name(a) < name(b); });
  const auto twice = std::adjacent_find(m_models.begin(), m_models.end(),
                                        [&](const auto& a, const auto& b) { return name(a) == name(b); });
  if (twice != m_models.end()) refuse(name(*twice), "it is listed twice");
}

PriceTable PriceTable::overridden_by(const PriceTable& other) const
{
  PriceTable table = *this;
  for (const auto& model : other.m_models) {
    const auto place =
        std::lower_bound(table.m_models.begin(), table.m_models.end(), model,
                         [](const Listed& a, const Listed& b) { return a.prices.model < b.prices.model; });
    if (place != table.m_models.end() && place->prices.model == model.prices.model) {
      *place = model;
    } else {
      table.m_models.insert(place, model);
    }
  }
  return table;
}

const PriceTable::Listed* PriceTable::find_listed(std::string_view model) const
{
  const auto found =
      std::lower_bound(m_models.begin(), m_models.end(), model,
                       [](const Listed& listed, std::string_view name) { return listed.prices.model < name; });
  if (found != m_models.end() && found->prices.model == model) return &*found;
  const auto shared = shared_name(model);
  return shared == model ? nullptr : find_listed(shared);
}

const ModelPrices* PriceTable::find(std::string_view model) const
{
  const auto* found = find_listed(model);
  return found ? &found->prices : nullptr;
}

const std::string& PriceTable::as_of(std::string_view model) const
{
  const auto* found = find_listed(model);
  return found ? found->as_of : m_as_of;
}

const PriceTable& built_in_table()
{
  static const PriceTable table{built_in_prices()};
  return table;
}

ModelPrices prices_given(std::string model, Price input, Price output, const ModelPrices* listed)
{
  const Rates standard{.input = input, .output = output};
  return {.model = std::move(model),
          .standard = standard,
          .batch = halved(standard),
          .flex = halved(standard),
          .long_context = listed ? listed->long_context : std::nullopt,
          .most_output = listed ? listed->most_output : std::nullopt};
}

bool is_priced_tier(std::string_view tier)
{
  const bool costs_more = tier == "priority" || tier == "fast" || tier == "scale";
  return !costs_more && tier.find("{{") == std::string_view::npos;
}

std::optional<Rates> rates_for(const ModelPrices& prices, Route route, std::string_view tier)
{
  if (route == Route::batch) return prices.batch;
  if (tier == flex_tier && prices.flex) return prices.flex;
  if (!is_priced_tier(tier)) return std::nullopt;
  return prices.standard;
}

PicoUsd cost(const Usage& usage, const Rates& rates)
{
  const auto clamp = [](Tokens n, std::int64_t most) { return Tokens{std::clamp<std::int64_t>(n.n, 0, most)}; };
  const auto input = std::max<std::int64_t>(usage.input.n, 0);
  const auto cached = clamp(usage.cached, input);
  const auto written = rates.cache_write ? clamp(usage.cache_write, input - cached.n) : Tokens{};
  const Tokens fresh{input - cached.n - written.n};
  return batchwright::cost(fresh, rates.input) + batchwright::cost(cached, rates.cached.value_or(rates.input)) +
         batchwright::cost(written, rates.cache_write.value_or(rates.input)) +
         batchwright::cost(usage.output, rates.output);
}

std::optional<PicoUsd> cost_of_answer(const Usage& usage, const ModelPrices& prices, Route route, std::string_view tier)
{
  const auto rates = rates_for(prices, route, tier);
  if (!rates) return std::nullopt;
  const auto& above = prices.long_context;
  return cost(usage, above && usage.input > above->above ? for_long(*rates, *above) : *rates);
}

std::optional<PicoUsd> cost_of_work(const Usage& sum, std::uint64_t requests, const ModelPrices& prices, Route route,
                                    std::string_view tier)
{
  const auto rates = rates_for(prices, route, tier);
  if (!rates) return std::nullopt;
  const auto& above = prices.long_context;
  const auto each = sum.input.n / static_cast<std::int64_t>(std::max<std::uint64_t>(1, requests));
  return cost(sum, above && Tokens{each} > above->above ? for_long(*rates, *above) : *rates);
}

std::optional<PicoUsd> cost_of_work(const Workload& work, const ModelPrices& prices, Route route, std::string_view tier)
{
  const auto rates = rates_for(prices, route, tier);
  const auto& above = prices.long_context;
  if (!rates || !above || work.largest <= above->above)
    return cost_of_work(work.usage, work.requests, prices, route, tier);
  return cost(work.usage, for_long(*rates, *above));
}

bool is_free(const Rates& rates)
{
  const auto most = [](const std::optional<Price>& price) { return price.value_or(Price{}).micro_usd_per_mtok; };
  return rates.input == Price{} && rates.output == Price{} && most(rates.cached) == 0 && most(rates.cache_write) == 0;
}

} // namespace batchwright::money
