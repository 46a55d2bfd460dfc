#include "app/money_options.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/money/prices.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace app {
namespace {

namespace bw = batchwright;
using bw::Error;
using bw::Fault;

bw::Price price_of(const std::vector<std::string>& both, std::size_t which)
{
  const auto price = both.size() == 2 ? bw::money::read_price(both[which]) : std::nullopt;
  if (price) return *price;
  throw Error{Fault::usage, fmt::format("--price {}: expected two prices", fmt::join(both, ",")),
              "dollars for a million tokens of input and of output in real time, of which batches cost half: "
              "--price 0.75,4.50"};
}

/// Said before anything else: a cap that came out empty in a script must not be none.
CLI::Validator amount()
{
  const auto check = [](const std::string& text) {
    amount_of(text, "--max-cost");
    return std::string{};
  };
  return CLI::Validator{check, {}};
}

} // namespace

void add_max_cost(CLI::App& command, std::string& max_cost, const std::string& what)
{
  command.add_option("--max-cost", max_cost, what)->type_name("USD")->check(amount());
}

void add_money_options(CLI::App& command, MoneyOptions& o)
{
  command
      .add_option("--max-cost", o.max_cost,
                  "Spend no more than so many dollars on the job, both routes and the fallback; that it covers what is "
                  "expected is consent")
      ->type_name("USD")
      ->check(amount());
  command.add_flag("--strict-cap", o.strict_cap,
                   "Keep back from the cap what answers may cost at worst, not what most of them do");
  command
      .add_option("--price", o.price,
                  "What a million tokens of input and of output cost in real time, in dollars, where the price table "
                  "is wrong or does not know the model; batches cost half")
      ->type_name("IN,OUT")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void apply(const MoneyOptions& o, bw::Policy& policy)
{
  policy.max_cost = cap_of(o.max_cost);
  if (o.strict_cap && !policy.max_cost)
    throw Error{Fault::usage, "--strict-cap does nothing without a cap", "--max-cost names one"};
  policy.strict_cap = o.strict_cap;
  if (!o.price.empty()) {
    policy.input_price = price_of(o.price, 0);
    policy.output_price = price_of(o.price, 1);
  }
}

std::optional<bw::PicoUsd> cap_of(const std::string& max_cost)
{
  return max_cost.empty() ? std::nullopt : std::optional{amount_of(max_cost, "--max-cost")};
}

bool is_covered(const std::string& max_cost, const std::optional<bw::PicoUsd>& expected)
{
  const auto cap = cap_of(max_cost);
  return cap && expected && *expected <= *cap;
}

bw::PicoUsd amount_of(const std::string& text, const char* option)
{
  const auto amount = bw::money::read_price(text.starts_with('$') ? std::string_view{text}.substr(1) : text);
  if (amount) return bw::PicoUsd{bw::saturating_multiply(amount->micro_usd_per_mtok, 1'000'000)};
  throw Error{Fault::usage, fmt::format("{} {}: not an amount of dollars", option, text),
              fmt::format("for example {} 2.50", option)};
}

} // namespace app
