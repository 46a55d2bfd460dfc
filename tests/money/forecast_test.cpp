#include <batchwright/money/forecast.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace batchwright;
using money::expected_length;

namespace {

Outputs outputs_of(const std::vector<std::int64_t>& lengths)
{
  Outputs outputs;
  for (const auto n : lengths)
    outputs.add({n});
  return outputs;
}

} // namespace

TEST_SUITE_BEGIN("money::forecast");

TEST_CASE("without answers the bound is expected, without a bound an assumption that says how wide it is")
{
  const auto bound = expected_length(Tokens{50}, {}, 1000, Tokens{128'000});
  CHECK(bound.basis == Basis::bound);
  CHECK(bound.expected == 50);
  CHECK(bound.high == 50);
  CHECK(bound.low == 1);
  CHECK(bound.usual == Tokens{50});
  CHECK(bound.most == Tokens{50});

  const auto assumed = expected_length({}, {}, 1000, Tokens{2'000});
  CHECK(assumed.basis == Basis::assumed);
  CHECK(assumed.expected == 300);
  CHECK(assumed.low == 30);
  CHECK(assumed.high == 2'000); // the model says no more
  CHECK_FALSE(assumed.usual);
  CHECK(assumed.most == Tokens{2'000});
  CHECK_FALSE(expected_length({}, {}, 1000, {}).most);
}

TEST_CASE("answers say what is expected, never beyond the bound; few of them leave a wide range")
{
  const auto few = expected_length(Tokens{90}, {.own = outputs_of({30, 60, 60})}, 1000, {});
  CHECK(few.basis == Basis::answers);
  CHECK(few.expected == doctest::Approx(50));
  CHECK(few.low < 30);
  CHECK(few.high == 90);
  CHECK(few.usual == Tokens{90}); // one and a half times the longest, within the bound
  std::vector<std::int64_t> many(2000);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = 20 + static_cast<std::int64_t>(i % 61);
  const auto known = expected_length(Tokens{90}, {.own = outputs_of(many)}, 1000, {});
  CHECK(known.low > 0.93 * known.expected);
  CHECK(known.high < 1.07 * known.expected);
  CHECK(known.usual->n >= 79);
  CHECK(known.usual->n <= 80);
}

TEST_CASE("what is usual is no less than what the average may be, where a few answers are all that is known")
{
  const auto few = expected_length({}, {.own = outputs_of({100, 300, 800})}, 1000, {});
  CHECK(few.usual->n >= static_cast<std::int64_t>(few.high));
  CHECK(few.usual->n > 1200);
  std::vector<std::int64_t> dozens(40, 100);
  dozens.back() = 800;
  CHECK(expected_length({}, {.own = outputs_of(dozens)}, 1000, {}).usual == Tokens{1200});
}

TEST_CASE("the total lies inside the range in nine of ten jobs of skewed lengths, after three answers alone")
{
  std::mt19937 engine{7};
  int inside = 0;
  constexpr int jobs = 400;
  for (int job = 0; job < jobs; ++job) {
    std::lognormal_distribution<double> length{3.0 + 0.01 * (job % 100), 0.2 + 0.006 * (job % 100)}; // sigma to 0.8
    const auto draw = [&] { return std::max<std::int64_t>(1, std::llround(length(engine))); };
    const auto probe = outputs_of({draw(), draw(), draw()});
    constexpr int rest = 500;
    double total = 0;
    for (int i = 0; i < rest; ++i)
      total += static_cast<double>(draw());
    const auto told = expected_length({}, {.own = probe}, rest, {});
    inside += told.low * rest <= total && total <= told.high * rest ? 1 : 0;
  }
  CHECK(inside >= jobs * 9 / 10);
}

TEST_CASE("what earlier jobs took says what is to be expected, with as wide a range as jobs differ")
{
  const std::vector<std::int64_t> hundred(400, 100);
  const auto one = expected_length({}, {.others = {outputs_of(hundred)}}, 1000, {});
  CHECK(one.basis == Basis::answers);
  CHECK(one.expected == doctest::Approx(100));
  CHECK(one.high > 150); // one job says little of how far the next one lies off
  const auto alike = outputs_of(hundred);
  const auto nightly = expected_length({}, {.others = {alike, alike, alike, alike}}, 1000, {});
  CHECK(nightly.high < 106);
  const auto differing =
      expected_length({}, {.others = {alike, outputs_of({200, 210, 190}), outputs_of({300, 280, 320})}}, 1000, {});
  CHECK(differing.high > 1.5 * differing.expected);
}

TEST_CASE("answers of the job itself say more the more there are, and all where it is another matter")
{
  std::vector<std::int64_t> before;
  for (int i = 0; i < 300; ++i)
    before.push_back(80 + i % 41);
  const auto earlier = outputs_of(before); // 100 on average
  const auto few = expected_length({}, {.own = outputs_of({150, 120, 130}), .others = {earlier}}, 1000, {});
  CHECK(few.expected > 105);
  CHECK(few.expected < 134);
  CHECK(few.high > 133);
  std::vector<std::int64_t> many(200);
  for (std::size_t i = 0; i < many.size(); ++i)
    many[i] = 130 + static_cast<std::int64_t>(i % 9);
  CHECK(expected_length({}, {.own = outputs_of(many), .others = {earlier}}, 1000, {}).expected ==
        doctest::Approx(134).epsilon(0.01));
  const auto other = expected_length({}, {.own = outputs_of({900, 1100, 1000}), .others = {earlier}}, 1000, {});
  CHECK(other.expected == doctest::Approx(1000));
  CHECK(other.low < 900);
  CHECK(other.high > 1100);
  CHECK(other.usual->n == 1650); // half as much again as the longest, though earlier ones were all short
}

TEST_CASE("answers without a token are numbers like others")
{
  const auto check = [](const SeenOutputs& seen) {
    const auto length = expected_length({}, seen, 10, {});
    CHECK(std::isfinite(length.expected));
    CHECK(length.low <= length.expected);
    CHECK(length.high >= length.expected);
    CHECK(length.high < 10'000);
  };
  const auto none = outputs_of({0, 0, 0});
  const auto some = outputs_of({100, 200, 400});
  check({.own = none});
  check({.others = {none}});
  check({.own = none, .others = {some, some, some}});
  check({.own = none, .others = {none, none, none}});
  check({.own = some, .others = {none, none, none}});
}

TEST_CASE("the total lies inside the range in nine of ten jobs where earlier ones had other data, however other")
{
  std::mt19937 engine{11};
  for (const double apart : {0.05, 0.3, 1.0}) {
    CAPTURE(apart);
    int inside = 0;
    constexpr int jobs = 300;
    for (int job = 0; job < jobs; ++job) {
      std::normal_distribution<double> shift{0.0, apart};
      const auto lengths = [&](double mean_of_log, int count) {
        std::lognormal_distribution<double> length{mean_of_log, 0.2 + 0.002 * job};
        std::vector<std::int64_t> drawn;
        for (int i = 0; i < count; ++i)
          drawn.push_back(std::max<std::int64_t>(1, std::llround(length(engine))));
        return drawn;
      };
      SeenOutputs seen;
      for (int earlier = 0; earlier < 1 + job % 5; ++earlier)
        seen.others.push_back(outputs_of(lengths(4 + shift(engine), 240)));
      const auto mean_of_log = 4 + shift(engine);
      seen.own = outputs_of(lengths(mean_of_log, 3));
      constexpr int rest = 500;
      double total = 0;
      for (const auto n : lengths(mean_of_log, rest))
        total += static_cast<double>(n);
      const auto told = expected_length({}, seen, rest, {});
      inside += told.low * rest <= total && total <= told.high * rest ? 1 : 0;
    }
    CHECK(inside >= jobs * 9 / 10);
  }
}

TEST_SUITE_END();
