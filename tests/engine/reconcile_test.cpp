#include "tests/support/arena.hpp"

#include <batchwright/engine/reconcile.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::engine;

TEST_SUITE_BEGIN("engine::reconcile");

namespace {

const Instant monday = from_unix(1795305600);
constexpr std::chrono::days day{1};

UsageGroup group(Instant of = monday, bool batch = true)
{
  return {.day = of, .model = "gpt-5.4-mini", .batch = batch};
}

OurUsage used(const Used& used, bool calls = false, const std::set<std::string>& jobs = {"a"})
{
  return {.used = used, .holds_calls = calls, .jobs = jobs};
}

/// What comes of one group of ours, a day later.
Comparison comparison(const OurUsage& ours, const std::map<UsageGroup, Used>& provider, UsageGroup of = group())
{
  const auto result = compare({.groups = {{of, ours}}}, provider, monday + day);
  REQUIRE(result.rows.size() == 1);
  return result.rows[0].comparison;
}

} // namespace

TEST_CASE("a figure short at the provider is a finding, more in all of them is none")
{
  const Used ten{.requests = 10, .input = {100}, .output = {50}};
  CHECK(comparison(used(ten), {{group(), ten}}) == Comparison::equal);
  CHECK(comparison(used(ten), {{group(), {11, {100}, {50}}}}) == Comparison::more);
  CHECK(comparison(used(ten), {{group(), {10, {101}, {50}}}}) == Comparison::more);
  CHECK(comparison(used(ten), {{group(), {10, {100}, {49}}}}) == Comparison::fewer);
  CHECK(comparison(used(ten), {{group(), {99, {99}, {99}}}}) == Comparison::fewer);
  CHECK(comparison(used(ten), {{group(), {9, {100}, {50}}}}) == Comparison::fewer);
  CHECK(comparison(used(ten), {}) == Comparison::fewer);
  CHECK(comparison(used(ten), {{group(monday, false), ten}}) == Comparison::fewer);
}

TEST_CASE("today the provider may not have told all, from its day on")
{
  const OurAccount ours{.groups = {{group(monday), used({2, {20}, {2}})}}};
  CHECK(compare(ours, {}, monday).rows[0].comparison == Comparison::not_reported);
  CHECK(compare(ours, {}, monday - day).rows[0].comparison == Comparison::not_reported);
  CHECK(compare(ours, {}, monday + day).rows[0].comparison == Comparison::fewer);
}

TEST_CASE("what the provider counts on the next day is no finding, unless the days together are short, too")
{
  const Used two{2, {20}, {2}};
  CHECK(comparison(used(two), {{group(monday + day), two}}) == Comparison::another_day);
  CHECK(comparison(used(two), {{group(monday - day), {2, {20}, {2}}}}) == Comparison::another_day);
  CHECK(comparison(used(two), {{group(monday + 2 * day), two}}) == Comparison::fewer);
  const OurAccount both{.groups = {{group(monday), used(two)}, {group(monday + day), used(two)}}};
  const auto rows = compare(both, {{group(monday + day), two}}, monday + 3 * day).rows;
  CHECK(rows[0].comparison == Comparison::fewer);
  CHECK(rows[1].comparison == Comparison::equal);
}

TEST_CASE("fewer requests with every token are lost answers in real time, and a finding in batches")
{
  const Used ten{10, {100}, {50}};
  const Used nine{9, {100}, {50}};
  CHECK(comparison(used(ten, true), {{group(monday, false), nine}}, group(monday, false)) == Comparison::lost_answers);
  CHECK(comparison(used(ten), {{group(), nine}}) == Comparison::fewer);
  CHECK(comparison(used({10, {}, {}}, true), {{group(), {9, {}, {}}}}) == Comparison::fewer);
}

TEST_CASE("of packs whose requests are not known, tokens are compared")
{
  CHECK(comparison(used({std::nullopt, {20}, {}}), {{group(), {3, {20}, {}}}}) == Comparison::equal);
  CHECK(comparison(used({std::nullopt, {20}, {}}), {{group(), {3, {19}, {}}}}) == Comparison::fewer);
}

TEST_CASE("of a named job its own groups are told, and whether others stand in them")
{
  const OurAccount ours{.groups = {{group(monday), used({1, {1}, {1}}, false, {"a", "b"})},
                                   {group(monday + day), used({1, {1}, {1}}, false, {"b"})}},
                        .not_compared = {{"a", 3}, {"c", 5}}};
  const auto of_a = compare(ours, {}, monday, "a");
  REQUIRE(of_a.rows.size() == 1);
  CHECK(of_a.rows[0].holds_others);
  CHECK(of_a.not_compared == 3);
  const auto of_b = compare(ours, {}, monday, "b");
  REQUIRE(of_b.rows.size() == 2);
  CHECK_FALSE(of_b.rows[1].holds_others);
  const auto all = compare(ours, {}, monday);
  CHECK(all.rows.size() == 2);
  CHECK_FALSE(all.rows[0].holds_others);
  CHECK(all.not_compared == 8);
}

TEST_CASE("packs count as requests where all of a part was answered, as items nowhere")
{
  tests::Arena arena{{.validating_ms = 0, .in_progress_ms = 0, .finalizing_ms = 0}};
  auto process = arena.process();
  auto ask = arena.ask(25);
  ask.job.name = "vectors";
  ask.job.request = {
      .model = "text-embedding-3-small", .endpoint = "/v1/embeddings", .prompt = "{{text}}", .inputs_per_request = 10};
  const auto job = process.make(ask);
  REQUIRE(process.advance(job, Until::ended).items.succeeded == 25);
  const auto account = account_of(process.tools, process.store.jobs());
  REQUIRE(account.groups.size() == 1);
  const auto& [found, ours] = *account.groups.begin();
  CHECK(found.kind == wire::UsageKind::embeddings);
  CHECK_FALSE(found.batch);
  CHECK(ours.used.requests == 3);
  CHECK(ours.jobs == std::set<std::string>{job});
}

TEST_CASE("what no usage endpoint tells in comparable figures is left out, and counted")
{
  tests::Arena arena{{.validating_ms = 0, .in_progress_ms = 0, .finalizing_ms = 0}};
  auto process = arena.process();
  auto ask = arena.ask(4);
  ask.job.name = "judged";
  ask.job.request = {.model = "omni-moderation-latest", .endpoint = "/v1/moderations", .prompt = "{{text}}"};
  const auto job = process.make(ask);
  REQUIRE(process.advance(job, Until::ended).items.succeeded == 4);
  const auto account = account_of(process.tools, process.store.jobs());
  CHECK(account.groups.empty());
  CHECK(account.not_compared.at(job) == 4);
}

TEST_CASE("another server's job is refused by name, and not summed up")
{
  tests::Arena arena{{.validating_ms = 0, .in_progress_ms = 0, .finalizing_ms = 0}};
  auto process = arena.process();
  const auto job = process.make(arena.ask(2));
  process.advance(job, Until::ended);
  api::UsageReader provider{*process.retrying};
  CHECK(reconcile(process.tools, provider, {.base_url = process.server.base_url, .job = job}).rows.size() == 1);
  CHECK(reconcile(process.tools, provider, {process.server.base_url, process.server.account, {}}).rows.size() == 1);
  CHECK(reconcile(process.tools, provider, {process.server.base_url, "another account", {}}).rows.empty());
  try {
    reconcile(process.tools, provider, {.base_url = "https://elsewhere/v1", .job = job});
    FAIL_CHECK("accepted");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::config);
  }
}

TEST_SUITE_END();
