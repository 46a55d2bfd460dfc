// Items that are tried first, from outside: a mistake in the prompt costs three refusals, and no day. The ledger is the
// judge: what was tried is never sent again, and no item goes on both routes.

#include "tests/e2e/echo_job.hpp"
#include "tests/support/packing.hpp"
#include "tests/support/terminal.hpp"

#include <batchwright/json/json.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <map>
#include <thread>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::Rehearsal;
using tests::rows;
using tests::Running;
using tests::split_lines;
using tests::Words;

namespace {

namespace fs = std::filesystem;

constexpr auto fast = R"({"validating_ms":20,"in_progress_ms":200,"finalizing_ms":20,"chat_latency_ms":10})";
constexpr auto all_refused =
    R"({"validating_ms":20,"in_progress_ms":200,"finalizing_ms":20,"chat_latency_ms":10,"bad_text":"Repeat"})";

/// As a user writes it, who says nothing of a probe.
Words words(const std::string& command, const fs::path& input, const Words& more = {})
{
  Words all{command, input.native(), "--model", "gpt-5.4-mini", "--prompt", "Repeat: {{text}}"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Words paid(const std::string& command, const fs::path& input, const Words& more = {})
{
  auto all = words(command, input, more);
  all.emplace_back("--yes");
  return all;
}

Words run_to(const fs::path& out, const fs::path& input, const Words& more = {})
{
  auto all = paid("run", input, {"--every", "50ms", "-o", out.native()});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string request_line(int i)
{
  return fmt::format(R"({{"custom_id":"mine-{}","method":"POST","url":"/v1/chat/completions","body":)"
                     R"({{"model":"gpt-5.4-mini","messages":[{{"role":"user","content":"Repeat: row {}"}}]}}}})"
                     "\n",
                     i, i);
}

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
}

/// Which items of a merged result came on a route.
std::vector<std::int64_t> of_route(const std::string& merged, std::string_view route)
{
  std::vector<std::int64_t> indices;
  json::Document doc;
  for (const auto& line : split_lines(merged)) {
    REQUIRE(doc.parse(line));
    if (doc.root().find("route")->text() == route) indices.push_back(doc.root().find("index")->integer().value());
  }
  return indices;
}

/// The state and reason of a job, as known without asking the server.
std::string standing(const Rehearsal& world, const std::string& job)
{
  const auto told = world({"status", job, "--json", "--offline"});
  json::Document doc;
  REQUIRE(doc.parse(told.out));
  return fmt::format("{} {}", doc.root().find("state")->text().value_or("?"),
                     doc.root().find("reason")->text().value_or("-"));
}

void check_nothing_twice(const Rehearsal& world, int items)
{
  CHECK(world.ledger("billed_on_both_routes") == 0);
  CHECK(world.ledger("billed_twice") == 0);
  CHECK(world.ledger("answers_delivered") == items);
}

/// The server's and another process's time, not ours: rounds bound it.
template<class Holds>
void wait_for(const Holds& holds)
{
  for (int round = 0; round < 400 && !holds(); ++round)
    std::this_thread::sleep_for(std::chrono::milliseconds{25});
  REQUIRE(holds());
}

} // namespace

TEST_SUITE_BEGIN("e2e::probe");

TEST_CASE("three of 150 items, spread over the input, go in real time, the others in the batch, all in order")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto out = dir / "out.jsonl";
  const auto dry = world(words("submit", rows(dir, 150), {"--dry-run"}));
  CHECK(dry.exit == 0);
  CHECK(says(dry.err, "first   3 items in real time"));
  CHECK(world.ledger("live_calls") == 0);
  const auto ended = world(run_to(out, rows(dir, 150)));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(says(ended.err, "probe: 3 of 3 answered, 9 output tokens each"));
  const auto merged = tests::slurp(out);
  check_complete(merged, 150);
  CHECK(of_route(merged, "realtime") == std::vector<std::int64_t>{25, 75, 125});
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world.ledger("batch_executed") == 147);
  check_nothing_twice(world, 150);
}

TEST_CASE("a hundred items go as they are, more do not with --probe 0, and --probe 1 is for few, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto out = dir / "out.jsonl";
  REQUIRE(world(run_to(out, rows(dir, 100))).exit == 0);
  CHECK(world.ledger("live_calls") == 0);
  REQUIRE(world(run_to(out, rows(dir, 101), {"--probe", "0"})).exit == 0);
  CHECK(world.ledger("live_calls") == 0);
  check_complete(tests::slurp(out), 101);
  REQUIRE(world(run_to(out, rows(dir, 5), {"--probe", "1"})).exit == 0);
  CHECK(world.ledger("live_calls") == 1);
  check_complete(tests::slurp(out), 5);
  CHECK(of_route(tests::slurp(out), "realtime") == std::vector<std::int64_t>{2});
  REQUIRE(world(run_to(out, rows(dir, 4), {"--probe", "9"})).exit == 0); // there are no more
  CHECK(world.ledger("live_calls") == 5);
  check_complete(tests::slurp(out), 4);
}

TEST_CASE("all refused: three requests, no upload, exit 65 with the server's words; the same again says it again")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), all_refused};
  const auto input = rows(dir, 150);
  const auto refused = world(paid("submit", input));
  CAPTURE(refused.err);
  CHECK(refused.exit == 65);
  CHECK(refused.out == "a\n");
  CHECK(says(refused.err, "nothing else was sent, since all 3 items that were tried first failed: "));
  CHECK(says(refused.err, "invalid_prompt: Invalid prompt: your prompt was flagged")); // the server's
  CHECK(says(refused.err, "--probe 0"));
  CHECK(says(refused.err, "--name"));
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world.ledger("uploads") == 0);
  CHECK(standing(world, "a") == "paused failures");
  CHECK(says(world({"status", "a", "--json"}).out, R"("completed":0,"failed":3)"));

  const auto again = world(paid("run", input, {"--json"}));
  CHECK(again.exit == 65);
  CHECK(says(again.err, R"("exit_code":65)"));
  CHECK(again.out.empty()); // it is for the result
  CHECK(says(again.err, R"("reason":"failures")"));
  CHECK(world({"poll"}).exit == 3);
  CHECK(world({"fetch", "a", "--wait"}).exit == 3);
  CHECK(says(world({"status", "a"}).out, "tried first"));
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world.ledger("uploads") == 0);

  world.put_faults(fast);
  const auto out = dir / "out.jsonl";
  const auto all_the_same = world(run_to(out, input, {"--probe", "0"}));
  CAPTURE(all_the_same.err);
  CHECK(all_the_same.exit == 3); // three of them have failed
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world.ledger("batch_billed") == 147);
  CHECK(split_lines(tests::slurp(out)).size() == 150);
  check_nothing_twice(world, 147);
}

TEST_CASE("what failed so is cancelled with all that was never sent, or sent again by retry")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), all_refused};
  REQUIRE(world(paid("submit", rows(dir, 150), {"--name", "gone", "--requests-per-part", "10"})).exit == 65);
  const auto cancelled = world({"cancel", "gone"});
  CAPTURE(cancelled.err);
  CHECK(cancelled.exit == 0);
  CHECK(says(standing(world, "gone"), "done"));
  CHECK(world.ledger("uploads") == 0);
  REQUIRE(world(paid("submit", rows(dir, 150), {"--name", "kept"})).exit == 65);
  world.put_faults(fast);
  REQUIRE(world({"retry", "kept", "--yes"}).exit == 0);
  REQUIRE(world({"fetch", "kept", "--wait", "--every", "50ms", "-o", (dir / "o").native()}).exit == 0);
  check_complete(tests::slurp(dir / "o"), 150);
  CHECK(world.ledger("live_calls") == 6);
}

TEST_CASE("all unusable is all failed, until such answers are accepted")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":100,"finalizing_ms":20,"chat_latency_ms":10,
      "truncate_share":1})"};
  const auto input = rows(dir, 150);
  const auto refused = world(paid("submit", input));
  CHECK(refused.exit == 65);
  CHECK(says(refused.err, "tried first failed: truncated"));
  CHECK(world(paid("submit", input, {"--stop-on-failures", "90%"})).exit == 65); // that is another matter
  const auto accepted = world(paid("submit", input, {"--accept", "truncated"}));
  CAPTURE(accepted.err);
  CHECK(accepted.exit == 0);
  CHECK(world.ledger("uploads") == 1);
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "o").native()}).exit == 0);
}

TEST_CASE("urgent items wait for the answers, and are never sent where there is none")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), all_refused};
  std::string csv = "id,text,tier\n";
  for (int i = 0; i < 150; ++i)
    csv += fmt::format("r{},row {},{}\n", i, i, i % 25 == 0 ? "gold" : "tin");
  const auto input = dir.file("a.csv", csv);
  const auto out = dir / "out.jsonl";
  CHECK(world(run_to(out, input, {"--urgent", "tier=gold"})).exit == 65);
  CHECK(world.ledger("live_calls") == 3);
  world.put_faults(fast);
  const auto ended = world(run_to(out, input, {"--urgent", "tier=gold", "--name", "b"}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 150);
  CHECK(of_route(tests::slurp(out), "realtime") == std::vector<std::int64_t>{0, 25, 50, 75, 100, 125});
  CHECK(world.ledger("batch_executed") == 144);
}

TEST_CASE("--mode realtime tries them before the others, too; --detach leaves the others to the server")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), all_refused};
  CHECK(world(paid("submit", rows(dir, 150), {"--mode", "realtime", "--name", "bad"})).exit == 65);
  CHECK(world.ledger("live_calls") == 3);
  world.put_faults(fast);
  REQUIRE(world(run_to(dir / "o", rows(dir, 150), {"--mode", "realtime", "--name", "good"})).exit == 0);
  check_complete(tests::slurp(dir / "o"), 150);
  CHECK(world.ledger("live_calls") == 153);
  REQUIRE(world(paid("submit", rows(dir, 150), {"--detach", "--name", "left"})).exit == 0);
  CHECK(world.ledger("live_calls") == 156);
  CHECK(world.ledger("batches_created") == 1);
}

TEST_CASE("packs, ready-made requests and packed input")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto out = dir / "out.jsonl";
  const auto vectors =
      world({"run", rows(dir, 150).native(), "--endpoint", "embeddings", "--model", "text-embedding-3-small",
             "--prompt", "{{text}}", "--yes", "--every", "50ms", "-o", out.native(), "--name", "vectors"});
  CAPTURE(vectors.err);
  REQUIRE(vectors.exit == 0);
  CHECK(split_lines(tests::slurp(out)).size() == 150);
  CHECK(of_route(tests::slurp(out), "realtime") == std::vector<std::int64_t>{25, 75, 125});
  CHECK(world.ledger("live_calls") == 3);
  CHECK(world.ledger("inputs_delivered") == 150);
  CHECK(world.ledger("inputs_beyond_copies") == 0);

  std::string lines;
  for (int i = 0; i < 150; ++i)
    lines += request_line(i);
  const auto requests = dir.file("lines.jsonl", lines);
  const auto ready = world({"run", requests.native(), "--yes", "--every", "50ms", "-o", out.native()});
  CAPTURE(ready.err);
  REQUIRE(ready.exit == 0);
  check_complete(tests::slurp(out), 150);
  CHECK(world.ledger("live_calls") == 6);

  const auto packed = dir.file("b.csv.gz", tests::gzipped(tests::slurp(rows(dir, 150))));
  REQUIRE(world(run_to(out, packed)).exit == 0);
  check_complete(tests::slurp(out), 150);
  CHECK(of_route(tests::slurp(out), "realtime") == std::vector<std::int64_t>{25, 75, 125});
}

TEST_CASE(
    "a job whose state was lost is rebuilt whoever made its ids, and what was tried first is all that is sent again")
{
  const FreshDirectory dir;
  const auto input = rows(dir, 150);
  std::string lines;
  for (int i = 0; i < 150; ++i)
    lines += request_line(i);
  const auto requests = dir.file("lines.jsonl", lines);
  const Words vectors{"--endpoint", "embeddings",
                      "--model",    "text-embedding-3-small",
                      "--prompt",   "{{text}}",
                      "--yes",      "--requests-per-part",
                      "1",          "--every",
                      "50ms",       "--name",
                      "a",          "--inputs-per-request",
                      "60"};
  const auto of = [&](const std::string& command, const fs::path& in, const Words& more) {
    Words all{command, in.native()};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const auto kinds = std::vector<Words>{
      paid("run", input, {"--every", "50ms", "--name", "a"}),
      paid("run", input, {"--every", "50ms", "--name", "a", "--id-column", "id", "--requests-per-part", "60"}),
      of("run", requests, {"--every", "50ms", "--name", "a", "--yes"}),
      of("run", input, vectors),
  };
  for (const auto& job : kinds) {
    CAPTURE(job[1]);
    const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":50,"finalizing_ms":20,
        "transient_share":0.1})"};
    auto to_file = job;
    to_file.insert(to_file.end(), {"-o", (dir / "out.jsonl").native()});
    const auto first = world(to_file);
    CAPTURE(first.err);
    REQUIRE(first.exit == 0);
    const auto before = tests::slurp(dir / "out.jsonl");
    const auto billed = world.ledger("requests_billed");
    fs::remove_all(fs::path{world.environment().at("BATCHWRIGHT_HOME")});
    const auto recovered = world({"recover", "a", "--adopt-grace", "100ms"});
    CAPTURE(recovered.err);
    REQUIRE(recovered.exit == 0);
    const auto again = world(to_file);
    CAPTURE(again.err);
    REQUIRE(again.exit == 0);
    const auto after = tests::slurp(dir / "out.jsonl");
    CHECK(split_lines(after).size() == 150);
    CHECK(of_route(after, "realtime").empty());
    for (std::size_t i = 0; i < 150; ++i) {
      if (i != 25 && i != 75 && i != 125) CHECK(split_lines(after)[i] == split_lines(before)[i]);
    }
    CHECK(world.ledger("requests_billed") == billed + 3);
    fs::remove_all(fs::path{world.environment().at("BATCHWRIGHT_HOME")});
  }
}

TEST_CASE("pictures are never tried first")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto body = dir.file("body.json", R"({"model":"gpt-image-1","prompt":"{{text}}"})");
  const Words picture{"submit", rows(dir, 150).native(), "--endpoint", "/v1/images/generations",
                      "--body", body.native(),           "--yes"};
  const auto ended = world(picture);
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  CHECK(world.ledger("live_calls") == 0);
  CHECK(world.ledger("batches_created") == 1);
  auto sample = picture;
  sample.insert(sample.end(), {"--sample", "1", "--name", "other"});
  const auto refused = world(sample);
  CHECK(refused.exit == 64);
  CHECK(says(refused.err, "images and videos"));
}

TEST_CASE("killed while they are tried and run again: none is sent more than twice, none on both routes")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":200,"chat_latency_ms":600})"};
  const auto out = dir / "out.jsonl";
  const auto input = rows(dir, 150);
  {
    Running first{run_to(out, input), world.environment()};
    wait_for([&] { return world.ledger("live_calls") == 3; });
    first.signal(SIGKILL);
    CHECK(first.wait().exit == -SIGKILL);
  }
  CHECK(world.ledger("uploads") == 0);
  const auto ended = world(run_to(out, input));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 150);
  CHECK(world.ledger("live_calls") <= 6);
  CHECK(world.ledger("batch_executed") == 147);
  CHECK(world.ledger("executed_on_both_routes") == 0);
}

TEST_CASE("stopped while they are tried: what is in flight is waited for, and the next poll sends the rest")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":200,"chat_latency_ms":600})"};
  Running first{paid("submit", rows(dir, 150), {"--sample", "3"}), world.environment()};
  wait_for([&] { return world.ledger("live_calls") == 3; });
  first.signal(SIGINT);
  const auto stopped = first.wait();
  CHECK(stopped.exit == 130);
  CHECK_FALSE(says(stopped.err, "Send the other"));
  CHECK(world.ledger("uploads") == 0);
  CHECK(world({"poll"}).exit == 0); // it was not asked yet whether the rest may go
  CHECK(world.ledger("uploads") == 0);
  REQUIRE(world(paid("submit", rows(dir, 150))).exit == 0);
  REQUIRE(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "o").native()}).exit == 0);
  check_complete(tests::slurp(dir / "o"), 150);
  CHECK(world.ledger("live_calls") == 3);
}

TEST_CASE("killed between them and the rest: they are not sent again")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":200,"chat_latency_ms":10,
      "http":[{"method":"POST","path":"/v1/files","action":"status","status":503}]})"};
  const auto out = dir / "out.jsonl";
  const auto input = rows(dir, 150);
  {
    Running first{run_to(out, input), world.environment()};
    wait_for([&] { return says(world.ledger(), R"("route":"/v1/files")"); });
    first.signal(SIGKILL);
    CHECK(first.wait().exit == -SIGKILL);
  }
  CHECK(world.ledger("live_calls") == 3);
  world.put_faults(fast);
  const auto ended = world(run_to(out, input));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 150);
  CHECK(world.ledger("live_calls") == 3);
  check_nothing_twice(world, 150);
}

TEST_CASE("what fails for a passing reason when it is tried goes on in a batch, with an attempt left")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":100,"finalizing_ms":20,"chat_latency_ms":10,
      "transient_share":1,"passing_after":2})"};
  const auto out = dir / "out.jsonl";
  const auto ended = world(run_to(out, rows(dir, 150)));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(says(ended.err, "probe: 0 of 3 answered"));
  check_complete(tests::slurp(out), 150);
  CHECK(of_route(tests::slurp(out), "batch").size() == 150);
  CHECK(world.ledger("live_calls") == 6);
  check_nothing_twice(world, 150);
}

TEST_CASE("one answer among three is enough to go on")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  std::string csv = "id,text\n";
  for (int i = 0; i < 150; ++i)
    csv += fmt::format("r{},{} {}\n", i, i == 25 || i == 75 ? "poison" : "row", i);
  world.put_faults(R"({"validating_ms":20,"in_progress_ms":200,"finalizing_ms":20,"bad_text":"poison"})");
  const auto ended = world(run_to(dir / "out", dir.file("a.csv", csv)));
  CAPTURE(ended.err);
  CHECK(ended.exit == 3);
  CHECK(says(ended.err, "probe: 1 of 3 answered"));
  CHECK(world.ledger("batch_billed") == 147);
}

TEST_CASE("--sample shows prompts and answers; with --yes it goes on, without it and a terminal nothing is sent")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto out = dir / "out.jsonl";
  const auto input = rows(dir, 20);
  const auto unasked = world(words("submit", input, {"--sample", "2"}));
  CHECK(unasked.exit == 64);
  CHECK(world.ledger("live_calls") == 0);
  CHECK(world(paid("submit", input, {"--sample", "2", "--probe", "2"})).exit == 64);
  const auto ended = world(run_to(out, input, {"--sample", "2"}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  for (const auto* text : {"#5 ", "#15 ", "Repeat: row 5", "Repeat: row 15", "answer", "probe: 2 of 2 answered"})
    CHECK_MESSAGE(says(ended.err, text), text);
  CHECK_FALSE(says(ended.err, "#6 "));
  check_complete(tests::slurp(out), 20);
  CHECK(world.ledger("live_calls") == 2);
  check_nothing_twice(world, 20);
}

TEST_CASE("--sample shows the beginning of a long prompt, and objects to a script")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = dir.file("a.csv", "id,text\na," + std::string(5000, 'x') + "\n");
  const auto ended =
      world({"run", input.native(), "--endpoint", "embeddings", "--model", "text-embedding-3-small", "--prompt",
             "{{text}}", "--set", "dimensions=2", "--sample", "1", "--yes", "-o", (dir / "o").native(), "--name", "l"});
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(says(ended.err, " more)"));
  CHECK(ended.err.size() < 3000);
  const auto object = world(paid("submit", rows(dir, 3), {"--sample", "1", "--json", "--quiet"}));
  CHECK(object.exit == 0);
  CHECK(says(object.err, R"({"index":1,)"));
  CHECK(says(object.err, R"("input":[{"role":"user","content":"Repeat: row 1"}]})"));
}

TEST_CASE("a no to --sample holds the rest, for poll and fetch as well, until the same submit says yes")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), fast};
  const auto input = rows(dir, 20);
  const auto asked = tests::run_at_terminal(words("submit", input, {"--sample", "2"}), world.environment(), "y\nn\n");
  CAPTURE(asked.out);
  CHECK(asked.exit == 5);
  CHECK(says(asked.out, "Send 2 items to gpt-5.4-mini in real time"));
  CHECK(says(asked.out, "#15 "));
  CHECK(says(asked.out, "Send the other 18 items?"));
  CHECK(says(asked.out, "waits for your word"));
  CHECK(says(asked.out, "batchwright cancel a"));
  CHECK(standing(world, "a") == "open -");

  CHECK(world({"poll"}).exit == 0);
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms"}).exit == 5);
  CHECK(says(world({"status", "a"}).out, "the same `submit`"));
  const auto unasked = world(words("submit", input));
  CHECK(unasked.exit == 64);
  CHECK(world.ledger("uploads") == 0);
  CHECK(world.ledger("live_calls") == 2);

  const auto again =
      tests::run_at_terminal(words("submit", input), world.environment(), "y\n"); // asked once: the first
  CAPTURE(again.out);                                                             // was answered then
  CHECK(again.exit == 0);
  CHECK(says(again.out, "Send the other 18 items?"));
  REQUIRE(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "o").native()}).exit == 0);
  check_complete(tests::slurp(dir / "o"), 20);
  CHECK(world.ledger("live_calls") == 2);
  check_nothing_twice(world, 20);
}

TEST_SUITE_END();
