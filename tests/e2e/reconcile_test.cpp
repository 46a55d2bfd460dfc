// `cost --reconcile` from outside: what the emulator says that it billed is the judge.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/store/store.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <map>
#include <string>

using namespace batchwright;
using tests::FreshDirectory;
using tests::paid_words;
using tests::Rehearsal;
using tests::split_lines;
using tests::Words;

namespace {

constexpr auto admin_key = "sk-admin-SECRET";
constexpr auto job_faults = R"({"validating_ms":0,"in_progress_ms":0,"finalizing_ms":0,"transient_share":0.2,
  "never_ran_share":0.1,"drop_share":0.1,"truncate_share":0.2,"refuse_share":0.2,"duplicate_share":0.1})";

/// A job whose batches end well, and quickly.
constexpr auto quick = R"({"validating_ms":0,"in_progress_ms":0,"finalizing_ms":0})";

struct World {
  explicit World(const std::string& faults) : rehearsal(dir.path(), faults, {"--admin-key", admin_key})
  {
    environment = rehearsal.environment();
    environment["OPENAI_ADMIN_KEY"] = admin_key;
  }

  tests::Ended operator()(const Words& words) const { return tests::run(words, environment); }

  FreshDirectory dir = {};
  Rehearsal rehearsal;
  tests::Environment environment = {};
};

struct Figures {
  std::int64_t requests = 0;
  std::int64_t input = 0;
  std::int64_t output = 0;

  Figures& operator+=(const Figures& more)
  {
    requests += more.requests;
    input += more.input;
    output += more.output;
    return *this;
  }
  bool operator==(const Figures&) const = default;
};

std::int64_t number(const json::Value& object, std::string_view key)
{
  const auto value = object.find(key);
  return value ? value->integer().value_or(-1) : 0;
}

/// "model batch" -> what the emulator says of it, all days together.
std::map<std::string, Figures> billed(const World& world)
{
  std::map<std::string, Figures> all;
  for (const auto* query : {"completions?start_time=1600000000&limit=31&group_by=model&group_by=batch",
                            "embeddings?start_time=1600000000&limit=31&group_by=model"}) {
    std::string page;
    do {
      json::Document doc;
      const auto text = world.rehearsal.ask(fmt::format("/v1/organization/usage/{}{}", query, page), {}, admin_key);
      REQUIRE(doc.parse(text));
      for (const auto& bucket : doc.root().find("data")->elements()) {
        for (const auto& result : bucket.find("results")->elements()) {
          const auto batch = result.find("batch");
          const auto model = result.find("model")->text().value();
          all[fmt::format("{} {}", model.substr(0, model.find("-2026-")), batch ? batch->raw() : "null")] +=
              {number(result, "num_model_requests"), number(result, "input_tokens"), number(result, "output_tokens")};
        }
      }
      const auto next = doc.root().find("next_page")->text();
      page = next ? "&page=" + *next : "";
    } while (!page.empty());
  }
  return all;
}

/// The same, as one side of what the program prints.
std::map<std::string, Figures> told(const std::string& out, std::string_view side)
{
  std::map<std::string, Figures> all;
  json::Document doc;
  for (const auto& line : split_lines(out)) {
    REQUIRE(doc.parse(line));
    const auto row = doc.root();
    const auto figures = row.find(side).value();
    all[fmt::format("{} {}", row.find("model")->text().value(), row.find("batch")->raw())] +=
        {number(figures, "requests"), number(figures, "input_tokens"), number(figures, "output_tokens")};
  }
  return all;
}

bool all_are(const std::string& out, std::string_view comparison)
{
  json::Document doc;
  for (const auto& line : split_lines(out)) {
    REQUIRE(doc.parse(line));
    if (doc.root().find("comparison")->text() != comparison) return false;
  }
  return !out.empty();
}

void run_job(const World& world, const Words& words)
{
  const auto ended = world(words);
  CAPTURE(ended.err);
  REQUIRE((ended.exit == 0 || ended.exit == 3));
}

void run_echo(const World& world, int items, const Words& more)
{
  run_job(world, paid_words("run", tests::rows(world.dir, items), more));
}

/// Changes what is recorded of a job's first part.
template<class Change>
void tamper(const World& world, const std::string& job, Change change)
{
  store::Store store{std::filesystem::path{world.environment.at("BATCHWRIGHT_HOME")} / "state.db"};
  auto spending = store.spending(job);
  REQUIRE_FALSE(spending.empty());
  change(spending.front());
  store::Transaction tx{store};
  tx.put(job, spending.front().part, {spending.front()});
  tx.commit();
}

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("e2e::reconcile");

TEST_CASE("jobs of both routes, in packs, with failures and answers of no use, agree with the provider to the token")
{
  const World world{job_faults};
  run_echo(world, 120,
           {"--name", "mixed", "--mode", "hybrid", "--urgent", "id=r3", "--urgent", "id=r5", "-o",
            (world.dir / "a.jsonl").native()});
  run_echo(world, 30,
           {"--name", "again", "--mode", "batch", "--max-attempts", "2", "-o", (world.dir / "b.jsonl").native()});
  run_job(world, {"run", tests::rows(world.dir, 57).native(), "--name", "vectors", "--endpoint", "embeddings",
                  "--model", "text-embedding-3-small", "--prompt", "{{text}}", "--inputs-per-request", "10", "--yes",
                  "-o", (world.dir / "v.npy").native()});
  const auto ended = world({"cost", "--reconcile", "--json"});
  CAPTURE(ended.out);
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  CHECK(all_are(ended.out, "equal"));
  const auto at_provider = billed(world);
  CHECK(at_provider.size() == 3);
  CHECK(told(ended.out, "ours") == at_provider);
  CHECK(told(ended.out, "provider") == at_provider);
  CHECK(at_provider.at("text-embedding-3-small null").requests >= 6); // some packs were sent again
  const auto people = world({"cost", "--reconcile"});
  CHECK(people.exit == 0);
  CHECK(says(people.out, "gpt-5.4-mini"));
  CHECK_FALSE(says(people.out, "at the provider"));
  for (const auto& line : split_lines(people.out))
    CHECK(line.size() <= 80);
}

TEST_CASE("other traffic of the organisation is told as such, and is no failure")
{
  const World world{quick};
  run_echo(world, 5, {"--name", "ours", "--mode", "realtime", "-o", (world.dir / "a.jsonl").native()});
  world.rehearsal.ask("/v1/chat/completions",
                      R"({"model":"gpt-5.4-mini","messages":[{"role":"user","content":"of another program"}]})");
  const auto ended = world({"cost", "--reconcile", "--json"});
  CAPTURE(ended.out);
  CHECK(ended.exit == 0);
  CHECK(all_are(ended.out, "more"));
  CHECK(told(ended.out, "ours").at("gpt-5.4-mini false").requests == 5);
  CHECK(told(ended.out, "provider") == billed(world));
  CHECK(told(ended.out, "difference").at("gpt-5.4-mini false").requests == 1);
  const auto people = world({"cost", "--reconcile"});
  CHECK(says(people.out, "other traffic"));
}

TEST_CASE("a record of more than the provider billed is found, once the provider must have told all")
{
  const World world{quick};
  run_echo(world, 5, {"--name", "ours", "-o", (world.dir / "a.jsonl").native()});
  tamper(world, "ours", [](Spending& s) { s.usage.output.n += 7; });
  const auto today = world({"cost", "--reconcile", "--json"});
  CHECK(today.exit == 5);
  CHECK(all_are(today.out, "not_reported"));
  world.rehearsal.advance(std::chrono::hours{48});
  const auto later = world({"cost", "--reconcile", "--json"});
  CAPTURE(later.out);
  CHECK(later.exit == 1);
  CHECK(all_are(later.out, "fewer"));
  CHECK(told(later.out, "difference").at("gpt-5.4-mini true") == Figures{0, 0, -7});
  const auto people = world({"cost", "ours", "--reconcile"});
  CHECK(people.exit == 1);
  CHECK(says(people.out, "FEWER"));
}

TEST_CASE("a record that is incomplete shows as more at the provider")
{
  const World world{quick};
  run_echo(world, 5, {"--name", "ours", "-o", (world.dir / "a.jsonl").native()});
  tamper(world, "ours", [](Spending& s) {
    s.items -= 1;
    s.requests -= 1;
    s.usage.input.n -= 3;
  });
  const auto ended = world({"cost", "--reconcile", "--json"});
  CHECK(ended.exit == 0);
  CHECK(all_are(ended.out, "more"));
  CHECK(told(ended.out, "difference").at("gpt-5.4-mini true") == Figures{1, 3, 0});
}

TEST_CASE("of a job that is named its days and models are told, with what other jobs did there")
{
  World world{quick};
  run_echo(world, 5, {"--name", "one", "-o", (world.dir / "a.jsonl").native()});
  run_echo(world, 3, {"--name", "two", "-o", (world.dir / "b.jsonl").native()});
  run_echo(world, 2, {"--name", "live", "--mode", "realtime", "-o", (world.dir / "c.jsonl").native()});
  const auto two = world({"cost", "two", "--reconcile", "--json"});
  CAPTURE(two.out);
  CHECK(two.exit == 0);
  CHECK(all_are(two.out, "equal"));
  CHECK(told(two.out, "ours").at("gpt-5.4-mini true").requests == 8);
  CHECK(told(two.out, "ours").size() == 1);
  CHECK(says(two.out, R"("holds_other_jobs":true)"));
  const auto live = world({"cost", "live", "--reconcile", "--json"});
  CHECK(told(live.out, "ours").at("gpt-5.4-mini false").requests == 2);
  CHECK(says(live.out, R"("holds_other_jobs":false)"));
  CHECK(world({"cost", "none", "--reconcile"}).exit == 64);
  world.environment.erase("OPENAI_API_KEY");
  CHECK(world({"cost", "two", "--reconcile", "--json"}).out == two.out);
  CHECK(world({"cost", "--reconcile"}).exit == 4);
}

TEST_CASE("without an admin key, or with one that may not read the usage, it says what to do and shows no key")
{
  World world{quick};
  run_echo(world, 2, {"--name", "ours", "-o", (world.dir / "a.jsonl").native()});
  const auto shown = world({"config", "--json"});
  CHECK(says(shown.out, R"({"name":"admin_key","value":"set","origin":"OPENAI_ADMIN_KEY"})"));
  CHECK_FALSE(says(shown.out, "SECRET"));
  world.environment["OPENAI_ADMIN_KEY"] = "sk-usual-SECRET";
  const auto refused = world({"cost", "--reconcile"});
  CAPTURE(refused.err);
  CHECK(refused.exit == 4);
  CHECK(says(refused.err, "403"));
  CHECK(says(refused.err, "OPENAI_ADMIN_KEY"));
  CHECK_FALSE(says(refused.err, "SECRET"));
  world.environment.erase("OPENAI_ADMIN_KEY");
  const auto without = world({"cost", "--reconcile"});
  CHECK(without.exit == 4);
  CHECK(says(without.err, "set OPENAI_ADMIN_KEY"));
  CHECK(world({"cost"}).exit == 0);
}

TEST_CASE("with nothing settled there is nothing to compare")
{
  const World world{quick};
  const auto none = world({"cost", "--reconcile"});
  CHECK(none.exit == 0);
  CHECK(says(none.out, "nothing is settled yet"));
  CHECK(world({"cost", "--reconcile", "--json"}).out.empty());
}

TEST_SUITE_END();
