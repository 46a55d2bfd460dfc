// What answers teach: once each, by job, and for good.

#include "tests/support/arena.hpp"

#include <batchwright/engine/forecast.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using engine::learn_from;
using tests::Arena;

namespace {

struct World {
  World() : process(arena.process()), job(*process.store.job(process.make(arena.ask(10))))
  {
    const auto parts = process.store.parts(job.name);
    part = parts.front();
  }

  /// So many of the part's requests were answered, with so many tokens each.
  void learn(const Job& of, std::uint64_t answered, std::int64_t output)
  {
    results::Settled settled{.answered = answered};
    settled.outputs.add({output}, answered);
    settled.sums.usage.input = {static_cast<std::int64_t>(answered) * 7};
    store::Transaction tx{process.store};
    learn_from(tx, process.store, of, part, settled);
    tx.commit();
  }

  engine::Known known(const Job& to) { return engine::known_of(process.tools, to, to.request.model, part); }

  Job another(int i) const
  {
    auto other = job;
    other.uuid = fmt::format("uuid-{}", i);
    return other;
  }

  Arena arena{};
  tests::Process process;
  Job job;
  Part part = {};
};

} // namespace

TEST_SUITE_BEGIN("engine::forecast");

TEST_CASE("of a part of which some requests were answered as much of its input is compared")
{
  World world;
  world.learn(world.job, 5, 20);
  const auto whole = world.known(world.job).whole;
  CHECK(whole.estimated.n == doctest::Approx(static_cast<double>(world.part.input_tokens.n) / 2).epsilon(0.1));
  CHECK(whole.input == Tokens{35});
  CHECK(whole.outputs.count() == 5);
  world.learn(world.job, 0, 20); // nothing answered teaches nothing
  CHECK(world.known(world.job).whole.outputs.count() == 5);
}

TEST_CASE("a job's own answers are told from those of other jobs")
{
  World world;
  world.learn(world.another(1), 4, 100);
  world.learn(world.job, 2, 20);
  world.learn(world.job, 3, 20);
  const auto seen = world.known(world.job).outputs;
  CHECK(seen.own.count() == 5);
  CHECK(seen.own.mean() == 20);
  REQUIRE(seen.others.size() == 1);
  CHECK(seen.others.front().mean() == 100);
  CHECK(world.known(world.another(2)).outputs.others.size() == 2);
}

TEST_CASE("of a prompt that is asked every night the oldest jobs are remembered together, and nothing is forgotten")
{
  World world;
  constexpr int nights = 50;
  for (int night = 0; night < nights; ++night)
    world.learn(world.another(night), 2, 100 + night);
  const auto known = world.known(world.another(nights - 1));
  CHECK(known.whole.outputs.count() == 2 * nights);
  CHECK(known.outputs.own.mean() == 100 + nights - 1);
  CHECK(known.outputs.others.size() < 20);
  CHECK(known.outputs.others.size() > 15);
  CHECK(known.outputs.others.front().count() > 50); // the oldest ones
}

TEST_CASE("what was learned long ago counts less, and never for ever more")
{
  World world;
  for (int i = 0; i < 60; ++i)
    world.learn(world.another(i), 20'000, 100);
  CHECK(world.known(world.job).whole.outputs.count() < 600'000);
  CHECK(world.known(world.job).whole.outputs.count() > 400'000);
}

TEST_SUITE_END();
