// Caching and the two routes: what is expected before anything is sent, what answers teach, and what is said of it.

#include "tests/support/arena.hpp"

#include <batchwright/engine/caching.hpp>
#include <batchwright/engine/cost.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using engine::Until;
using tests::Arena;

namespace {

std::string words(int count)
{
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "tell ";
  return text;
}

/// Of 100 items, with a system message that all requests share.
engine::Ask ask_of(Arena& arena, const std::string& model, Mode mode = Mode::batch)
{
  auto ask = arena.ask(100, 50);
  ask.job.request.model = model;
  ask.job.request.system = words(3'000);
  ask.job.request.max_output_tokens = 20;
  ask.job.mode = mode;
  return ask;
}

/// Real time is at hand.
void open_callers(tests::Process& process)
{
  process.server.open_caller = [&process] {
    return api::open_caller({.base_url = process.server.base_url, .key = Secret{"test-key"}}, process.layout.jobs());
  };
}

PlanView plan_of(tests::Process& process, engine::Ask ask)
{
  ask.job.account = process.server.account;
  return engine::plan_view(process.tools, engine::draft(process.tools, ask));
}

double usd(PicoUsd amount)
{
  return static_cast<double>(amount.n) / 1e12;
}

} // namespace

TEST_SUITE_BEGIN("engine::caching");

TEST_CASE("real time is named the cheaper route where it is, and its figures are what both routes then cost")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  const auto ask = ask_of(arena, "gpt-4.1");
  const auto plan = plan_of(process, ask);
  REQUIRE(plan.is_live_cheaper);
  CHECK_FALSE(plan.routes->batch_discounts);
  CHECK(plan.routes->model == "gpt-4.1");
  CHECK(plan.advice.empty());

  auto live = ask_of(arena, "gpt-4.1", Mode::realtime);
  live.job.name = "live";
  CHECK_FALSE(plan_of(process, live).is_live_cheaper); // it is taken already
  process.make(live);
  process.advance("live", Until::ended);
  auto batch = ask;
  batch.job.name = "batch";
  process.make(batch);
  process.advance("batch", Until::ended);
  const auto by_live = engine::account(process.tools, "live");
  const auto by_batch = engine::account(process.tools, "batch");
  CHECK(*by_live.spent < *by_batch.spent);
  CHECK(usd(*by_live.spent) == doctest::Approx(usd(plan.routes->live)).epsilon(0.25)); // by our count of tokens
  CHECK(usd(*by_batch.spent) == doctest::Approx(usd(plan.routes->batch)).epsilon(0.25));
  REQUIRE(by_batch.saved());
  CHECK(by_batch.saved()->n < 0);
  CHECK(usd(*by_batch.realtime) == doctest::Approx(usd(*by_live.spent)).epsilon(0.05));

  const auto taught = plan_of(process, ask_of(arena, "gpt-4.1")); // by what answers told on each route
  REQUIRE(taught.is_live_cheaper);
  CHECK(usd(taught.routes->live) == doctest::Approx(usd(*by_live.spent)).epsilon(0.03));
  CHECK(usd(taught.routes->batch) == doctest::Approx(usd(*by_batch.spent)).epsilon(0.03));
  CHECK(usd(*taught.estimate.high) > usd(*by_batch.spent)); // a cache is best effort
}

TEST_CASE("a model whose batches have a cached price is not sent to real time")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  const auto plan = plan_of(process, ask_of(arena, "gpt-5.4"));
  CHECK_FALSE(plan.is_live_cheaper);
  REQUIRE(plan.routes);
  CHECK(plan.routes->batch < plan.routes->live);
  CHECK(plan.routes->batch < *plan.batch);         // which counts on no cache that nobody saw
  CHECK(*plan.estimate.low <= plan.routes->batch); // but there may be one
  CHECK(*plan.estimate.high >= *plan.batch);

  auto short_prompt = ask_of(arena, "gpt-4.1");
  short_prompt.job.request.system = words(600); // below what is cached
  CHECK_FALSE(plan_of(process, short_prompt).is_live_cheaper);
}

TEST_CASE("flex costs what batches do, with its own cached price; the usual tier of the same model costs more")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "o3");
  ask.job.request.max_output_tokens = 1'000; // dear beside what is cached
  CHECK_FALSE(plan_of(process, ask).is_live_cheaper);
  ask.job.request.service_tier = "flex";
  const auto plan = plan_of(process, ask);
  CHECK(plan.is_live_cheaper);
  CHECK(plan.routes->batch == *plan.batch);
}

TEST_CASE("what may come to at most counts on no cache, and that all of it is written to one where that is billed")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  const auto ask = ask_of(arena, "gpt-6-sol", Mode::realtime);
  const auto draft = engine::draft(process.tools, ask);
  const auto prices = engine::prices_of(process.tools, draft.job, "gpt-6-sol").value();
  REQUIRE(prices.standard.cache_write);
  const auto& e = draft.estimate;
  const auto input = cost(e.input, *prices.standard.cache_write);
  const auto output = cost(e.output, prices.standard.output);
  CHECK(usd(*e.worst) == doctest::Approx(1.25 * usd(input) + usd(output)).epsilon(0.001)); // our count may be 25% off
  CHECK(usd(*e.cost) < usd(input) / 2);
}

TEST_CASE("where batches turn out not to be cached, real time is the cheaper route")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "gpt-5.4");
  ask.job.name = "batch";
  arena.server.change({.no_prompt_cache = true});
  process.make(ask);
  process.advance("batch", Until::ended);
  ask.job.name = "next";
  const auto plan = plan_of(process, ask);
  CHECK(plan.is_live_cheaper);
  CHECK(plan.routes->cached_batch.n == 0);
}

TEST_CASE("what is the same at the end of all requests is said to be cached better at their beginning")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "gpt-5.4");
  ask.job.request.prompt = "{{text}} " + words(3'000);
  ask.job.request.system.clear();
  const auto plan = plan_of(process, ask);
  REQUIRE(plan.cache_hints.size() == 1);
  const auto hint = plan.cache_hints.front();
  CHECK(hint.what == CacheHint::What::order);
  CHECK(hint.route == Route::batch);
  auto turned = ask_of(arena, "gpt-5.4");
  CHECK(hint.saving.n > 0);
  CHECK(usd(*plan.batch) - usd(hint.saving) ==
        doctest::Approx(usd(plan_of(process, turned).routes->batch)).epsilon(0.05));

  ask.job.request.model = "gpt-4.1"; // no discount by batch: what is left is the way to real time
  const auto other = plan_of(process, ask);
  REQUIRE(other.cache_hints.size() == 1);
  CHECK(other.cache_hints.front().route == Route::realtime);
  CHECK(plan_of(process, turned).cache_hints.empty()); // already so, and by batch
}

TEST_CASE("requests that begin alike in real time are told of a key, unless they have one")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "gpt-5.4", Mode::realtime);
  const auto plan = plan_of(process, ask);
  REQUIRE(plan.cache_hints.size() == 1);
  CHECK(plan.cache_hints.front().what == CacheHint::What::key);
  ask.job.request.set = {{"prompt_cache_key", "\"reviews\""}};
  CHECK(plan_of(process, ask).cache_hints.empty());
  auto few = ask_of(arena, "gpt-5.4", Mode::realtime);
  few.inputs = {arena.directory.file("two.csv", "id,text\na,x\nb,y\n").native()};
  CHECK(plan_of(process, few).cache_hints.empty()); // it saves less than a cent
}

TEST_CASE("the first batch that is settled says once that the rest costs less in real time")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "gpt-4.1");
  ask.job.policy.enqueued_tokens = 100'000; // one after the other
  ask.job.limits.requests = 25;
  ask.job.name = "batch";
  process.make(ask);
  process.advance("batch", Until::ended);
  REQUIRE(process.recorder.cheaper.size() == 1);
  const auto& told = process.recorder.cheaper.front();
  CHECK(told.job == "batch");
  CHECK(told.routes.live < told.routes.batch);
  const auto spent = engine::account(process.tools, "batch");
  // Of four parts one is settled, and one at the server, which cannot go the other way any more.
  CHECK(usd(told.routes.batch) == doctest::Approx(usd(*spent.spent) * 2 / 4).epsilon(0.05));

  auto fair = ask_of(arena, "gpt-5.4");
  fair.job.policy.enqueued_tokens = 100'000;
  fair.job.limits.requests = 25;
  fair.job.name = "fair";
  process.make(fair);
  process.advance("fair", Until::ended);
  CHECK(process.recorder.cheaper.size() == 1);
}

TEST_CASE("the probe says it where its answers turn what was said before")
{
  Arena arena;
  auto process = arena.process();
  open_callers(process);
  auto ask = ask_of(arena, "gpt-4.1");
  ask.job.name = "said";
  ask.probe = {.items = 12};
  CHECK(engine::draft(process.tools, ask).job.told_live_is_cheaper);
  process.make(ask);
  process.advance("said", Until::ended);
  REQUIRE(process.recorder.probes.size() == 1);
  CHECK_FALSE(process.recorder.probes[0].routes); // as was said

  arena.server.change({.no_prompt_cache = true});
  ask.job.name = "turned";
  ask.job.request.system += "Otherwise.";
  process.make(ask);
  process.advance("turned", Until::ended);
  REQUIRE(process.recorder.probes.size() == 2);
  REQUIRE(process.recorder.probes[1].routes);
  CHECK_FALSE(process.recorder.probes[1].routes->is_live_cheaper());
  CHECK(process.recorder.probes[1].routes->cached_live.n == 0);
  CHECK_FALSE(process.store.job("turned")->told_live_is_cheaper);
}

TEST_SUITE_END();
