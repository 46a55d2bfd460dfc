// The hybrid mode from outside: batches for what can wait, real time for what cannot, one result. The ledger is the
// judge: no item is billed by both routes, and none is lost.

#include "tests/e2e/echo_job.hpp"

#include <batchwright/json/json.hpp>

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <map>
#include <set>
#include <thread>

using namespace batchwright;
using tests::check_complete;
using tests::FreshDirectory;
using tests::job_words;
using tests::paid_words;
using tests::Rehearsal;
using tests::Running;
using tests::split_lines;
using tests::Words;

namespace {

namespace fs = std::filesystem;

/// Batches that would take a minute, and stop at once.
constexpr auto slow_batches =
    R"({"validating_ms":20,"in_progress_ms":60000,"finalizing_ms":20,"cancelling_ms":100,"chat_latency_ms":10})";

/// Rows of which every `every`-th is gold, the first among them.
fs::path tiers(const FreshDirectory& dir, int count, int every, const std::string& name = "a.csv")
{
  std::string csv = "id,text,tier\n";
  for (int i = 0; i < count; ++i)
    csv += fmt::format("r{},row {},{}\n", i, i, i % every == 0 ? "gold" : "tin");
  return dir.file(name, csv);
}

Words with(Words words, const Words& more)
{
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void set_faults(const Rehearsal& world, const std::string& faults)
{
  const Poco::URI uri{world.environment().at("OPENAI_BASE_URL")};
  Poco::Net::HTTPClientSession session{uri.getHost(), uri.getPort()};
  Poco::Net::HTTPRequest request{"PUT", "/emulator/faults", "HTTP/1.1"};
  request.setContentLength64(static_cast<std::int64_t>(faults.size()));
  session.sendRequest(request) << faults;
  Poco::Net::HTTPResponse response;
  std::string text;
  Poco::StreamCopier::copyToString(session.receiveResponse(response), text);
  CAPTURE(text);
  REQUIRE(response.getStatus() == 200);
}

struct Status {
  explicit Status(std::string text) : source(std::move(text)) { REQUIRE(doc.parse(source)); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  std::string text(std::string_view member) const
  {
    const auto value = doc.root().find(member);
    REQUIRE(value);
    return std::string{value->text().value_or("(none)")};
  }
  std::int64_t items(std::string_view member) const { return doc.root().find("items", member)->integer().value_or(-1); }
  /// Of the parts: how many are there of a route.
  int parts(std::string_view route) const
  {
    int n = 0;
    for (const auto& part : doc.root().find("parts")->elements())
      n += part.find("route")->text() == route ? 1 : 0;
    return n;
  }

  std::string source; ///< what the document looks into
  json::Document doc = {};
};

Status status_of(const Rehearsal& world, const std::string& job)
{
  const auto ended = world({"status", job, "--json", "--offline"});
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  return Status{ended.out};
}

struct Records {
  std::map<std::string, int> routes = {};
  std::set<std::int64_t> attempts = {};
  std::map<std::string, int> codes = {}; ///< of failed items
  std::set<std::int64_t> indices = {};
};

Records records_of(const std::string& merged)
{
  Records found;
  json::Document doc;
  for (const auto& line : split_lines(merged)) {
    REQUIRE(doc.parse(line));
    const auto root = doc.root();
    found.indices.insert(root.find("index")->integer().value());
    if (root.find("status")->text() == "succeeded") {
      ++found.routes[std::string{root.find("route")->text().value_or("?")}];
      found.attempts.insert(root.find("attempt")->integer().value());
    } else {
      ++found.codes[std::string{root.find("error", "code")->text().value_or("?")}];
    }
  }
  return found;
}

void check_bought_once(const Rehearsal& world, int items)
{
  CHECK(world.ledger("billed_on_both_routes") == 0);
  CHECK(world.ledger("answers_beyond_copies") == 0);
  CHECK(world.ledger("answers_delivered") == items);
}

/// Lets the state root know how fast answers come: one item in real time.
void warm_up(const FreshDirectory& dir, const Rehearsal& world)
{
  const auto input = dir.file("warm.csv", "id,text\nw,warm\n");
  const auto ended = world(paid_words("run", input, {"--mode", "realtime", "-o", (dir / "warm.out").native()}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
}

bool says(const std::string& text, std::string_view words)
{
  return text.find(words) != std::string::npos;
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

TEST_SUITE_BEGIN("e2e::hybrid");

TEST_CASE("urgent, failing and expired items: one merged file, complete, in order, nothing bought twice, and cheaper")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":300,"finalizing_ms":20,"chat_latency_ms":10,
      "transient_share":0.03,"expire_batches":[{"batch":2,"after_share":0.4}]})"};
  const auto input = tiers(dir, 4000, 20);
  const auto out = dir / "out.jsonl";
  const auto ended = world(paid_words(
      "run", input, {"--urgent", "tier=gold", "--requests-per-part", "1000", "--every", "50ms", "-o", out.native()}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 4000);
  check_bought_once(world, 4000);
  const auto records = records_of(tests::slurp(out));
  CHECK(records.routes.at("realtime") >= 200 + 500);
  CHECK(records.routes.at("batch") > 2500);
  CHECK(records.attempts == std::set<std::int64_t>{1, 2, 3}); // of those that expired some failed then, too
  CHECK(says(ended.err, "3,800 requests in 4 batches, and 200 in real time"));
  CHECK(says(ended.err, "200 urgent items"));
  const auto status = world({"status", "a", "--offline"});
  CHECK(says(status.out, "saved by batch"));
  CHECK(status_of(world, "a").text("mode") == "hybrid");
}

TEST_CASE("a deadline that comes while batches run: stopped, harvested, the rest done live, at no attempt's cost")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  warm_up(dir, world);
  const auto input = tests::rows(dir, 300);
  const auto out = dir / "out.jsonl";
  const auto begun = std::chrono::steady_clock::now();
  const auto ended = world(paid_words(
      "run", input, {"--deadline", "7s", "--requests-per-part", "100", "--every", "100ms", "-o", out.native()}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds{14}); // seven, on a machine with time
  CHECK(says(ended.err, "a: goes on in real time now, to keep the deadline "));
  check_complete(tests::slurp(out), 300);
  check_bought_once(world, 301);
  const auto records = records_of(tests::slurp(out));
  CHECK(records.attempts == std::set<std::int64_t>{1});
  CHECK(records.routes.at("batch") > 0); // what they had finished counts
  CHECK(records.routes.at("realtime") > 0);
  CHECK(world.ledger("batches_cancelled") == 3);
  CHECK(world.ledger("batch_billed") == records.routes.at("batch"));
}

TEST_CASE("a batch that rests past nine tenths is stopped by --patience and finished live; the others run on")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":1000,"finalizing_ms":20,"cancelling_ms":100,
      "stuck_batches":[{"batch":1,"after_share":0.97}]})"};
  const auto input = tests::rows(dir, 200);
  const auto out = dir / "out.jsonl";
  const auto ended = world(paid_words(
      "run", input, {"--patience", "1s", "--requests-per-part", "100", "--every", "100ms", "-o", out.native()}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(says(ended.err, "has rested at 97 of 100"));
  check_complete(tests::slurp(out), 200);
  check_bought_once(world, 200);
  const auto records = records_of(tests::slurp(out));
  CHECK(records.routes.at("realtime") == 3);
  CHECK(records.attempts == std::set<std::int64_t>{1});
  CHECK(world.ledger("batches_cancelled") == 1);
}

TEST_CASE("finish asks, says cost and time, leaves no item on both routes, and has nothing to do twice")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 120);
  CHECK(world({"finish", "a", "--yes"}).exit == 64); // no such job
  REQUIRE(world(paid_words("submit", input, {"--requests-per-part", "40"})).exit == 0);
  const auto offer = world({"status", "a"});
  CHECK(says(offer.out, "`batchwright finish a` does the rest in real time now"));
  const auto unasked = world({"finish", "a"});
  CAPTURE(unasked.err);
  CHECK(unasked.exit == 64);
  CHECK(says(unasked.err, "--yes"));
  CHECK(says(unasked.err, "3 batches are asked to stop"));
  CHECK(says(unasked.err, "in real time that costs about $"));
  CHECK(says(unasked.err, "requests a minute"));
  CHECK(world.ledger("cancels_asked") == 0);
  CHECK(status_of(world, "a").text("mode") == "batch");

  const auto ended = world({"finish", "a", "--yes", "--json"});
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  CHECK(Status{ended.out}.text("state") == "done");
  CHECK(world.ledger("batches_cancelled") == 3);
  const auto merged = world({"fetch", "a"});
  CHECK(merged.exit == 0);
  check_complete(merged.out, 120);
  check_bought_once(world, 120);
  CHECK(records_of(merged.out).attempts == std::set<std::int64_t>{1});

  const auto calls = world.ledger("live_calls");
  const auto again = world({"finish", "a"});
  CHECK(again.exit == 0);
  CHECK(says(again.err, "nothing is left to finish"));
  CHECK(world.ledger("live_calls") == calls);
}

TEST_CASE("finish is refused while another process works on the job")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 10);
  Running holder{paid_words("run", input, {"--every", "50ms", "-o", (dir / "o").native()}), world.environment()};
  wait_for([&] { return world.ledger("batches_created") == 1; });
  const auto refused = world({"finish", "a", "--yes"});
  CHECK(refused.exit == 75);
  CHECK(says(refused.err, "another process"));
  CHECK(world.ledger("cancels_asked") == 0);
  holder.signal(SIGTERM);
  CHECK(holder.wait().exit == 143);
}

TEST_CASE("poll --for ends in time with what is answered kept, and the next poll goes on")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":200})"};
  const auto input = tests::rows(dir, 40);
  const auto submitted = world(paid_words("submit", input, {"--mode", "realtime", "--max-in-flight", "2", "--detach"}));
  CAPTURE(submitted.err);
  REQUIRE(submitted.exit == 0);
  CHECK(says(submitted.err, "batchwright poll a"));
  CHECK(world.ledger("live_calls") == 0);
  const auto bounded = world({"poll", "--for", "1s"});
  CAPTURE(bounded.err);
  CHECK(bounded.exit == 0);
  const auto some = world.ledger("live_billed");
  CHECK(some > 0);
  CHECK(some < 40);
  CHECK(status_of(world, "a").items("pending") == 40); // of one part, that is not over
  REQUIRE(world({"poll"}).exit == 0);
  const auto merged = world({"fetch", "a"});
  CHECK(merged.exit == 0);
  check_complete(merged.out, 40);
  check_bought_once(world, 40);
  CHECK(world({"poll", "--for", "10"}).exit == 64); // nobody can know its unit
}

TEST_CASE("poll --for sees a job with a deadline through")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":60000,"cancelling_ms":2000,
      "finalizing_ms":20,"chat_latency_ms":10})"};
  warm_up(dir, world);
  const auto input = tests::rows(dir, 40);
  REQUIRE(world(paid_words("submit", input, {"--deadline", "9s"})).exit == 0);
  // A timer's polls are five minutes apart: a third of the time is kept for them, as much for cancelling.
  std::this_thread::sleep_for(std::chrono::milliseconds{3'200});
  const auto polled = world({"poll", "--for", "50ms"});
  CAPTURE(polled.err);
  CHECK(polled.exit == 0);
  CHECK(says(polled.err, "goes on in real time now, to keep the deadline"));
  CHECK(status_of(world, "a").text("state") == "done");
  check_complete(world({"fetch", "a"}).out, 40);
  check_bought_once(world, 41);
}

TEST_CASE("while poll stays for one job it looks after the others")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":2500,"finalizing_ms":20,
      "chat_latency_ms":300})"};
  const auto other = dir.file("other.csv", "id,text\n1,row 0\n");
  REQUIRE(world(paid_words("submit", other)).exit == 0);
  const auto live = tests::rows(dir, 50); // at two in 300 ms: seven seconds
  REQUIRE(world(paid_words("submit", live, {"--mode", "realtime", "--max-in-flight", "2", "--detach"})).exit == 0);
  const auto polled = world({"poll"});
  CAPTURE(polled.err);
  CHECK(polled.exit == 0);
  CHECK(status_of(world, "a").text("state") == "done");
  CHECK(status_of(world, "other").text("state") == "done");
}

TEST_CASE("urgent items are home while the batch still runs")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tiers(dir, 40, 4);
  const auto submitted = world(paid_words("submit", input, {"--urgent", "tier=gold", "--urgent", "id=r1"}));
  CAPTURE(submitted.err);
  REQUIRE(submitted.exit == 0);
  CHECK(says(submitted.err, "11 urgent items"));
  const auto status = status_of(world, "a");
  CHECK(status.text("state") == "running");
  CHECK(status.items("succeeded") == 11);
  CHECK(status.items("pending") == 29);
  const auto partial = world({"fetch", "a", "--partial"});
  CHECK(partial.exit == 5);
  const auto records = records_of(partial.out);
  CHECK(records.routes == std::map<std::string, int>{{"realtime", 11}});
  CHECK(records.indices == std::set<std::int64_t>{0, 1, 4, 8, 12, 16, 20, 24, 28, 32, 36});
  CHECK(world.ledger("live_billed") == 11);

  const auto refused = world(paid_words("submit", input, {"--urgent", "Tier=gold", "--name", "b"}));
  CHECK(refused.exit == 65);
  CHECK(says(refused.err, "Tier"));
  CHECK(world(paid_words("submit", input, {"--urgent", "gold", "--name", "b"})).exit == 64);
  CHECK(world(paid_words("submit", input, {"--urgent", "tier=gold", "--mode", "batch", "--name", "b"})).exit == 64);
}

TEST_CASE("what an expired batch leaves is sent in real time by a later poll, where that is the fallback")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":200,"finalizing_ms":20,
      "expire_batches":[{"batch":1,"after_share":0.5}]})"};
  const auto input = tests::rows(dir, 40);
  REQUIRE(world(paid_words("submit", input, {"--fallback", "realtime"})).exit == 0);
  wait_for([&] {
    CHECK(world({"poll", "a"}).exit == 0);
    return status_of(world, "a").text("state") == "done";
  });
  const auto merged = world({"fetch", "a"});
  CHECK(merged.exit == 0);
  check_complete(merged.out, 40);
  check_bought_once(world, 40);
  const auto records = records_of(merged.out);
  CHECK(records.routes == std::map<std::string, int>{{"batch", 20}, {"realtime", 20}});
  CHECK(records.attempts == std::set<std::int64_t>{1, 2});
  CHECK(world.ledger("batches_created") == 1);
}

TEST_CASE("a deadline that cannot be kept is said at submit, with the time and the limit that binds")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 3000);
  const auto assumed = world(job_words("submit", input, {"--deadline", "2m", "--dry-run"}));
  CAPTURE(assumed.err);
  CHECK(assumed.exit == 0);
  CHECK(says(assumed.err, "not in time"));
  CHECK(says(assumed.err, "500 requests a minute (assumed)"));
  const auto given = world(job_words("submit", input, {"--deadline", "2m", "--rpm", "1200", "--dry-run"}));
  CHECK(says(given.err, "not in time"));
  CHECK(says(given.err, "1,200 requests a minute"));
  const auto enough = world(job_words("submit", input, {"--deadline", "2h", "--rpm", "1200", "--dry-run"}));
  CHECK_FALSE(says(enough.err, "not in time"));
  CHECK(says(enough.err, "switches to real time at "));
  CHECK(says(enough.err, "3,000 requests are left, 3m at 1,200 requests a minute"));
  const auto past = world(job_words("submit", input, {"--deadline=2020-01-01T00:00:00Z", "--dry-run"}));
  CHECK(says(past.err, "has passed, it is 20"));
  CHECK(says(past.err, "hint: give a time to come"));
  for (const auto* bad : {"7", "-1h", "25:00", "2020-01-01T00:00:00Z", "0s"}) {
    CAPTURE(bad);
    const auto refused = world(job_words("submit", input, {std::string{"--deadline="} + bad, "--dry-run"}));
    CHECK(refused.exit == 64);
    CHECK(says(refused.err, "--deadline"));
  }
}

TEST_CASE("a deadline is seen through in real time: when it may be done is told, and afterwards that it was missed")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":300})"};
  warm_up(dir, world);
  const auto input = tests::rows(dir, 60); // at two in 300 ms: nine seconds
  const auto out = dir / "out.jsonl";
  const Words job{"--deadline", "5s", "--max-in-flight", "2"};
  Running holder{paid_words("run", input, with(job, {"-o", out.native()})), world.environment()};
  wait_for([&] { return world.ledger("live_billed") >= 5; });
  {
    const auto status = status_of(world, "a");
    CHECK(status.text("deadline") != "(none)");
    CHECK(status.text("eta") > status.text("deadline"));
    const auto page = world({"status", "a", "--offline"});
    CHECK(says(page.out, "; will be missed by about "));
    CHECK(says(page.out, "with 2 in flight"));
    CHECK(says(page.out, "  done     in "));
    CHECK(says(page.out, "of all jobs of gpt-5.4-mini: 2 in flight"));
  }
  const auto ended = holder.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  CHECK(says(ended.err, "a: goes on in real time now, though not in time for the deadline "));
  CHECK(says(ended.err, "warning: a: the deadline "));
  CHECK(says(ended.err, " UTC was missed by "));
  CHECK(says(world({"status", "a"}).out, "; was missed by "));
  CHECK(says(world({"finish", "a"}).err, " UTC was missed by "));
  const auto status = status_of(world, "a");
  CHECK(says(status.text("message"), "was missed by "));
  CHECK(status.text("eta") == "(none)");
}

TEST_CASE("a deadline that was kept is no news, but its page says so")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = tests::rows(dir, 5);
  const auto ended = world(paid_words("run", input, {"--deadline", "1h", "--every", "50ms"}));
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  CHECK_FALSE(says(ended.err, "missed"));
  CHECK(says(world({"status", "a"}).out, "; was kept"));
  CHECK(status_of(world, "a").text("message") == "(none)");
}

TEST_CASE("a poll says what became of a deadline, and what will")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":200})"};
  const auto input = tests::rows(dir, 20);
  REQUIRE(world(paid_words("submit", input, {"--deadline", "1s", "--detach"})).exit == 0);
  std::this_thread::sleep_for(std::chrono::milliseconds{1'100});
  const auto polled = world({"poll"});
  CAPTURE(polled.err);
  CHECK(polled.exit == 0);
  CHECK(says(polled.err, "warning: a: the deadline "));
  CHECK(says(polled.err, "was missed by "));
}

TEST_CASE("what was cancelled is not shown as answered")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  REQUIRE(world(paid_words("submit", tests::rows(dir, 10))).exit == 0);
  REQUIRE(world({"cancel", "a", "--abandon"}).exit == 0);
  const auto page = world({"status", "a", "--offline"});
  CHECK(says(page.out, "  0%\n"));
  CHECK(says(page.out, "10: 0 succeeded, 10 failed (all cancelled)"));
}

TEST_CASE("what makes no sense in real time is refused; out of the configuration it does no harm")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = tiers(dir, 6, 2);
  const auto nonsense = world(job_words("submit", input, {"--mode", "realtime", "--fallback", "batch", "--dry-run"}));
  CHECK(nonsense.exit == 64);
  CHECK(says(nonsense.err, "--fallback batch does not go with --mode realtime"));
  CHECK(world(job_words("submit", input, {"--mode", "realtime", "--fallback", "none", "--dry-run"})).exit == 0);
  CHECK(world(job_words("submit", input, {"--rpm", "5", "--dry-run"})).exit == 0); // `finish` keeps to it

  dir.file(".config/batchwright/config.toml", "rpm = 10\nheadroom = 0.1\nfallback = \"batch\"\n"); // 0.1, or "10%"
  CHECK(world(job_words("submit", input, {"--dry-run"})).exit == 0);
  const auto live = world(job_words("submit", input, {"--dry-run", "--mode", "realtime"}));
  CHECK(live.exit == 0);
  CHECK(says(live.err, "takes   about 60s at 9 requests a minute"));
  CHECK(world(job_words("submit", input, {"--dry-run", "--deadline", "6h"})).exit == 0);
}

TEST_CASE("headroom is a fraction or a percentage, in a job file, too")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = tests::rows(dir, 100);
  for (const auto* line : {"headroom = 0.5", "headroom = \"50%\"", "headroom = \"0.5\""}) {
    const auto file = dir.file("j.toml", fmt::format("mode = \"realtime\"\nrpm = 100\n{}\n", line));
    const auto planned = world(job_words("submit", input, {"--dry-run", "--job", file.native()}));
    CAPTURE(planned.err);
    CHECK(planned.exit == 0);
    CHECK(says(planned.err, "at 50 requests a minute"));
  }
  CHECK(world(job_words("submit", input, {"--dry-run", "--job", dir.file("k.toml", "headroom = true\n").native()}))
            .exit == 64);
}

TEST_CASE("an urgent condition that holds for no item is warned of, each by itself")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path()};
  const auto input = tiers(dir, 6, 2);
  const auto planned = world(
      job_words("submit", input, {"--dry-run", "--urgent", "tier=gold", "--urgent", "tier=glod", "--urgent", "id=r0"}));
  CHECK(planned.exit == 0);
  CHECK(says(planned.err, "warning: --urgent tier=glod: none of 6 items has that value"));
  CHECK_FALSE(says(planned.err, "tier=gold:"));
  CHECK_FALSE(says(planned.err, "id=r0:")); // it holds where another does, too
  CHECK(says(planned.err, "3 urgent items"));
}

TEST_CASE("a batch that does not stop holds up the rest, which is said, and cancel --abandon gives it up")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":60000,"finalizing_ms":20,
      "stuck_batches":[{"batch":1,"state":"cancelling"}]})"};
  warm_up(dir, world);
  const auto input = tests::rows(dir, 60);
  Running holder{
      paid_words("run", input,
                 {"--deadline", "4s", "--requests-per-part", "30", "--every", "100ms", "-o", (dir / "o").native()}),
      world.environment()};
  wait_for([&] { return says(world({"status", "a", "--offline"}).out, "has not stopped"); });
  CHECK(world.ledger("live_billed") <= 31); // of the other batch's items
  CHECK(world({"cancel", "a", "--abandon"}).exit == 0);
  const auto ended = holder.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 3);
  CHECK(says(ended.err, "has not stopped in "));
  CHECK(says(ended.err, "batchwright cancel a --abandon"));
  const auto records = records_of(tests::slurp(dir / "o"));
  CHECK(records.indices.size() == 60);
  CHECK(records.codes.at("cancelled") >= 30);
  CHECK(world.ledger("billed_on_both_routes") == 0);
}

TEST_CASE("two processes that ask one model at once are seldom refused")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":50,"rate":{"rpm":1200,"window_ms":1000}})"};
  warm_up(dir, world);
  const auto one = tests::rows(dir, 100);
  const auto other = dir.file("b.csv", [&] {
    std::string csv = "id,text\n";
    for (int i = 0; i < 100; ++i)
      csv += fmt::format("r{},other {}\n", i, i);
    return csv;
  }());
  Running first{paid_words("run", one, {"--mode", "realtime", "-o", (dir / "1").native()}), world.environment()};
  Running second{paid_words("run", other, {"--mode", "realtime", "-o", (dir / "2").native()}), world.environment()};
  const auto ended = first.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 0);
  CHECK(second.wait().exit == 0);
  check_complete(tests::slurp(dir / "1"), 100);
  CHECK(world.ledger("live_billed") == 201);
  CHECK(world.ledger("live_refused_requests") <= 30); // until they have heard of each other
}

TEST_CASE("a hybrid job killed twenty times loses nothing, and buys nothing by both routes")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":400,"finalizing_ms":20,"cancelling_ms":50,
      "chat_latency_ms":30,"transient_share":0.05,"expire_batches":[{"batch":2,"after_share":0.4}]})"};
  const auto input = tiers(dir, 600, 5);
  const auto out = dir / "out.jsonl";
  constexpr int in_flight = 8;
  const Words job{
      "--urgent",      "tier=gold", "--requests-per-part", "150", "--max-in-flight", std::to_string(in_flight),
      "--adopt-grace", "100ms"};
  const auto submit = paid_words("submit", input, job);
  const auto run = with(paid_words("run", input, job), {"--every", "50ms", "-o", out.native()});
  constexpr int kills = 20;
  for (int kill = 0; kill < kills; ++kill) {
    CAPTURE(kill);
    const auto& words = kill % 3 == 0 ? submit : kill % 3 == 1 ? run : Words{"poll"};
    Running victim{words, world.environment()};
    std::this_thread::sleep_for(std::chrono::milliseconds{40 + 37 * (kill * 7 % 11)});
    victim.signal(SIGKILL);
    victim.wait();
  }
  const auto ended = world(run);
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 600);
  CHECK(world.ledger("billed_on_both_routes") == 0);
  CHECK(world.ledger("peak_live_batches_per_content") <= 1);
  CHECK(world.ledger("batch_again_after_answer") == 0);
  CHECK(world.ledger("live_again_after_answer") <= kills * in_flight);
}

TEST_CASE("a cancel in the midst of real time keeps the answers that are there")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"chat_latency_ms":200})"};
  const auto input = tests::rows(dir, 80);
  Running holder{paid_words("run", input, {"--mode", "realtime", "--max-in-flight", "4", "-o", (dir / "o").native()}),
                 world.environment()};
  wait_for([&] { return world.ledger("live_billed") >= 8; });
  const auto cancelled = world({"cancel", "a"});
  CAPTURE(cancelled.err);
  const auto ended = holder.wait();
  CAPTURE(ended.err);
  CHECK(ended.exit == 3);
  const auto records = records_of(tests::slurp(dir / "o"));
  CHECK(records.indices.size() == 80);
  CHECK(records.routes.at("realtime") == world.ledger("live_billed"));
  CHECK(records.codes.at("cancelled") == 80 - records.routes.at("realtime"));
  CHECK(world.ledger("live_again_after_answer") == 0);
}

TEST_CASE("all in real time: the same submit continues the job, in another mode it is another job")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 30);
  const Words live{"--mode", "realtime", "--name", "now"};
  REQUIRE(world(paid_words("submit", input, with(live, {"--detach"}))).exit == 0);
  CHECK(world.ledger("live_calls") == 0);
  const auto continued = world(job_words("submit", input, live)); // consented to when it was made
  CAPTURE(continued.err);
  CHECK(continued.exit == 0);
  CHECK(continued.out == "now\n");
  CHECK(status_of(world, "now").text("state") == "done");
  CHECK(world.ledger("batches_created") == 0);
  CHECK(world.ledger("live_billed") == 30);
  CHECK(world(job_words("submit", input, live)).exit == 0);
  CHECK(world.ledger("live_billed") == 30);

  const auto other = world(paid_words("submit", input, {"--mode", "batch", "--name", "now"}));
  CHECK(other.exit == 64);
  CHECK(says(other.err, "--mode"));
  check_complete(world({"fetch", "now"}).out, 30);
}

TEST_CASE("failed items of a job that goes in real time are sent again in real time")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"fail_share":0.3})"};
  const auto input = tests::rows(dir, 30);
  REQUIRE(world(paid_words("submit", input, {"--mode", "realtime"})).exit == 0);
  REQUIRE(status_of(world, "a").items("failed") > 0);
  set_faults(world, "{}");
  const auto again = world({"retry", "a", "--yes"});
  CAPTURE(again.err);
  CHECK(again.exit == 0);
  CHECK(status_of(world, "a").text("state") == "done");
  check_complete(world({"fetch", "a"}).out, 30);
  CHECK(world.ledger("batches_created") == 0);
}

TEST_CASE("what may go in real time from now on, at a higher price, asks for consent again")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 10);
  REQUIRE(world(paid_words("submit", input)).exit == 0);
  CHECK(world(job_words("submit", input)).exit == 0); // as it was
  for (const auto& more : {Words{"--fallback", "realtime"}, Words{"--deadline", "2030-01-02T03:04:05Z"}}) {
    const auto refused = world(job_words("submit", input, more));
    CHECK(refused.exit == 64);
    CHECK(says(refused.err, "--yes"));
    CHECK(status_of(world, "a").text("mode") == "batch");
  }
  CHECK(world(paid_words("submit", input, {"--fallback", "realtime"})).exit == 0);
  CHECK(world(job_words("submit", input, {"--fallback", "realtime"})).exit == 0); // consented to
  CHECK(world.ledger("batches_created") == 1);
}

TEST_CASE("a repeated submit brings deadline and rates anew")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), slow_batches};
  const auto input = tests::rows(dir, 40);
  const auto deadline = [&] { return status_of(world, "a").text("deadline"); };
  REQUIRE(world(paid_words("submit", input, {"--deadline", "2030-01-02T03:04:05Z"})).exit == 0);
  CHECK(deadline() == "2030-01-02T03:04:05Z");
  REQUIRE(world(paid_words("submit", input, {"--deadline", "2031-01-02T03:04:05Z"})).exit == 0);
  CHECK(deadline() == "2031-01-02T03:04:05Z");
  CHECK(world.ledger("batches_created") == 1);

  const Words live{"--mode", "realtime", "--name", "now"};
  REQUIRE(world(paid_words("submit", input, with(live, {"--rpm", "6", "--detach"}))).exit == 0);
  const auto begun = std::chrono::steady_clock::now();
  CHECK(world(paid_words("submit", input, with(live, {"--rpm", "60000"}))).exit == 0);
  CHECK(status_of(world, "now").text("state") == "done");
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::minutes{2}); // at the old rate it would take six
}

TEST_CASE(
    "a hybrid job whose state was lost: batches come home, what was real time is said to be lost, and all ends well")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":100,"finalizing_ms":20})"};
  const auto input = tiers(dir, 60, 3);
  const Words job{"--urgent", "tier=gold", "--requests-per-part", "20", "--name", "a"};
  REQUIRE(world(paid_words("submit", input, job)).exit == 0);
  REQUIRE(status_of(world, "a").items("succeeded") >= 20);
  REQUIRE(fs::remove_all(fs::path{world.environment().at("BATCHWRIGHT_HOME")}) > 0);

  const auto recovered = world({"recover", "a", "--adopt-grace", "100ms"});
  CAPTURE(recovered.err);
  REQUIRE(recovered.exit == 0);
  CHECK(says(recovered.err, "real time was kept in the lost state"));
  CHECK(world({"fetch", "a", "--wait", "--every", "50ms", "-o", (dir / "x").native()}).exit == 5);
  CHECK(world(job_words("submit", input, job)).exit == 64); // consent again
  const auto out = dir / "out.jsonl";
  const auto ended = world(with(paid_words("run", input, job), {"--every", "50ms", "-o", out.native()}));
  CAPTURE(ended.err);
  REQUIRE(ended.exit == 0);
  check_complete(tests::slurp(out), 60);
  CHECK(world.ledger("batch_again_after_answer") == 20); // the urgent ones, and no other
  CHECK(world.ledger("live_again_after_answer") == 0);
  CHECK(world(with(job_words("run", input, job), {"-o", out.native()})).exit == 0);
}

TEST_CASE("beside urgent items, under ids of the user's, only the request file tells which items a batch holds")
{
  const FreshDirectory dir;
  const Rehearsal world{dir.path(), R"({"validating_ms":20,"in_progress_ms":100,"finalizing_ms":20})"};
  const auto input = tiers(dir, 12, 3);
  REQUIRE(world(paid_words("submit", input, {"--urgent", "tier=gold", "--id-column", "id", "--name", "a"})).exit == 0);
  REQUIRE(fs::remove_all(fs::path{world.environment().at("BATCHWRIGHT_HOME")}) > 0);
  const auto refused = world({"recover", "a", "--adopt-grace", "100ms"});
  CAPTURE(refused.err);
  CHECK(refused.exit == 78);
  CHECK(says(refused.err, "batchwright adopt --requests FILE batch"));
  CHECK(says(refused.err, "file-"));
  CHECK(world({"status", "a"}).exit == 64); // nothing is half there
}

TEST_SUITE_END();
