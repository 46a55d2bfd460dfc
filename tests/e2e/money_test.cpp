// Money from outside: a cap is kept on each route and may be raised, consent by amount, and estimates that learn. The
// emulator's ledger and the answers' own usage are the judges.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::rows;
using tests::Words;

namespace {

namespace fs = std::filesystem;

constexpr auto fast = R"({"validating_ms":10,"in_progress_ms":40,"finalizing_ms":10,"chat_latency_ms":5})";

/// A run with a bound of its answers and nothing tried first, under another name each time.
Words run_of(const fs::path& input, const std::string& name, const Words& more)
{
  Words words{"run",      input.native(),
              "--name",   name,
              "--prompt", "Repeat: {{text}}",
              "--probe",  "0",
              "--every",  "50ms",
              "-o",       (input.parent_path() / (name + ".jsonl")).native()};
  if (std::find(more.begin(), more.end(), "--model") == more.end()) words.insert(words.end(), {"--model", "gpt-5.4"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

double figure(const Rehearsal& world, const std::string& job, std::string_view member)
{
  const auto told = world({"cost", job, "--json"});
  REQUIRE(told.exit == 0);
  json::Document doc;
  REQUIRE(doc.parse(told.out));
  return std::stod(std::string{doc.root().find(member)->raw()});
}

/// The same figure where most people look.
double shown_as_spent(const Rehearsal& world, const std::string& job)
{
  const auto told = world({"status", job, "--json"});
  json::Document doc;
  REQUIRE(doc.parse(told.out));
  return std::stod(std::string{doc.root().find("cost", "spent_usd").value().raw()});
}

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
}

/// Half of what the whole costs: stops in the right place, and goes on once the cap is raised.
void check_half(const Words& route, std::string_view prefix, const std::string& faults = fast)
{
  constexpr int items = 240;
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), faults};
  const auto input = rows(dir, items);
  const auto with = [&](const std::string& name, const Words& more) {
    Words all = route;
    all.insert(all.end(), {"--max-output-tokens", "40", "--requests-per-part", "60", "--yes"});
    all.insert(all.end(), more.begin(), more.end());
    return run_of(input, name, all);
  };
  REQUIRE(world(with("whole", {})).exit == 0);
  const auto whole = figure(world, "whole", "spent_usd");
  REQUIRE(whole > 0);
  const auto billed = world.ledger("requests_billed");

  const auto capped = std::string{prefix} + "capped";
  const auto cap = fmt::format("{:.6f}", whole / 2);
  const auto stopped = world(with(capped, {"--max-cost", cap}));
  CAPTURE(stopped.err);
  CHECK(stopped.exit == 8);
  CHECK(says(stopped.err, "--max-cost sends the rest"));
  const auto spent = figure(world, capped, "spent_usd");
  CHECK(spent <= whole / 2);
  CHECK(spent >= whole / 2 * 0.85);
  CHECK(shown_as_spent(world, capped) == doctest::Approx(spent).epsilon(1e-9));
  CHECK(world.ledger("requests_billed") < billed + items * 6 / 10);
  CHECK(world({"poll", capped}).exit == 8); // a timer sends no more
  CHECK(figure(world, capped, "spent_usd") == spent);

  CHECK(world(with(capped, {})).exit == 8); // leaving it out lifts no cap
  CHECK(figure(world, capped, "spent_usd") == spent);

  const auto raised = world(with(capped, {"--max-cost", "5"}));
  CAPTURE(raised.err);
  CHECK(raised.exit == 0);
  check_complete(tests::slurp(dir / (capped + ".jsonl")), items);
  CHECK(figure(world, capped, "spent_usd") == doctest::Approx(whole));
  CHECK(world.ledger("requests_billed") == billed + items);
  CHECK(world.ledger("billed_on_both_routes") == 0);
}

} // namespace

TEST_SUITE_BEGIN("e2e::money");

TEST_CASE("a cap of half of what it costs stops batches in the right place, and a higher one goes on")
{
  check_half({}, "batch-");
}

TEST_CASE("the same in real time, where each request is asked for")
{
  check_half({"--mode", "realtime"}, "live-");
}

TEST_CASE("the same where some go at once and the others in batches")
{
  check_half({"--urgent", "id=r1", "--urgent", "id=r77"}, "both-");
}

TEST_CASE("ready-made requests are capped by the bounds of their own bodies")
{
  constexpr int items = 240;
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  std::string lines;
  for (int i = 0; i < items; ++i) {
    lines +=
        fmt::format(R"({{"custom_id":"q{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"gpt-5.4",)"
                    R"("max_completion_tokens":40,"messages":[{{"role":"user","content":"Repeat: row {}"}}]}}}})"
                    "\n",
                    i, i);
  }
  const auto input = dir.file("requests.jsonl", lines);
  const auto with = [&](const std::string& name, const Words& more) {
    Words words{"run",
                input.native(),
                "--name",
                name,
                "--probe",
                "0",
                "--every",
                "50ms",
                "--requests-per-part",
                "60",
                "--yes",
                "-o",
                (dir / (name + ".jsonl")).native()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  REQUIRE(world(with("whole", {})).exit == 0);
  const auto whole = figure(world, "whole", "spent_usd");
  const auto stopped = world(with("capped", {"--max-cost", fmt::format("{:.6f}", whole / 2)}));
  CAPTURE(stopped.err);
  CHECK(stopped.exit == 8);
  CHECK(figure(world, "capped", "spent_usd") <= whole / 2);
  CHECK(figure(world, "capped", "spent_usd") >= whole / 2 * 0.85);
  CHECK(world(with("capped", {"--max-cost", "5"})).exit == 0);
  CHECK(figure(world, "capped", "spent_usd") == doctest::Approx(whole));
}

TEST_CASE("where a long request does not fit under the cap, others are sent all the same")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  std::string csv = "id,text\n";
  csv += fmt::format("long,{}\n", std::string(60'000, 'y'));
  for (int i = 0; i < 200; ++i)
    csv += fmt::format("r{},row {}\n", i, i);
  const auto input = dir.file("long.csv", csv);
  const auto with = [&](const std::string& name, const Words& more) {
    Words all{"--urgent", "id=long", "--max-output-tokens", "20", "--yes"};
    all.insert(all.end(), more.begin(), more.end());
    return run_of(input, name, all);
  };
  REQUIRE(world(with("whole", {})).exit == 0);
  const auto told = world({"cost", "whole", "--json"});
  json::Document doc;
  REQUIRE(doc.parse(told.out));
  double short_ones = 0;
  for (const auto& row : doc.root().find("rows")->elements())
    if (row.find("route")->text() == "batch") short_ones += std::stod(std::string{row.find("usd")->raw()});
  REQUIRE(short_ones > 0);
  REQUIRE(short_ones < figure(world, "whole", "spent_usd") / 2); // so that the long one fits under none of the caps
  const auto cap = short_ones * 0.6;
  const auto stopped = world(with("capped", {"--max-cost", fmt::format("{:.6f}", cap)}));
  CAPTURE(stopped.err);
  CHECK(stopped.exit == 8);
  CHECK(figure(world, "capped", "spent_usd") <= cap);
  CHECK(figure(world, "capped", "spent_usd") >= cap * 0.85);
}

TEST_CASE("parts that may all be created at once are not, where the cap covers some")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 240);
  const auto with = [&](const std::string& name,
                        const Words& more) { // as long as answers are: nothing is kept back beyond
    Words all{"--max-output-tokens", "12", "--requests-per-part", "40", "--enqueued-tokens", "100000000", "--yes"};
    all.insert(all.end(), more.begin(), more.end());
    return run_of(input, name, all);
  };
  REQUIRE(world(with("whole", {})).exit == 0);
  const auto whole = figure(world, "whole", "spent_usd");
  const auto stopped = world(with("capped", {"--max-cost", fmt::format("{:.6f}", whole / 3)}));
  CAPTURE(stopped.err);
  CHECK(stopped.exit == 8);
  CHECK(figure(world, "capped", "spent_usd") <= whole / 3);
  CHECK(figure(world, "capped", "spent_usd") > 0);
}

TEST_CASE("in real time long requests among short ones end at the cap, too, and nothing spins")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":5,"no_prompt_cache":true})"}; // it is asked the same again
  std::string csv = "text\n";
  for (int i = 0; i < 60; ++i)
    csv += fmt::format("{} {}\n", i, std::string(i % 7 == 6 ? 9'000 : 20, 'y'));
  const auto input = dir.file("uneven.csv", csv);
  const auto with = [&](const std::string& name, const std::string& cap) {
    return run_of(input, name, {"--mode", "realtime", "--max-output-tokens", "30", "--yes", "--max-cost", cap});
  };
  REQUIRE(world(with("whole", "50")).exit == 0);
  const auto whole = figure(world, "whole", "spent_usd");
  for (const double share : {0.1, 0.37, 0.52, 0.8}) {
    CAPTURE(share);
    const auto name = fmt::format("capped-{:.0f}", share * 100);
    const auto stopped = world(with(name, fmt::format("{:.6f}", whole * share)));
    CAPTURE(stopped.err);
    CHECK(stopped.exit == 8);
    CHECK(figure(world, name, "spent_usd") <= whole * share);
  }
}

TEST_CASE("a cap that cannot be kept is refused before anything is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 20);
  const auto refused = [&](const Words& more, std::string_view why) {
    Words all{"--yes"};
    all.insert(all.end(), more.begin(), more.end());
    const auto ended = world(run_of(input, "a", all));
    CAPTURE(ended.err);
    CHECK(ended.exit == 64);
    CHECK(says(ended.err, why));
  };
  refused({"--max-cost", "0.50"}, "nothing says how long answers may be");
  refused({"--max-cost", "0.50", "--strict-cap"}, "does not cover a single request");
  refused({"--max-cost", "0.00001", "--max-output-tokens", "9"}, "does not cover a single request");
  refused({"--max-cost", "9", "--model", "nobody-knows-it", "--max-output-tokens", "9"},
          "price of the model is not known");
  refused({"--max-cost", "9", "--mode", "hybrid", "--service-tier", "priority", "--max-output-tokens", "9"},
          "what the service tier `priority` costs is not known");
  refused({"--max-cost", "9", "--mode", "hybrid", "--set", "service_tier=\"priority\"", "--max-output-tokens", "9"},
          "what the service tier `priority` costs is not known");
  refused({"--max-cost", "", "--max-output-tokens", "9"}, "not an amount of dollars"); // a variable that is not set
  refused({"--reuse", ""}, "--reuse: nothing is named");
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"status", "a"}).exit == 64); // no such job
  // A price makes it known, and what the model itself bounds fits under a cap that is large enough.
  CHECK(world(run_of(input, "b",
                     {"--yes", "--max-cost", "9", "--model", "nobody-knows-it", "--max-output-tokens", "9", "--price",
                      "0.2,1"}))
            .exit == 0);
  CHECK(world(run_of(input, "c", {"--yes", "--max-cost", "500"})).exit == 0);
  CHECK(world(run_of(input, "d", {"--yes", "--max-cost", "500", "--strict-cap", "--price", "2.5,15"})).exit == 0);
}

TEST_CASE("where no item that was tried first tells how long answers are, the cap says so and names a way out")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 150);
  world.put_faults(R"({"validating_ms":10,"in_progress_ms":40,"finalizing_ms":10,"chat_latency_ms":5,)"
                   R"("http":[{"path":"/v1/chat/completions","action":"status","status":500}]})");
  const auto stopped = world({"run", input.native(), "--name", "a", "--model", "nobody-knows-it", "--price", "1,2",
                              "--prompt", "Repeat: {{text}}", "--probe", "3", "--max-cost", "5", "--every", "50ms",
                              "--yes", "-o", (dir / "a.jsonl").native()});
  CAPTURE(stopped.err);
  CHECK(stopped.exit == 8);
  CHECK(says(stopped.err, "nothing says how long the answers of the 150 items may be"));
  CHECK(says(stopped.err, "--max-output-tokens"));
}

TEST_CASE("a price that is named later prices what was settled without one")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 20);
  const Words unknown{"--model", "nobody-knows-it", "--yes"};
  REQUIRE(world(run_of(input, "late", unknown)).exit == 0);
  CHECK(says(world({"cost", "late"}).out, "--price IN,OUT of `submit` tells it, also afterwards"));
  auto priced = unknown;
  priced.insert(priced.end(), {"--price", "2,10"});
  REQUIRE(world(run_of(input, "late", priced)).exit == 0);
  REQUIRE(world(run_of(input, "early", priced)).exit == 0);
  CHECK(figure(world, "late", "spent_usd") > 0);
  CHECK(figure(world, "late", "estimated_usd") > 0);
  for (const auto* member : {"spent_usd", "realtime_usd", "saved_usd"})
    CHECK(figure(world, "late", member) == figure(world, "early", member));
}

TEST_CASE("finish spends no more than its own amount, whatever was kept back for the batches that it stops")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(),
                        R"({"validating_ms":10,"in_progress_ms":600000,"cancelling_ms":50,"chat_latency_ms":5})"};
  const auto input = rows(dir, 120);
  REQUIRE(world({"submit", input.native(), "--name", "a", "--model", "gpt-5.4", "--prompt", "Repeat: {{text}}",
                 "--probe", "0", "--max-output-tokens", "400", "--yes", "--max-cost", "5"})
              .exit == 0);
  const auto ended = world({"finish", "a", "--yes", "--max-cost", "0.01"});
  CAPTURE(ended.err);
  CHECK(ended.exit == 8);
  CHECK(says(ended.err, "of the cap of $0.0100"));
  CHECK(figure(world, "a", "spent_usd") <= 0.01);
  CHECK(figure(world, "a", "spent_usd") > 0);
}

TEST_CASE("what real time spent before `finish` named its amount is none of that, and the amount stays what was named")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 240);
  const auto stopped =
      world(run_of(input, "a", {"--mode", "realtime", "--max-output-tokens", "40", "--yes", "--max-cost", "0.02"}));
  REQUIRE(stopped.exit == 8);
  const auto before = figure(world, "a", "spent_usd");
  REQUIRE(before > 0.015);
  for (int time = 0; time < 2; ++time) { // the same command again spends no second amount
    const auto ended = world({"finish", "a", "--yes", "--max-cost", "0.01"});
    CAPTURE(ended.err);
    CHECK(ended.exit == 8);
    CHECK(says(ended.err, "of the cap of $0.0100 on what came since are spent"));
    CHECK(says(ended.err, "the same `finish` with more than the $0.01"));
    CHECK(figure(world, "a", "spent_usd") <= before + 0.01);
    CHECK(figure(world, "a", "spent_usd") > before + 0.008);
  }
  const auto less = world({"finish", "a", "--yes", "--max-cost", "0.005"});
  CHECK(less.exit == 64);
  CHECK(says(less.err, "so much was spent already"));
  // An amount that covers the rest, but not what was spent beside it, is no consent.
  CHECK(world({"finish", "a", "--max-cost", "0.048"}).exit == 64);
  CHECK(figure(world, "a", "spent_usd") <= before + 0.01);
  CHECK(world({"finish", "a", "--max-cost", "1"}).exit == 0);
}

TEST_CASE("`finish` of what was never sent spends its amount once, however often it is said")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":5,"http":[{"path":"/v1/batches","method":"POST",)"
                                    R"("action":"status","status":429,"body":{"error":{"message":"used up",)"
                                    R"("type":"insufficient_quota","code":"insufficient_quota"}}}]})"};
  const auto input = rows(dir, 240);
  REQUIRE(world({"submit", input.native(), "--name", "a", "--model", "gpt-5.4", "--prompt", "Repeat: {{text}}",
                 "--probe", "0", "--max-output-tokens", "40", "--yes"})
              .exit == 75);
  for (int time = 0; time < 2; ++time) {
    const auto ended = world({"finish", "a", "--yes", "--max-cost", "0.01"});
    CAPTURE(ended.err);
    CHECK(ended.exit == 8);
    CHECK(figure(world, "a", "spent_usd") <= 0.01);
    CHECK(figure(world, "a", "spent_usd") > 0.008);
  }
}

TEST_CASE("a tier without a known price is refused under a cap by `retry` and `finish`, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":5,"bad_text":"Repeat"})"};
  REQUIRE(world(run_of(rows(dir, 5), "a", {"--mode", "realtime", "--max-output-tokens", "40", "--yes"})).exit == 3);
  const auto calls = world.ledger("live_calls");
  const Words again{"retry", "a", "--set", "service_tier=\"priority\"", "--yes"};
  auto capped = again;
  capped.insert(capped.end(), {"--max-cost", "5"});
  const auto refused = world(capped);
  CHECK(refused.exit == 64);
  CHECK(says(refused.err, "what the service tier `priority` costs is not known"));
  CHECK(world.ledger("live_calls") == calls);
  const auto unknown = world({"retry", "a", "--set", "service_tier=\"priority\""});
  CHECK(says(unknown.err, "has no price for the tier `priority` of gpt-5.4"));
  CHECK(unknown.exit == 64);
  CHECK(world(again).exit == 0); // without a cap the user may have it

  world.put_faults(R"({"in_progress_ms":600000,"cancelling_ms":50,"chat_latency_ms":5})");
  const auto line = R"({"custom_id":"q","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-5.4",)"
                    R"("service_tier":"priority","max_completion_tokens":40,"messages":[{"role":"user",)"
                    R"("content":"row"}]}})";
  const auto lines = dir.file("requests.jsonl", std::string{line} + "\n");
  REQUIRE(world({"submit", lines.native(), "--name", "b", "--probe", "0", "--max-cost", "5", "--yes"}).exit == 0);
  const auto finish = world({"finish", "b", "--yes"}); // by batch the tier has no say
  CHECK(finish.exit == 64);
  CHECK(says(finish.err, "the job's own cap holds"));
  CHECK(says(finish.err, "`batchwright fetch b --wait`"));
  CHECK_FALSE(says(world({"status", "b"}).out, "batchwright finish")); // nor is it offered
  CHECK(says(finish.err, "what the service tier `priority` costs is not known"));
  CHECK(figure(world, "b", "spent_usd") == 0);

  const auto body = dir.file("body.json", R"({"model":"gpt-5.4","service_tier":"{{text}}","max_completion_tokens":9,)"
                                          R"("messages":[{"role":"user","content":"{{text}}"}]})");
  const auto by_items = world({"run", rows(dir, 5).native(), "--name", "c", "--body", body.native(), "--mode",
                               "realtime", "--max-cost", "5", "--yes", "-o", (dir / "c.jsonl").native()});
  CHECK(by_items.exit == 64);
  CHECK(says(by_items.err, "what the service tier `{{text}}` costs is not known"));
}

TEST_CASE("an amount that covers what is expected is consent, one that does not is none")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 20);
  const Words bound{"--max-output-tokens", "20"};
  const auto with = [&](const std::string& name, const std::string& amount) {
    auto more = bound;
    more.insert(more.end(), {"--max-cost", amount});
    return world(run_of(input, name, more));
  };
  CHECK(with("little", "0.0001").exit == 64);
  CHECK(world.ledger("uploads") == 0);
  CHECK(with("enough", "1").exit == 0);
  CHECK(with("enough", "$1.00").exit == 0);
}

TEST_CASE("what answers of a prompt took is what the next job of that prompt is estimated by")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  std::string csv = "id,text\n";
  for (int i = 0; i < 120; ++i)
    csv += fmt::format("r{},{} {}\n", i, std::string(static_cast<std::size_t>(40 + 7 * (i % 50)), 'x'), i);
  const auto first = dir.file("first.csv", csv);
  const auto second = dir.file("second.csv", csv + "q,one more\n");
  const Words more{"--yes", "--max-output-tokens", "4000"};
  const auto before = world(run_of(first, "first", {"--dry-run", "--max-output-tokens", "4000"}));
  CHECK(says(before.err, "at most 480,000 out"));
  REQUIRE(world(run_of(first, "first", more)).exit == 0);
  const auto after = world(run_of(second, "second", {"--dry-run", "--max-output-tokens", "4000"}));
  CAPTURE(after.err);
  CHECK(says(after.err, "as 120 answers of this prompt took"));
  REQUIRE(world(run_of(second, "second", more)).exit == 0);
  const auto spent = figure(world, "second", "spent_usd");
  CHECK(figure(world, "second", "estimated_usd") == doctest::Approx(spent).epsilon(0.05));
  CHECK(figure(world, "first", "estimated_usd") > 5 * spent); // by the bound alone

  const auto other = world(run_of(second, "other", {"--dry-run", "--max-output-tokens", "3999"}));
  CHECK(says(other.err, "at most")); // another bound may cut answers elsewhere: nothing is known of it
}

TEST_CASE("the probe's answers tell what the job comes to, and it lies in the range that is told")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 150);
  const auto ended = world({"run", input.native(), "--name", "a", "--model", "gpt-5.4", "--prompt", "Repeat: {{text}}",
                            "--every", "50ms", "--yes", "-o", (dir / "a.jsonl").native()});
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(says(ended.err, "perhaps 45,000 out"));
  CHECK(says(ended.err, "probe: 3 of 3 answered"));
  CHECK(says(ended.err, "the job comes to about $0."));
  CHECK(figure(world, "a", "estimated_usd") == doctest::Approx(figure(world, "a", "spent_usd")).epsilon(0.1));
}

TEST_SUITE_END();
