#include <batchwright/model/experience.hpp>

#include <doctest/doctest.h>

#include <cmath>

using namespace batchwright;

TEST_SUITE_BEGIN("model::experience");

TEST_CASE("outputs tell their mean, their deviation and what most of them stay below")
{
  Outputs outputs;
  for (std::int64_t n = 1; n <= 1000; ++n)
    outputs.add({n});
  CHECK(outputs.count() == 1000);
  CHECK(outputs.mean() == doctest::Approx(500.5));
  CHECK(outputs.deviation() == doctest::Approx(288.8194).epsilon(1e-4));
  CHECK(outputs.most() == Tokens{1000});
  for (const double share : {0.01, 0.25, 0.5, 0.9, 0.99}) {
    CAPTURE(share);
    const auto exact = static_cast<std::int64_t>(share * 1000);
    CHECK(outputs.quantile(share).n >= exact);
    CHECK(outputs.quantile(share).n <= static_cast<std::int64_t>(static_cast<double>(exact) * 1.1) + 1);
  }
  CHECK(outputs.quantile(1).n == 1000);
}

TEST_CASE("one answer, none, and what no model says")
{
  Outputs outputs;
  CHECK(outputs.empty());
  outputs.add({7});
  CHECK(outputs.deviation() == 0);
  CHECK(outputs.quantile(0.99) == Tokens{7});
  outputs.add({-3});
  CHECK(outputs.mean() == doctest::Approx(3.5));
  outputs.add({50'000'000});
  CHECK(outputs.quantile(1) == Tokens{50'000'000});
}

TEST_CASE("outputs come back from their text, and what is no such text is nothing")
{
  Outputs outputs;
  CHECK(Outputs::read(outputs.text()) == outputs);
  for (const std::int64_t n : {0, 1, 3, 17, 17, 400, 128'000})
    outputs.add({n}, 3);
  CHECK(Outputs::read(outputs.text()) == outputs);
  Outputs twice = outputs;
  twice += outputs;
  CHECK(twice.count() == 42);
  CHECK(twice.mean() == doctest::Approx(outputs.mean()));
  for (const auto* text : {"", "1", "1 2", "1 2 x", "1 2 3 4", "1 2 3 999:1", "1 2 3 4:"})
    CHECK_FALSE(Outputs::read(text));
}

TEST_CASE("the factor of the input is what answers said over what we estimated")
{
  CHECK(Experience{}.input_factor() == 1);
  CHECK(Experience{.estimated = {100}, .input = {80}}.input_factor() == doctest::Approx(0.8));
  CHECK(Experience{.estimated = {100}, .input = {0}}.input_factor() == 1); // a server that tells no usage
}

TEST_CASE("what caches did is expected again, but for the first request, which found nothing")
{
  CacheSeen seen;
  CHECK_FALSE(seen.tells());
  seen.add(3, {.input = {3'000}}); // all at once: none found anything
  CHECK_FALSE(seen.tells());
  seen.add(7, {.input = {7'000}});
  CHECK(seen.tells());
  CHECK(seen.expected({50'000}) == CacheUse{});

  CacheSeen warm;
  warm.add(4, {.input = {4'000}, .cached = {2'400}, .cache_write = {1'000}});
  CHECK(warm.tells());
  CHECK(warm.expected({10'000}) == CacheUse{.read = {8'000}, .written = {2'000}}); // 0.25 written: more than is left
  CacheSeen odd;
  odd.add(2, {.input = {1'000}, .cached = {1'000}});
  CHECK(odd.expected({10}).read == Tokens{10}); // never more than there is
}

TEST_SUITE_END();
