#include <batchwright/engine/due.hpp>
#include <batchwright/engine/queue.hpp>

#include <doctest/doctest.h>

#include <string>

using namespace batchwright;
using namespace batchwright::engine;

namespace {

constexpr Instant noon{Millis{1'795'348'800'000}};

Part part_in(int number, PartState state)
{
  Part p;
  p.number = number;
  p.state = state;
  p.items = 10;
  return p;
}

std::vector<Action> now_due(const Job& job, const std::vector<Part>& parts, Sending sending = Sending::yes)
{
  return due(job, parts, {}, noon, sending).now;
}

} // namespace

TEST_SUITE_BEGIN("engine::due");

TEST_CASE("each state has the one action that moves it on")
{
  const std::pair<PartState, Do> table[] = {
      {PartState::planned, Do::build},  {PartState::uploading, Do::look_for_file},
      {PartState::queued, Do::create},  {PartState::creating, Do::look_for_batch},
      {PartState::running, Do::poll},   {PartState::cancelling, Do::poll},
      {PartState::ended, Do::download}, {PartState::fetched, Do::settle},
  };
  for (const auto& row : table) { // no structured binding: clang 14 cannot capture one
    CAPTURE(std::string{name(row.first)});
    const auto actions = now_due({}, {part_in(1, row.first)});
    REQUIRE(actions.size() == 1);
    CHECK(actions.front() == Action{row.second, 1});
  }
  CHECK(now_due({}, {part_in(1, PartState::settled), part_in(2, PartState::superseded)}).empty());
}

TEST_CASE("copies are made once all that was sent is over, whatever the command, and judged as the policy has it")
{
  auto copies = part_in(3, PartState::planned);
  copies.route = Route::reused;
  copies.pick = Pick::copies;
  auto answers = part_in(4, PartState::settled);
  answers.route = Route::reused;
  answers.pick = Pick::reused;
  const auto with = [&](PartState state) {
    return std::vector{part_in(1, PartState::settled), part_in(2, state), copies};
  };
  for (const auto state : {PartState::planned, PartState::queued, PartState::running, PartState::fetched}) {
    for (const auto& action : now_due({}, with(state)))
      CHECK(action.what != Do::copy);
  }
  for (const auto state : {PartState::settled, PartState::superseded}) {
    CHECK(now_due({}, with(state), Sending::no) == std::vector{Action{Do::copy, 3}});
    CHECK(now_due({.pause = Pause::budget}, with(state)) == std::vector{Action{Do::copy, 3}});
    CHECK(now_due({.cancel = Cancel::harvest}, with(state)) == std::vector{Action{Do::copy, 3}});
  }
  CHECK(now_due({.cancel = Cancel::harvest}, {part_in(1, PartState::fetched), copies}) ==
        std::vector{Action{Do::settle, 1}});
  const Job accepts_more{.policy = {.accept = "truncated"}};
  CHECK(now_due(accepts_more, {part_in(1, PartState::settled), copies, answers}) ==
        std::vector{Action{Do::judge, 1}, Action{Do::judge, 4}});
}

TEST_CASE("a part whose file is built is uploaded")
{
  auto p = part_in(1, PartState::planned);
  p.sha256 = "5feceb";
  CHECK(now_due({}, {p}) == std::vector{Action{Do::upload, 1}});
}

TEST_CASE("while items are tried first nothing else leaves; files are built, and what is at the server comes home")
{
  auto probe = part_in(2, PartState::running);
  probe.route = Route::realtime;
  probe.pick = Pick::probe;
  probe.sha256 = "5feceb";
  auto built = part_in(1, PartState::planned);
  built.sha256 = "5feceb";
  auto urgent = part_in(3, PartState::planned);
  urgent.route = Route::realtime;
  urgent.pick = Pick::urgent;
  urgent.sha256 = "5feceb";
  const std::vector others{built, urgent, part_in(4, PartState::planned), part_in(5, PartState::queued),
                           part_in(6, PartState::running)};
  auto parts = others;
  parts.push_back(probe);
  CHECK(now_due({}, parts) == std::vector{Action{Do::poll, 6}, Action{Do::call, 2}, Action{Do::build, 4}});
  parts.back().state = PartState::ended; // answered, and not counted yet
  CHECK(now_due({}, parts) == std::vector{Action{Do::settle, 2}, Action{Do::poll, 6}, Action{Do::build, 4}});
  parts.back().state = PartState::settled;
  const std::vector all{Action{Do::poll, 6}, Action{Do::call, 3}, Action{Do::create, 5}, Action{Do::upload, 1},
                        Action{Do::build, 4}};
  CHECK(now_due({}, parts) == all);
  Job asking;
  asking.awaits_word = true;
  CHECK(now_due(asking, parts) == std::vector{Action{Do::poll, 6}, Action{Do::build, 4}});
  asking.cancel = Cancel::harvest; // nobody waits for a word any more
  CHECK(now_due(asking, parts).size() == 5);
}

TEST_CASE("no more files are built than are soon to be sent")
{
  std::vector<Part> parts;
  for (int n = 1; n <= 10; ++n)
    parts.push_back(part_in(n, PartState::planned));
  CHECK(now_due({}, parts).size() == built_ahead({}));
  for (int n = 0; n < built_ahead({}); ++n)
    parts[static_cast<std::size_t>(n)].sha256 = "5feceb";
  CHECK(now_due({}, parts) ==
        std::vector{Action{Do::upload, 1}, Action{Do::upload, 2}, Action{Do::upload, 3}, Action{Do::upload, 4}});
  parts[0].state = PartState::queued; // uploaded, and no room yet
  CHECK(now_due({}, parts).size() == built_ahead({}));
  parts[0].state = PartState::running;
  CHECK(now_due({}, parts).back() == Action{Do::build, 5});
  parts[9].model = "another";
  CHECK(now_due({}, parts).back() == Action{Do::build, 10});
}

TEST_CASE("what was paid for comes home before anything is sent")
{
  const auto actions =
      now_due({}, {part_in(1, PartState::planned), part_in(2, PartState::queued), part_in(3, PartState::running),
                   part_in(4, PartState::ended), part_in(5, PartState::fetched)});
  CHECK(actions == std::vector{Action{Do::settle, 5}, Action{Do::download, 4}, Action{Do::poll, 3},
                               Action{Do::create, 2}, Action{Do::build, 1}});
}

TEST_CASE("a command that may not send collects, and resolves what was sent")
{
  const auto actions = now_due({},
                               {part_in(1, PartState::planned), part_in(2, PartState::queued),
                                part_in(3, PartState::creating), part_in(4, PartState::running)},
                               Sending::no);
  CHECK(actions == std::vector{Action{Do::poll, 4}, Action{Do::look_for_batch, 3}});
}

TEST_CASE("a pause stops sending, never collecting")
{
  const std::vector parts{part_in(1, PartState::planned), part_in(2, PartState::queued), part_in(3, PartState::running),
                          part_in(4, PartState::ended), part_in(5, PartState::fetched)};
  Job job;
  for (const auto why : {Pause::quota, Pause::budget, Pause::failures, Pause::disk}) {
    job.pause = why;
    CHECK(now_due(job, parts) == std::vector{Action{Do::settle, 5}, Action{Do::download, 4}, Action{Do::poll, 3}});
  }
  for (const auto why : {Pause::auth, Pause::account}) { // the server would refuse all the same
    job.pause = why;
    CHECK(now_due(job, parts) == std::vector{Action{Do::settle, 5}});
  }
}

TEST_CASE("in a cancelled job nothing is sent: what runs is stopped, what was not sent given up")
{
  const std::vector parts{part_in(1, PartState::planned), part_in(2, PartState::uploading),
                          part_in(3, PartState::queued),  part_in(4, PartState::creating),
                          part_in(5, PartState::running), part_in(6, PartState::cancelling),
                          part_in(7, PartState::ended),   part_in(8, PartState::fetched)};
  Job job;
  job.cancel = Cancel::harvest;
  const std::vector harvest{Action{Do::settle, 8},  Action{Do::download, 7},       Action{Do::cancel, 5},
                            Action{Do::poll, 6},    Action{Do::look_for_batch, 4}, Action{Do::give_up, 1},
                            Action{Do::give_up, 2}, Action{Do::give_up, 3}};
  CHECK(now_due(job, parts) == harvest);
  CHECK(now_due(job, parts, Sending::no) == harvest);

  job.cancel = Cancel::abandon;
  job.pause = Pause::auth; // what is done here needs no server
  const std::vector abandon{Action{Do::settle, 8},  Action{Do::give_up, 1}, Action{Do::give_up, 2},
                            Action{Do::give_up, 3}, Action{Do::give_up, 4}, Action{Do::give_up, 5},
                            Action{Do::give_up, 6}, Action{Do::give_up, 7}};
  CHECK(now_due(job, parts) == abandon);
}

TEST_CASE("a batch that was given up is found, stopped, asked for and brought home")
{
  auto p = part_in(1, PartState::abandoned);
  CHECK(now_due({}, {p}) == std::vector{Action{Do::look_for_batch, 1}});
  p.batch = BatchId{"batch_1"};
  p.remote.status = "in_progress";
  CHECK(now_due({}, {p}) == std::vector{Action{Do::cancel, 1}});
  p.remote.status = "cancelling";
  CHECK(now_due({}, {p}) == std::vector{Action{Do::poll, 1}});
  p.lapses_at = noon;
  CHECK(now_due({}, {p}) == std::vector{Action{Do::download, 1}});
}

TEST_CASE("a part waits for its time, and the nearest one is told")
{
  auto early = part_in(1, PartState::running);
  auto late = part_in(2, PartState::running);
  early.due = noon + Millis{5'000};
  late.due = noon + Millis{60'000};
  const auto d = due({}, {late, early}, {}, noon, Sending::yes);
  CHECK(d.now.empty());
  CHECK(d.next == early.due);
  CHECK(due({}, {late, early}, {}, noon + Millis{5'000}, Sending::yes).now == std::vector{Action{Do::poll, 1}});
}

TEST_CASE("a part that is being worked on is left alone")
{
  CHECK(due({}, {part_in(1, PartState::running)}, {1}, noon, Sending::yes).now.empty());
}

TEST_CASE("waits are short at first and do not grow for ever")
{
  CHECK(poll_wait(0) == Millis{1'000});
  CHECK(poll_wait(3) > poll_wait(2));
  CHECK(poll_wait(1'000'000) == Millis{180'000});
  CHECK(refusal_wait(1) == Millis{60'000});
  CHECK(refusal_wait(2) == Millis{120'000});
  CHECK(refusal_wait(50) == Millis{1'800'000});
  CHECK(trouble_wait(1) == Millis{1'000});
  CHECK(trouble_wait(1000) == Millis{60'000});
  CHECK(second_look_wait(1) == Millis{5'000});
  CHECK(second_look_wait(3) == Millis{20'000});
  CHECK(second_look_wait(1000) == Millis{300'000});
}

TEST_SUITE_END();
