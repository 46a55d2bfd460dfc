#include <batchwright/base/error.hpp>
#include <batchwright/money/prices.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>

using namespace batchwright;

namespace {

std::string table(std::string_view models)
{
  return fmt::format(R"({{"as_of":"2026-11-22","models":[{}]}})", models);
}

std::string priced(std::string_view input)
{
  return table(fmt::format(R"({{"model":"m","standard":{{"input":{},"output":1}}}})", input));
}

} // namespace

TEST_SUITE_BEGIN("money::prices");

TEST_CASE("the built-in table has the prices of the price page")
{
  const auto& prices = money::built_in_table();
  CHECK(prices.as_of("gpt-4.1-mini") == "2026-11-22");
  const auto* mini = prices.find("gpt-4.1-mini");
  REQUIRE(mini);
  CHECK(mini->standard.input == Price{400'000});
  CHECK(mini->standard.cached == Price{100'000});
  CHECK(mini->standard.output == Price{1'600'000});
  REQUIRE(mini->batch);
  CHECK(mini->batch->input == Price{200'000});
  CHECK_FALSE(mini->batch->cached);
  CHECK(mini->batch->output == Price{800'000});
  CHECK_FALSE(prices.find("gpt-3.5-turbo-instruct")->batch);
  CHECK_FALSE(prices.find("no-such-model"));
  CHECK_FALSE(prices.find(""));
}

TEST_CASE("a dated snapshot has the price of its base name unless it is listed")
{
  const auto& prices = money::built_in_table();
  CHECK(prices.find("gpt-4o-2024-05-13")->model == "gpt-4o-2024-05-13");
  CHECK(prices.find("gpt-4o-2024-08-06")->model == "gpt-4o");
  CHECK(prices.find("gpt-4o-20240806")->model == "gpt-4o");
  CHECK_FALSE(prices.find("gpt-4o-2024-08-0x"));
  CHECK_FALSE(prices.find("gpt-4o-2024"));
  CHECK(money::built_in_table().find("gpt-4-0613") == money::built_in_table().find("gpt-4"));
  CHECK_FALSE(prices.find("-2024-08-06"));
  CHECK_FALSE(prices.find("ft:gpt-4o-mini:acme"));
}

TEST_CASE("a price is the decimal that stands in the table, to the last digit")
{
  const std::pair<const char*, std::int64_t> cases[] = {
      {"0", 0},           {"2", 2'000'000},    {"0.375", 375'000}, {"0.1", 100'000},
      {"0.000001", 1},    {"1.10", 1'100'000}, {"0.07", 70'000},   {"999999.999999", 999'999'999'999},
      {"4.35", 4'350'000}};
  for (const auto& c : cases) {
    CAPTURE(c.first);
    CHECK(money::PriceTable{priced(c.first)}.find("m")->standard.input == Price{c.second});
  }
}

TEST_CASE("what is no price table is a configuration error that says where")
{
  const std::pair<std::string, const char*> cases[] = {
      {"{", "not JSON at byte 1"},
      {"[]", "expected an object"},
      {R"({"models":[]})", "`as_of`"},
      {R"({"as_of":"x","models":{}})", "`models`"},
      {table("{}"), "no name"},
      {table(R"({"model":"m"})"), "model `m`: `standard` is missing"},
      {table(R"({"model":"m","standard":{"input":1}})"), "`output` is missing"},
      {priced("0.0000001"), "`input` is 0.0000001"},
      {priced("-1"), "`input` is -1"},
      {priced("1e2"), "`input` is 1e2"},
      {priced("\"1\""), "`input` is \"1\""},
      {priced("1234567"), "`input` is 1234567"},
      {table(R"({"model":"m","standard":{"input":1,"output":1}},{"model":"m","standard":{"input":1,"output":1}})"),
       "listed twice"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.first);
    try {
      const money::PriceTable table{c.first};
      FAIL("not refused");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::config);
      CAPTURE(std::string{e.what()});
      CHECK(std::string_view{e.what()}.find(c.second) != std::string_view::npos);
    }
  }
}

TEST_CASE("cached tokens are a part of the input, and cost as such where no cached price is listed")
{
  const money::Rates rates{{400'000}, Price{100'000}, {}, {1'600'000}};
  const Usage usage{{1000}, {600}, {50}, {40}};
  CHECK(money::cost(usage, rates) == PicoUsd{400 * 400'000 + 600 * 100'000 + 50 * 1'600'000});
  CHECK(money::cost(usage, {{400'000}, {}, {}, {1'600'000}}) == PicoUsd{1000 * 400'000 + 50 * 1'600'000});
  CHECK(money::cost({{10}, {20}, {0}, {0}}, rates) == PicoUsd{10 * 100'000}); // a server's slip is not a negative price
}

TEST_CASE("what no number can hold is the largest there is, never a negative one")
{
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr auto least = std::numeric_limits<std::int64_t>::min();
  static_assert(cost(Tokens{most}, Price{2}) == PicoUsd{most});
  static_assert(cost(Tokens{-most}, Price{2}) == PicoUsd{least});
  static_assert(Tokens{most} + Tokens{1} == Tokens{most});
  static_assert(PicoUsd{most} + PicoUsd{most} == PicoUsd{most});
  static_assert(PicoUsd{least} - PicoUsd{1} == PicoUsd{least});
  static_assert(PicoUsd{0} - PicoUsd{least} == PicoUsd{most});
  static_assert(Tokens{300} * 4 == Tokens{1200});
  static_assert(Tokens{9'000'000'000'000'000'000} * 3 == Tokens{most});

  const money::Rates dear{{999'999'999'999}, {}, {}, {999'999'999'999}};
  Usage sum;
  PicoUsd spent;
  for (int i = 0; i < 100; ++i) {
    const Usage usage{{999'999'999}, {0}, {999'999'999}, {0}};
    sum += usage;
    spent += money::cost(usage, dear);
  }
  CHECK(sum.input.n == 99'999'999'900);
  CHECK(spent.n == most);
  sum.input.n = most;
  sum += sum;
  CHECK(sum.input.n == most);
  CHECK(money::cost({{-5}, {3}, {0}, {0}}, dear).n <= 0);
}

TEST_CASE("each route has its own rates")
{
  const auto* mini = money::built_in_table().find("gpt-4.1-mini");
  CHECK(money::rates_for(*mini, Route::batch)->input == Price{200'000});
  CHECK(money::rates_for(*mini, Route::realtime)->input == Price{400'000});
  CHECK_FALSE(money::rates_for(*money::built_in_table().find("gpt-3.5-turbo-instruct"), Route::batch));
}

TEST_CASE("what is written to the cache is a part of the input that costs more")
{
  const auto* sol = money::built_in_table().find("gpt-6-sol"); // input 2, cached 0.2, write 2.5, output 10
  REQUIRE(sol);
  const Usage usage{.input = {1000}, .cached = {300}, .output = {10}, .cache_write = {500}};
  CHECK(money::cost_of_answer(usage, *sol, Route::realtime) ==
        PicoUsd{200 * 2'000'000 + 300 * 200'000 + 500 * 2'500'000 + 10 * 10'000'000});
  CHECK(money::cost_of_answer(usage, *sol, Route::batch) ==
        PicoUsd{200 * 1'000'000 + 300 * 100'000 + 500 * 1'250'000 + 10 * 5'000'000});
  const Usage odd{.input = {10}, .cached = {8}, .output = {0}, .cache_write = {50}}; // more than there is
  CHECK(money::cost_of_answer(odd, *sol, Route::realtime) == PicoUsd{8 * 200'000 + 2 * 2'500'000});
  const auto* mini = money::built_in_table().find("gpt-4.1-mini"); // which charges nothing for it
  CHECK(money::cost_of_answer(usage, *mini, Route::batch) == PicoUsd{1000 * 200'000 + 10 * 800'000});
}

TEST_CASE("a request above the long-context step is billed as a whole at its factors, each by itself")
{
  const auto* sol = money::built_in_table().find("gpt-6-sol"); // above 272,000: input and cache x 2, output x 1.5
  const Usage at{.input = {272'000}, .cached = {2'000}, .output = {100}};
  const Usage above{.input = {272'001}, .cached = {2'000}, .output = {100}};
  CHECK(money::cost_of_answer(at, *sol, Route::realtime) ==
        PicoUsd{270'000 * 2'000'000LL + 2'000 * 200'000LL + 100 * 10'000'000LL});
  CHECK(money::cost_of_answer(above, *sol, Route::realtime) ==
        PicoUsd{270'001 * 4'000'000LL + 2'000 * 400'000LL + 100 * 15'000'000LL});
  CHECK(money::cost_of_work({.input = {500'000}}, 2, *sol, Route::realtime) == PicoUsd{500'000 * 2'000'000LL});
  CHECK(money::cost_of_work({.input = {500'000}}, 1, *sol, Route::realtime) == PicoUsd{500'000 * 4'000'000LL});
}

TEST_CASE("at most all of it is in long requests, where one of them may be long")
{
  const auto* sol = money::built_in_table().find("gpt-5.4");
  REQUIRE(sol->long_context);
  const Workload work{.usage = {.input = {500'000}, .output = {1'000}}, .requests = 10, .largest = {272'000}};
  const auto usual = money::cost_of_work(work.usage, work.requests, *sol, Route::batch);
  CHECK(money::cost_of_work(work, *sol, Route::batch) == usual);
  auto longer = work;
  longer.largest = {272'001};
  CHECK(money::cost_of_work(longer, *sol, Route::batch) ==
        money::cost_of_answer({.input = {500'000}, .output = {1'000}}, *sol, Route::batch));
  CHECK(*money::cost_of_work(longer, *sol, Route::batch) > *usual);
}

TEST_CASE("what the user says of a price leaves standing what else is known of the model")
{
  const auto* listed = money::built_in_table().find("gpt-5.4");
  const auto given = money::prices_given("gpt-5.4", Price{1'000'000}, Price{2'000'000}, listed);
  CHECK(given.standard.input == Price{1'000'000});
  CHECK(given.batch->output == Price{1'000'000});
  CHECK(given.most_output == listed->most_output);
  CHECK(given.long_context == listed->long_context);
  CHECK_FALSE(money::prices_given("other", Price{1}, Price{2}).most_output);
}

TEST_CASE("tiers: flex costs as listed, what costs more than is listed has no price")
{
  const auto* luna = money::built_in_table().find("gpt-5.4-mini");
  REQUIRE(luna->flex);
  CHECK(money::rates_for(*luna, Route::realtime, "flex") == luna->flex);
  CHECK(money::rates_for(*luna, Route::realtime, "default") == luna->standard);
  CHECK(money::rates_for(*luna, Route::batch, "priority") == luna->batch); // a batch has the price of batches
  CHECK_FALSE(money::rates_for(*luna, Route::realtime, "priority"));
  CHECK_FALSE(money::cost_of_answer({.input = {1}}, *luna, Route::realtime, "fast"));
}

TEST_CASE("moderation is free, embeddings have no output price")
{
  const auto& table = money::built_in_table();
  CHECK(money::is_free(table.find("omni-moderation-latest")->standard));
  CHECK(money::cost_of_answer({.input = {1'000'000}}, *table.find("text-embedding-3-small"), Route::batch) ==
        PicoUsd{10'000'000'000});
}

TEST_CASE("a table of the user's stands before the built-in one, model by model")
{
  const money::PriceTable own{
      R"({"as_of":"2026-12-24","models":[{"model":"gpt-5.4-mini","standard":{"input":7,"output":9}},
          {"model":"mine","standard":{"input":0.5,"cached_input":0.1,"output":1.000001},"batch":null}]})"};
  const auto table = money::built_in_table().overridden_by(own);
  for (const auto* model : {"gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", "mine"})
    CHECK(table.as_of(model) == "2026-12-24");
  for (const auto* model : {"gpt-5.4", "nobody-knows-it"})
    CHECK(table.as_of(model) == "2026-11-22");
  CHECK(table.find("gpt-5.4-mini-2026-03-17")->standard.input == Price{7'000'000});
  CHECK(table.find("gpt-5.4-mini")->batch->output == Price{4'500'000}); // half, where nothing else is said
  CHECK(table.find("mine")->standard.output == Price{1'000'001});
  CHECK_FALSE(table.find("mine")->batch);
  CHECK(table.find("gpt-5.4")->standard == money::built_in_table().find("gpt-5.4")->standard);
  const auto half = money::prices_given("m", {3}, {1'000'001}).batch;
  CHECK(half->input == Price{2}); // rounded up: no price is told too low
  CHECK(half->output == Price{500'001});
}

TEST_CASE("an amount is read by its digits, or not at all")
{
  CHECK(money::read_price("2.50") == Price{2'500'000});
  CHECK(money::read_price(".5") == Price{500'000});
  CHECK(money::read_price("0") == Price{0});
  for (const auto* text : {"", ".", "-1", "1e3", "1,5", "0.1234567", "1234567", " 1", "1 "})
    CHECK_FALSE(money::read_price(text));
}

TEST_SUITE_END();
