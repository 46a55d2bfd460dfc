#include <batchwright/report/plan.hpp>

#include <doctest/doctest.h>

using namespace batchwright;

TEST_SUITE_BEGIN("report::plan");

TEST_CASE("what is tried first is a line of the plan")
{
  PlanView plan{
      .job = "reviews", .model = "m", .items = 150, .requests = 150, .parts = 1, .live_requests = 3, .probe = 3};
  CHECK(report::plan(plan).find("\n  first   3 items in real time, to see how the model answers\n") !=
        std::string::npos);
  plan.probe = 0;
  CHECK(report::plan(plan).find("first") == std::string::npos);
}

TEST_CASE("where real time is the cheaper route a plan says so, with figures, in lines that fit")
{
  const RouteCosts routes{.live = PicoUsd{1'200'000'000'000},
                          .batch = PicoUsd{1'500'000'000'000},
                          .input = {3'400},
                          .cached_live = {3'072},
                          .batch_discounts = false,
                          .model = "gpt-4.1"};
  PlanView plan{.job = "reviews",
                .model = "gpt-4.1",
                .batch = routes.batch,
                .realtime = routes.live,
                .routes = routes,
                .is_live_cheaper = true};
  CHECK(report::plan(plan).ends_with("\n  note    real time costs less here: about $1.20, by batch $1.50: 3,072 of the"
                                     "\n          3,400 input tokens of a request are shared and cached, and batches of"
                                     "\n          gpt-4.1 have no cached price; --mode realtime takes it"));
  plan.is_live_cheaper = false;
  CHECK(report::plan(plan).find("note") == std::string::npos);
  plan.routes->batch_discounts = true;
  plan.routes->batch = PicoUsd{600'000'000'000};
  CHECK(report::plan(plan).find("$0.60 by batch, if batches cache as much as real time does") != std::string::npos);
}

TEST_CASE("a plan says how prompts could be cached better")
{
  PlanView plan{.job = "reviews",
                .cache_hints = {{.what = CacheHint::What::order,
                                 .shared = {2'000},
                                 .saving = PicoUsd{3'000'000'000'000},
                                 .route = Route::batch}}};
  CHECK(report::plan(plan).ends_with("\n  note    2,000 tokens at the end of each request are the same in all: at its"
                                     "\n          beginning they could be cached, which takes about $3.00 off"));
  plan.cache_hints.front().what = CacheHint::What::key;
  CHECK(report::plan(plan).find(R"('prompt_cache_key="reviews"')") != std::string::npos);
  plan.cache_hints.front().is_ready_made = true;
  CHECK(report::plan(plan).find("--set") == std::string::npos);
}

TEST_CASE("what the probe or the first batch changes of the cheaper route is said, with the command that takes it")
{
  RouteCosts routes{.live = PicoUsd{1'200'000'000'000},
                    .batch = PicoUsd{1'500'000'000'000},
                    .input = {3'400},
                    .cached_live = {3'072},
                    .batch_discounts = false,
                    .model = "gpt-4.1"};
  ProbeOver probe{.job = "reviews", .items = 3, .answered = 3, .whole = {.cost = PicoUsd{1'000'000'000'000}}};
  CHECK(report::sentence(probe) == "probe: 3 of 3 answered; the job comes to about $1.00");
  probe.routes = routes;
  CHECK(report::sentence(probe).find("\n  real time costs less here: about $1.20, by batch $1.50") !=
        std::string::npos);
  CHECK(report::sentence(probe).find("`batchwright finish reviews`") != std::string::npos);
  CHECK(
      report::sentence(LiveIsCheaper{.job = "reviews", .routes = routes})
          .starts_with("reviews: what is left costs less in real time: about $1.20, by batch $1.50:\n  3,072 of the"));
  std::swap(probe.routes->live, probe.routes->batch);
  CHECK(report::sentence(probe).find("batches cost less after all: about $1.20, real time $1.50") != std::string::npos);
  CHECK(report::sentence(probe).find("finish") == std::string::npos);
}

TEST_CASE("a plan tells the work, its price, and what the figures rest on")
{
  PlanView v{.job = "reviews",
             .model = "gpt-5.4-mini",
             .items = 120'000,
             .requests = 120'000,
             .parts = 3,
             .request_bytes = 100'000'000,
             .estimate = {.basis = Basis::assumed, .input = {24'000'000}, .output = {36'000'000}},
             .bounded_by = "--max-output-tokens",
             .batch = PicoUsd{12'340'000'000'000},
             .realtime = PicoUsd{24'680'000'000'000},
             .prices_as_of = "2026-11-22"};
  CHECK(report::plan(v) == "reviews: 120,000 requests in 3 batches for gpt-5.4-mini\n"
                           "  upload  95.4 MiB\n"
                           "  tokens  about 24,000,000 in, perhaps 36,000,000 out\n"
                           "          (300 assumed an answer; --max-output-tokens sets a bound)\n"
                           "  cost    about $12.34 by batch, $24.68 in real time (prices of 2026-11-22)");
  auto packed = v;
  packed.requests = 1'200; // a hundred items each
  packed.estimate.output = {};
  packed.estimate.basis = Basis::none;
  const auto of_packs = report::plan(packed);
  CHECK(of_packs.starts_with("reviews: 1,200 requests in 3 batches"));
  CHECK(of_packs.find("about 24,000,000 in\n") != std::string::npos);
  v.estimate.basis = Basis::bound;
  v.batch = std::nullopt;
  v.skipped = 1;
  const auto bounded = report::plan(v);
  CHECK(bounded.find("at most 36,000,000 out\n") != std::string::npos);
  CHECK(bounded.find("cost    not known") != std::string::npos);
  CHECK(bounded.ends_with("\n  aside   1 bad record left out"));
}

TEST_CASE("a plan tells how sure its cost is, what a cap is enough for, and how long the queue makes it take")
{
  constexpr std::int64_t dollar = 1'000'000'000'000;
  PlanView v{.job = "reviews",
             .model = "gpt-5.4-mini",
             .items = 10,
             .requests = 10,
             .parts = 1,
             .estimate = {.basis = Basis::answers,
                          .answers = 1203,
                          .input = {3'760'000'000},
                          .output = {500},
                          .cost = PicoUsd{10 * dollar},
                          .low = PicoUsd{9 * dollar},
                          .high = PicoUsd{12 * dollar},
                          .worst = PicoUsd{40 * dollar}},
             .batch = PicoUsd{10 * dollar},
             .realtime = PicoUsd{322 * dollar},
             .rest = {.requests = 10, .takes = Millis{111'600'000}, .rate = 500},
             .max_cost = PicoUsd{8 * dollar},
             .fills = {.limit = 40'000'000, .tokens = 3'760'000'000},
             .prices_as_of = "2026-11-22"};
  const auto has = [&](std::string_view line) {
    const auto text = report::plan(v);
    CAPTURE(text);
    CHECK(text.find(line) != std::string::npos);
  };
  has("  tokens  about 3,760,000,000 in, about 500 out, as 1,203 answers of this prompt took\n");
  has("\n  range   $9.00 to $12.00, by what is known so far\n          $40.00 at worst, if every answer is as long");
  has("\n  cap     $8.00: surely enough for 20.0% of it, and for about 80.0% as expected\n");
  has("\n  queue   94 fills of a queue of 40M tokens: 7.8 to 94 days; at 1B: 4 fills\n"
      "          in real time about 1d 07h at 500 requests a minute, for $312.00 more");
  v.max_cost = PicoUsd{40 * dollar};
  has("\n  cap     $40.00: it covers all of it, even at worst");
  v.max_cost = PicoUsd{30 * dollar};
  v.estimate.usual = Tokens{1'234};
  has("\n          kept back: 1,234 tokens an answer, what 99 of 100 stay below\n          (--strict-cap: the worst)");
  v.estimate.basis = Basis::assumed; // none was seen
  has("\n          kept back: what 99 of 100 answers stay below, once some are seen\n          (--strict-cap: the "
      "worst)");
  v.estimate.worst.reset();
  has("\n  cap     $30.00: enough for 100% of it, if answers are as long as is assumed\n");
  v.continues = true;
  has("\n  continues the job of that name\n  cap     $30.00: enough");
  v.continues = false;
  v.fills = {.limit = 4'000'000'000, .tokens = 3'760'000'000};
  CHECK(report::plan(v).find("queue") == std::string::npos); // it fits at once
}

TEST_CASE("a plan in real time tells first what that takes and costs, and uploads nothing")
{
  PlanView v{.job = "reviews",
             .model = "gpt-5.4-mini",
             .items = 20'000,
             .requests = 20'000,
             .live_requests = 20'000,
             .request_bytes = 100'000'000,
             .estimate = {.input = {24'000'000}},
             .batch = PicoUsd{12'340'000'000'000},
             .realtime = PicoUsd{24'680'000'000'000},
             .mode = Mode::realtime,
             .rest = {.requests = 20'000, .takes = Millis{2'400'000}, .rate = 500},
             .prices_as_of = "2026-11-22"};
  CHECK(report::plan(v) == "reviews: 20,000 requests in real time for gpt-5.4-mini\n"
                           "  takes   about 40m at 500 requests a minute\n"
                           "  tokens  about 24,000,000 in\n"
                           "  cost    about $24.68 in real time, $12.34 by batch (prices of 2026-11-22)");
  v.realtime.reset();
  CHECK(report::plan(v).find("no price for gpt-5.4-mini") != std::string::npos);
  v.tier = "priority";
  CHECK(report::plan(v).find("no price for the tier `priority` of gpt-5.4-mini") != std::string::npos);
}

TEST_CASE("a plan says whose prices it counts by, and what those cost that go first")
{
  PlanView v{.job = "reviews",
             .model = "gpt-5.4-mini",
             .items = 100,
             .requests = 100,
             .parts = 1,
             .live_requests = 60,
             .estimate = {.input = {24'000'000}, .cost = PicoUsd{19'740'000'000'000}},
             .batch = PicoUsd{12'340'000'000'000},
             .realtime = PicoUsd{24'680'000'000'000},
             .probe = 60,
             .prices_as_of = "2026-11-22",
             .has_given_price = true};
  CHECK(report::plan(v).find("  cost    about $12.34 by batch, $24.68 in real time (at the price given)\n"
                             "          $19.74 with 60 items in real time first") != std::string::npos);
  v.estimate.cost = *v.batch + PicoUsd{1}; // no word of what does not show
  CHECK(report::plan(v).find("real time first") == std::string::npos);
}

TEST_CASE("a plan tells a deadline in the machine's zone, with seconds where it is near")
{
  const auto now = *parse_rfc3339("2026-11-22T10:00:00Z");
  PlanView v{.job = "reviews", .mode = Mode::hybrid, .drafted_at = now};
  v.deadline = now + Millis{3'661'000};
  v.leaving = Switch{.at = now + Millis{60'000}, .rest = {.requests = 5, .takes = Millis{2'000}, .rate = 500}};
  CHECK(report::plan(v).find("\n  then    by " + local_time(*v.deadline)) != std::string::npos);
  CHECK(report::plan(v).find(": switches to real time at 10:01:00 UTC: 5 requests are left") != std::string::npos);
  v.deadline = now + Millis{61'000};
  const auto local = local_time(*v.deadline);
  CHECK(report::plan(v).find("by " + local.substr(0, 16) + ":01" + local.substr(16)) != std::string::npos);
  v.leaving.reset();
  CHECK(report::plan(v).find("then") == std::string::npos);
}

TEST_CASE("work is told in the number it has")
{
  CHECK(report::amount_of_work(1, 1) == "1 request in 1 batch");
  CHECK(report::amount_of_work(120'000, 3) == "120,000 requests in 3 batches");
  CHECK(report::amount_of_work(PlanView{.requests = 9, .parts = 2}) == "9 requests in 2 batches");
  CHECK(report::amount_of_work(PlanView{.requests = 9, .parts = 2, .live_requests = 1}) ==
        "8 requests in 2 batches, and 1 in real time");
  CHECK(report::amount_of_work(PlanView{.requests = 9, .parts = 0, .live_requests = 9}) == "9 requests in real time");
}

TEST_SUITE_END();
