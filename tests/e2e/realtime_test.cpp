// Jobs in real time, from outside, in good weather and in bad: words in, lines and exit statuses out, the ledger as the
// judge.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/model/journal_line.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <numeric>
#include <random>
#include <thread>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::paid_words;
using tests::Rehearsal;
using tests::rows;
using tests::Words;

namespace {

using std::chrono::steady_clock;

/// A job in real time; its input is named a.csv, and so is the job.
struct Job {
  explicit Job(int count_, const std::string& faults = "{}", const Words& more = {})
      : count(count_), world(dir.path(), faults), words(paid_words("run", rows(dir, count), {"--mode", "realtime"}))
  {
    words.insert(words.end(), {"-o", out.native()});
    words.insert(words.end(), more.begin(), more.end());
  }

  tests::Ended run() const { return world(words); }

  /// It is run to its end, and every item has its answer.
  void complete() const
  {
    const auto ended = run();
    CAPTURE(ended.err);
    REQUIRE(ended.exit == 0);
    check_complete(tests::slurp(out), count);
  }

  /// How many answers the journal holds: one for each item, where nothing was sent again that had one.
  int answers_in_journal() const
  {
    const auto lines = tests::split_lines(tests::slurp(dir / "home/jobs/a/0001.output.jsonl"));
    return static_cast<int>(
        std::count_if(lines.begin(), lines.end(), [](const auto& l) { return !is_journal_mark(l); }));
  }

  /// Waits until so many calls came to the server.
  void wait_for_calls(std::int64_t calls) const
  {
    const auto end = steady_clock::now() + std::chrono::seconds{60};
    while (world.ledger("live_calls") < calls) {
      REQUIRE(steady_clock::now() < end);
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  }

  /// With which attempt each item was answered.
  std::vector<std::int64_t> attempts() const
  {
    std::vector<std::int64_t> found;
    json::Document document;
    for (const auto& line : tests::split_lines(tests::slurp(out))) {
      REQUIRE(document.parse(line));
      CHECK(document.root().find("route")->text() == "realtime");
      found.push_back(document.root().find("attempt")->integer().value_or(-1));
    }
    return found;
  }
  std::int64_t highest_attempt() const
  {
    const auto all = attempts();
    return *std::max_element(all.begin(), all.end());
  }
  /// How many attempts were used up in vain.
  std::int64_t wasted_attempts() const
  {
    const auto all = attempts();
    return std::accumulate(all.begin(), all.end(), std::int64_t{0}) - count;
  }

  /// What `status --json` says behind a name.
  std::string status(std::string_view member, std::string_view inner = {}) const
  {
    const auto told = world({"status", "a", "--json", "--offline"});
    json::Document document;
    REQUIRE(document.parse(told.out));
    const auto value = inner.empty() ? document.root().find(member) : document.root().find(member, inner);
    REQUIRE(value);
    return std::string{value->raw()};
  }

  /// How many calls were answered with a status.
  std::int64_t answers_with(int code) const
  {
    json::Document document;
    const auto text = world.ledger();
    REQUIRE(document.parse(text));
    for (const auto& row : document.root().find("live_answers")->elements()) {
      if (row.find("status")->integer() == code) return row.find("answers")->integer().value_or(-1);
    }
    return 0;
  }

  int count;
  FreshDirectory dir = {};
  std::filesystem::path out = dir / "out.jsonl";
  Rehearsal world;
  Words words;
};

/// A rule for real-time calls.
std::string rule(const std::string& members)
{
  return fmt::format(R"({{"http":[{{"path":"/v1/chat/completions",{}}}]}})", members);
}

} // namespace

TEST_SUITE_BEGIN("e2e::realtime");

TEST_CASE("run --mode realtime brings every answer home in input order, each paid once, and no batch is made")
{
  const Job job{300, R"({"chat_latency_ms":5,"chat_latency_spread_ms":60})"};
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 300);
  CHECK(job.world.ledger("batches_created") == 0);
  CHECK(job.world.ledger("uploads") == 0);
  CHECK(job.status("state") == R"("done")");
  job.complete(); // the same again sends nothing
  CHECK(job.world.ledger("live_again_after_answer") == 0);
  CHECK(job.world.ledger("live_calls") == 300);
}

TEST_CASE("killed again and again with many in flight, it loses nothing, and pays again for no more than those")
{
  constexpr int kills = 10;
  constexpr int in_flight = 64;
  const Job job{1'500, R"({"chat_latency_ms":200})", {"--max-in-flight", std::to_string(in_flight)}};
  std::mt19937 random{20'26};
  for (int round = 0; round < kills; ++round) {
    const auto before = job.world.ledger("live_calls");
    tests::Running killed{job.words, job.world.environment()};
    if (round > 0) job.wait_for_calls(before + 1); // it has begun
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % 500});
    killed.signal(SIGKILL);
    killed.wait();
  }
  job.complete();
  CHECK(job.highest_attempt() == 1);
  const auto again = job.world.ledger("live_executed") - job.count;
  CHECK(again > 0);
  CHECK(again <= kills * in_flight);
  CHECK(job.answers_in_journal() == job.count);
  CHECK(std::stod(job.status("cost", "possibly_billed_again_usd")) > 0);
}

TEST_CASE("fetch --partial gives what is answered by now, while the rest is on its way and after a kill")
{
  for (const bool has_ids : {false, true}) {
    CAPTURE(has_ids);
    const Job job{200, R"({"chat_latency_ms":50})",
                  has_ids ? Words{"--id-column", "id", "--rpm", "3000"} : Words{"--rpm", "3000"}};
    tests::Running run{job.words, job.world.environment()};
    job.wait_for_calls(20);
    const auto partial = job.world({"fetch", "a", "--partial"});
    CAPTURE(partial.err);
    CHECK(partial.exit == 5);
    const auto lines = tests::split_lines(partial.out);
    CHECK(lines.size() >= 5);
    CHECK(lines.size() < 200);
    json::Document document;
    std::int64_t last = -1;
    for (const auto& line : lines) {
      REQUIRE(document.parse(line));
      CHECK(document.root().find("status")->text() == "succeeded");
      CHECK(document.root().find("route")->text() == "realtime");
      const auto index = document.root().find("index")->integer().value_or(-1);
      CHECK(index > last);
      last = index;
    }
    run.signal(SIGKILL);
    run.wait();
    const auto later = job.world({"fetch", "a", "--partial"});
    CHECK(later.exit == 5);
    CHECK(tests::split_lines(later.out).size() >= lines.size());
    job.complete();
  }
}

TEST_CASE("the first Ctrl-C waits for what is in flight, and nothing is paid again")
{
  const Job job{120, R"({"chat_latency_ms":500})", {"--max-in-flight", "20"}};
  tests::Running run{job.words, job.world.environment()};
  job.wait_for_calls(30);
  run.signal(SIGINT);
  const auto ended = run.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 130);
  const auto sent = job.world.ledger("live_calls");
  CHECK(sent < 120);
  CHECK(job.world.ledger("live_executed") == sent);
  CHECK(job.status("items", "pending") != "0");
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 120);
  CHECK(job.world.ledger("live_cut") == 0);
  CHECK(job.world.ledger("live_again_after_answer") == 0);
}

TEST_CASE("the second Ctrl-C ends it at once, and says what may be billed again")
{
  const Job job{40, R"({"chat_latency_ms":60000})"};
  tests::Running run{job.words, job.world.environment()};
  job.wait_for_calls(16);
  run.signal(SIGINT);
  std::this_thread::sleep_for(std::chrono::milliseconds{300});
  const auto second = steady_clock::now();
  run.signal(SIGINT);
  const auto ended = run.wait();
  CAPTURE(ended.err);
  CHECK(steady_clock::now() - second < std::chrono::seconds{20});
  CHECK(ended.exit == 130);
  CHECK(ended.err.find("16 requests were given up while they were in flight; they may be billed again") !=
        std::string::npos);
  job.world.put_faults("{}");
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_calls") == 40 + 16);
}

TEST_CASE("a time of nothing but 429 costs no attempt, and few calls")
{
  const Job job{200};
  job.world.put_faults(rule(R"("for_ms":3000,"action":"status","status":429)"));
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 200);
  CHECK(job.answers_with(429) >= 1);
  CHECK(job.answers_with(429) < 50);
}

TEST_CASE("limits that shrink by ten on the way are followed")
{
  const Job job{300, R"({"chat_latency_ms":20,"rate":{"rpm":12000,"window_ms":1000}})"};
  tests::Running run{job.words, job.world.environment()};
  job.wait_for_calls(150);
  job.world.put_faults(R"({"chat_latency_ms":20,"rate":{"rpm":1200,"window_ms":1000}})");
  const auto ended = run.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  check_complete(tests::slurp(job.out), 300);
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 300);
  CHECK(job.answers_with(429) < 30);
}

TEST_CASE("a server that dies on the way and comes back costs an attempt at most")
{
  struct Case {
    std::string action;
    int for_ms;
  };
  for (const auto& c : {Case{"reset", 4'000}, Case{"close", 1'500}}) { // one probe in vain, and none
    CAPTURE(c.action);
    const Job job{400, R"({"chat_latency_ms":100})", {"--max-in-flight", "32"}};
    tests::Running run{job.words, job.world.environment()};
    job.wait_for_calls(100);
    job.world.put_faults(rule(fmt::format(R"("for_ms":{},"action":"{}")", c.for_ms, c.action)));
    const auto ended = run.wait();
    CAPTURE(ended.err);
    CHECK(ended.exit == 0);
    check_complete(tests::slurp(job.out), 400);
    CHECK(job.highest_attempt() <= 2);
    CHECK(job.wasted_attempts() < 20 + 32); // what was in flight
    CHECK(job.world.ledger("live_executed") == 400);
    CHECK(job.world.ledger("live_unheard") >= 20);
    CHECK(job.world.ledger("live_unheard") < 80); // it was left alone meanwhile
  }
}

TEST_CASE("pages in place of JSON for a while are waited out, and are nobody's answer")
{
  const Job job{200};
  job.world.put_faults(rule(R"("for_ms":3000,"action":"html","status":200)"));
  job.complete();
  CHECK(job.highest_attempt() <= 2);
  CHECK(job.wasted_attempts() <= 20);
  CHECK(job.world.ledger("live_executed") == 200);
}

TEST_CASE("a proxy that cuts answers now and then: each is paid again, which is said, and none is lost")
{
  const Job job{300, rule(R"("probability":0.1,"phase":"mid-body","action":"close")"), {"--max-attempts", "8"}};
  job.complete();
  const auto cut = job.world.ledger("live_cut");
  CHECK(cut > 10);
  CHECK(job.world.ledger("live_executed") == 300 + cut);
  CHECK(job.wasted_attempts() == cut);
  CHECK(job.world.ledger("live_again_after_answer") == 0);
}

TEST_CASE("answers that take long come over connections that were kept")
{
  const Job job{8, R"({"chat_latency_ms":9000})", {"--max-in-flight", "4"}};
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_calls") == 8);
}

TEST_CASE("a key that is refused pauses the job, and with a good one it goes on")
{
  const Job job{100, rule(R"("action":"status","status":401)")};
  const auto refused = job.run();
  CAPTURE(refused.err);
  CHECK(refused.exit == 4);
  CHECK(refused.err.find("rehearsal-key") == std::string::npos);
  CHECK(job.status("state") == R"("paused")");
  CHECK(job.status("reason") == R"("auth")");
  CHECK(job.world.ledger("live_calls") <= 16);
  CHECK(job.run().exit == 4);
  job.world.put_faults("{}");
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 100);
}

TEST_CASE("a quota that is used up pauses the job, and once there is some it goes on")
{
  const Job job{100,
                rule(R"("action":"status","status":429,"body":{"error":{"message":"You exceeded your current quota",
    "type":"insufficient_quota","code":"insufficient_quota"}})")};
  const auto refused = job.run();
  CAPTURE(refused.err);
  CHECK(refused.exit == 75);
  CHECK(job.status("state") == R"("paused")");
  CHECK(job.status("reason") == R"("quota")");
  CHECK(job.world.ledger("live_calls") <= 16);
  job.world.put_faults("{}");
  job.complete();
  CHECK(job.highest_attempt() == 1);
  CHECK(job.world.ledger("live_executed") == 100);
}

TEST_SUITE_END();
