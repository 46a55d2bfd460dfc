#include "tests/realtime/limited_server.hpp"

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::realtime;
using tests::Run;
using tests::Scene;

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant start{hours{500'000}};
const api::RateHeaders silent;

Limiter limiter_of(Rates given)
{
  return Limiter{{.given = given}, start};
}

api::RateHeaders headers(std::int64_t limit_requests, std::int64_t remaining_requests)
{
  return {.limit_requests = limit_requests, .remaining_requests = remaining_requests};
}

/// Lets go all that may, so that the next one waits.
void drain(Limiter& limiter, Instant now)
{
  while (limiter.ready_at(0, now) <= now)
    limiter.take(0, now);
}

/// How many requests may go between two moments.
int count_between(Limiter& limiter, Instant from, Instant to)
{
  int count = 0;
  for (auto now = std::max(from, limiter.ready_at(0, from)); now <= to; now = std::max(now, limiter.ready_at(0, now))) {
    limiter.take(0, now);
    ++count;
  }
  return count;
}

const Rates usual{.requests = 3'000, .tokens = 500'000};
const std::vector<Millis> latencies{Millis{200}, Millis{1'000}, Millis{10'000}};

Scene at_latency(Millis latency)
{
  Scene scene;
  scene.latency = latency;
  return scene;
}

/// A request limit is in the way, not one of tokens.
Scene small_requests(Millis latency)
{
  auto scene = at_latency(latency);
  scene.cost = 100;
  return scene;
}

} // namespace

TEST_SUITE_BEGIN("realtime::limiter");

TEST_CASE("so many requests take exactly their time")
{
  auto limiter = limiter_of({.requests = 700});
  constexpr int many = 7'000;
  auto now = start;
  for (int i = 0; i < many; ++i) {
    now = std::max(now, limiter.ready_at(0, now));
    limiter.take(0, now);
  }
  // Nine tenths of a second's worth go at once.
  const auto expected = (many - 700 / 60.0 * 0.9) / 700 * 60'000;
  CHECK(static_cast<double>((now - start).count()) == doctest::Approx(expected).epsilon(2 / expected));
}

TEST_CASE("so many tokens take exactly their time")
{
  auto limiter = limiter_of({.tokens = 70'000});
  auto now = start;
  for (int i = 0; i < 1'000; ++i) {
    now = std::max(now, limiter.ready_at(700, now));
    limiter.take(700, now);
  }
  const auto expected = (700'000 - 70'000 / 60.0 * 0.9) / 70'000 * 60'000;
  CHECK(static_cast<double>((now - start).count()) == doctest::Approx(expected).epsilon(2 / expected));
}

TEST_CASE("no more goes at once than the burst allows")
{
  auto limiter = limiter_of({.requests = 6'000});
  CHECK(count_between(limiter, start, start) == 90);
  // After an hour of rest, too.
  CHECK(count_between(limiter, start + hours{1}, start + hours{1}) == 90);
  Limiter wide{{.given = {.requests = 6'000}, .burst = seconds{10}}, start};
  CHECK(count_between(wide, start, start) == 900);
}

TEST_CASE("a small limit lets one go at a time")
{
  auto limiter = limiter_of({.requests = 3});
  CHECK(limiter.ready_at(0, start) <= start);
  limiter.take(0, start);
  CHECK(limiter.ready_at(0, start) == start + seconds{20});
}

TEST_CASE("a request larger than the bucket goes alone when it is full, and the next waits for what it took")
{
  auto limiter = limiter_of({.tokens = 60'000});
  limiter.take(100, start);
  CHECK(limiter.ready_at(5'000, start) == start + Millis{100});
  const auto full = start + Millis{100};
  limiter.take(5'000, full);
  // 900 were there: 4,100 are owed.
  CHECK(limiter.ready_at(400, full) == full + Millis{4'500});
  CHECK(limiter.ready_at(0, full) == full + Millis{4'100});
}

TEST_CASE("who waits with a large request is not put off")
{
  auto limiter = limiter_of(usual);
  const auto ticket = limiter.take(7'000, start);
  limiter.answered(ticket, 7'000, {.limit_tokens = 500'000, .remaining_tokens = 3'000}, start + Millis{200});
  const auto from = start + Millis{200};
  auto ready = limiter.ready_at(8'000, from);
  CHECK(ready > from + Millis{800});
  CHECK(ready < from + Millis{3'000});
  for (auto now = from; now < ready; now += Millis{7}) {
    const auto again = limiter.ready_at(8'000, now);
    CHECK(again <= ready);
    ready = again;
  }
  CHECK(limiter.ready_at(8'000, ready) <= ready);
}

TEST_CASE("what was really used replaces the estimate")
{
  auto limiter = limiter_of({.tokens = 60'000});
  const auto less = limiter.take(900, start);
  const auto wait = [&] { return limiter.ready_at(900, start) - start; };
  CHECK(wait() == Millis{900});
  limiter.answered(less, 400, silent, start);
  CHECK(wait() == Millis{400});
  const auto more = limiter.take(500, start);
  CHECK(wait() == Millis{900});
  limiter.answered(more, 2'500, silent, start);
  CHECK(wait() == Millis{2'900});

  SUBCASE("an answer that does not tell leaves the estimate")
  {
    limiter.answered(limiter.take(100, start), std::nullopt, silent, start);
    CHECK(wait() == Millis{3'000});
  }
  SUBCASE("so does a failure")
  {
    limiter.failed(limiter.take(100, start), silent, start);
    CHECK(wait() == Millis{3'000});
  }
}

TEST_CASE("one that was not sent gives back all")
{
  auto limiter = limiter_of({.requests = 60, .tokens = 60'000});
  const auto ticket = limiter.take(900, start);
  CHECK(limiter.ready_at(900, start) == start + seconds{1});
  limiter.unsent(ticket, start);
  CHECK(limiter.ready_at(900, start) <= start);

  SUBCASE("at the server, too")
  {
    limiter.answered(limiter.take(0, start), 0, headers(60, 3), start);
    const auto later = start + seconds{1};
    const auto before = limiter.ready_at(0, later);
    CHECK(before <= later);
    for (int i = 0; i < 50; ++i)
      limiter.unsent(limiter.take(0, later), later);
    CHECK(limiter.ready_at(0, later) <= later);
  }
}

TEST_CASE("the level is the smaller of ours and the server's")
{
  auto limiter = limiter_of(usual);
  const auto ticket = limiter.take(200, start);
  CHECK(limiter.ready_at(200, start) <= start);
  // The server has no tokens left when the request comes in; 200 and a half come back within 36 ms.
  limiter.answered(ticket, 200, {.limit_tokens = 500'000, .remaining_tokens = 0}, start);
  CHECK(limiter.ready_at(200, start) >= start + Millis{36});
  CHECK(limiter.ready_at(200, start) < start + Millis{600});
  CHECK(*limiter.allowed(start).tokens < 0.05 * 500'000);
  CHECK(*limiter.allowed(start + minutes{1}).tokens == doctest::Approx(500'000));
}

TEST_CASE("the moment that was told is early enough, and has come when it comes")
{
  for (const int remaining : {0, 1, 20, 100}) {
    CAPTURE(remaining);
    auto limiter = limiter_of(usual);
    const auto ticket = limiter.take(200, start);
    limiter.answered(ticket, 200, headers(3'000, remaining), start);
    drain(limiter, start);
    const auto ready = limiter.ready_at(200, start);
    CHECK(ready > start);
    CHECK(ready < start + Millis{700});
    CHECK(limiter.ready_at(200, ready) <= ready);
  }
}

TEST_CASE("what went after the request is taken off what its answer says remains")
{
  Limiter limiter{{.given = {.requests = 6'000}, .burst = seconds{10}}, start};
  const auto ticket = limiter.take(0, start);
  for (int i = 0; i < 300; ++i)
    limiter.take(0, start);
  limiter.answered(ticket, 0, headers(6'000, 300), start);
  CHECK(limiter.ready_at(0, start) > start);
  limiter.answered(limiter.take(0, start), 0, headers(6'000, 5'000), start);
  CHECK(limiter.ready_at(0, start) <= start);
}

TEST_CASE("an answer to an older request tells nothing new")
{
  auto limiter = limiter_of({.requests = 3'000});
  const auto older = limiter.take(0, start);
  const auto newer = limiter.take(0, start);
  limiter.answered(newer, 0, headers(3'000, 2'000), start);
  limiter.answered(older, 0, headers(30, 0), start);
  CHECK(*limiter.limits().requests == 3'000);
  CHECK(limiter.ready_at(0, start) <= start);
}

TEST_CASE("limits in the headers are followed at once, down and up, but not above the user's")
{
  auto limiter = limiter_of({.requests = 5'000});
  limiter.answered(limiter.take(0, start), 0, headers(3'000, 2'999), start);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(3'000));
  limiter.answered(limiter.take(0, start), 0, headers(300, 299), start);
  CHECK(*limiter.limits().requests == 300);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(300));
  limiter.answered(limiter.take(0, start), 0, headers(30'000, 29'000), start);
  CHECK(*limiter.limits().requests == 5'000);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(5'000));
  limiter.answered(limiter.take(0, start), 0, headers(0, 0), start);
  CHECK(*limiter.limits().requests == 5'000);
}

TEST_CASE("what the server said last time holds until it speaks")
{
  Limiter limiter{{.given = {.tokens = 1'000}, .known = {.requests = 300, .tokens = 500}}, start};
  CHECK(limiter.limits() == Rates{.requests = 300, .tokens = 500});
  limiter.answered(limiter.take(0, start), 0, {.limit_requests = 600, .limit_tokens = 2'000}, start);
  CHECK(limiter.limits() == Rates{.requests = 600, .tokens = 1'000});
}

TEST_CASE("headroom and share are taken off the limits")
{
  Limiter limiter{{.given = usual, .headroom = 0.1}, start};
  CHECK(*limiter.allowed(start).requests == doctest::Approx(2'700));
  limiter.set_share(0.5, start);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(1'350));
  CHECK(*limiter.allowed(start).tokens == doctest::Approx(225'000));
  CHECK(limiter.limits() == usual);
  limiter.set_share(0, start);
  drain(limiter, start);
  CHECK(limiter.ready_at(0, start) > start + hours{1});
}

TEST_CASE("headroom is the part of the server's bucket that is not for us")
{
  Limiter limiter{{.given = usual, .headroom = 0.1}, start};
  // A hundred are missing to the tenth: they come back in 2 s.
  limiter.answered(limiter.take(0, start), 0, headers(3'000, 200), start);
  CHECK(limiter.ready_at(0, start) >= start + seconds{2});
  CHECK(limiter.ready_at(0, start) < start + seconds{3});
}

TEST_CASE("a refusal lowers the rate once for all that were under way, and it comes back steadily")
{
  auto limiter = limiter_of({.requests = 3'000});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 10; ++i)
    tickets.push_back(limiter.take(0, start));
  for (const auto& ticket : tickets)
    limiter.refused(ticket, std::nullopt, silent, start);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(2'100));
  limiter.refused(limiter.take(0, start), std::nullopt, silent, start);
  CHECK(*limiter.allowed(start).requests == doctest::Approx(1'470));
  CHECK(*limiter.allowed(start + seconds{10}).requests == doctest::Approx(1'770));
  CHECK(*limiter.allowed(start + seconds{100}).requests == doctest::Approx(3'000));
}

TEST_CASE("a refused request costs no tokens, but counts as a request")
{
  auto by_requests = limiter_of({.requests = 60});
  by_requests.refused(by_requests.take(0, start), std::nullopt, silent, start);
  CHECK(by_requests.ready_at(0, start) >= start + seconds{1});

  auto by_tokens = limiter_of({.tokens = 60'000});
  const auto first = by_tokens.take(900, start);
  by_tokens.refused(first, std::nullopt, silent, start);
  CHECK(by_tokens.ready_at(900, start) <= start);

  SUBCASE("nor does it look as if the server's bucket filled faster than it does")
  {
    const api::RateHeaders half{.limit_tokens = 60'000, .remaining_tokens = 30'000};
    by_tokens.answered(by_tokens.take(0, start), 0, half, start);
    by_tokens.refused(by_tokens.take(20'000, start), std::nullopt, half, start);
    CHECK(by_tokens.ready_at(50'000, start) >= start + seconds{30});
  }
}

TEST_CASE("one hint pauses all, and a shorter one does not end it")
{
  auto limiter = limiter_of(usual);
  CHECK_FALSE(limiter.paused_until());
  const auto first = limiter.take(1, start);
  const auto second = limiter.take(1, start);
  limiter.refused(first, seconds{7}, silent, start);
  CHECK(limiter.ready_at(1, start) == start + seconds{7});
  CHECK(limiter.paused_until() == start + seconds{7});
  limiter.refused(second, seconds{2}, silent, start + seconds{1});
  CHECK(limiter.ready_at(1, start + seconds{1}) == start + seconds{7});
  CHECK(limiter.ready_at(1, start + seconds{7}) <= start + seconds{7});
  CHECK_FALSE(limiter.paused_until());
}

TEST_CASE("a hint of days holds nothing back for more than an hour")
{
  auto limiter = limiter_of(usual);
  limiter.refused(limiter.take(1, start), seconds{86'400}, silent, start);
  CHECK(limiter.paused_until() == start + seconds{3'600});
}

TEST_CASE("Slow Down halves the rate, holds it for a quarter of an hour and lets it come back slowly")
{
  auto limiter = limiter_of({.requests = 3'000});
  const auto first = limiter.take(0, start);
  const auto second = limiter.take(0, start);
  limiter.slow_down(first, seconds{5}, start);
  limiter.slow_down(second, std::nullopt, start);
  CHECK(limiter.ready_at(0, start) == start + seconds{5});
  CHECK(*limiter.allowed(start).requests == doctest::Approx(1'500));
  CHECK(*limiter.allowed(start + minutes{15}).requests == doctest::Approx(1'500));
  CHECK(*limiter.allowed(start + minutes{24}).requests == doctest::Approx(2'400));
  CHECK(*limiter.allowed(start + minutes{30}).requests == doctest::Approx(3'000));
  CHECK(*limiter.allowed(start + hours{2}).requests == doctest::Approx(3'000));

  SUBCASE("a refusal meanwhile recovers no further than that")
  {
    const auto now = start + minutes{5};
    limiter.refused(limiter.take(0, now), std::nullopt, silent, now);
    CHECK(*limiter.allowed(now).requests == doctest::Approx(1'050));
    CHECK(*limiter.allowed(now + minutes{5}).requests == doctest::Approx(1'500));
  }
  SUBCASE("a second one halves again")
  {
    const auto now = start + minutes{5};
    limiter.slow_down(limiter.take(0, now), std::nullopt, now);
    CHECK(*limiter.allowed(now + minutes{14}).requests == doctest::Approx(750));
  }
  SUBCASE("but many do not end all")
  {
    for (int i = 0; i < 20; ++i)
      limiter.slow_down(limiter.take(0, start), std::nullopt, start);
    CHECK(*limiter.allowed(start).requests == doctest::Approx(30));
  }
}

TEST_CASE("where nothing is known nothing is bounded, until a refusal sets the rate of the last seconds")
{
  auto limiter = limiter_of({});
  Ticket last;
  auto now = start;
  for (int i = 0; i < 400; ++i, now += Millis{50}) {
    REQUIRE(limiter.ready_at(1'000'000, now) <= now);
    last = limiter.take(1'000'000, now);
  }
  CHECK(limiter.allowed(now) == Rates{});
  limiter.refused(last, std::nullopt, silent, now);
  CHECK(*limiter.allowed(now).requests == doctest::Approx(0.7 * 1'200).epsilon(0.05));
  CHECK(limiter.limits() == Rates{});
  const int sent = count_between(limiter, now, now + seconds{10});
  CHECK(sent > 130);
  CHECK(sent < 170);

  SUBCASE("it grows beyond what it was taken for")
  {
    CHECK(*limiter.allowed(now + minutes{5}).requests > 5 * 1'200);
  }
  SUBCASE("a refusal after that starts from what it has grown to")
  {
    const auto from = now + minutes{2};
    count_between(limiter, from, from + seconds{20});
    const auto later = from + seconds{20};
    const auto grown = *limiter.allowed(later).requests;
    limiter.refused(limiter.take(0, later), std::nullopt, silent, later);
    CHECK(grown > 2'000);
    CHECK(*limiter.allowed(later).requests == doctest::Approx(0.7 * grown).epsilon(0.1));
  }
  SUBCASE("the server's word replaces it")
  {
    const auto later = now + minutes{10};
    limiter.answered(limiter.take(0, later), 0, headers(3'000, 2'999), later);
    CHECK(*limiter.allowed(later).requests == doctest::Approx(3'000));
  }
  SUBCASE("Slow Down finds a rate to halve")
  {
    auto other = limiter_of({});
    other.slow_down(other.take(0, start), std::nullopt, start);
    CHECK(*other.allowed(start).requests == doctest::Approx(30));
  }
}

TEST_CASE("a clock that is set back neither stalls nor hurries")
{
  auto limiter = limiter_of({.requests = 600});
  drain(limiter, start);
  const auto back = start - hours{1};
  CHECK(limiter.ready_at(0, back) == back + Millis{100});
  CHECK(count_between(limiter, back, back + seconds{10}) == 100);

  SUBCASE("a pause goes on for what was left of it")
  {
    const auto now = back + seconds{20};
    limiter.refused(limiter.take(0, now), seconds{30}, silent, now);
    const auto again = now - hours{24};
    CHECK(limiter.ready_at(0, again) == again + seconds{30});
    CHECK(limiter.paused_until() == again + seconds{30});
  }
}

TEST_CASE("threads that read the clock out of turn win no time by it")
{
  auto limiter = limiter_of({.requests = 600});
  drain(limiter, start);
  int sent = 0;
  for (auto now = start; now < start + seconds{60}; now += Millis{1}) {
    limiter.allowed(now);
    for (const auto seen : {now, now - Millis{3}}) {
      if (limiter.ready_at(0, seen) > seen) continue;
      limiter.take(0, seen);
      ++sent;
    }
  }
  CHECK(sent >= 599);
  CHECK(sent <= 601);
}

TEST_CASE("nearly all of the allowance is used, and nearly nothing refused, near and far")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    Run by_tokens{at_latency(latency), {.given = usual}};
    CHECK(by_tokens.until(60).refused == 0);
    const auto tokens = by_tokens.until(180);
    CHECK(tokens.tokens >= 0.98 * 2 * 500'000);
    CHECK(tokens.share_refused() <= 0.001);

    Run by_requests{small_requests(latency), {.given = usual}};
    by_requests.until(60);
    const auto requests = by_requests.until(180);
    CHECK(requests.accepted >= 0.98 * 2 * 3'000);
    CHECK(requests.share_refused() <= 0.001);
  }
}

TEST_CASE("limits are learnt from the first answers")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    Run run{small_requests(latency), {}};
    CHECK(run.until(60).refused == 0);
    CHECK(run.limiter().limits() == usual);
    const auto tally = run.until(180);
    CHECK(tally.accepted >= 0.98 * 2 * 3'000);
    CHECK(tally.refused == 0);
  }
}

TEST_CASE("beside steady other traffic we take what is free, and run into next to no refusal")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = small_requests(latency);
    scene.others = [](double) { return 1.0 / 3; };
    Run run{scene, {.given = usual}};
    const auto first = run.until(300); // what was in the bucket is used up
    CHECK(first.share_refused() < 0.005);
    const auto tally = run.until(600);
    CHECK(tally.accepted >= 0.9 * 5 * 3'000 * 2 / 3);
    CHECK(tally.share_refused() < 0.005);
    CHECK(tally.others_requests >= 0.99 * 5 * 3'000 / 3);
  }
}

TEST_CASE("other traffic may start and stop abruptly")
{
  for (const auto latency : latencies) {
    for (const int span : {20, 60, 300}) {
      CAPTURE(latency.count());
      CAPTURE(span);
      auto scene = at_latency(latency);
      scene.others = [span](double t) { return static_cast<int>(t / span) % 2 ? 0.0 : 2.0 / 3; };
      Run run{scene, {.given = usual}};
      CHECK(run.until(300).share_refused() < 0.005);
      const auto tally = run.until(900);
      CHECK(tally.tokens >= 0.9 * (10 * 500'000 - tally.others_tokens));
      CHECK(tally.share_refused() < 0.005);
    }
  }
}

TEST_CASE("a server that charges more than is told as used is sent what it takes")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = at_latency(latency);
    scene.charged_more = 5;
    Run run{scene, {.given = usual}};
    run.until(300);
    const auto tally = run.until(600);
    CHECK(tally.tokens >= 0.98 * 5 * 500'000);
    CHECK(tally.share_refused() < 0.005);
  }
}

TEST_CASE("a small limit is shared without starving")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = at_latency(latency);
    scene.rpm = 3;
    scene.others = [](double) { return 1.0 / 3; };
    Run run{scene, {.given = {.requests = 3, .tokens = 500'000}}};
    run.until(300);
    const auto tally = run.until(3'900);
    CHECK(tally.accepted >= 0.9 * 60 * 2);
    CHECK(tally.share_refused() < 0.05);
  }
}

TEST_CASE("large requests beside other traffic are seldom refused")
{
  for (const auto latency : {Millis{200}, Millis{1'000}, Millis{10'000}, Millis{60'000}}) {
    CAPTURE(latency.count());
    auto scene = at_latency(latency);
    scene.rpm = 60;
    scene.tpm = 30'000;
    scene.cost = 2'000;
    scene.others = [](double) { return 1.0 / 3; };
    Run run{scene, {.given = {.requests = 60, .tokens = 30'000}}};
    run.until(300);
    const auto tally = run.until(3'900);
    CHECK(tally.tokens >= 0.9 * 60 * 20'000);
    CHECK(tally.share_refused() < 0.015);
  }
}

TEST_CASE("limits that shrink or grow by ten meanwhile are met within half a minute")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto shrinking = small_requests(latency);
    shrinking.limits = [](double t) { return t < 90 ? 1 : 0.1; };
    Run down{shrinking, {.given = usual}};
    CHECK(down.until(120).refused <= 5);
    const auto less = down.until(240);
    CHECK(less.accepted >= 0.98 * 2 * 300);
    CHECK(less.refused == 0);

    auto growing = small_requests(latency);
    growing.limits = [](double t) { return t < 90 ? 0.1 : 1; };
    Run up{growing, {}};
    up.until(120);
    const auto more = up.until(240);
    CHECK(more.accepted >= 0.98 * 2 * 3'000);
    CHECK(more.refused == 0);
  }
}

TEST_CASE("a user's rate below the server's is kept to")
{
  Run run{small_requests(seconds{1}), {.given = {.requests = 600}}};
  run.until(60);
  const auto tally = run.until(180);
  CHECK(tally.accepted >= 2 * 600 - 1);
  CHECK(tally.accepted <= 2 * 600 + 1);
}

TEST_CASE("a minute in which everything is refused costs few requests, and is over soon after it")
{
  for (const bool hints : {true, false}) {
    CAPTURE(hints);
    auto scene = small_requests(seconds{1});
    scene.hints = hints;
    scene.down = [](double t) { return t >= 90 && t < 150; };
    Run run{scene, {.given = usual}};
    run.until(90);
    const auto meanwhile = run.until(150);
    CHECK(meanwhile.refused < 150);
    CHECK(meanwhile.refused > 10); // still asked
    const auto recovering = run.until(250);
    CHECK(recovering.refused <= 1);
    const auto after = run.until(310);
    CHECK(after.accepted >= 0.98 * 3'000);
  }
}

TEST_CASE("headroom stays in the server's bucket, however much others take")
{
  for (const double others : {0.0, 0.5}) {
    for (const auto latency : latencies) {
      CAPTURE(others);
      CAPTURE(latency.count());
      auto scene = at_latency(latency);
      scene.others = [others](double) { return others; };
      Run run{scene, {.given = usual, .headroom = 0.1}};
      run.until(300);
      const auto tally = run.until(600);
      CHECK(tally.least_tokens >= 0.1 * 500'000);
      CHECK(tally.tokens >= 0.98 * 5 * 500'000 * std::min(0.9, 1 - others));
      CHECK(tally.tokens <= 1.02 * 5 * 500'000 * std::min(0.9, 1 - others));
    }
  }
}

TEST_CASE("limits that are enforced over each second refuse nothing")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = small_requests(latency);
    scene.by_the_second = true;
    Run run{scene, {.given = usual}};
    const auto tally = run.until(180);
    CHECK(tally.refused == 0);
    CHECK(tally.accepted >= 0.98 * 3 * 3'000);
  }
}

TEST_CASE("without headers the user's limits are enough")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = at_latency(latency);
    scene.headers = false;
    Run run{scene, {.given = usual}};
    run.until(60);
    const auto tally = run.until(180);
    CHECK(tally.tokens >= 0.98 * 2 * 500'000);
    CHECK(tally.share_refused() <= 0.001);
  }
}

TEST_CASE("without any word on limits refusals lead to a rate that works")
{
  for (const auto latency : latencies) {
    CAPTURE(latency.count());
    auto scene = small_requests(latency);
    scene.headers = false;
    Run run{scene, {}};
    run.until(120);
    const auto tally = run.until(720);
    CHECK(tally.accepted >= 0.8 * 10 * 3'000);
    CHECK(tally.share_refused() < 0.02);
  }
}

TEST_SUITE_END();
