// The table is small and read once; what matters is that a price is the decimal that stands in it, to the last digit.

#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/money/prices.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace batchwright::money {
namespace {

constexpr std::size_t decimals = 6;          // micro-dollars
constexpr std::size_t most_whole_digits = 6; // a million dollars and more is a slip of the pen and no price

[[noreturn]] void refuse(std::string_view model, std::string_view what)
{
  throw Error{Fault::config, fmt::format("reading the price table: model `{}`: {}", model, what),
              "prices are dollars for a million tokens, as plain decimals with up to six places: 0.375"};
}

bool is_digits(std::string_view text)
{
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "0.375" as 375'000: by its digits, since no double holds most decimals.
Price price_of(std::string_view model, std::string_view name, json::Value value)
{
  const auto text = value.raw();
  const auto point = text.find('.');
  const auto whole = text.substr(0, point);
  const auto part = point == std::string_view::npos ? std::string_view{} : text.substr(point + 1);
  if (!value.is(json::Kind::number) || !is_digits(whole) || !is_digits(part) || part.size() > decimals ||
      whole.size() > most_whole_digits) {
    refuse(model, fmt::format("`{}` is {}, which is no price", name, text));
  }
  std::int64_t micro = 0;
  for (const char c : whole)
    micro = micro * 10 + (c - '0');
  for (std::size_t i = 0; i < decimals; ++i)
    micro = micro * 10 + (i < part.size() ? part[i] - '0' : 0);
  return {micro};
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

ModelPrices model_of(json::Value value)
{
  ModelPrices prices;
  const auto name = value.get("model");
  prices.model = name ? name->text().value_or("") : "";
  if (prices.model.empty()) refuse("?", "it has no name");
  const auto standard = value.get("standard");
  if (!standard) refuse(prices.model, "`standard` is missing");
  prices.standard = rates_of(prices.model, *standard);
  if (const auto batch = value.get("batch")) prices.batch = rates_of(prices.model, *batch);
  if (const auto flex = value.get("flex")) prices.flex = rates_of(prices.model, *flex);
  return prices;
}

/// "gpt-5.4-mini" for "gpt-5.4-mini-2026-03-17" and "gpt-5.4-mini-20260317"; empty where there is no date.
std::string_view without_date(std::string_view model)
{
  for (const std::string_view form : {"-dddd-dd-dd", "-dddddddd"}) {
    if (model.size() <= form.size()) continue;
    const auto tail = model.substr(model.size() - form.size());
    const bool fits = std::equal(tail.begin(), tail.end(), form.begin(),
                                 [](char c, char f) { return f == 'd' ? c >= '0' && c <= '9' : c == f; });
    if (fits) return model.substr(0, model.size() - form.size());
  }
  return {};
}

} // namespace

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
    m_models.push_back(model_of(model));
  std::sort(m_models.begin(), m_models.end(), [](const auto& a, const auto& b) { return a.model < b.model; });
  const auto twice = std::adjacent_find(m_models.begin(), m_models.end(),
                                        [](const auto& a, const auto& b) { return a.model == b.model; });
  if (twice != m_models.end()) refuse(twice->model, "it is listed twice");
}

const ModelPrices* PriceTable::find(std::string_view model) const
{
  const auto found =
      std::lower_bound(m_models.begin(), m_models.end(), model,
                       [](const ModelPrices& prices, std::string_view name) { return prices.model < name; });
  if (found != m_models.end() && found->model == model) return &*found;
  const auto base = without_date(model);
  return base.empty() ? nullptr : find(base);
}

const PriceTable& built_in_table()
{
  static const PriceTable table{built_in_prices()};
  return table;
}

PicoUsd cost(const Usage& usage, const Rates& rates)
{
  const Tokens cached{std::min(std::max<std::int64_t>(usage.cached.n, 0), usage.input.n)};
  const Tokens fresh{usage.input.n - cached.n};
  return batchwright::cost(fresh, rates.input) + batchwright::cost(cached, rates.cached.value_or(rates.input)) +
         batchwright::cost(usage.output, rates.output);
}

std::optional<Rates> rates_for(const ModelPrices& prices, Route route, std::string_view tier)
{
  if (route == Route::realtime && tier == flex_tier && prices.flex) return prices.flex;
  return route == Route::batch ? prices.batch : prices.standard;
}

} // namespace batchwright::money
