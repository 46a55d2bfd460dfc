#include <batchwright/report/report.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

using namespace batchwright;
using namespace std::chrono_literals;

namespace {

const Instant now = *parse_rfc3339("2026-11-22T10:12:22Z");

Part part_of(int number, PartState state, std::uint64_t requests)
{
  Part part;
  part.number = number;
  part.state = state;
  part.items = part.requests = requests;
  return part;
}

Part settled_part(int number, std::uint64_t succeeded, std::uint64_t failed, std::uint64_t left = 0)
{
  auto part = part_of(number, PartState::settled, succeeded + failed + left);
  part.batch = BatchId{fmt::format("batch_{:032}", number)};
  part.remote.status = "completed";
  part.outcome = {.succeeded = succeeded, .failed = failed, .left = left};
  part.outcome.spent = {700'000'000'000};
  part.outcome.realtime = {1'400'000'000'000};
  return part;
}

Part running_part(int number, std::uint64_t requests, int completed, int failed)
{
  auto part = part_of(number, PartState::running, requests);
  part.batch = BatchId{fmt::format("batch_{:032}", number)};
  part.remote.status = "in_progress";
  part.remote.completed = completed;
  part.remote.failed = failed;
  return part;
}

JobView view_of(std::string name, const std::vector<Part>& parts)
{
  Job job;
  job.name = std::move(name);
  job.request.model = "gpt-5.4-mini";
  job.created_at = now - 12min - 22s;
  job.estimated = PicoUsd{1'200'000'000'000};
  for (const auto& part : parts) {
    if (part.state == PartState::settled) {
      job.items += part.outcome.succeeded + part.outcome.failed;
    } else if (is_live(part.state)) {
      job.items += part.items;
    }
  }
  return view(job, parts, Held::no);
}

/// What is seen of a text: without colours.
std::string seen(std::string_view text)
{
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = text.find('m', at);
    } else {
      out += text[at];
    }
  }
  return out;
}

int widest_line(const std::string& text)
{
  std::istringstream in{text};
  int widest = 0;
  for (std::string line; std::getline(in, line);)
    widest = std::max(widest, report::width(line));
  return widest;
}

bool has(const std::string& text, std::string_view what)
{
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_SUITE_BEGIN("report::page");

TEST_CASE("a page tells what a person asks: how far, how much, since when, what next")
{
  auto running = running_part(2, 500, 410, 3);
  running.due = now + 38s;
  const auto page = report::page(view_of("reviews", {settled_part(1, 498, 2), running}), {}, now);
  CHECK(page == "reviews  running\n"
                "  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━──────  91.3%\n"
                "  items    1,000: 498 succeeded, 2 failed, 500 pending\n"
                "  server   413 of 500 answered, 1 batch running\n"
                "  model    gpt-5.4-mini, /v1/chat/completions, mode batch\n"
                "  cost     $0.70 so far, $1.20 estimated, $0.70 saved by batch\n"
                "  made     12 min ago (2026-11-22 10:00:00 UTC)\n"
                "  next     poll in 38 s (2026-11-22 10:13:00 UTC)\n"
                "\n"
                "  part  state    requests  done  failed  at the server\n"
                "     1  settled       500   498       2  completed\n"
                "     2  running       500   410       3  in_progress");
}

TEST_CASE("a page of real time tells the deadline, what bounds the rest, and when that may be done")
{
  auto called = part_of(1, PartState::running, 400);
  called.route = Route::realtime;
  called.remote.completed = 100;
  auto v = view_of("reviews", {called});
  REQUIRE(v.live);
  v.live->model = "gpt-5.4-mini";
  v.live->in_flight = 64;
  v.live->allowed = 150;
  v.live->limit_requests = 500;
  v.live->limit_tokens = 200'000;
  v.deadline = now + 30min;
  v.switched_at = now - 2min;
  v.rest = RestSpan{.requests = 300, .takes = 2min, .rate = 150};
  v.eta = now + 2min;
  v.state = JobState::running;
  const auto page = report::page(v, {120, false}, now);
  CAPTURE(page);
  CHECK(has(page,
            "  live     100 of 400 answered in real time\n"
            "  rates    of all jobs of gpt-5.4-mini: 64 in flight, 150 requests a minute now, at most 500 requests "
            "and 200,000 tokens\n           a minute\n"
            "  deadline 2026-11-22 10:42:22 UTC, in 30 min\n"
            "  then     in real time since 10:10:22 UTC to keep the deadline: about 2m more at 150 requests a "
            "minute\n"
            "  done     in 2 min, as it looks now (2026-11-22 10:14:22 UTC)\n"));
  v.eta = now + 42min;
  CHECK(has(report::page(v, {120, false}, now), "in 30 min; will be missed by about 12m"));
  v.state = JobState::open; // nobody sends
  CHECK_FALSE(has(report::page(v, {120, false}, now), "as it looks now"));
}

TEST_CASE("a page tells afterwards whether a deadline was kept")
{
  auto v = view_of("reviews", {settled_part(1, 10, 0)});
  v.deadline = now - 20min;
  CHECK(has(report::page(v, {}, now), "deadline 2026-11-22 09:52:22 UTC, 20 min ago\n")); // nobody wrote down the end
  v.ended_at = now - 25min;
  CHECK(has(report::page(v, {}, now), "20 min ago; was kept\n"));
  v.ended_at = now - 8min;
  CHECK(has(report::page(v, {}, now), "20 min ago; was missed by 12m\n"));
}

TEST_CASE("what was cancelled is no answer: neither in the bar nor in the share")
{
  auto part = settled_part(1, 30, 70);
  part.outcome.cancelled = 60;
  const auto page = report::page(view_of("reviews", {part}), {}, now);
  CHECK(has(page, "  40.0%"));
  CHECK(has(page, "100: 30 succeeded, 70 failed (60 cancelled)"));
  CHECK(has(page, "────"));
  part.outcome.cancelled = 70;
  CHECK(has(report::page(view_of("reviews", {part}), {}, now), "70 failed (all cancelled)"));
}

TEST_CASE("a page tells until when the server keeps what was not collected")
{
  auto ended = part_of(2, PartState::ended, 10);
  ended.lapses_at = parse_rfc3339("2026-12-20T10:00:00Z");
  auto home = settled_part(1, 10, 0);
  home.lapses_at = parse_rfc3339("2026-12-19T10:00:00Z");
  CHECK(has(seen(report::page(view_of("reviews", {home, ended}), {}, now)), "answers at the server until 2026-12-20"));
  CHECK_FALSE(has(report::page(view_of("reviews", {home}), {}, now), "until 2026-12"));
}

TEST_CASE("a page tells of batches that were given up and may still bring answers")
{
  auto given_up = settled_part(1, 0, 10);
  given_up.state = PartState::abandoned;
  given_up.remote.status = "cancelling";
  auto other = settled_part(2, 10, 0);
  Job job;
  job.name = "reviews";
  job.items = 20;
  CHECK(has(report::page(view(job, {given_up, other}, Held::no), {160, false}, now),
            "late     1 batch was given up and may still bring answers: `batchwright fetch reviews` collects them"));
  CHECK_FALSE(has(report::page(view_of("reviews", {other}), {}, now), "given up"));
}

TEST_CASE("where there is room, a page names the batches")
{
  const auto v = view_of("reviews", {running_part(1, 500, 410, 3)});
  CHECK(has(report::page(v, {160, false}, now), v.parts.front().batch.str()));
  CHECK_FALSE(has(report::page(v, {80, false}, now), "batch_0"));
}

TEST_CASE("of many parts those at rest are summed, those at work have their line")
{
  std::vector<Part> parts;
  for (int i = 1; i <= 187; ++i)
    parts.push_back(settled_part(i, 99, 1));
  for (int i = 188; i <= 192; ++i)
    parts.push_back(running_part(i, 100, i, 0));
  for (int i = 193; i <= 200; ++i)
    parts.push_back(part_of(i, PartState::planned, 100));
  const auto page = report::page(view_of("huge", parts), {}, now);
  CHECK(has(page, "  1-187  settled    18,700  18,513     187  completed\n"));
  CHECK(has(page, "    188  running       100     188       0  in_progress\n"));
  CHECK(has(page, "    192  running       100     192       0  in_progress\n"));
  CHECK(has(page, "193-200  planned       800       -       -"));
  CHECK(std::count(page.begin(), page.end(), '\n') < 24); // a screen

  parts[5] = part_of(6, PartState::queued, 100);
  CHECK(has(report::page(view_of("gap", parts), {}, now), "186 parts  settled"));
}

TEST_CASE("columns that say nothing are not there, and come when they do")
{
  auto second = part_of(2, PartState::planned, 10);
  second.attempt = 2;
  auto third = part_of(3, PartState::queued, 5);
  third.remote.error_code = "token_limit_exceeded";
  const auto plain = report::page(view_of("plain", {part_of(1, PartState::planned, 10)}), {}, now);
  CHECK_FALSE(has(plain, "attempt"));
  CHECK_FALSE(has(plain, "left"));
  CHECK_FALSE(has(plain, "route"));
  const auto page = report::page(view_of("again", {settled_part(1, 80, 10, 10), second, third}), {}, now);
  CHECK(has(page, "  part  attempt  state    requests  done  failed  left  at the server\n"
                  "     1        1  settled       100    80      10    10  completed\n"
                  "     2        2  planned        10     -       -\n"
                  "     3        1  queued          5     -       -        token_limit_exceeded"));
}

TEST_CASE("a paused job says why, on lines that fit and that cannot harm the terminal")
{
  auto v = view_of("reviews", {settled_part(1, 400, 0), part_of(2, PartState::queued, 600)});
  v.state = JobState::paused;
  v.pause = Pause::auth;
  v.message = "creating a batch: the server refused the key (401): Incorrect API key provided; \x1b]0;title\x07 "
              "set OPENAI_API_KEY and run `batchwright poll reviews`";
  v.spent = v.realtime = std::nullopt;
  const auto page = report::page(v, {}, now);
  CHECK(has(page, "reviews  paused (auth)\n"));
  CHECK(has(page,
            "  note     creating a batch: the server refused the key (401): Incorrect API key\n           provided;"));
  CHECK(has(page, "\\x1b]0;title\\x07"));
  CHECK(has(page, "  cost     not known"));
  CHECK(has(report::sentence(v), "400 of 1,000 done, 600 pending; paused (auth): creating a batch"));
  CHECK_FALSE(has(report::sentence(v), "\x1b"));
  CHECK(has(report::table({v}, {}, now), "\n\n  note     reviews: creating a batch"));
}

TEST_CASE("lines fit the terminal at every width, with and without colour, and say the same")
{
  std::vector<Part> parts;
  for (int i = 1; i <= 30; ++i)
    parts.push_back(i % 3 ? running_part(i, 1'000'000, i * 1000, i) : settled_part(i, 900'000, 100'000, 5));
  auto v = view_of("a-name-of-forty-characters-as-they-may-be", parts);
  v.model = "ein-漢字-model";
  v.next_poll_at = now - 1s;
  v.message = "a few words that go on and on until they need another line of their own";
  for (const int columns : {60, 80, 81, 100, 120, 160, 300}) {
    CAPTURE(columns);
    const auto page = report::page(v, {columns, false}, now);
    CHECK(widest_line(page) <= columns);
    CHECK(seen(report::page(v, {columns, true}, now)) == page);
    CHECK(report::page(v, {columns, true}, now) != page);
    CHECK(widest_line(report::table({v, v}, {columns, false}, now)) <= columns);
    CHECK_FALSE(has(page, " \n"));
  }
}

TEST_CASE("the table has a line for each job, with what there is room for")
{
  const auto running = view_of("reviews", {running_part(1, 1000, 410, 0)});
  const auto done = view_of("漢字", {settled_part(1, 120'000, 0)});
  CHECK(report::table({running, done}, {}, now) ==
        "  job      state      items  answered  failed   cost  made        model\n"
        "  reviews  running    1,000     41.0%       0  $0.00  12 min ago  gpt-5.4-mini\n"
        "  漢字     done     120,000      100%       0  $0.70  12 min ago  gpt-5.4-mini");
}

TEST_CASE("the table warns of deadlines that are missed by jobs that go on")
{
  auto v = view_of("reviews", {running_part(1, 10, 5, 0)});
  v.deadline = now - 12min;
  CHECK(has(report::table({v}, {}, now), "note     reviews: the deadline 10:00 UTC was missed by 12m so far"));
  v.deadline = now + 12min;
  CHECK_FALSE(has(report::table({v}, {}, now), "note"));
  auto ended = view_of("old", {settled_part(1, 10, 0)});
  ended.deadline = now - 12min;
  ended.ended_at = now - 2min;
  CHECK_FALSE(has(report::table({ended}, {}, now), "note")); // its own page says so
}

TEST_CASE("a sentence tells counts that are not nothing")
{
  CHECK(report::sentence(view_of("reviews", {settled_part(1, 898, 2), running_part(2, 100, 0, 0)})) ==
        "reviews: 898 of 1,000 done, 2 failed, 100 pending; 1 batch running");
  CHECK(report::sentence(view_of("reviews", {settled_part(1, 1000, 0)})) ==
        "reviews: 1,000 of 1,000 done; $0.70, $0.70 saved by batch");
  auto dear = view_of("reviews", {settled_part(1, 1000, 0)});
  dear.realtime = PicoUsd{400'000'000'000}; // what batches do not discount was cached
  CHECK(report::sentence(dear) == "reviews: 1,000 of 1,000 done; $0.70, $0.30 more than real time would have cost");
  CHECK(report::sentence(view_of("empty", {})) == "empty: no items");
  auto planned = view_of("dry", {part_of(1, PartState::planned, 600), part_of(2, PartState::planned, 400)});
  CHECK(report::sentence(planned) == "dry: 0 of 1,000 done, 1,000 pending");
  planned.state = JobState::planned;
  CHECK(report::sentence(planned) == "dry: 1,000 items in 2 parts; nothing was sent");
}

TEST_SUITE_END();
