#include <batchwright/realtime/share.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using realtime::fair_share;
using realtime::Want;

namespace {

const Instant now{std::chrono::hours{500'000}};

Want wants(double rate)
{
  return {.rate = rate, .at = now};
}

Want hungry()
{
  return {.rate = std::nullopt, .at = now};
}

} // namespace

TEST_SUITE_BEGIN("realtime::share");

TEST_CASE("alone one has all, whatever one wants")
{
  CHECK(fair_share(std::nullopt, {}, 3'000, now) == doctest::Approx(1));
  CHECK(fair_share(10, {}, 3'000, now) == doctest::Approx(1));
  CHECK(fair_share(0, {}, 3'000, now) == doctest::Approx(1));
}

TEST_CASE("those who want as much as possible divide evenly")
{
  CHECK(fair_share(std::nullopt, {hungry()}, 3'000, now) == doctest::Approx(1.0 / 2));
  CHECK(fair_share(std::nullopt, {hungry(), wants(9'000)}, 3'000, now) == doctest::Approx(1.0 / 3));
}

TEST_CASE("what the modest leave goes to the hungry")
{
  // Of 3,000: one wants 300, one 900, one all.
  CHECK(fair_share(std::nullopt, {wants(900), wants(300)}, 3'000, now) == doctest::Approx(0.6));
  CHECK(fair_share(900, {hungry(), wants(300)}, 3'000, now) == doctest::Approx(0.3));
  CHECK(fair_share(300, {wants(900), hungry()}, 3'000, now) == doctest::Approx(0.1));
  CHECK(fair_share(std::nullopt, {wants(0)}, 3'000, now) == doctest::Approx(1));
}

TEST_CASE("what nobody wants is divided evenly")
{
  CHECK(fair_share(300, {wants(900)}, 3'000, now) == doctest::Approx(0.1 + 0.3));
  CHECK(fair_share(900, {wants(300)}, 3'000, now) == doctest::Approx(0.3 + 0.3));
}

TEST_CASE("the parts of all are the whole")
{
  const std::vector<std::vector<Want>> crowds{{wants(1), wants(2), wants(3)},
                                              {wants(1'000), wants(1'000), wants(1'001)},
                                              {hungry(), wants(2'999), wants(0), wants(50)},
                                              {hungry(), hungry(), hungry(), hungry(), hungry()}};
  for (const auto& crowd : crowds) {
    double sum = 0;
    for (std::size_t me = 0; me < crowd.size(); ++me) {
      auto others = crowd;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(me));
      sum += fair_share(crowd[me].rate, others, 3'000, now);
    }
    CHECK(sum == doctest::Approx(1));
  }
}

TEST_CASE("a word that is old, or from the future, does not count")
{
  const auto said = [](Millis ago) { return std::vector{Want{.rate = std::nullopt, .at = now - ago}}; };
  CHECK(fair_share(std::nullopt, said(Millis{15'000}), 3'000, now) == doctest::Approx(0.5));
  CHECK(fair_share(std::nullopt, said(Millis{15'001}), 3'000, now) == doctest::Approx(1));
  CHECK(fair_share(std::nullopt, said(Millis{-15'000}), 3'000, now) == doctest::Approx(0.5));
  CHECK(fair_share(std::nullopt, said(Millis{-15'001}), 3'000, now) == doctest::Approx(1));
}

TEST_CASE("without a limit all are taken to want as much as possible")
{
  CHECK(fair_share(0, {wants(900), wants(0)}, 0, now) == doctest::Approx(1.0 / 3));
}

TEST_SUITE_END();
