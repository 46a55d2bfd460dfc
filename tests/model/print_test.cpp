#include <batchwright/model/print.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace batchwright;

TEST_SUITE_BEGIN("model::print");

TEST_CASE("money is printed exactly, without exponent or trailing zeros")
{
  CHECK(exact_usd({0}) == "0");
  CHECK(exact_usd({1}) == "0.000000000001");
  CHECK(exact_usd({1'350'000}) == "0.00000135");
  CHECK(exact_usd({12'500'000'000'000}) == "12.5");
  CHECK(exact_usd({100'000'000'000'000}) == "100");
  CHECK(exact_usd({999'999'999'999}) == "0.999999999999");
}

TEST_CASE("money below zero keeps its sign, down to the lowest value")
{
  CHECK(exact_usd({-250'000'000'000}) == "-0.25");
  CHECK(exact_usd({-7'000'000'000'000}) == "-7");
  CHECK(exact_usd({std::numeric_limits<std::int64_t>::min()}) == "-9223372.036854775808");
}

TEST_SUITE_END();
