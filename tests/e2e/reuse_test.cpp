// What was answered before, and what several items ask, is not sent, from outside. The ledger is the judge: it knows
// what was received and run; the merged result must be whole, in order, and under its own ids all the same.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <thread>

using namespace batchwright;
using tests::FreshDirectory;
using tests::paid_words;
using tests::Rehearsal;
using tests::Running;
using tests::split_lines;
using tests::Words;

namespace {

namespace fs = std::filesystem;

constexpr auto fast =
    R"({"validating_ms":10,"in_progress_ms":50,"finalizing_ms":10,"chat_latency_ms":5,"copies":1000})";

/// A CSV with the columns id and text: `text(i)` on row i, under the id `PREFIXi`.
fs::path table(const FreshDirectory& dir, const std::string& name, int count, const std::string& prefix,
               const std::function<int(int)>& text)
{
  std::string csv = "id,text\n";
  for (int i = 0; i < count; ++i)
    csv += fmt::format("{}{},row {}\n", prefix, i, text(i));
  return dir.file(name, csv);
}

int itself(int i)
{
  return i;
}

/// `run`, or `submit`, under a name, to a file of that name.
Words words(const FreshDirectory& dir, const std::string& command, const std::string& name, const fs::path& input,
            const Words& more = {})
{
  Words all{"--name", name, "-o", (dir / (name + ".out.jsonl")).native()};
  if (command == "run") all.insert(all.end(), {"--every", "20ms"});
  all.insert(all.end(), more.begin(), more.end());
  return paid_words(command, input, all);
}

std::string result(const FreshDirectory& dir, const std::string& name)
{
  return tests::slurp(dir / (name + ".out.jsonl"));
}

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
}

/// A member of each record, as JSON.
std::vector<std::string> column(const std::string& merged, std::string_view path)
{
  std::vector<std::string> values;
  json::Document doc;
  for (const auto& line : split_lines(merged)) {
    REQUIRE(doc.parse(line));
    const auto value = doc.root().along(path);
    values.emplace_back(value ? value->raw() : "none");
  }
  return values;
}

std::map<std::string, int> counts(const std::vector<std::string>& values)
{
  std::map<std::string, int> sums;
  for (const auto& value : values)
    ++sums[value];
  return sums;
}

/// So many records in order, under their ids, each with the answer to its own row.
void check_result(const std::string& merged, int count, const std::string& prefix, const std::function<int(int)>& text)
{
  tests::check_answers(merged, count, [&](int i) { return fmt::format("Repeat: row {}", text(i)); });
  const auto ids = column(merged, "custom_id");
  for (int i = 0; i < count; ++i)
    REQUIRE(ids[static_cast<std::size_t>(i)] == fmt::format("\"{}{}\"", prefix, i));
}

const Words by_id{"--id-column", "id"};

Words with_ids(Words more)
{
  more.insert(more.end(), by_id.begin(), by_id.end());
  return more;
}

std::string standing(const Rehearsal& world, const std::string& job, std::string_view path)
{
  json::Document doc;
  const auto told = world({"status", job, "--json", "--offline"});
  REQUIRE(doc.parse(told.out));
  const auto value = doc.root().along(path);
  return value ? std::string{value->raw()} : "none";
}

} // namespace

TEST_SUITE_BEGIN("e2e::reuse");

TEST_CASE("a nightly run of 5,000 rows of which 4,000 are old pays for 1,000, and the next one for none")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  REQUIRE(world(words(dir, "run", "monday", table(dir, "a.csv", 5000, "m", itself), by_id)).exit == 0);
  REQUIRE(world.ledger("requests_executed") == 5000);

  // Other rows, other ids, another order: 0 to 999 are gone, 5000 to 5999 are new.
  const auto text = [](int i) { return 1000 + i * 7 % 5000; };
  const auto tuesday = table(dir, "b.csv", 5000, "t", text);
  const auto ran = world(words(dir, "run", "tuesday", tuesday, with_ids({"--reuse", "monday"})));
  CAPTURE(ran.err);
  REQUIRE(ran.exit == 0);
  CHECK(says(ran.err, "1,000 requests in 1 batch"));
  CHECK(says(ran.err, "reused  4,000 items have answers in monday: taken over, nothing to pay"));
  CHECK(world.ledger("requests_executed") == 6000);
  CHECK(world.ledger("requests_billed") == 6000);
  CHECK(world.ledger("answers_beyond_copies") == 0);
  const auto merged = result(dir, "tuesday");
  check_result(merged, 5000, "t", text);
  CHECK(counts(column(merged, "route")) == std::map<std::string, int>{{"\"batch\"", 1000}, {"\"reused\"", 4000}});
  std::map<std::string, std::string> first; // what was answered to a row on monday
  const auto outputs = column(result(dir, "monday"), "output");
  for (int i = 0; i < 5000; ++i)
    first[fmt::format("row {}", i)] = outputs[static_cast<std::size_t>(i)];
  const auto again = column(merged, "output");
  const auto costs = column(merged, "cost_usd");
  const auto routes = column(merged, "route");
  for (int i = 0; i < 5000; ++i) {
    const auto at = static_cast<std::size_t>(i);
    REQUIRE((routes[at] == "\"reused\"") == (text(i) < 5000));
    REQUIRE((costs[at] == "0") == (text(i) < 5000));
    if (text(i) < 5000) REQUIRE(again[at] == first[fmt::format("row {}", text(i))]);
  }
  const auto cost = world({"cost", "tuesday", "--json"}).out;
  CHECK(says(cost, R"("route":"reused","tier":"default","model":"gpt-5.4-mini","items":4000,"input_tokens":0)"));
  CHECK(standing(world, "tuesday", "parts.1.route") == "\"reused\"");

  const auto batches = world.ledger("batches_created");
  const auto nothing_new = world(words(dir, "run", "wednesday", tuesday, with_ids({"--reuse", "tuesday"})));
  CAPTURE(nothing_new.err);
  CHECK(nothing_new.exit == 0);
  CHECK(world.ledger("requests_executed") == 6000);
  CHECK(world.ledger("batches_created") == batches);
  check_result(result(dir, "wednesday"), 5000, "t", text);
  CHECK(standing(world, "wednesday", "state") == "\"done\"");
  CHECK(standing(world, "wednesday", "cost.spent_usd") == "0");
}

TEST_CASE("a job that is reused in part goes on after kills as any other, and nothing is sent twice")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":400,"finalizing_ms":20,"copies":1000})"};
  REQUIRE(world(words(dir, "run", "monday", table(dir, "a.csv", 60, "m", itself), by_id)).exit == 0);
  const auto text = [](int i) { return 30 + i % 50; }; // 30 old, 20 new, 10 of the old twice
  const auto input = table(dir, "b.csv", 60, "t", text);
  const auto command =
      words(dir, "run", "tuesday", input, with_ids({"--reuse", "all", "--dedupe", "--requests-per-part", "6"}));
  for (int blow = 0; blow < 12; ++blow) {
    Running killed{command, world.environment()};
    std::this_thread::sleep_for(std::chrono::milliseconds{15 + blow * 12});
    killed.signal(SIGKILL);
    killed.wait();
  }
  const auto ended = world(command);
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  check_result(result(dir, "tuesday"), 60, "t", text);
  CHECK(world.ledger("requests_executed") == 80);
  CHECK(world.ledger("executed_twice") == 0);
}

TEST_CASE("--dedupe sends what several items ask once, on either route, and all get the answer")
{
  for (const std::string mode : {"batch", "realtime"}) {
    CAPTURE(mode);
    const FreshDirectory dir;
    const Rehearsal world{dir.path(), fast};
    const auto text = [](int i) { return i % 40; };
    const auto input = table(dir, "a.csv", 160, "d", text);
    const auto ran = world(words(dir, "run", "a", input, with_ids({"--dedupe", "--mode", mode})));
    CAPTURE(ran.err);
    CHECK(ran.exit == 0);
    CHECK(says(ran.err, "repeat  120 items ask what others ask: sent once"));
    CHECK(world.ledger("requests_executed") == 40);
    const auto merged = result(dir, "a");
    check_result(merged, 160, "d", text);
    CHECK(counts(column(merged, "route"))[fmt::format("\"{}\"", mode)] == 40);
    CHECK(counts(column(merged, "route"))["\"reused\""] == 120);
    CHECK(standing(world, "a", "items.succeeded") == "160");
  }
}

TEST_CASE("submitted, killed and only fetched, copies get their outcomes from whatever command brings the others home")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":10,"in_progress_ms":300,"finalizing_ms":10,"copies":1000})"};
  const auto text = [](int i) { return i % 10; };
  const auto input = table(dir, "a.csv", 40, "d", text);
  REQUIRE(world(words(dir, "submit", "a", input, with_ids({"--dedupe"}))).exit == 0);
  CHECK(standing(world, "a", "items.pending") == "40");
  const auto fetched = world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "x.jsonl").native()});
  CAPTURE(fetched.err);
  CHECK(fetched.exit == 0);
  check_result(tests::slurp(dir / "x.jsonl"), 40, "d", text);
  CHECK(world.ledger("requests_executed") == 10);
}

TEST_CASE("what fails for one fails for its copies, and a retry sends it once and mends all")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":50,"bad_text":"row 3\"","copies":1000})"};
  const auto text = [](int i) { return i % 10; };
  const auto input = table(dir, "a.csv", 30, "d", text);
  CHECK(world(words(dir, "run", "a", input, with_ids({"--dedupe"}))).exit == 3);
  CHECK(standing(world, "a", "items.failed") == "3");
  const auto failed = counts(column(result(dir, "a"), "error.code"));
  CHECK(failed.at("none") == 27);
  CHECK(failed.size() == 2); // one code for all three

  world({"fetch", "a", "-o", (dir / "x.jsonl").native()}); // who fetches tidies
  world.put_faults(fast);
  const auto retried = world({"retry", "a", "--yes"});
  CAPTURE(retried.err);
  CHECK(retried.exit == 0);
  CHECK(says(retried.err, "2 items ask what others ask"));
  CHECK(says(retried.err, "1 request in 1 batch"));
  CHECK(world({"fetch", "a", "--wait", "--every", "20ms", "-o", (dir / "x.jsonl").native()}).exit == 0);
  check_result(tests::slurp(dir / "x.jsonl"), 30, "d", text);
  CHECK(world.ledger("requests_executed") == 11);
  CHECK(standing(world, "a", "items.failed") == "0");
}

TEST_CASE("what copies got from another model, by a retry, is no answer of the first model's to a later job")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":50,"bad_text":"row 3\"","copies":1000})"};
  const auto text = [](int i) { return i % 10; };
  REQUIRE(world(words(dir, "run", "a", table(dir, "a.csv", 30, "d", text), with_ids({"--dedupe"}))).exit == 3);
  world.put_faults(fast);
  REQUIRE(world({"retry", "a", "--yes", "--model", "gpt-5.4"}).exit == 0);
  REQUIRE(world({"fetch", "a", "--wait", "--every", "20ms", "-o", (dir / "x.jsonl").native()}).exit == 0);
  const auto before = world.ledger("requests_executed");
  const auto later = table(dir, "b.csv", 10, "e", text);
  const auto ran = world(words(dir, "run", "b", later, with_ids({"--reuse", "a"})));
  CAPTURE(ran.err);
  CHECK(ran.exit == 0);
  CHECK(world.ledger("requests_executed") == before + 1); // the one that only another model has answered
  for (const auto& [model, n] : counts(column(result(dir, "b"), "model")))
    CHECK(model.find("gpt-5.4-mini") != std::string::npos);
}

TEST_CASE("a retry of what only copies are is refused: others are sent for them")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":50,"bad_text":"row 3\"","copies":1000})"};
  const auto text = [](int i) { return i % 10; };
  REQUIRE(world(words(dir, "run", "a", table(dir, "a.csv", 30, "d", text), with_ids({"--dedupe"}))).exit == 3);
  const auto refused = world({"retry", "a", "--yes", "--where", "index=13"});
  CAPTURE(refused.err);
  CHECK(refused.exit == 64);
  CHECK(says(refused.err, "asks what others ask"));
  CHECK(standing(world, "a", "items.failed") == "3");
}

TEST_CASE("an earlier job that cannot be read holds nobody up where all are asked, and is named")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  REQUIRE(world(words(dir, "run", "broken", table(dir, "a.csv", 20, "d", itself), by_id)).exit == 0);
  REQUIRE(world(words(dir, "run", "fine", table(dir, "b.csv", 30, "d", itself), by_id)).exit == 0);
  for (const auto& entry : fs::recursive_directory_iterator{dir.path()}) {
    const auto path = entry.path().native();
    if (path.find("/broken/") != std::string::npos && path.ends_with(".digests")) fs::resize_file(path, 5);
  }
  const auto ran = world(words(dir, "run", "c", table(dir, "c.csv", 40, "d", itself), with_ids({"--reuse", "all"})));
  CAPTURE(ran.err);
  CHECK(ran.exit == 0);
  CHECK(says(ran.err, "nothing of broken is taken over"));
  CHECK(world.ledger("requests_executed") == 60);
  check_result(tests::slurp(dir / "c.out.jsonl"), 40, "d", itself);
}

TEST_CASE("a cancelled job gives its copies what became of the others")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":60000,"cancelling_ms":50,"copies":1000})"};
  const auto input = table(dir, "a.csv", 40, "d", [](int i) { return i % 10; });
  for (const bool abandons : {false, true}) {
    CAPTURE(abandons);
    const std::string name = abandons ? "b" : "a";
    REQUIRE(world(words(dir, "submit", name, input, with_ids({"--dedupe"}))).exit == 0);
    const auto cancelled = world(abandons ? Words{"cancel", name, "--abandon"} : Words{"cancel", name});
    CAPTURE(cancelled.err);
    CHECK(cancelled.exit == 0);
    CHECK(standing(world, name, "state") == "\"done\"");
    CHECK(standing(world, name, "items.failed") == "40");
    CHECK(world({"fetch", name, "-o", (dir / "x.jsonl").native()}).exit == 3);
    CHECK(counts(column(tests::slurp(dir / "x.jsonl"), "error.code")) ==
          std::map<std::string, int>{{"\"cancelled\"", 40}});
  }
}

TEST_CASE("answers of batches that were given up come home late, for the copies, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":3000000,"cancelling_ms":100000,"copies":1000})"};
  const auto text = [](int i) { return i % 10; };
  const auto input = table(dir, "a.csv", 40, "d", text);
  REQUIRE(world(words(dir, "submit", "a", input, with_ids({"--dedupe"}))).exit == 0);
  world.advance(std::chrono::seconds{2900}); // most of it ran by now
  REQUIRE(world({"cancel", "a", "--abandon"}).exit == 0);
  REQUIRE(standing(world, "a", "items.failed") == "40");
  world.advance(std::chrono::hours{1});
  world({"fetch", "a", "-o", (dir / "x.jsonl").native()});
  const auto merged = tests::slurp(dir / "x.jsonl");
  const auto status = column(merged, "status");
  REQUIRE(status.size() == 40);
  CHECK(counts(status)["\"succeeded\""] >= 4);
  for (std::size_t i = 10; i < 40; ++i)
    CHECK(status[i] == status[i % 10]);
}

TEST_CASE("answers of a job in real time, and of packed embeddings one by one, are taken over")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  REQUIRE(world(words(dir, "run", "live", table(dir, "a.csv", 50, "l", itself), {"--mode", "realtime"})).exit == 0);
  const auto text = [](int i) { return i + 10; };
  REQUIRE(world(words(dir, "run", "later", table(dir, "b.csv", 50, "x", text), with_ids({"--reuse", "live"}))).exit ==
          0);
  check_result(result(dir, "later"), 50, "x", text);
  CHECK(world.ledger("requests_executed") == 60);

  const auto vectors = [&](const std::string& name, const fs::path& input, const Words& more) {
    Words all{"run",        input.native(),
              "--model",    "text-embedding-3-small",
              "--endpoint", "embeddings",
              "--prompt",   "{{text}}",
              "--probe",    "0",
              "--name",     name,
              "-o",         (dir / (name + ".out.jsonl")).native(),
              "--every",    "20ms",
              "--yes"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  REQUIRE(world(vectors("v1", table(dir, "c.csv", 90, "v", itself), {"--inputs-per-request", "25"})).exit == 0);
  CHECK(world.ledger("inputs_executed") == 90);
  const auto shifted = [](int i) { return i + 33; };
  const auto second = world(vectors("v2", table(dir, "d.csv", 90, "w", shifted),
                                    with_ids({"--inputs-per-request", "40", "--reuse", "v1", "--dedupe"})));
  CAPTURE(second.err);
  REQUIRE(second.exit == 0);
  CHECK(world.ledger("inputs_executed") == 90 + 33);
  const auto before = column(result(dir, "v1"), "output");
  const auto after = column(result(dir, "v2"), "output");
  const auto ids = column(result(dir, "v2"), "custom_id");
  REQUIRE(after.size() == 90);
  for (std::size_t i = 0; i < 90; ++i) {
    CHECK(ids[i] == fmt::format("\"w{}\"", i));
    if (i + 33 < 90) CHECK(after[i] == before[i + 33]);
    CHECK(after[i].size() > 100);
  }
}

TEST_CASE("only answers of use are taken over; what the job accepts is of use")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"in_progress_ms":50,"bad_text":"row 3\"","copies":1000})"};
  const auto input = table(dir, "a.csv", 10, "a", itself);
  REQUIRE(world(words(dir, "run", "bad", input)).exit == 3);
  world.put_faults(fast);
  REQUIRE(world(words(dir, "run", "good", table(dir, "b.csv", 10, "b", itself), {"--reuse", "bad"})).exit == 0);
  tests::check_complete(result(dir, "good"), 10);
  CHECK(world.ledger("requests_executed") == 11);

  const Words cut{"--max-output-tokens", "1"};
  const auto with_cut = [&](Words more) {
    more.insert(more.end(), cut.begin(), cut.end());
    return more;
  };
  REQUIRE(world(words(dir, "run", "short", input, cut)).exit == 3);
  CHECK(world.ledger("requests_executed") == 21);
  CHECK(world(words(dir, "run", "again", input, with_cut({"--reuse", "short"}))).exit == 3);
  CHECK(world.ledger("requests_executed") == 31);
  CHECK(world(words(dir, "run", "taken", input, with_cut({"--reuse", "short", "--accept", "truncated"}))).exit == 0);
  CHECK(world.ledger("requests_executed") == 31);
  CHECK(counts(column(result(dir, "taken"), "route")) == std::map<std::string, int>{{"\"reused\"", 10}});
  // Not accepted any more: they failed, and a retry sends them.
  CHECK(world(words(dir, "run", "taken", input, cut)).exit == 3);
  CHECK(standing(world, "taken", "items.failed") == "10");
  CHECK(world({"retry", "taken", "--yes", "--max-output-tokens", "100"}).exit == 0);
  CHECK(world({"fetch", "taken", "--wait", "--every", "20ms", "-o", (dir / "x.jsonl").native()}).exit == 0);
  tests::check_complete(tests::slurp(dir / "x.jsonl"), 10);
}

TEST_CASE("another server's answers are never taken, and a job that cannot be reused is refused")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = table(dir, "a.csv", 10, "a", itself);
  REQUIRE(world(words(dir, "run", "here", input)).exit == 0);

  const FreshDirectory other_dir;
  const Rehearsal other{other_dir.path(), fast};
  auto environment = other.environment();
  environment["BATCHWRIGHT_HOME"] = world.environment().at("BATCHWRIGHT_HOME");
  const auto there = [&](const Words& all) { return tests::run(all, environment); };
  const auto refused = there(words(dir, "run", "there", input, {"--reuse", "here"}));
  CHECK(refused.exit == 64);
  CHECK(says(refused.err, "another server's"));
  CHECK(there(words(dir, "run", "there", input, {"--reuse", "all"})).exit == 0);
  CHECK(other.ledger("requests_executed") == 10);

  const auto unknown = world(words(dir, "run", "new", input, {"--reuse", "her"}));
  CHECK(unknown.exit == 64);
  CHECK(says(unknown.err, "did you mean here?"));
  for (const auto& entry : fs::directory_iterator{fs::path{environment["BATCHWRIGHT_HOME"]} / "jobs/here"}) {
    if (entry.path().extension() == ".digests") fs::remove(entry.path()); // as an older version left it
  }
  const auto old = world(words(dir, "run", "new", input, {"--reuse", "here"}));
  CHECK(old.exit == 64);
  CHECK(says(old.err, "nobody knows what its items asked"));
  CHECK(world({"status", "new"}).exit == 64);
  CHECK(world(words(dir, "run", "new", input, {"--reuse", "all"})).exit == 0); // passed over
  CHECK(world.ledger("requests_executed") == 20);
}

TEST_CASE("a dry run shows what is not sent and leaves nothing; ids are unique over all items; a job is made once")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = table(dir, "a.csv", 20, "a", itself);
  REQUIRE(world(words(dir, "run", "a", input)).exit == 0);
  const auto more = table(dir, "b.csv", 40, "b", [](int i) { return i % 30; });
  const auto jobs = fs::path{world.environment().at("BATCHWRIGHT_HOME")} / "jobs";
  const auto entries = [&] { return std::distance(fs::directory_iterator{jobs}, fs::directory_iterator{}); };
  const auto before = entries();
  const auto dry = world(words(dir, "run", "b", more, {"--reuse", "a", "--dedupe", "--dry-run"}));
  CHECK(dry.exit == 0);
  CHECK(says(dry.err, "10 requests in 1 batch"));
  CHECK(says(dry.err, "reused  30 items have answers in a"));
  auto keyless = world.environment();
  keyless.erase("OPENAI_API_KEY");
  const auto without_key = tests::run(words(dir, "run", "b", more, {"--reuse", "a", "--dry-run"}), keyless);
  CHECK(says(without_key.err, "reused  30 items"));
  CHECK(entries() == before);
  CHECK(world({"status", "b"}).exit == 64);

  const auto twice = dir.file("c.csv", "id,text\nx,row 1\nx,row 1\n");
  const auto refused = world(words(dir, "run", "c", twice, with_ids({"--reuse", "a", "--dedupe"})));
  CHECK(refused.exit == 65);
  CHECK(says(refused.err, "the id `x` stands on line 2 already"));

  REQUIRE(world(words(dir, "run", "b", more)).exit == 0);
  CHECK(world.ledger("requests_executed") == 60);
  const auto continued = world(words(dir, "run", "b", more, {"--reuse", "a"}));
  CHECK(continued.exit == 0);
  CHECK(says(continued.err, "have their say when a job is made"));
  CHECK(world.ledger("requests_executed") == 60);
}

TEST_CASE("urgent items, items that are tried first and a cap go with what is not sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  REQUIRE(world(words(dir, "run", "a", table(dir, "a.csv", 100, "a", itself), {"--max-output-tokens", "50"})).exit ==
          0);
  std::string csv =
      "id,text,kind\n"; // rows 50 to 249, each twice; of the new ones every tenth is urgent the second time
  for (int i = 0; i < 400; ++i)
    csv += fmt::format("b{},row {},{}\n", i, 50 + i % 200, i >= 200 && i % 10 == 0 ? "hot" : "cold");
  const auto input = dir.file("b.csv", csv);
  Words all{"run",
            input.native(),
            "--model",
            "gpt-5.4-mini",
            "--prompt",
            "Repeat: {{text}}",
            "--name",
            "b",
            "--reuse",
            "a",
            "--dedupe",
            "--urgent",
            "kind=hot",
            "--probe",
            "3",
            "--id-column",
            "id",
            "--every",
            "20ms",
            "--max-cost",
            "1",
            "--max-output-tokens",
            "50",
            "-o",
            (dir / "b.out.jsonl").native(),
            "--requests-per-part",
            "40",
            "--yes"};
  const auto ran = world(all);
  CAPTURE(ran.err);
  REQUIRE(ran.exit == 0);
  CHECK(world.ledger("requests_executed") == 100 + 150);
  CHECK(world.ledger("billed_on_both_routes") == 0);
  check_result(result(dir, "b"), 400, "b", [](int i) { return 50 + i % 200; });
  const auto routes = counts(column(result(dir, "b"), "route"));
  CHECK(routes.at("\"realtime\"") == 15 + 3); // the urgent ones that are new, and those tried first
  CHECK(routes.at("\"batch\"") == 150 - 18);
  CHECK(routes.at("\"reused\"") == 250);
}

TEST_CASE("rebuilt from the server, a job takes no item for a batch's own that it does not hold")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto text = [](int i) { return i / 2; }; // each second one is a copy
  const auto input = table(dir, "a.csv", 40, "a", text);
  const Words more{"--dedupe", "--probe", "2"};
  Words all{"run",      input.native(),
            "--model",  "gpt-5.4-mini",
            "--prompt", "Repeat: {{text}}",
            "--name",   "a",
            "-o",       (dir / "a.out.jsonl").native(),
            "--every",  "20ms",
            "--yes"};
  all.insert(all.end(), more.begin(), more.end());
  REQUIRE(world(all).exit == 0);
  CHECK(world.ledger("requests_executed") == 20);
  fs::remove_all(world.environment().at("BATCHWRIGHT_HOME"));
  fs::remove(dir / "a.out.jsonl");
  const auto recovered = world({"recover", "a", "--adopt-grace", "50ms"});
  CAPTURE(recovered.err);
  REQUIRE(recovered.exit == 0);
  CHECK(world(all).exit == 0);
  tests::check_answers(result(dir, "a"), 40, [&](int i) { return fmt::format("Repeat: row {}", text(i)); });
  CHECK(counts(column(result(dir, "a"), "route")) == std::map<std::string, int>{{"\"batch\"", 40}});
  CHECK(world.ledger("executed_twice") == 0);
  CHECK(world.ledger("requests_executed") == 20 + 22); // the copies, and what was tried in real time
}

TEST_CASE("ready-made requests of several files and models are matched by url and body, and keep their ids")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto line = [](const std::string& id, const std::string& model, int row) {
    return fmt::format(R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}",)"
                       R"("messages":[{{"role":"user","content":"Repeat: row {}"}}]}}}})"
                       "\n",
                       id, model, row);
  };
  std::string first;
  std::string second;
  for (int i = 0; i < 20; ++i) {
    const std::string model = i % 2 == 0 ? "gpt-5.4-mini" : "gpt-5.4-nano";
    first += line(fmt::format("r{}", i), model, i / 4);      // each body twice
    second += line(fmt::format("r{}", i), model, 3 + i / 4); // rows 3 and 4 stand in both files
  }
  const auto one = dir.file("one.jsonl", first);
  const auto two = dir.file("two.jsonl", second);
  const auto command = [&](const std::string& name, const Words& more) {
    Words all{"run", one.native(), two.native(), "--name", name, "-o", (dir / (name + ".out.jsonl")).native()};
    all.insert(all.end(), {"--every", "20ms", "--probe", "0", "--yes"});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const auto ran = world(command("a", {"--dedupe"}));
  CAPTURE(ran.err);
  REQUIRE(ran.exit == 0);
  CHECK(world.ledger("requests_executed") == 16); // rows 0 to 7, of two models
  const auto merged = result(dir, "a");
  tests::check_answers(merged, 40,
                       [](int i) { return fmt::format("Repeat: row {}", i < 20 ? i / 4 : 3 + (i - 20) / 4); });
  const auto ids = column(merged, "custom_id");
  const auto models = column(merged, "model");
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(ids[i] == fmt::format("\"r{}\"", i % 20));
    CHECK(says(models[i], i % 2 == 0 ? "gpt-5.4-mini" : "gpt-5.4-nano"));
  }
  REQUIRE(world(command("b", {"--reuse", "a"})).exit == 0);
  CHECK(world.ledger("requests_executed") == 16);
  CHECK(column(result(dir, "b"), "output") == column(merged, "output"));
  fs::create_directory(dir / "raw");
  CHECK(world({"fetch", "b", "--format", "raw", "-o", (dir / "raw").native() + "/"}).exit == 0);
  std::size_t lines = 0;
  for (const auto& entry : fs::directory_iterator{dir / "raw"})
    lines += split_lines(tests::slurp(entry.path())).size();
  CHECK(lines == 40);
}

TEST_SUITE_END();
