// Options from a job file, as a user sees them.

#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>

using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

bool holds(const std::string& text, std::string_view part)
{
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("e2e::job_file");

TEST_CASE("a job file takes the place of options, its paths start where it stands")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  dir.file("jobs/rows.csv", "id,text\na,one\nb,two\n");
  dir.file("jobs/prompt.txt", "Repeat: {{text}}");
  const auto job = dir.file("jobs/rows.toml", R"(# what to do
inputs = ["rows.csv"]
model = "gpt-5.4-mini"
prompt-file = "prompt.txt"
max_output_tokens = 64
id-column = "id"
keep_requests = true
yes = true
every = "50ms"
out = "answers.jsonl"

[set]
temperature = 0.25
stop = ["\n", "END"]
user = "a\"b"
)");
  const auto run = world({"run", "--job", job.native()});
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);
  CHECK(holds(tests::slurp(dir / "jobs/answers.jsonl"), R"("custom_id":"a","status":"succeeded","output":)"));
  const auto sent = tests::slurp(dir / "home/jobs/rows/0001.requests.jsonl");
  CHECK(holds(sent, R"("content":"Repeat: one")"));
  CHECK(holds(sent, R"("temperature":0.25)"));
  CHECK(holds(sent, R"("stop":["\n","END"])"));
  CHECK(holds(sent, R"("user":"a\"b")"));
  CHECK(holds(sent, ":64"));
}

TEST_CASE("the command line wins over the job file")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto other = dir.file("other.csv", "text\nx\ny\n").native();
  dir.file("prompt.txt", "from the file");
  const auto job = dir.file("j.toml", "input = \"gone.csv\"\nmodel = \"gpt-5.4\"\nprompt-file = \"prompt.txt\"\n"
                                      "name = \"one\"\nset = [\"temperature=0.5\"]\nkeep-requests = false\n")
                       .native();
  const auto run = world({"run", other, "--job", job, "--model", "gpt-5.4-mini", "--prompt", "Mine: {{text}}", "--name",
                          "two", "--set", "temperature=1", "--keep-requests", "--yes", "--every", "50ms"});
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);
  const auto sent = tests::slurp(dir / "home/jobs/two/0001.requests.jsonl");
  CHECK(holds(sent, "gpt-5.4-mini"));
  CHECK(holds(sent, "Mine: y"));
  CHECK(holds(sent, "\"temperature\":1}"));
}

TEST_CASE("the job file wins over the configuration file, where it says no, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  dir.file(".config/batchwright/config.toml", "model = \"gpt-5.4\"\nkeep_requests = true\nmax_output_tokens = 64\n");
  dir.file("a.csv", "text\nx\n");
  const auto job = dir.file("j.toml", "input = \"a.csv\"\nmodel = \"gpt-5.4-mini\"\nprompt = \"{{text}}\"\n"
                                      "keep-requests = false\nyes = true\nevery = \"50ms\"\n");
  const auto run = world({"run", "--job", job.native()});
  CAPTURE(run.err);
  REQUIRE(run.exit == 0);
  CHECK(holds(run.out, "gpt-5.4-mini"));
  CHECK(std::filesystem::exists(dir / "home/jobs/a/0001.outcomes"));
  CHECK_FALSE(std::filesystem::exists(dir / "home/jobs/a/0001.requests.jsonl"));
}

TEST_CASE("what a job file gets wrong is told with its line, and nothing is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  dir.file("a.csv", "text\nx\n");
  const auto with = [&](const std::string& line) {
    const auto job = dir.file("j.toml", "input = \"a.csv\"\nmodel = \"gpt-5.4-mini\"\n" + line + "\nyes = true\n");
    return world({"submit", "--job", job.native(), "--prompt", "{{text}}", "--json"});
  };
  constexpr std::array<std::array<const char*, 2>, 15> faults{{
      {"modell = \"x\"", "did you mean model?"},
      {"max-outputtokens = 5", "did you mean max-output-tokens?"},
      {"quite_another_thing = 5", "long options of `batchwright submit`"},
      {"max-output-tokens = \"5\"", "expected a number"},
      {"max-output-tokens = true", "expected a value, not true or false"},
      {"max-output-tokens = 0", "max-output-tokens"},
      {"keep-requests = \"yes\"", "expected true or false"},
      {"keep-requests = 1", "expected true or false"},
      {"name = 5", "expected a text in quotes"},
      {"name = [\"a\", \"b\"]", "expected one value, not a list"},
      {"fallback = \"never\"", "fallback"},
      {"set = [[1]]", "a list or table inside a list"},
      {"set = {seed = 2026-11-22}", "a date"},
      {"fallback = {a = 1}", "not a table"},
      {"name = unquoted", ""},
  }};
  for (const auto& fault : faults) {
    const auto* line = fault[0];
    CAPTURE(line);
    const auto refused = with(line);
    CAPTURE(refused.err);
    CHECK(refused.exit == 64);
    CHECK(holds(refused.err, "\"line\":3"));
    CHECK(holds(refused.err, "j.toml"));
    CHECK(holds(refused.err, fault[1]));
  }
  CHECK(with("max-output-tokens = 5\nmax_output_tokens = 5").exit == 64);
  CHECK(with("name = \"x\"\nname = \"y\"").exit == 64);
  CHECK(world({"submit", "--job", (dir / "gone.toml").native(), "--prompt", "x"}).exit == 74);
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("what neither the command line nor the job file says is missed by name")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", "text\nx\n").native();
  const auto missing = world({"submit", input, "--job", dir.file("j.toml", "yes = true\n").native(), "--prompt", "x"});
  CHECK(missing.exit == 64);
  CHECK(holds(missing.err, "--model is required"));
  const auto no_input = world({"submit", "--job", dir.file("k.toml", "model = \"m\"\n").native(), "--prompt", "x"});
  CHECK(no_input.exit == 64);
  CHECK(holds(no_input.err, "input is required"));
  dir.file("p.txt", "x");
  const auto both = world({"submit", input, "--job",
                           dir.file("l.toml", "model = \"m\"\nprompt = \"x\"\nprompt-file = \"p.txt\"\n").native()});
  CHECK(both.exit == 64);
}

TEST_SUITE_END();
