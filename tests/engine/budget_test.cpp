// What is kept back for parts under a cap: at what price, by which bound, and what becomes of it.

#include "tests/support/arena.hpp"
#include "tests/support/hand_clock.hpp"

#include <batchwright/engine/budget.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <thread>

using namespace batchwright;
using engine::reserve_of;
using engine::Sending;
using engine::Until;
using tests::Arena;
using tests::HandClock;

namespace {

constexpr Millis minute{60'000};

engine::Ask bounded(Arena& arena, int items, std::int64_t longest)
{
  auto ask = arena.ask(items);
  ask.job.request.model = "gpt-5.4";
  ask.job.request.max_output_tokens = longest;
  ask.job.policy.max_cost = PicoUsd{1'000'000'000'000};
  return ask;
}

/// Ready-made requests, of which some have a bound of their own.
engine::Ask ready_made(Arena& arena, const std::vector<std::string>& members)
{
  std::string lines;
  for (std::size_t i = 0; i < members.size(); ++i) {
    lines += fmt::format(R"({{"custom_id":"r{}","method":"POST","url":"/v1/chat/completions","body":)"
                         R"({{"model":"gpt-5.4",{}"messages":[{{"role":"user","content":"row"}}]}}}})"
                         "\n",
                         i, members[i]);
  }
  engine::Ask ask;
  ask.inputs = {arena.directory.file("requests.jsonl", lines).native()};
  ask.format = InputFormat::requests;
  return ask;
}

Part only_part(tests::Process& process, const std::string& job)
{
  const auto parts = process.store.parts(job);
  REQUIRE(parts.size() == 1);
  return parts.front();
}

} // namespace

TEST_SUITE_BEGIN("engine::budget");

TEST_CASE("in real time the flex tier is kept back for as the standard one, which may serve it")
{
  Arena arena;
  auto process = arena.process();
  const auto job = *process.store.job(process.make(bounded(arena, 10, 100)));
  auto part = only_part(process, job.name);
  const auto batch = reserve_of(process.tools, job, part)->whole();
  part.route = Route::realtime;
  auto flexible = job;
  flexible.request.service_tier = "flex";
  const auto standard = reserve_of(process.tools, job, part)->whole();
  CHECK(standard.n == 2 * batch.n);
  CHECK(reserve_of(process.tools, flexible, part)->whole() == standard);
  flexible.request.service_tier = "priority"; // costs more than is listed
  CHECK_FALSE(reserve_of(process.tools, flexible, part));
}

TEST_CASE(
    "ready-made requests are kept back for by their own bounds; one without any is as long as the model's longest")
{
  Arena arena;
  auto process = arena.process();
  const auto whole_of = [&](const std::vector<std::string>& members) {
    const auto draft = engine::draft(process.tools, ready_made(arena, members));
    REQUIRE(draft.parts.size() == 1);
    const auto reserve = reserve_of(process.tools, draft.job, draft.parts.front());
    REQUIRE(reserve);
    return reserve->output.n;
  };
  constexpr std::int64_t output_price = 7'500'000; // gpt-5.4 by batch, in millionths of a dollar for a million
  CHECK(whole_of({R"("max_completion_tokens":40,)", R"("max_completion_tokens":20,"n":3,)"}) == 100 * output_price);
  CHECK(whole_of({R"("max_completion_tokens":40,)", ""}) > 100'000 * output_price);
  CHECK(whole_of({R"("n":8,)", ""}) == 8 * whole_of({"", ""})); // the choices that one asks for, all may
}

TEST_CASE("where items say how many choices they want, nothing is known to bound the answers")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.request.prompt.clear();
  ask.job.request.model.clear();
  const auto worst = [&](const std::string& members) {
    ask.job.request.body =
        fmt::format(R"({{"model":"gpt-5.4",{}"messages":[{{"role":"user","content":"{{{{text}}}}"}}]}})", members);
    return engine::draft(process.tools, ask).estimate.worst;
  };
  CHECK(worst(R"("max_completion_tokens":40,)"));
  CHECK(worst(R"("max_completion_tokens":40,"n":3,)"));
  CHECK_FALSE(worst(R"("max_completion_tokens":40,"n":"{{text}}",)"));
}

TEST_CASE("where nothing is known of answers, several choices are assumed to be as many answers")
{
  Arena arena;
  auto process = arena.process();
  const auto expected = [&](const std::string& n) {
    auto ask = arena.ask(10);
    ask.job.request.model = "gpt-5.4";
    if (!n.empty()) ask.job.request.set = {{"n", n}};
    return engine::draft(process.tools, ask).estimate.output.n;
  };
  CHECK(expected("8") == 8 * expected(""));
}

TEST_CASE("the choices of one model's requests are none of another's")
{
  Arena arena;
  auto process = arena.process();
  const auto worst = [&](const std::string& members) {
    const auto line = [&](int i, const std::string& model, const std::string& more) {
      return fmt::format(R"({{"custom_id":"r{}","method":"POST","url":"/v1/chat/completions","body":)"
                         R"({{"model":"{}",{}"messages":[{{"role":"user","content":"row"}}]}}}})"
                         "\n",
                         i, model, more);
    };
    engine::Ask ask;
    ask.inputs = {
        arena.directory.file("two.jsonl", line(1, "gpt-5.4-nano", members) + line(2, "gpt-5.4", "")).native()};
    ask.format = InputFormat::requests;
    return engine::draft(process.tools, ask).estimate.worst->n;
  };
  CHECK(worst(R"("n":4,)") < 2 * worst(""));
}

TEST_CASE("the items that are tried first cost their full price at worst, too")
{
  Arena arena;
  auto process = arena.process();
  const auto worst = [&](std::size_t first, Mode mode) {
    auto ask = bounded(arena, 40, 100);
    ask.job.policy.max_cost.reset();
    ask.job.mode = mode;
    ask.probe = {.items = first, .above = 0};
    return engine::draft(process.tools, ask).estimate.worst->n;
  };
  const auto batch = worst(0, Mode::batch);
  const auto live = worst(0, Mode::realtime);
  CHECK(live == 2 * batch);
  CHECK(static_cast<double>(worst(10, Mode::batch)) ==
        doctest::Approx(static_cast<double>(batch) * 1.25).epsilon(0.02));
  CHECK(worst(40, Mode::batch) == live);
}

TEST_CASE("a cap that covers none of the items that are tried first is refused")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(120);
  ask.job.request.model = "gpt-5.4";
  ask.probe = {.items = 3};
  ask.job.policy.max_cost = PicoUsd{500'000'000}; // 0.0005 dollars
  CHECK_THROWS_WITH_AS(engine::draft(process.tools, ask), doctest::Contains("does not cover a single request"), Error);
  ask.job.policy.max_cost = PicoUsd{1'000'000'000'000};
  CHECK_NOTHROW(engine::draft(process.tools, ask));
}

TEST_CASE("a part that holds one long request is kept back for as if all were long: each costs more as a whole")
{
  Arena arena;
  auto process = arena.process();
  const auto job = *process.store.job(process.make(bounded(arena, 10, 100)));
  auto part = only_part(process, job.name);
  CHECK(part.largest_input.n > 10);
  CHECK(part.largest_input.n < 40);
  const auto usual = *reserve_of(process.tools, job, part);
  part.largest_input = {300'000};
  const auto dear = *reserve_of(process.tools, job, part);
  CHECK(dear.input.n == 2 * usual.input.n);
  CHECK(2 * dear.output.n == 3 * usual.output.n);
}

TEST_CASE(
    "a cap that is named for a job under way keeps back for its batches what would have been; a smaller amount never")
{
  Arena arena;
  auto process = arena.process();
  const auto job = *process.store.job(process.make(bounded(arena, 10, 100)));
  auto part = only_part(process, job.name);
  part.state = PartState::running;
  part.before_cap = true;
  auto parts = std::vector{part};
  CHECK(engine::kept_back_for(parts.front()) == PicoUsd{});
  engine::cap_from_start(process.tools, job, parts);
  CHECK(engine::kept_back_for(parts.front()) == reserve_of(process.tools, job, part)->whole());
  parts.front().reserved.n *= 2;
  engine::cap_from_start(process.tools, job, parts);
  CHECK(engine::kept_back_for(parts.front()).n == 2 * reserve_of(process.tools, job, part)->whole().n);

  engine::cap_from_now(process.tools, job, parts);
  CHECK(engine::kept_back_for(parts.front()) == PicoUsd{}); // it was bought before
}

TEST_CASE("what a real-time part spent before a cap was named is none of it, though it is settled since")
{
  Arena arena;
  auto process = arena.process();
  const auto job = *process.store.job(process.make(bounded(arena, 10, 100)));
  auto part = only_part(process, job.name);
  part.route = Route::realtime;
  part.state = PartState::settled;
  part.outcome.succeeded = 10;
  part.outcome.priced = true;
  part.outcome.usage.output = {7};
  part.outcome.spent = {900};
  CHECK(engine::spent_by(process.tools, job, part) == PicoUsd{900});
  part.spent_before_cap = {600};
  CHECK(engine::spent_by(process.tools, job, part) == PicoUsd{300});
  part.reserved = {350}; // an answer was lost
  CHECK(engine::spent_by(process.tools, job, part) == PicoUsd{350});
  auto parts = std::vector{part};
  engine::cap_from_start(process.tools, job, parts);
  CHECK(engine::spent_by(process.tools, job, parts.front()) == PicoUsd{900});
}

TEST_CASE("a body template may bound its answers itself")
{
  Arena arena;
  auto process = arena.process();
  auto ask = arena.ask(10);
  ask.job.request.prompt.clear();
  ask.job.request.model.clear();
  ask.job.request.body =
      R"({"model":"gpt-5.4","max_completion_tokens":40,"n":2,"messages":[{"role":"user","content":"{{text}}"}]})";
  const auto draft = engine::draft(process.tools, ask);
  CHECK(draft.estimate.basis == Basis::bound);
  CHECK(draft.output_allowed == Tokens{800});
}

TEST_CASE("where several choices are asked for, each may be as long as the model's longest")
{
  Arena arena;
  auto process = arena.process();
  const auto worst = [&](const std::vector<std::pair<std::string, std::string>>& set) {
    auto ask = arena.ask(10);
    ask.job.request.model = "gpt-5.4";
    ask.job.request.set = set;
    const auto draft = engine::draft(process.tools, ask);
    REQUIRE(draft.estimate.worst);
    return draft.estimate.worst->n;
  };
  CHECK(static_cast<double>(worst({{"n", "4"}})) ==
        doctest::Approx(4.0 * static_cast<double>(worst({}))).epsilon(0.001));
}

TEST_CASE("a batch whose answers are lost at the server has spent what was kept back for it")
{
  emulator::Faults faults;
  faults.vanish_files = {{.of = {}, .file = emulator::VanishFiles::File::output}};
  Arena arena{faults};
  auto process = arena.process();
  const auto name = process.make(bounded(arena, 10, 100));
  engine::advance(process.tools, process.server, name, {.until = Until::sent, .sending = Sending::yes});
  const auto kept_back = only_part(process, name).reserved;
  REQUIRE(kept_back.n > 0);
  HandClock clock;
  auto tools = process.tools_with(clock);
  const auto is_over = [&] { return only_part(process, name).state == PartState::settled; };
  for (int round = 0; round < 500 && !is_over(); ++round) {
    clock.tick(minute);
    engine::advance(tools, process.server, name, {.until = Until::idle, .sending = Sending::yes});
    std::this_thread::sleep_for(Millis{5});
  }
  REQUIRE(is_over());
  CHECK(engine::spent_by(process.tools, *process.store.job(name), only_part(process, name)) == kept_back);
}

TEST_SUITE_END();
