#include "tests/support/answers.hpp"
#include "tests/support/arena.hpp"

#include <batchwright/config/settings.hpp>
#include <batchwright/workspace/workspace.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace batchwright;
using tests::Arena;
using tests::Recorder;

namespace {

config::Settings settings_for(Arena& arena, const std::string& key = "rehearsal-key")
{
  const std::map<std::string, std::string> variables{{"BATCHWRIGHT_HOME", (arena.directory / "home").native()},
                                                     {"OPENAI_BASE_URL", arena.server.url()},
                                                     {"OPENAI_API_KEY", key}};
  const auto read = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string{} : found->second;
  };
  return config::load({}, read, wire::openai().default_base_url);
}

template<class Call>
Fault fault_of(Call call)
{
  try {
    call();
  } catch (const Error& error) {
    return error.fault();
  }
  FAIL("nothing was thrown");
  return Fault::bug;
}

void check_rows(const std::string& merged, int count)
{
  tests::check_answers(merged, count,
                       [](int i) { return fmt::format("Say it again: text {} with a \"quote\", a comma and é", i); });
}

} // namespace

TEST_SUITE_BEGIN("workspace");

TEST_CASE("submit, wait, fetch: all that is left open is completed, and the same calls again send nothing")
{
  Arena arena;
  auto ask = arena.ask(40);
  ask.job.limits = {};
  const auto out = arena.directory / "answers.jsonl";
  for (int time = 0; time < 2; ++time) {
    Workspace workspace{settings_for(arena)};
    const auto job = workspace.submit(ask);
    CHECK(job == "rows");
    const auto view = workspace.wait(job, Millis{10});
    CHECK(view.state == JobState::done);
    CHECK(view.endpoint == "/v1/chat/completions");
    CHECK(workspace.fetch(job, {.out = out.native()}).items.succeeded == 40);
    check_rows(tests::slurp(out), 40);
    CHECK(workspace.status(job).fetched_at.has_value());
  }
  CHECK(arena.ledger("batches_created") == 1);
}

TEST_CASE("what is pending is refused, or left out, and nothing stands at the place of a file that was refused")
{
  Arena arena{{.in_progress_ms = 60'000}};
  Workspace workspace{settings_for(arena)};
  const auto job = workspace.submit(arena.ask(3));
  const auto out = arena.directory / "answers.jsonl";
  CHECK(workspace.collect(job).items.pending() == 3);
  CHECK(fault_of([&] { workspace.fetch(job, {.out = out.native()}); }) == Fault::unfinished);
  CHECK_FALSE(std::filesystem::exists(out));

  workspace.fetch(job, {.out = out.native(), .pending = results::Pending::leave_out});
  CHECK(tests::slurp(out).empty());
  CHECK_FALSE(workspace.status(job).fetched_at.has_value());
}

TEST_CASE("collecting brings home and never sends")
{
  Arena arena;
  Workspace workspace{settings_for(arena)};
  auto ask = arena.ask(3);
  ask.job.account = workspace.server().account;
  ask.job.base_url = workspace.server().base_url;
  engine::found(workspace.tools(), engine::draft(workspace.tools(), ask));
  CHECK(workspace.collect("rows", {.sending = engine::Sending::yes}).items.pending() == 3);
  CHECK(arena.ledger("batches_created") == 0);
}

TEST_CASE("without a key nothing is made; a job that is done is waited for and fetched without one")
{
  Arena arena;
  {
    Workspace keyless{settings_for(arena, "")};
    CHECK(fault_of([&] { keyless.submit(arena.ask(3)); }) == Fault::auth);
    CHECK_FALSE(keyless.exists());
    CHECK_FALSE(std::filesystem::exists(keyless.root()));
  }
  {
    Workspace workspace{settings_for(arena)};
    workspace.wait(workspace.submit(arena.ask(3)), Millis{10});
  }
  Workspace keyless{settings_for(arena, "")};
  CHECK(keyless.exists());
  CHECK(keyless.wait("rows").state == JobState::done);
  std::string text;
  const auto append = [&](std::string_view bytes) { text += bytes; };
  keyless.collect("rows");
  CHECK(keyless.merge("rows", append).succeeded == 3);
  check_rows(text, 3);
  CHECK(fault_of([&] { keyless.status("other"); }) == Fault::usage);
}

TEST_CASE("an ask that says too little is refused before anything is made; bad records are told to the observer")
{
  Arena arena;
  Recorder recorder;
  Workspace workspace{settings_for(arena), recorder};
  engine::Ask ask{.inputs = {arena.directory.file("bad.jsonl", "{\"text\":\"a\"}\n{\"text\":\n").native()}};
  CHECK(fault_of([&] { workspace.submit(ask); }) == Fault::usage);
  ask.job.request.model = "gpt-5.4-mini";
  CHECK(fault_of([&] { workspace.submit(ask); }) == Fault::usage);
  CHECK(fault_of([&] { workspace.submit({}); }) == Fault::usage);
  CHECK(fault_of([&] { workspace.submit({.job = {.name = "../up"}, .inputs = ask.inputs}); }) == Fault::usage);
  CHECK(fault_of([&] { workspace.submit({.job = {.limits = {.requests = 50'001}}, .inputs = ask.inputs}); }) ==
        Fault::usage);
  CHECK(workspace.tools().store.jobs().empty());

  ask.job.request.prompt = "{{text}}";
  ask.job.skip_bad = 1;
  CHECK(workspace.wait(workspace.submit(ask), Millis{10}).items.succeeded == 1);
  CHECK(recorder.notes.front().starts_with("put aside: "));
}

TEST_CASE("threads work side by side, each through a workspace of its own")
{
  Arena arena;
  const auto ask = arena.ask(20);
  std::vector<std::thread> threads;
  std::array<std::uint64_t, 4> succeeded{};
  for (std::size_t i = 0; i < succeeded.size(); ++i) {
    threads.emplace_back([&, i] {
      Workspace workspace{settings_for(arena)};
      auto own = ask;
      own.job.name = fmt::format("job-{}", i);
      workspace.wait(workspace.submit(own), Millis{10});
      const auto out = arena.directory / (own.job.name + ".jsonl");
      succeeded[i] = workspace.fetch(own.job.name, {.out = out.native()}).items.succeeded;
    });
  }
  for (auto& thread : threads)
    thread.join();
  for (std::size_t i = 0; i < succeeded.size(); ++i) {
    CHECK(succeeded[i] == 20);
    check_rows(tests::slurp(arena.directory / fmt::format("job-{}.jsonl", i)), 20);
  }
  CHECK(arena.ledger("batches_created") == 4);
}

TEST_CASE("ready-made requests and vectors need nothing of an ask but themselves")
{
  Arena arena;
  Workspace workspace{settings_for(arena)};
  const auto line =
      R"({"custom_id":"a","method":"POST","url":"/v1/responses","body":{"model":"gpt-5.4-mini","input":"x"}})";
  const auto ready =
      workspace.submit({.inputs = {arena.directory.file("ready.jsonl", std::string{line} + "\n").native()}});
  CHECK(workspace.wait(ready, Millis{10}).items.succeeded == 1);

  auto ask = arena.ask(40);
  ask.job.request.model = "text-embedding-3-small";
  ask.job.request.endpoint = "/v1/embeddings";
  const auto vectors = workspace.submit(ask);
  CHECK(workspace.wait(vectors, Millis{10}).items.succeeded == 40);
  CHECK(workspace.tools().store.parts(vectors).front().requests == 1);
}
