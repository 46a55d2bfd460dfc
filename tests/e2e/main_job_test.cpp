// The main job as a user or a script sees it: words in, lines and exit statuses out, the ledger as the judge.

#include "tests/support/answers.hpp"
#include "tests/support/fresh_directory.hpp"
#include "tests/support/program.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <csignal>
#include <thread>

using namespace batchwright;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::Words;

namespace {

std::string rows(int count)
{
  std::string csv = "id,text\n";
  for (int i = 0; i < count; ++i)
    csv += fmt::format("r{},\"row {}, with \"\"quotes\"\" and 漢字\"\n", i, i);
  return csv;
}

Words job_words(const std::string& command, const std::filesystem::path& input, const Words& more = {})
{
  Words words{command, input.native(), "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}", "--max-output-tokens",
              "64"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void check_complete(const std::string& merged, int count)
{
  tests::check_answers(merged, count, [](int i) { return fmt::format("Repeat: row {}, with \"quotes\" and 漢字", i); });
}

} // namespace

TEST_SUITE_BEGIN("e2e::main job");

TEST_CASE("run brings every answer home in input order, and run again sends nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("reviews.csv", rows(300));
  const auto out = dir / "answers.jsonl";
  const auto words =
      job_words("run", input, {"--yes", "--requests-per-part", "100", "--every", "50ms", "-o", out.native()});

  const auto first = world(words);
  CAPTURE(first.err);
  CHECK(first.exit == 0);
  check_complete(tests::slurp(out), 300);
  CHECK(first.out.empty());
  CHECK(world.ledger("batches_created") == 3);
  CHECK(world.ledger("executed_twice") == 0);

  const auto again = world(words);
  CHECK(again.exit == 0);
  CHECK(world.ledger("batches_created") == 3);
  check_complete(tests::slurp(out), 300);
}

TEST_CASE("submit, status, fetch: each says what a script needs")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms": 4000})"};
  const auto input = dir.file("My Reviews.csv", rows(20));

  const auto submit = world(job_words("submit", input, {"--yes"}));
  CAPTURE(submit.err);
  CHECK(submit.exit == 0);
  CHECK(submit.out == "my-reviews\n");

  const auto early = world({"fetch", "my-reviews"});
  CHECK(early.exit == 5);
  CHECK(early.out.empty());
  CHECK(early.err.find("batchwright fetch my-reviews --wait") != std::string::npos);

  const auto status = world({"status", "my-reviews", "--json"});
  CHECK(status.exit == 0);
  json::Document doc;
  REQUIRE(doc.parse(status.out));
  const auto root = doc.root();
  CHECK(root.find("schema")->integer() == 1);
  CHECK(root.find("job")->text() == "my-reviews");
  CHECK(root.find("state")->text() == "running");
  CHECK(root.find("reason")->is(json::Kind::null));
  CHECK(root.find("mode")->text() == "batch");
  CHECK(root.find("items", "total")->integer() == 20);
  CHECK(root.find("items", "pending")->integer() == 20);
  CHECK(root.find("parts")->elements().size() == 1);
  CHECK(root.find("parts")->front()->find("batch_status")->text() == "in_progress");

  const auto fetch = world({"fetch", "my-reviews", "--wait", "--every", "100ms"});
  CHECK(fetch.exit == 0);
  check_complete(fetch.out, 20);

  const auto raw = world({"fetch", "my-reviews", "--format", "raw"});
  CHECK(tests::split_lines(raw.out).size() == 20);
  const auto csv = world({"fetch", "my-reviews", "--format", "csv"});
  CHECK(tests::split_lines(csv.out).front() == "id,text,output,status,error");
  CHECK(tests::split_lines(csv.out).size() == 21);
}

TEST_CASE("a settled job is fetched without a server and without a key")
{
  const FreshDirectory dir;
  auto world = std::make_unique<Rehearsal>(dir.path());
  const auto input = dir.file("a.csv", rows(5));
  REQUIRE((*world)(job_words("run", input, {"--yes", "--every", "50ms", "-o", (dir / "o").native()})).exit == 0);
  auto environment = world->environment();
  world.reset();
  environment.erase("OPENAI_API_KEY");
  const auto fetch = tests::run({"fetch", "a"}, environment);
  CHECK(fetch.exit == 0);
  check_complete(fetch.out, 5);
  CHECK(tests::run({"status", "a"}, environment).exit == 0);
}

TEST_CASE("--detach and poll alone bring a job to its end")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", rows(30));
  REQUIRE(world(job_words("submit", input, {"--yes", "--detach", "--requests-per-part", "10"})).exit == 0);
  for (int round = 0; round < 100; ++round) {
    CHECK(world({"poll"}).exit == 0);
    if (world({"fetch", "a", "-o", (dir / "o").native()}).exit == 0) break;
    std::this_thread::sleep_for(std::chrono::milliseconds{50}); // the server's time, not ours: rounds bound it
  }
  check_complete(tests::slurp(dir / "o"), 30);
  CHECK(world({"poll"}).err.find("no open jobs") != std::string::npos);
}

TEST_CASE("a dry run shows the plan, needs no key, sends nothing and leaves nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", rows(30));
  auto environment = world.environment();
  environment.erase("OPENAI_API_KEY");
  const auto dry =
      tests::run(job_words("submit", input, {"--dry-run", "--json", "--requests-per-part", "20"}), environment);
  CAPTURE(dry.err);
  CHECK(dry.exit == 0);
  json::Document doc;
  REQUIRE(doc.parse(dry.out));
  CHECK(doc.root().find("state")->text() == "planned");
  CHECK(doc.root().find("parts")->elements().size() == 2);
  CHECK(doc.root().find("cost", "estimated_usd")->is(json::Kind::number));
  CHECK_FALSE(std::filesystem::exists(dir / "home"));
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("without consent nothing is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto refused = world(job_words("submit", dir.file("a.csv", rows(3))));
  CHECK(refused.exit == 64);
  CHECK(refused.err.find("--yes") != std::string::npos);
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"status"}).out.empty());
}

TEST_CASE("faults of the input are refused before anything is sent, with file, line and what to do")
{
  struct Case {
    std::string name, content;
    int line;
  };
  const Case cases[] = {
      {"ragged.csv", "id,text\n1,a\n2,b,c\n", 3},
      {"quote.csv", "id,text\n1,\"open\n", 2},
      {"utf8.csv", "id,text\n1,a\n2,\xff\n", 3},
      {"twice.csv", "id,id,text\n1,2,3\n", 1},
      {"empty.csv", "", 0},
      {"header.csv", "id,text\n", 0},
      {"missing.csv", "id,body\n1,a\n", 0},
      {"broken.jsonl", "{\"text\":\"a\"}\n{\"text\":\n", 2},
      {"array.jsonl", "[1]\n", 1},
      {"utf16.txt",
       std::string{"\xff\xfe"
                   "a\0",
                   4},
       0},
      {"long.txt", std::string(16 * 1024 * 1024 + 1, 'x') + "\n", 1},
  };
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  for (const auto& c : cases) {
    CAPTURE(c.name);
    const auto input = dir.file(c.name, c.content);
    const auto refused = world(job_words("submit", input, {"--yes", "--json"}));
    CAPTURE(refused.err);
    CHECK(refused.exit == 65);
    json::Document doc;
    const auto last = tests::split_lines(refused.err).back();
    REQUIRE(doc.parse(last));
    const auto error = doc.root().find("error");
    REQUIRE(error);
    CHECK(error->find("exit_code")->integer() == 65);
    CHECK(error->find("message")->text()->size() > 10);
    if (c.line > 0) CHECK(error->find("line")->integer() == c.line);
    CHECK(refused.err.find(c.name) != std::string::npos);
  }
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"submit", dir.file("ids.csv", "id,text\na,1\nb,2\na,3\n").native(), "--model", "m", "--prompt",
               "{{text}}", "--id-column", "id", "--yes"})
            .exit == 65);
  CHECK(world(job_words("submit", dir / "none.csv", {"--yes"})).exit == 74);
}

TEST_CASE("--skip-bad puts bad records aside, by name, and sends the rest")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.jsonl", "{\"text\":\"one\"}\nnot json\n{\"text\":\"two\"}\n");
  CHECK(world(job_words("submit", input, {"--yes"})).exit == 65);
  const auto run = world(job_words("run", input, {"--yes", "--skip-bad", "1", "--every", "50ms"}));
  CAPTURE(run.err);
  CHECK(run.exit == 0);
  CHECK(tests::split_lines(run.out).size() == 2);
  CHECK(run.err.find("2") != std::string::npos);
}

TEST_CASE("usage errors say what is wrong, and exit 64")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", rows(3));
  const std::vector<Words> wrong{
      {},
      {"nonsense"},
      {"fetch"},
      {"fetch", "no-such-job"},
      {"status", "no-such-job"},
      {"poll", "no-such-job"},
      {"poll", "--for", "10"},
      {"schedule", "status"}, // a command of a later version is not there
      job_words("submit", input, {"--yes", "--max-cost", "much"}),
      job_words("submit", input, {"--yes", "--max-cost", "-6"}),
      job_words("submit", input, {"--yes", "--strict-cap"}), // of what?
      job_words("submit", input, {"--yes", "--price", "1"}),
      job_words("submit", input, {"--yes", "--price", "1,x"}),
      job_words("submit", input, {"--yes", "--deadline", "6"}),
      job_words("submit", input, {"--yes", "--deadline", "2020-01-01T00:00:00Z"}),
      job_words("submit", input, {"--yes", "--deadline", "6h", "--mode", "batch"}),
      job_words("submit", input, {"--yes", "--deadline", "6h", "--fallback", "none"}),
      job_words("submit", input, {"--yes", "--urgent", "gold"}),
      job_words("submit", input, {"--yes", "--headroom", "1"}),
      job_words("submit", input, {"--yes", "--name", "Not A Name"}),
      job_words("submit", input, {"--yes", "--set", "temperature"}),
      job_words("submit", input, {"--yes", "--set", "temperature=hot"}),
      job_words("submit", input, {"--yes", "--set", "messages=[]"}),
      job_words("submit", input, {"--yes", "--requests-per-part", "50001"}),
      job_words("run", input, {"--yes", "--every", "30"}),
  };
  for (const auto& words : wrong) {
    CAPTURE(fmt::format("{}", words.empty() ? "" : words.back()));
    const auto refused = world(words);
    CAPTURE(refused.err);
    CHECK(refused.exit == 64);
    CHECK(refused.out.empty());
  }
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"--version"}).out.starts_with("batchwright "));
  CHECK(world({"submit", "--help"}).exit == 0);
}

TEST_CASE("a number that cannot be is told with its option, what was given and what is allowed")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = dir.file("a.csv", rows(3));
  const std::vector<std::array<const char*, 3>> wrong{
      {"--rpm", "0", "--rpm 0: expected a whole number, 1 or more"},
      {"--rpm", "99999999999999999999", "expected a whole number, 1 or more"},
      {"--tpm", "1e3", "--tpm 1e3: expected a whole number, 1 or more"},
      {"--max-in-flight", "x", "--max-in-flight x: expected a whole number from 1 to 10,000"},
      {"--max-in-flight", "10001", "--max-in-flight 10001: expected a whole number from 1 to 10,000"},
      {"--headroom", "1", "--headroom 1: expected a share from 0 to 0.95"},
      {"--headroom", "96%", "--headroom 96%: expected a share from 0 to 0.95"},
      {"--headroom", "much", "a tenth is 0.1, or 10%"},
      {"--max-attempts", "0", "--max-attempts 0: expected a whole number from 1 to 100"},
      {"--requests-per-part", "50001", "--requests-per-part 50001: the API allows at most 50,000"},
      {"--bytes-per-part", "0", "--bytes-per-part 0: expected a whole number from 1 to 209,715,200"},
      {"--tokens-per-part", "2.5", "--tokens-per-part 2.5: expected a whole number, 1 or more"},
      {"--enqueued-tokens", "many", "--enqueued-tokens many: expected a whole number, 1 or more"},
      {"--inputs-per-request", "0", "--inputs-per-request 0: expected a whole number, 1 or more"},
      {"--skip-bad", "-1", "--skip-bad -1: expected a whole number"},
      {"--max-output-tokens", "0", "--max-output-tokens 0: expected a whole number from 1 to "},
  };
  for (const auto& [option, given, words] : wrong) {
    CAPTURE(words);
    const auto refused = world(job_words("submit", input, {"--dry-run", std::string{option} + "=" + given}));
    CAPTURE(refused.err);
    CHECK(refused.exit == 64);
    CHECK(refused.err.find(words) != std::string::npos);
  }
  CHECK(world({"show", "a", "--limit", "0"}).err.find("--limit 0: expected a whole number, 1 or more") !=
        std::string::npos);
  CHECK(world({"emulator", "--port", "65536"}).err.find("from 0 to 65,535") != std::string::npos);
}

TEST_CASE("no key is exit 4 with what to do, before the input is read")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  auto environment = world.environment();
  environment.erase("OPENAI_API_KEY");
  const auto refused = tests::run(job_words("submit", dir / "none.csv", {"--yes"}), environment);
  CHECK(refused.exit == 4);
  CHECK(refused.err.find("OPENAI_API_KEY") != std::string::npos);
  const auto file = dir.file("key", "rehearsal-key\n");
  environment["OPENAI_API_KEY_FILE"] = file.native();
  CHECK(tests::run(job_words("submit", dir.file("a.csv", rows(1)), {"--yes"}), environment).exit == 0);
}

TEST_CASE("a server that cannot be reached is exit 75, and nothing is lost")
{
  const FreshDirectory dir;
  auto world = std::make_unique<Rehearsal>(dir.path());
  auto environment = world->environment();
  world.reset();
  const auto refused = tests::run(job_words("submit", dir.file("a.csv", rows(3)), {"--yes"}), environment);
  CHECK(refused.exit == 75);
  CHECK(refused.err.find("rehearsal-key") == std::string::npos);
  CHECK(tests::run({"status", "a", "--json"}, environment).exit == 0);
}

TEST_CASE("text goes in exact and comes out exact, whatever it holds")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const std::string hostile = R"({"text":"\u0000\ud83d tab\t \"q\" \\ \/ é 漢 \ud83d\ude00 {{x}} 1e400"})";
  const auto input = dir.file("a.jsonl", hostile + "\n");
  const auto run = world({"run", input.native(), "--model", "m", "--prompt", "{{text}}", "--yes", "--keep-requests",
                          "--every", "50ms", "--format", "raw"});
  CHECK(run.exit == 64); // run has no --format: fetch has
  REQUIRE(world({"run", input.native(), "--model", "m", "--prompt", "{{text}}", "--yes", "--keep-requests", "--every",
                 "50ms"})
              .exit == 0);
  const auto request = tests::slurp(dir / "home/jobs/a/0001.requests.jsonl");
  CHECK(request.find(R"("content":"\u0000\ud83d tab\t \"q\" \\ \/ é 漢 \ud83d\ude00 {{x}} 1e400")") !=
        std::string::npos);
}

TEST_CASE("killed again and again, a run ends complete, and no item is executed twice")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms": 300})"};
  const auto input = dir.file("a.csv", rows(200));
  const auto out = dir / "o.jsonl";
  const auto words =
      job_words("run", input, {"--yes", "--requests-per-part", "40", "--every", "20ms", "-o", out.native()});
  for (int round = 0; round < 12; ++round) {
    tests::Running killed{words, world.environment()};
    std::this_thread::sleep_for(std::chrono::milliseconds{20 + 37 * round}); // somewhere else each time
    killed.signal(SIGKILL);
    killed.wait();
  }
  const auto last = world(words);
  CAPTURE(last.err);
  CHECK(last.exit == 0);
  check_complete(tests::slurp(out), 200);
  CHECK(world.ledger("executed_twice") == 0);
  CHECK(world.ledger("batches_created") == 5);
}

TEST_CASE("Ctrl-C ends a run with 130, says how to go on, and loses nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms": 2000})"};
  const auto words =
      job_words("run", dir.file("a.csv", rows(20)), {"--yes", "--every", "50ms", "-o", (dir / "o").native()});
  tests::Running run{words, world.environment()};
  while (world.ledger("batches_created") == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  run.signal(SIGINT);
  const auto ended = run.wait();
  CHECK(ended.exit == 130);
  CHECK(ended.err.find("batchwright fetch a --wait") != std::string::npos);
  CHECK(world(words).exit == 0);
  CHECK(world.ledger("batches_created") == 1);
}

TEST_SUITE_END();
