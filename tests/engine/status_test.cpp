// Words that the server says of a batch: odd ones, none, and such as go back. Whatever it says, an item is run once.

#include "tests/emulator/raw_client.hpp"
#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <thread>

using namespace batchwright;
using engine::Sending;
using engine::Until;
using tests::Arena;

namespace {

constexpr Millis minute{60'000};

/// Says other words than the server did when single batches are asked for: one of `said` for each answer, then the
/// truth. A batch that is said to have ended names no files.
class Misquoting final : public http::Transport {
public:
  Misquoting(http::Transport& truth, std::deque<std::string> said) : m_truth(truth), m_said(std::move(said)) {}

  http::Response send(const http::Request& request, http::Sink* sink) override
  {
    auto response = m_truth.send(request, sink);
    const bool asks = request.method == http::Method::get && request.path.starts_with("/batches/");
    if (!asks || m_said.empty()) return response;
    response.body = with_status(response.body, m_said.front());
    m_said.pop_front();
    return response;
  }

  bool has_said_all() const { return m_said.empty(); }

private:
  static std::string with_status(const std::string& body, const std::string& word)
  {
    constexpr std::string_view member = R"("status":")";
    const auto at = body.find(member);
    REQUIRE(at != std::string::npos);
    const auto begin = at + member.size();
    return body.substr(0, begin) + word + body.substr(body.find('"', begin));
  }

  http::Transport& m_truth;
  std::deque<std::string> m_said;
};

/// A job with one batch, whose server is quoted wrongly; time is moved by hand, that of the server passes.
struct Bench {
  Bench(Millis takes, std::deque<std::string> said)
      : arena(taking(takes)),
        job(process.make(arena.ask(10))),
        misquoting(*process.plain, std::move(said)),
        client(misquoting, misquoting, wire::openai()),
        server{client, process.server.account, process.server.base_url}
  {
    process.advance(job, Until::sent);
    REQUIRE(arena.ledger("batches_created") == 1);
  }

  static emulator::Faults taking(Millis takes)
  {
    emulator::Faults faults;
    faults.validating_ms = faults.finalizing_ms = 0;
    faults.in_progress_ms = takes.count();
    return faults;
  }

  std::string status_at_server() { return process.client.batch(process.store.parts(job).front().batch).value.status; }

  JobView poll()
  {
    clock.tick(minute);
    auto tools = process.tools_with(clock);
    return engine::advance(tools, server, job, {.until = Until::idle, .sending = Sending::yes});
  }

  /// Polls once for each word; the part of then.
  Part poll_through()
  {
    for (int round = 0; round < 100 && !misquoting.has_said_all(); ++round)
      poll();
    REQUIRE(misquoting.has_said_all());
    return process.store.parts(job).front();
  }

  /// Goes on until the job is done: every item succeeded, and ran once, in the one batch there ever was.
  void check_end()
  {
    auto view = poll();
    for (int round = 0; round < 2'000 && view.state != JobState::done; ++round) {
      std::this_thread::sleep_for(Millis{5}); // the batch takes the server's time
      view = poll();
    }
    CHECK(view.items.succeeded == 10);
    CHECK(arena.ledger("batches_created") == 1);
    CHECK(arena.ledger("requests_executed") == 10);
    CHECK(arena.ledger("executed_twice") == 0);
    CHECK(tests::split_lines(process.merged(job)).size() == 10);
  }

  Arena arena;
  tests::Process process = arena.process();
  std::string job;
  Misquoting misquoting;
  api::Client client;
  engine::Server server;
  tests::HandClock clock = {};
};

} // namespace

TEST_SUITE_BEGIN("engine::status");

TEST_CASE("a word that is not known is no end, whatever it looks like")
{
  for (const std::string word : {"", "in_review", "IN_PROGRESS", "COMPLETED", "Failed", "done", "validating "}) {
    CAPTURE(word);
    Bench bench{Millis{0}, {word, word, word}};
    const auto part = bench.poll_through();
    CHECK(part.state == PartState::running);
    CHECK(part.remote.status == word); // told as the server said it
    CHECK(bench.process.store.job(bench.job)->pause == Pause::none);
    bench.check_end();
  }
}

TEST_CASE("a batch that goes back before its end goes on")
{
  Bench bench{Millis{0}, {"in_progress", "validating", "finalizing", "in_progress", "", "validating"}};
  CHECK(bench.poll_through().state == PartState::running);
  bench.check_end();
}

TEST_CASE("a batch that had ended, and seems to be checked still, is collected once it ends again")
{
  Bench bench{Millis{0}, {"finalizing", "validating", "validating"}};
  bench.poll_through();
  bench.check_end();
}

TEST_CASE("an end that is taken back is no end: nothing is sent again while the batch runs")
{
  for (const std::string word : {"completed", "failed", "expired", "cancelled"}) {
    CAPTURE(word);
    Bench bench{minute, {word}};
    bench.poll_through();
    for (int polls = 0; polls < 20; ++polls) // longer than lines that are missing are waited for
      CHECK(bench.poll().items.pending() == 10);
    CHECK(bench.arena.ledger("batches_created") == 1);
    tests::RawClient{bench.arena.server}.post("/emulator/clock", R"({"advance_ms":60000})");
    bench.check_end();
  }
}

TEST_CASE("a batch that completed is collected, though it was said to have left nothing")
{
  for (const std::string word : {"failed", "expired", "cancelled"}) {
    CAPTURE(word);
    Bench bench{Millis{0}, {word}};
    for (int round = 0; round < 1'000 && bench.status_at_server() != "completed"; ++round)
      std::this_thread::sleep_for(Millis{5});
    bench.poll_through();
    bench.check_end();
  }
}

TEST_SUITE_END();
