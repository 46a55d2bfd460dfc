#include <batchwright/model/share.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

TEST_SUITE_BEGIN("model::share");

TEST_CASE("a count allows so many, a share so many of a hundred, exactly")
{
  const auto five = parse_allowance("5");
  REQUIRE(five);
  CHECK(five->covers(5, 5));
  CHECK_FALSE(five->covers(6, 1'000'000));
  CHECK(parse_allowance("0")->covers(0, 10));
  CHECK_FALSE(parse_allowance("0")->covers(1, 10));

  const auto thousandth = parse_allowance("0.1%");
  REQUIRE(thousandth);
  CHECK(thousandth->covers(1, 1000));
  CHECK_FALSE(thousandth->covers(1, 999));
  CHECK(thousandth->covers(10'000'000, 10'000'000'000));
  CHECK_FALSE(thousandth->covers(10'000'001, 10'000'000'000));
  CHECK(parse_allowance("100%")->covers(7, 7));
  CHECK_FALSE(parse_allowance("99.999999%")->covers(7, 7));
  CHECK(parse_allowance("0%")->covers(0, 7));
  CHECK_FALSE(parse_allowance("0%")->covers(1, 7));
}

TEST_CASE("what is neither a number nor a share of a hundred is none")
{
  for (const auto* text : {"", "%", "x", "-1", "-1%", "+1", "5.5", "101%", "100.000001%", "1.%", ".5%", "0.1234567%",
                           "1e2%", " 5", "5 ", "5 %", "18446744073709551616", "1,5%"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_allowance(text));
  }
}

TEST_CASE("a share of a whole is written as a fraction or as a percentage")
{
  for (const auto& [text, millionths] :
       {std::pair{"0", 0U}, std::pair{"0.1", 100'000U}, std::pair{"10%", 100'000U}, std::pair{"0.000001", 1U},
        std::pair{"12.5%", 125'000U}, std::pair{"100%", 1'000'000U}, std::pair{"1", 1'000'000U}}) {
    CAPTURE(text);
    CHECK(parse_share(text) == millionths);
  }
  for (const auto* text : {"", "x", "-0.1", "1.1", "101%", "10 %", "0,1", "1e-1", ".1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_share(text));
  }
}

TEST_SUITE_END();
