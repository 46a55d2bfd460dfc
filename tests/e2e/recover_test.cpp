// A lost state root and batches made elsewhere, from outside: what is printed and returned, and the ledger.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::job_words;
using tests::Rehearsal;
using tests::rows;
using tests::Words;

namespace {

namespace fs = std::filesystem;

constexpr auto fast = R"({"validating_ms":10,"in_progress_ms":50,"finalizing_ms":10})";

/// The state of jobs is gone, as by `rm -rf`.
void lose(const Rehearsal& world)
{
  const fs::path home{world.environment().at("BATCHWRIGHT_HOME")};
  REQUIRE(fs::remove_all(home) > 0);
}

std::string member(const std::string& object, std::string_view name)
{
  json::Document doc;
  REQUIRE(doc.parse(object));
  const auto value = doc.root().find(name);
  REQUIRE(value);
  return std::string{value->raw()};
}

std::string request_line(int i)
{
  return fmt::format(R"({{"custom_id":"id-{}","method":"POST","url":"/v1/chat/completions",)"
                     R"("body":{{"model":"gpt-5.4-mini","messages":[{{"role":"user","content":"row {}"}}]}}}})"
                     "\n",
                     i, i);
}

} // namespace

TEST_SUITE_BEGIN("e2e::recover");

TEST_CASE("a job in mid-flight goes on after its directory was lost, once the same submit consents again")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 30);
  // Room for one part: the others are not sent before it has ended.
  const Words job{"--requests-per-part", "10", "--enqueued-tokens", "200", "--name", "reviews"};
  auto words = job_words("submit", input, job);
  words.insert(words.end(), {"--detach", "--yes"});
  REQUIRE(world(words).exit == 0);
  CHECK(world({"recover", "reviews"}).exit == 64); // it is here
  lose(world);
  CHECK(world({"fetch", "reviews"}).exit == 64);

  const auto recovered = world({"recover", "reviews", "--adopt-grace", "100ms"});
  CAPTURE(recovered.err);
  CHECK(recovered.exit == 0);
  CHECK(recovered.out.empty());
  CHECK(recovered.err.find("reviews: rebuilt from ") != std::string::npos);
  CHECK(recovered.err.find(" of 30 items\n") != std::string::npos);
  CHECK(recovered.err.find("with --name reviews sends what is left") != std::string::npos);
  const auto created = world.ledger("batches_created");
  CHECK(created < 3);

  CHECK(world({"fetch", "reviews", "--wait", "--every", "50ms", "-o", (dir / "x.jsonl").native()}).exit == 5);
  CHECK_FALSE(fs::exists(dir / "x.jsonl"));
  const auto partial = world({"fetch", "reviews", "--partial"});
  CHECK(partial.exit == 5);
  CHECK(tests::split_lines(partial.out).size() == 10 * static_cast<std::size_t>(created));
  CHECK(partial.err.find("sends what is left") != std::string::npos);
  const auto table = world({"fetch", "reviews", "--partial", "-o", (dir / "x.csv").native()});
  CHECK(table.exit == 64);
  CHECK(table.err.find("--name reviews") != std::string::npos);
  CHECK_FALSE(fs::exists(dir / "x.csv"));
  CHECK(world({"retry", "reviews", "--yes"}).exit == 64);
  CHECK(world({"poll", "reviews"}).exit == 0);
  CHECK(world({"show", "reviews"}).exit != 1);
  CHECK(world({"clean", "reviews", "--all"}).exit == 64);
  const auto status = world({"status", "reviews", "--json"});
  CHECK(member(status.out, "state") == "\"open\"");
  CHECK(world.ledger("batches_created") == created);

  const auto unasked = world(job_words("submit", input, job));
  CHECK(unasked.exit == 64);
  CHECK(unasked.err.find("--yes") != std::string::npos);
  CHECK(unasked.err.find(" of 30 items are in no batch, for gpt-5.4-mini") != std::string::npos);
  CHECK(world(job_words("submit", input, {"--name", "reviews", "--yes"})).exit == 64); // other parts
  CHECK(world.ledger("batches_created") == created);

  const auto out = dir / "out.jsonl";
  const auto hook = dir / "hook";
  auto run = job_words("run", input, job);
  run.insert(run.end(), {"--yes", "--every", "50ms", "-o", out.native(), "--on-done",
                         fmt::format("echo x >> '{}'", hook.native())});
  const auto ended = world(run);
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  check_complete(tests::slurp(out), 30);
  CHECK(tests::slurp(hook) == "x\n");
  CHECK(world.ledger("batches_created") == 3);
  CHECK(world.ledger("executed_twice") == 0);
  CHECK(world.ledger("answers_beyond_copies") == 0);
  CHECK(world({"fetch", "reviews", "-o", (dir / "y.csv").native()}).exit == 0);
}

TEST_CASE("a job that was done is collected again without input or consent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 7);
  REQUIRE(world(job_words("run", input, {"--yes", "--every", "50ms", "-o", (dir / "o.jsonl").native()})).exit == 0);
  lose(world);
  const auto recovered = world({"recover", "a", "--adopt-grace", "100ms", "--json"});
  CHECK(recovered.exit == 0);
  CHECK(member(recovered.out, "job") == "\"a\"");
  const auto fetched = world({"fetch", "a", "--wait", "--every", "50ms"});
  CHECK(fetched.exit == 0);
  check_complete(fetched.out, 7);
  const auto again = world(job_words("submit", input)); // nothing is left to pay for
  CHECK(again.exit == 0);
  CHECK(again.out == "a\n");
  CHECK(world.ledger("batches_created") == 1);
  const auto delivered = dir / "anew.jsonl";
  CHECK(world(job_words("run", input, {"-o", delivered.native()})).exit == 0);
  check_complete(tests::slurp(delivered), 7);
  lose(world);
  CHECK(world({"recover", "a", "--adopt-grace", "100ms"}).exit == 0);
  CHECK(world({"cancel", "a"}).exit == 0);
  CHECK(world({"fetch", "a"}).exit == 0);
}

TEST_CASE("what was piped in is piped in again")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 30);
  const auto words = [](const std::string& command, const Words& more) {
    Words all{command,    "-",
              "--model",  "gpt-5.4-mini",
              "--prompt", "Repeat: {{text}}",
              "--yes",    "--requests-per-part",
              "10",       "--enqueued-tokens",
              "200"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  REQUIRE(world.piped(input, words("submit", {"--detach"})).exit == 0);
  lose(world);
  REQUIRE(world({"recover", "stdin", "--adopt-grace", "100ms"}).exit == 0);
  const auto out = dir / "o.jsonl";
  CHECK(world.piped(input, words("run", {"--every", "50ms", "-o", out.native()})).exit == 0);
  check_complete(tests::slurp(out), 30);
  CHECK(world({"fetch", "stdin", "-o", (dir / "o.csv").native()}).exit == 0); // the input was kept
  CHECK(world.ledger("batches_created") == 3);
  CHECK(world.ledger("answers_beyond_copies") == 0);
}

TEST_CASE("a rebuilt job that is cancelled says what ends it, and its submit asks for no consent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 30);
  const Words job{"--requests-per-part", "10", "--enqueued-tokens", "200", "--id-column", "id"};
  auto words = job_words("submit", input, job);
  words.insert(words.end(), {"--detach", "--yes"});
  REQUIRE(world(words).exit == 0);
  lose(world);
  REQUIRE(world({"recover", "a", "--adopt-grace", "100ms"}).exit == 0);
  const auto cancelled = world({"cancel", "a"});
  CHECK(cancelled.exit == 5);
  CHECK(cancelled.err.find("`batchwright submit`, repeated with --name a,") != std::string::npos);
  const auto created = world.ledger("batches_created");
  CHECK(world(job_words("submit", input, job)).exit == 0);
  CHECK(world({"fetch", "a", "-o", (dir / "o.csv").native()}).exit == 3);
  const auto result = tests::slurp(dir / "o.csv");
  std::size_t stopped = 0; // two of three parts, whichever of them had been ready first and was sent
  for (auto at = result.find(",,failed,cancelled"); at != std::string::npos;
       at = result.find(",,failed,cancelled", at + 1))
    ++stopped;
  CHECK(stopped >= 20);
  CHECK(world.ledger("batches_created") == created);
}

TEST_CASE("what cannot be rebuilt says why")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto unknown = world({"recover", "nobody"});
  CHECK(unknown.exit == 64);
  CHECK(unknown.err.find("the server has no batch of a job nobody") != std::string::npos);
  CHECK(world({"recover", "No Name"}).exit == 64);
  CHECK(world({"recover"}).exit == 64);
  CHECK(world({"recover", "a", "--adopt-grace", "60"}).exit == 64);
  const auto error = world({"recover", "nobody", "--json"});
  CHECK(error.exit == 64);
  CHECK(error.err.find(R"({"error":{"exit_code":64)") != std::string::npos);

  const auto input = rows(dir, 3);
  for (const auto* prompt : {"One: {{text}}", "Two: {{text}}"}) {
    REQUIRE(world({"run", input.native(), "--model", "gpt-5.4-mini", "--prompt", prompt, "--yes", "--every", "50ms",
                   "-o", (dir / "o.jsonl").native()})
                .exit == 0);
    lose(world);
  }
  const auto several = world({"recover", "a"});
  CHECK(several.exit == 64);
  CHECK(several.err.find("--uuid") != std::string::npos);
  CHECK(world({"recover", "a", "--uuid", "another"}).exit == 64);
  const auto listed = several.err.find("server: ") + 8;
  const auto uuid = several.err.substr(listed, 36);
  CHECK(world({"recover", "a", "--uuid", uuid, "--adopt-grace", "100ms"}).exit == 0);
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms"}).exit == 0);

  auto elsewhere = world.environment();
  elsewhere["OPENAI_BASE_URL"] = "http://127.0.0.1:1/v1";
  elsewhere["BATCHWRIGHT_HOME"] = (dir / "elsewhere").native();
  CHECK(tests::run({"recover", "a"}, elsewhere).exit == 75);
}

TEST_CASE("batches made elsewhere are taken over, collected, and the rest of the file is sent after consent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  std::string some;
  std::string all;
  for (int i = 0; i < 10; ++i) {
    all += request_line(i);
    if (i >= 4) some += request_line(i);
  }
  REQUIRE(world({"run", dir.file("some.jsonl", some).native(), "--yes", "--every", "50ms", "-o",
                 (dir / "some-out.jsonl").native()})
              .exit == 0);
  const auto status = world({"status", "some", "--json", "--offline"});
  const auto at = status.out.find("\"batch_id\":\"") + 12;
  const auto id = status.out.substr(at, status.out.find('"', at) - at);
  const auto file = dir.file("all.jsonl", all);
  const Words words{"adopt", "--requests", file.native(), id};
  const auto ours = world(words);
  CHECK(ours.exit == 64); // it belongs to a job
  CHECK(ours.err.find("belongs to the job some") != std::string::npos);
  lose(world);

  CHECK(world({"adopt", id}).exit == 64);
  CHECK(world({"adopt", "--requests", file.native()}).exit == 64);
  CHECK(world({"adopt", "--requests", file.native(), id, id}).exit == 64);
  CHECK(world({"adopt", "--requests", file.native(), "batch_nobody"}).exit == 64);
  CHECK(world({"adopt", "--requests", (dir / "none.jsonl").native(), id}).exit == 74);
  CHECK(world({"adopt", "--requests", dir.file("few.jsonl", request_line(5)).native(), id}).exit == 65);
  CHECK(world({"status", "--json"}).out.empty());

  const auto adopted = world(words);
  CAPTURE(adopted.err);
  CHECK(adopted.exit == 0);
  CHECK(adopted.out == "all\n");
  CHECK(adopted.err.find("took over 1 batch: 6 of 10 items") != std::string::npos);
  CHECK(world({"poll"}).exit == 0);
  const auto partial = world({"fetch", "all", "--partial"});
  CHECK(partial.exit == 5);
  CHECK(tests::split_lines(partial.out).size() == 6);
  CHECK(world.ledger("batches_created") == 1);

  const auto unasked = world({"submit", file.native(), "--name", "all"});
  CHECK(unasked.exit == 64);
  CHECK(unasked.err.find("4 of 10 items are in no batch, for gpt-5.4-mini") != std::string::npos);
  CHECK(world({"submit", file.native(), "--name", "all", "--yes"}).exit == 0);
  fs::create_directory(dir / "out");
  CHECK(world({"fetch", "all", "--wait", "--every", "50ms", "--format", "raw", "-o", (dir / "out/").native()}).exit ==
        0);
  const auto raw = tests::split_lines(tests::slurp(dir / "out/all.jsonl"));
  REQUIRE(raw.size() == 10);
  for (std::size_t i = 0; i < raw.size(); ++i)
    CHECK(raw[i].find(fmt::format(R"("id-{}")", i)) != std::string::npos);
  CHECK(world.ledger("batches_created") == 2);
  CHECK(world.ledger("executed_twice") == 0);
  CHECK(world.ledger("answers_beyond_copies") == 0);
}

TEST_SUITE_END();
