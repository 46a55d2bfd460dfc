// What happens around a job's end: delivered by whichever command sees it, cancelled, cleaned; the ledger as the judge.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/base/unpack.hpp>
#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <thread>

using namespace batchwright;
using tests::check_complete;
using tests::Ended;
using tests::FreshDirectory;
using tests::paid_words;
using tests::Rehearsal;
using tests::rows;
using tests::Words;

namespace {

namespace fs = std::filesystem;

constexpr auto stuck = R"({"stuck_batches":[{"after_share":0.5}],"cancelling_ms":100})";

std::int64_t count_of(const std::string& text, std::string_view word)
{
  std::int64_t count = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

/// Waits for the server's time, which rounds bound.
template<class Holds>
void wait_for(const Holds& holds)
{
  for (int round = 0; round < 2000 && !holds(); ++round)
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  REQUIRE(holds());
}

void wait_until_executed(const Rehearsal& world, std::int64_t requests)
{
  wait_for([&] { return world.ledger("requests_executed") >= requests; });
}

/// Items by what `status --json` says.
std::int64_t items(const Rehearsal& world, const std::string& member)
{
  json::Document doc;
  const auto status = world({"status", "a", "--json", "--offline"});
  REQUIRE(doc.parse(status.out));
  return doc.root().find("items", member)->integer().value_or(-1);
}

std::string state(const Rehearsal& world)
{
  json::Document doc;
  const auto status = world({"status", "a", "--json", "--offline"});
  REQUIRE(doc.parse(status.out));
  return std::string{*doc.root().find("state")->text()};
}

} // namespace

TEST_SUITE_BEGIN("e2e::delivery");

TEST_CASE("the result that submit asked for is written by the poll, or the fetch, that ends the job, and once")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto out = dir / "out.jsonl";
  REQUIRE(world(paid_words("submit", rows(dir, 30), {"--detach", "-o", out.native()})).exit == 0);
  CHECK_FALSE(fs::exists(out));
  SUBCASE("poll")
  {
    wait_for([&] {
      CHECK(world({"poll"}).exit == 0);
      return fs::exists(out);
    });
  }
  SUBCASE("fetch to elsewhere")
  {
    CHECK(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "other.csv").native()}).exit == 0);
    CHECK(fs::exists(dir / "other.csv"));
  }
  check_complete(tests::slurp(out), 30);
  CHECK(world({"status", "a"}).out.find("delivered to") != std::string::npos);

  fs::remove(out);
  CHECK(world({"poll"}).err.find("no open jobs") != std::string::npos);
  CHECK(world({"fetch", "a"}).exit == 0);
  CHECK_FALSE(fs::exists(out)); // delivered is delivered
  CHECK(world(paid_words("submit", dir / "a.csv", {"-o", out.native()})).exit == 0);
  check_complete(tests::slurp(out), 30); // but asked for again it is written again
}

TEST_CASE("a path that is relative is meant where submit was run, and what cannot be written is said before sending")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = rows(dir, 3);
  const auto missing = world(paid_words("submit", input, {"-o", (dir / "none/out.jsonl").native()}));
  CHECK(missing.exit == 74);
  CHECK(world(paid_words("submit", input, {"-o", dir.path().native()})).exit == 64);
  CHECK(world(paid_words("submit", input, {"-o", "-"})).exit == 64);
  CHECK(world.ledger("uploads") == 0);

  const auto relative = fs::relative(dir / "out.jsonl").native();
  REQUIRE(world(paid_words("submit", input, {"--detach", "-o", relative})).exit == 0);
  CHECK(world({"status", "a"}).out.find(fs::absolute(relative).native().substr(0, 20)) != std::string::npos);
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms"}).exit == 0);
  check_complete(tests::slurp(dir / "out.jsonl"), 3);
}

TEST_CASE("a delivery that fails is exit 74, loses nothing, and is tried again by the next command")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  fs::create_directory(dir / "place");
  const auto out = dir / "place/out.csv";
  REQUIRE(world(paid_words("submit", rows(dir, 5),
                           {"--detach", "-o", out.native(), "--on-done",
                            fmt::format("echo x >> '{}'", (dir / "hook").native())}))
              .exit == 0);
  fs::remove(dir / "place");
  const auto failed = world({"fetch", "a", "--wait", "--every", "50ms"});
  CHECK(failed.exit == 74);
  CHECK(failed.err.find(out.native()) != std::string::npos);
  check_complete(failed.out, 5); // what was asked for itself is there
  CHECK_FALSE(fs::exists(dir / "hook"));
  CHECK(world({"poll"}).exit == 74);

  fs::create_directory(dir / "place");
  CHECK(world({"poll"}).exit == 0);
  CHECK(tests::split_lines(tests::slurp(out)).size() == 6);
  CHECK(tests::slurp(dir / "hook") == "x\n");
  CHECK(world({"poll"}).exit == 0);
  CHECK(tests::slurp(dir / "hook") == "x\n");
}

TEST_CASE("--on-done learns how it went and not the key, and its failure changes nothing")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"fail_share":0.3})"};
  const auto seen = (dir / "seen").native();
  const auto command = fmt::format("env > '{}'; test -e out && exit 9; echo to stdout; exit 7", seen);
  auto environment_of_user = world.environment();
  environment_of_user["OPENAI_ADMIN_KEY"] = "admin-key";
  const auto words =
      paid_words("run", rows(dir, 40), {"--every", "50ms", "-o", (dir / "out.jsonl").native(), "--on-done", command});
  const auto run = tests::run(words, environment_of_user);
  CHECK(run.exit == 3);
  CHECK(run.out.empty());
  CHECK(run.err.find("to stdout") != std::string::npos);
  CHECK(run.err.find("exit status 7") != std::string::npos);
  const auto environment = tests::slurp(seen);
  CHECK(environment.find("BATCHWRIGHT_JOB=a\n") != std::string::npos);
  CHECK(environment.find("BATCHWRIGHT_STATE=done\n") != std::string::npos);
  CHECK(environment.find("BATCHWRIGHT_OUT=" + (dir / "out.jsonl").native() + "\n") != std::string::npos);
  CHECK(environment.find("BATCHWRIGHT_EXIT=3\n") != std::string::npos);
  CHECK(environment.find(fmt::format("BATCHWRIGHT_FAILED={}\n", items(world, "failed"))) != std::string::npos);
  CHECK(environment.find("rehearsal-key") == std::string::npos);
  CHECK(environment.find("admin-key") == std::string::npos);

  fs::remove(seen);
  CHECK(world(paid_words("run", dir / "a.csv", {"--on-done", command})).exit == 3);
  CHECK(world({"fetch", "a"}).exit == 3);
  CHECK_FALSE(fs::exists(seen)); // it ran once
}

TEST_CASE("cancel before anything was sent: every item fails with cancelled, nothing reaches the server")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"http":[{"path":"/v1/files","action":"status","status":429}]})"};
  const auto out = dir / "out.jsonl";
  const auto words = paid_words("submit", rows(dir, 5), {"-o", out.native()});
  tests::Running submit{words, world.environment()}; // tries for ever, or until it is told
  CHECK(submit.first_line() == "a");
  const auto cancel = world({"cancel", "a", "--json"});
  CAPTURE(cancel.err);
  CHECK(cancel.exit == 0);
  CHECK(cancel.out.find(R"("state":"done")") != std::string::npos);
  CHECK(cancel.out.find(R"("failed":5,"pending":0)") != std::string::npos);
  submit.wait();
  CHECK(count_of(tests::slurp(out), R"("code":"cancelled")") == 5);
  CHECK(count_of(tests::slurp(out), R"("paid":false)") == 5);
  CHECK(world(words).exit == 0); // done: nothing to send
  CHECK(world({"cancel", "a"}).exit == 0);
  CHECK(world.ledger("uploads") == 0);
}

TEST_CASE("cancel while batches run collects what they finished and delivers it")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), stuck};
  const auto out = dir / "out.jsonl";
  REQUIRE(world(paid_words("submit", rows(dir, 40), {"--requests-per-part", "20", "-o", out.native()})).exit == 0);
  wait_until_executed(world, 20);
  const auto cancel = world({"cancel", "a"});
  CAPTURE(cancel.err);
  CHECK(cancel.exit == 0);
  const auto merged = tests::slurp(out);
  CHECK(count_of(merged, R"("status":"succeeded")") == 20);
  CHECK(count_of(merged, R"("code":"cancelled")") == 20);
  CHECK(world.ledger("batches_created") == 2);
  CHECK(world.ledger("executed_twice") == 0);
}

TEST_CASE("a batch that ended before the cancel is collected whole")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  REQUIRE(world(paid_words("submit", rows(dir, 10), {"--detach"})).exit == 0);
  wait_for([&] {
    return world({"status", "a", "--json"}).out.find(R"("batch_status":"completed")") != std::string::npos;
  });
  CHECK(world({"cancel", "a"}).exit == 0);
  CHECK(items(world, "succeeded") == 10);
}

TEST_CASE("the process that holds the job obeys a cancel, and both say how it ended")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), stuck};
  const auto words = paid_words("run", rows(dir, 20), {"--every", "50ms", "-o", (dir / "out.jsonl").native()});
  tests::Running run{words, world.environment()};
  wait_until_executed(world, 10);
  const auto cancel = world({"cancel", "a"});
  CHECK(cancel.exit == 0);
  const auto ended = run.wait();
  CHECK(ended.exit == 3);
  CHECK(count_of(tests::slurp(dir / "out.jsonl"), R"("code":"cancelled")") == 10);
  CHECK(ended.err.find("another process") != std::string::npos);
}

TEST_CASE("cancel --abandon ends at once, and a later fetch collects what comes all the same")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"stuck_batches":[{"after_share":0.5}],"cancelling_ms":1500})"};
  const auto out = dir / "out.jsonl";
  REQUIRE(world(paid_words("submit", rows(dir, 20), {"-o", out.native()})).exit == 0);
  wait_until_executed(world, 10);
  CHECK(world({"cancel", "a", "--abandon"}).exit == 0);
  CHECK(count_of(tests::slurp(out), R"("code":"cancelled")") == 20);
  CHECK(count_of(tests::slurp(out), R"("paid":true)") == 20);
  wait_for([&] {
    CHECK(world({"fetch", "a"}).exit == 3);
    return items(world, "succeeded") == 10;
  });
  CHECK(count_of(tests::slurp(out), R"("code":"cancelled")") == 10); // what was delivered became better
  CHECK(world.ledger("batches_created") == 1);
}

TEST_CASE("killed again and again while it cancels, a job is cancelled by whatever command comes next")
{
  for (const auto& next : {Words{"cancel", "a"}, Words{"fetch", "a", "--wait", "--every", "50ms"}}) {
    const FreshDirectory dir;
    const Rehearsal world{dir.path(), R"({"stuck_batches":[{"after_share":0.5}],"cancelling_ms":400})"};
    const auto submit = paid_words("submit", rows(dir, 60), {"--requests-per-part", "20"});
    REQUIRE(world(submit).exit == 0);
    wait_until_executed(world, 30);
    for (int round = 0; round < 8; ++round) {
      tests::Running killed{{"cancel", "a"}, world.environment()};
      std::this_thread::sleep_for(std::chrono::milliseconds{10 + 23 * round}); // somewhere else each time
      killed.signal(SIGKILL);
      killed.wait();
      CHECK(world({"poll"}).exit == 0); // goes on with the cancelling, and sends nothing
      CHECK(world(submit).exit == 0);
    }
    { // once at least it gets as far as saying what it wants, however slow the machine
      tests::Running killed{{"cancel", "a"}, world.environment()};
      wait_for([&] { return state(world) != "running"; });
      killed.signal(SIGKILL);
      killed.wait();
    }
    const auto last = world(next);
    CAPTURE(last.err);
    CHECK(state(world) == "done");
    CHECK(items(world, "succeeded") + items(world, "failed") == 60);
    CHECK(items(world, "succeeded") == 30);
    CHECK(world.ledger("batches_created") == 3);
    CHECK(world.ledger("executed_twice") == 0);
  }
}

TEST_CASE("fetch writes the fields, the items and the packing that are asked for")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"row 3","in_progress_ms":50})"};
  REQUIRE(world(paid_words("run", rows(dir, 5), {"--id-column", "id", "-o", (dir / "all.jsonl.zst").native()})).exit ==
          3);
  const auto fetch = [&](const Words& more) {
    Words words{"fetch", "a"};
    words.insert(words.end(), more.begin(), more.end());
    return world(words);
  };
  const auto unpacked = [](const fs::path& file) {
    std::string text(1'000'000, '\0');
    text.resize(open_source(file.native())->read(text.data(), text.size()));
    return text;
  };
  const auto plain = fetch({});
  CHECK(plain.exit == 3);
  CHECK(unpacked(dir / "all.jsonl.zst") == plain.out);

  CHECK(fetch({"--fields", "id,status,error.code", "--format", "csv"}).out ==
        "id,status,error.code\nr0,succeeded,\nr1,succeeded,\nr2,succeeded,\nr3,failed,invalid_prompt\nr4,succeeded,\n");
  const auto failed = fetch({"--only", "failed", "--fields", "custom_id,input", "-o", (dir / "f.jsonl.gz").native()});
  CHECK(failed.exit == 3);
  CHECK(failed.err.find("wrote 1 record") != std::string::npos);
  CHECK(unpacked(dir / "f.jsonl.gz") == R"({"custom_id":"r3","input":{"id":"r3","text":"row 3"}})"
                                        "\n");
  CHECK(fetch({"-o", (dir / "t.tsv").native()}).exit == 3);
  CHECK(tests::slurp(dir / "t.tsv").find("id\ttext\toutput\tstatus\terror\nr0\trow 0\techo ") == 0);
  CHECK(fetch({"--include", "input,response"})
            .out.find(R"("input":{"id":"r0","text":"row 0"},"response":{"status_code":)") != std::string::npos);

  CHECK(fetch({"--fields", "nothing"}).exit == 64);
  CHECK(fetch({"--only", "some"}).exit == 64);
  CHECK(fetch({"--include", "all"}).exit == 64);
  CHECK(fetch({"--format", "raw", "--fields", "id"}).exit == 64);
  CHECK(fetch({"-o", (dir / "x.xlsx").native()}).exit == 64);
  CHECK_FALSE(fs::exists(dir / "x.xlsx"));
}

TEST_CASE("no output takes the place of an input, nor of another input's output")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"refuse me","in_progress_ms":50})"};
  const auto csv = rows(dir, 3);
  const auto taken = world(paid_words("run", csv, {"-o", csv.native()}));
  CHECK(taken.exit == 64);
  CHECK(taken.err.find("is an input of the job") != std::string::npos);
  CHECK(world.ledger("uploads") == 0);
  REQUIRE(world(paid_words("run", csv)).exit == 0);
  const auto before = tests::slurp(csv);
  CHECK(world({"fetch", "a", "-o", csv.native()}).exit == 64);
  CHECK(tests::slurp(csv) == before);

  const auto line = [](const char* id, const char* text) {
    return fmt::format(
        R"({{"custom_id":"{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"gpt-5.4-mini",)"
        R"("messages":[{{"role":"user","content":"{}"}}]}}}})"
        "\n",
        id, text);
  };
  const auto first = dir.file("q.jsonl", line("1", "refuse me"));
  const auto second = dir.file("q.errors.jsonl", line("2", "two"));
  const Words asked{"run", first.native(), second.native(), "--name", "q", "--yes"};
  auto here = asked;
  here.insert(here.end(), {"-o", dir.path().native()});
  CHECK(world(here).exit == 64);
  CHECK(tests::slurp(first) == line("1", "refuse me"));
  auto apart = asked;
  apart.insert(apart.end(), {"-o", (dir / "out").native() + "/"});
  CHECK(world(apart).exit == 3);
  CHECK(tests::slurp(dir / "out" / "q.errors.jsonl").find(R"("custom_id":"1")") != std::string::npos);
  CHECK(tests::slurp(dir / "out" / "q.errors-2.jsonl").find(R"("custom_id":"2")") != std::string::npos);
}

TEST_CASE("so many failed items as --max-failed allows are no failure")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"row 3","in_progress_ms":50})"};
  REQUIRE(world(paid_words("run", rows(dir, 8))).exit == 3);
  const auto exit_with = [&](const char* allowed) { return world({"fetch", "a", "--max-failed", allowed}).exit; };
  CHECK(exit_with("1") == 0);
  CHECK(exit_with("0") == 3);
  CHECK(exit_with("12.5%") == 0);
  CHECK(exit_with("12.4%") == 3);
  CHECK(exit_with("half") == 64);
}

TEST_CASE("what the user accepts counts as succeeded, also when it is said later, and is delivered anew")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"truncate_share":0.5,"in_progress_ms":50})"};
  const auto out = (dir / "out.csv").native();
  const auto words = [&](const Words& more) { return paid_words("submit", rows(dir, 40), more); };
  REQUIRE(world(words({"-o", out})).exit == 0);
  REQUIRE(world({"fetch", "a", "--wait", "-o", (dir / "first.jsonl").native()}).exit == 3);
  const auto cut = items(world, "failed");
  CHECK(cut > 5);
  CHECK(count_of(tests::slurp(out), ",failed,truncated: ") == cut);

  CHECK(world(words({"--accept", "refused,truncated"})).exit == 0);
  CHECK(items(world, "failed") == 0);
  CHECK(items(world, "succeeded") == 40);
  CHECK(count_of(tests::slurp(out), ",succeeded,\n") == 40);
  CHECK(world({"fetch", "a"}).exit == 0);
  CHECK(count_of(world({"fetch", "a", "--only", "failed"}).out, "\n") == 0);
  CHECK(world.ledger("answers_delivered") == 40);
  CHECK(world.ledger("answers_beyond_copies") == 0);

  CHECK(world(words({})).exit == 0); // as the command says now
  CHECK(items(world, "failed") == cut);
  const auto refused = world(words({"--accept", "lost_remote"}));
  CHECK(refused.exit == 64);
  CHECK(refused.err.find("truncated") != std::string::npos);
}

TEST_CASE("show tells what was asked and what came of it, and nothing in it moves a terminal")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"fail_share":0.2})"};
  std::string csv = "id,text\n";
  for (int i = 0; i < 40; ++i)
    csv += fmt::format("r{},\"row {}\nline two \x1b[31m\u202e\"\n", i, i);
  const auto input = dir.file("a.csv", csv);
  REQUIRE(world({"run", input.native(), "--model", "m", "--prompt", "Say: {{text}}", "--system", "Be short.",
                 "--id-column", "id", "--yes", "--every", "50ms"})
              .exit == 3);
  const auto all = world({"show", "a", "--limit", "2"});
  CAPTURE(all.out);
  CHECK(all.exit == 0);
  CHECK(all.out.starts_with("#0  r0  "));
  CHECK(all.out.find("system    Be short.") != std::string::npos);
  CHECK(all.out.find("user      Say: row 0\n            line two \\x1b[31m") != std::string::npos);
  CHECK(all.out.find('\x1b') == std::string::npos);
  CHECK(all.out.find("\u202e") == std::string::npos);
  CHECK(all.out.find("#1  r1") != std::string::npos);
  CHECK(all.out.find("#2  r2") == std::string::npos);
  CHECK(all.err.find("2 of 40") != std::string::npos);

  const auto failed = world({"show", "a", "--failed"});
  CHECK(failed.out.starts_with(fmt::format("{} failed: ", items(world, "failed"))));
  CHECK(count_of(failed.out, "\n  error     ") == items(world, "failed"));
  CHECK(failed.out.find("succeeded") == std::string::npos);

  const auto one = world({"show", "a", "--item", "r17", "--json"});
  json::Document doc;
  REQUIRE(doc.parse(one.out));
  CHECK(doc.root().find("index")->integer() == 17);
  CHECK(doc.root().find("input")->elements().at(1).find("content")->text() == "Say: row 17\nline two \x1b[31m\u202e");
  CHECK(world({"show", "a", "--item", "17", "--json"}).out == one.out);
  CHECK(world({"show", "a", "--item", "40"}).exit == 64);
  CHECK(world({"show", "nobody"}).exit == 64);

  dir.file("a.csv", csv + "r40,more\n");
  const auto changed = world({"show", "a", "--item", "17"});
  CHECK(changed.exit == 0); // the answer is there all the same
  CHECK(changed.err.find("prompts cannot be shown") != std::string::npos);
}

TEST_CASE("clean refuses what would lose something, and removes what it is told to")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), stuck};
  REQUIRE(world(paid_words("submit", rows(dir, 20))).exit == 0);
  wait_until_executed(world, 10);
  CHECK(world({"clean", "a"}).exit == 64);
  CHECK(world({"clean", "--all"}).exit == 64);
  CHECK(world({"clean", "nobody", "--all"}).exit == 64);
  const auto running = world({"clean", "a", "--all"});
  CHECK(running.exit == 64);
  CHECK(running.err.find("--force") != std::string::npos);

  REQUIRE(world({"cancel", "a"}).exit == 0);
  const auto unseen = world({"clean", "a", "--local"});
  CHECK(unseen.exit == 64); // nobody has fetched it, and there is nobody to ask
  CHECK(world.ledger().find(R"("deleted":false)") != std::string::npos);
  CHECK(world({"clean", "a", "--remote"}).exit == 0);
  CHECK(world.ledger().find(R"("deleted":false)") == std::string::npos);
  CHECK(world({"fetch", "a"}).exit == 3); // what is here stays
  CHECK(world({"clean", "a", "--remote"}).exit == 0);

  const auto cleaned = world({"clean", "a", "--all", "--json"});
  CHECK(cleaned.exit == 0);
  CHECK(cleaned.out.find(R"({"job":"a","remote_files_deleted":0,"local_bytes_removed":)") == 0);
  CHECK(world({"fetch", "a"}).exit == 64);
  CHECK(fs::is_empty(dir / "home/jobs"));
}

TEST_CASE("clean --force takes a job whatever becomes of it, and a new one of the name finds nothing of it")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), stuck};
  REQUIRE(world(paid_words("submit", rows(dir, 20))).exit == 0);
  CHECK(world({"clean", "a", "--local", "--force"}).exit == 0);
  fs::create_directories(dir / "home/jobs/a"); // as a kill between rows and directory leaves it
  dir.file("home/jobs/a/0001.output.jsonl.part", "rubbish");
  REQUIRE(world(paid_words("submit", dir / "a.csv")).exit == 0);
  CHECK_FALSE(fs::exists(dir / "home/jobs/a/0001.output.jsonl.part"));
  CHECK(world({"clean", "--older-than", "1ms", "--all"}).exit == 0); // not done: not meant
  CHECK(state(world) == "running");
  REQUIRE(world({"cancel", "a"}).exit == 0);
  REQUIRE(world({"fetch", "a"}).exit == 3);
  CHECK(world({"clean", "--older-than", "1d", "--all"}).exit == 0);
  CHECK(state(world) == "done");
  CHECK(world({"clean", "--older-than", "1ms", "--all"}).exit == 0);
  CHECK(fs::is_empty(dir / "home/jobs"));
}

TEST_SUITE_END();
