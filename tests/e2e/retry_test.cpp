// Failed items again, from outside: what the user is asked and told, what reaches the server; the ledger as the judge.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <csignal>
#include <thread>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::paid_words;
using tests::Rehearsal;
using tests::rows;
using tests::Words;

namespace {

namespace fs = std::filesystem;

std::int64_t items(const Rehearsal& world, const std::string& member)
{
  json::Document doc;
  const auto status = world({"status", "a", "--json", "--offline"});
  REQUIRE(doc.parse(status.out));
  return doc.root().find("items", member)->integer().value_or(-1);
}

} // namespace

TEST_SUITE_BEGIN("e2e::retry");

TEST_CASE("truncated answers are bought again with a larger bound after consent, and the end is handed over anew")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto out = dir / "out.jsonl";
  const auto hook = dir / "hook";
  REQUIRE(world(paid_words("submit", rows(dir, 12),
                           {"--max-output-tokens", "1", "-o", out.native(), "--on-done",
                            fmt::format("echo x >> '{}'", hook.native())}))
              .exit == 0);
  REQUIRE(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "first.jsonl").native()}).exit == 3);
  CHECK(items(world, "failed") == 12);

  const Words words{"retry", "a", "--where", "error.code=truncated", "--max-output-tokens", "100"};
  const auto unasked = world(words); // no terminal to ask on
  CHECK(unasked.exit == 64);
  CHECK(unasked.err.find("12 requests in 1 batch for gpt-5.4-mini") != std::string::npos);
  CHECK(unasked.err.find("at most 1,200 out") != std::string::npos);
  CHECK(unasked.err.find("--yes") != std::string::npos);
  CHECK(items(world, "failed") == 12);

  auto consented = words;
  consented.emplace_back("--yes");
  const auto retry = world(consented);
  CAPTURE(retry.err);
  CHECK(retry.exit == 0);
  CHECK(retry.out == "a\n");
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "second.jsonl").native()}).exit == 0);
  check_complete(tests::slurp(out), 12);
  CHECK(tests::slurp(hook) == "x\nx\n");
  CHECK(world.ledger("batches_created") == 2);
  CHECK(world.ledger("executed_twice") == 0); // another bound is another body
  CHECK(world({"show", "a", "--item", "3", "--json"}).out.find(R"("attempt":2)") != std::string::npos);

  const auto nothing = world(consented);
  CHECK(nothing.exit == 0);
  CHECK(nothing.err.find("no failed item matches") != std::string::npos);
  const auto object = world({"retry", "a", "--json"});
  CHECK(object.exit == 0);
  CHECK(object.out.find(R"("state":"done")") != std::string::npos);
}

TEST_CASE("what cannot be retried is refused before anything is sent or changed")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"row 3","in_progress_ms":50})"};
  REQUIRE(world(paid_words("run", rows(dir, 5))).exit == 3);
  CHECK(world({"retry", "nobody", "--yes"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--where", "truncated"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--where", "reason=truncated"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--set", "temperature"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--set", "temperature=warm"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--max-output-tokens", "0"}).exit == 64);
  CHECK(world({"retry", "a", "--yes", "--max-cost", "much"}).exit == 64);
  dir.file("a.csv", "id,text\nanother,input\n");
  CHECK(world({"retry", "a", "--yes"}).exit == 65);
  CHECK(items(world, "failed") == 1);
  CHECK(world.ledger("batches_created") == 1);

  const auto lines = dir.file(
      "b.jsonl",
      R"({"custom_id":"x","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{"role":"user","content":"row 3"}]}})"
      "\n");
  REQUIRE(world({"run", lines.native(), "--yes"}).exit == 3);
  CHECK(world({"retry", "b", "--yes", "--model", "n"}).exit == 64);
  CHECK(world({"retry", "b", "--yes"}).exit == 0); // as they are, they can be
  CHECK(world({"fetch", "b", "--wait", "--every", "50ms"}).exit == 3);
  CHECK(world.ledger("batches_created") == 3);
}

TEST_CASE("--stop-on-failures holds what is unsent, says how to go on, and the same submit without it does")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"bad_text":"row","in_progress_ms":50})"};
  const auto words = [&](const Words& more) {
    Words all{"--requests-per-part", "10", "--enqueued-tokens", "200", "--every", "50ms"};
    all.insert(all.end(), more.begin(), more.end());
    return paid_words("run", rows(dir, 30), all);
  };
  for (const auto* bad : {"5", "0%", "half", "101%"})
    CHECK(world(words({"--stop-on-failures", bad})).exit == 64);
  CHECK(world.ledger("uploads") == 0);
  const auto held = world(words({"--stop-on-failures", "50%"}));
  CAPTURE(held.err);
  CHECK(held.exit == 3);
  CHECK(held.err.find("paused (failures)") != std::string::npos);
  CHECK(held.err.find("another --stop-on-failures") != std::string::npos);
  CHECK(items(world, "pending") > 0);
  const auto sent = world.ledger("batches_created");
  CHECK(world({"poll"}).exit == 3); // as it does with every pause
  CHECK(world.ledger("batches_created") == sent);
  CHECK(world({"status", "a", "--json", "--offline"}).out.find(R"("reason":"failures")") != std::string::npos);
  CHECK(world(words({})).exit == 3);
  CHECK(items(world, "failed") == 30);
}

TEST_CASE("a batch nobody can tell of is sent again where the user says so, with how much that may buy twice")
{
  const FreshDirectory dir;
  const Rehearsal world{
      dir.path(),
      R"({"http":[{"method":"POST","path":"/v1/batches","nth":[1],"phase":"before-effect","action":"close"},
    {"method":"GET","path":"/v1/batches","action":"status","status":403}]})"};
  const auto submit = world(paid_words("submit", rows(dir, 8)));
  CAPTURE(submit.err);
  CHECK(submit.exit == 75);
  CHECK(submit.err.find("--resend-unknown") != std::string::npos);
  const auto unasked = world({"retry", "a", "--resend-unknown"});
  CHECK(unasked.exit == 64);
  CHECK(unasked.err.find("up to 8 items twice") != std::string::npos);
  CHECK(world({"retry", "a", "--resend-unknown", "--model", "m", "--yes"}).exit == 64);
  CHECK(world.ledger("batches_created") == 0);
  const auto resent = world({"retry", "a", "--resend-unknown", "--yes"});
  CAPTURE(resent.err);
  CHECK(resent.exit == 0);
  CHECK(world.ledger("batches_created") == 1);
  const auto last = world({"fetch", "a", "--wait", "--every", "50ms"});
  CHECK(last.exit == 0);
  check_complete(last.out, 8);
  CHECK(world({"retry", "a", "--resend-unknown", "--yes"}).err.find("no batch of it is paused") != std::string::npos);
}

TEST_CASE("killed anywhere in it, a retry is done by the next one, and nothing is sent twice")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"transient_share":0.5,"in_progress_ms":50})"};
  const auto input = rows(dir, 60);
  // A kill in the middle of a create costs the grace time.
  const Words words{"--requests-per-part", "20", "--max-attempts", "1", "--adopt-grace", "200ms"};
  REQUIRE(world(paid_words("run", input, words)).exit == 3);
  const auto failed = items(world, "failed");
  REQUIRE(failed > 10);
  for (int round = 0; round < 12; ++round) {
    tests::Running killed{{"retry", "a", "--yes"}, world.environment()};
    std::this_thread::sleep_for(std::chrono::milliseconds{5 + 9 * round}); // somewhere else each time
    killed.signal(SIGKILL);
    killed.wait();
    CHECK(items(world, "failed") + items(world, "pending") + items(world, "succeeded") == 60);
  }
  const auto again = world({"retry", "a", "--yes"}); // chooses them, or says what moves those that were chosen
  CHECK(again.exit == 0);
  if (again.err.find("no item failed") != std::string::npos)
    CHECK(again.err.find("batchwright poll a") != std::string::npos);
  for (int round = 0; round < 500 && items(world, "pending") > 0; ++round) {
    CHECK(world({"poll"}).exit == 0);
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
  const auto last = world({"fetch", "a", "--wait", "--every", "50ms"});
  CAPTURE(last.err);
  CHECK(last.exit == 0);
  check_complete(last.out, 60);
  CHECK(world.ledger("executed_again_after_success") == 0);
  CHECK(world.ledger("requests_executed") == 60 + failed);
}

TEST_SUITE_END();
