// What is said of inputs, options and outputs before any work, as a user sees it.

#include "tests/support/answers.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"
#include "tests/support/program.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>

#include <array>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

Words words(const std::string& command, const std::filesystem::path& input, const Words& more = {})
{
  Words all{command, input.native(), "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

bool holds(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

double estimated_usd(const tests::Ended& dry)
{
  json::Document doc;
  REQUIRE(doc.parse(dry.out));
  return std::stod(std::string{doc.root().find("cost", "estimated_usd").value().raw()});
}

} // namespace

TEST_SUITE_BEGIN("e2e::input");

TEST_CASE("what pandas writes goes in and comes out again, its column without a name too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto out = dir / "out.CSV";
  const auto run = world(words("run", dir.file("a.csv", ",text\n0,hello\n"),
                               {"--max-output-tokens", "64", "--yes", "--every", "50ms", "-o", out.native()}));
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  CHECK(tests::slurp(out).starts_with(",text,output,status,error\n0,hello,"));
}

TEST_CASE("an output whose format is not there yet is refused before any work, unless a format is named")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\n");
  for (const auto* name : {"out.tsv", "out.jsonl.gz", "out.parquet"}) {
    const auto run = world(words("run", input, {"--yes", "-o", (dir / name).native()}));
    CHECK(run.exit == 64);
    CHECK(holds(run.err, name));
    CHECK(holds(run.err, "--format"));
  }
  CHECK(world.ledger("uploads") == 0);
  REQUIRE(world(words("run", input, {"--yes", "--every", "50ms", "-o", (dir / "o").native()})).exit == 0);
  CHECK(world({"fetch", "a", "-o", (dir / "out.tsv").native()}).exit == 64);
  CHECK(world({"fetch", "a", "--format", "csv", "-o", (dir / "out.tsv").native()}).exit == 0);
  CHECK(tests::slurp(dir / "out.tsv").starts_with("text,output,"));
}

TEST_CASE("what --set adds counts in the plan: texts as input, a bound as the bound")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\ny\n");
  const auto dry = [&](Words more, const Words& form = {}) {
    more.insert(more.end(), form.begin(), form.end());
    more.emplace_back("--dry-run");
    return world(words("submit", input, more));
  };
  CHECK(holds(dry({}).err, "perhaps 600 out\n"));
  CHECK(holds(dry({"--set", "max_completion_tokens=500"}).err, "at most 1,000 out\n"));
  CHECK(holds(dry({"--set", "max_tokens=100000"}).err, "at most 200,000 out\n"));
  CHECK(holds(dry({"--max-output-tokens", "500", "--set", "n=3"}).err, "at most 3,000 out\n"));

  const auto cost = [&](const Words& more) { return estimated_usd(dry(more, {"--json"})); };
  const auto plain = cost({"--max-output-tokens", "500"});
  CHECK(cost({"--set", "max_completion_tokens=500"}) == plain);
  const auto tools =
      R"(tools=[{"type":"function","function":{"name":"f","description":")" + std::string(50'000, 'x') + R"("}}])";
  CHECK(cost({"--max-output-tokens", "500", "--set", tools}) > 2 * plain);
}

TEST_CASE("a bound that no model could reach is refused")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\n");
  for (const auto* bound : {"10000001", "9000000000000000000", "99999999999999999999"}) {
    const auto refused = world(words("submit", input, {"--dry-run", "--max-output-tokens", bound}));
    CHECK(refused.exit == 64);
    CHECK(holds(refused.err, "--max-output-tokens"));
  }
  CHECK(world(words("submit", input, {"--dry-run", "--max-output-tokens", "10000000"})).exit == 0);
  const auto most = world(words("submit", input, {"--dry-run", "--json", "--set", "max_tokens=9000000000000000000"}));
  CHECK(most.exit == 0);
  CHECK(estimated_usd(most) > 0);
}

TEST_CASE("a packed file that was cut is told as such, before anything is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto refused = world(words("submit", dir.file("a.csv.gz", std::string{"\x1f\x8b\x08\0\0\0", 6}), {"--yes"}));
  CHECK(refused.exit == 65);
  CHECK(holds(refused.err, "ends too soon"));
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("several inputs run on as one, whatever they are packed in, with the prompt from a file")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto prompt = dir.file("prompt.txt", "Repeat: {{text}}").native();
  const Words more{"--model", "gpt-5.4-mini", "--prompt-file", prompt, "--max-output-tokens",
                   "64",      "--yes",        "--every",       "50ms", "-o"};
  const auto answers = [&](Words inputs) {
    inputs.insert(inputs.begin(), "run");
    inputs.insert(inputs.end(), more.begin(), more.end());
    inputs.push_back((dir / "out.jsonl").native());
    const auto run = world(inputs);
    CAPTURE(run.err);
    CHECK(run.exit == 0);
    return tests::slurp(dir / "out.jsonl");
  };
  const auto plain = answers({dir.file("all.csv", "text\none\ntwo\nthree\n").native()});
  tests::check_answers(plain, 3, [](int i) {
    return std::string{"Repeat: "} + std::array{"one", "two", "three"}[static_cast<std::size_t>(i)];
  });
  const auto mixed = answers({dir.file("a.tsv.gz", tests::gzipped("id\ttext\n1\tone\n")).native(),
                              dir.file("b.jsonl.zst", tests::zstandard("{\"text\":\"two\"}\n")).native(),
                              dir.file("c.txt", "three\n").native()});
  tests::check_answers(mixed, 3, [](int i) {
    return std::string{"Repeat: "} + std::array{"one", "two", "three"}[static_cast<std::size_t>(i)];
  });
}

TEST_SUITE_END();
