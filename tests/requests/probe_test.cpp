// Items that are tried first: which they are, the parts they get, and the files those and the others are built into.

#include "tests/requests/requests_fixture.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/input/ordinals.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <vector>

using namespace batchwright;
using requests::ProbeAsk;
using tests::FreshDirectory;

namespace {

std::string texts(int count, const std::string& more = {})
{
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("item {}{}\n", i, more);
  return text;
}

Job text_job(const FreshDirectory& dir, const std::string& text, const std::string& name = "in.txt")
{
  return tests::job({tests::input_file(dir, name, text, InputFormat::text)}, "Say {{text}}");
}

requests::Plan planned(Job& j, ProbeAsk ask)
{
  auto plan = requests::plan(j, {}, input::Empty::refuse, ask);
  j.probe = plan.probe;
  return plan;
}

/// The ordinals of a part, by its file.
std::vector<Ordinal> built(const FreshDirectory& dir, const Job& j, const Part& part)
{
  const requests::PartFiles files{.ordinals = dir / "list", .requests = dir / "part", .ids = dir / "ids"};
  for (const auto& file : {files.ordinals, files.requests, files.ids})
    std::filesystem::remove(file);
  const auto made = requests::build(j, part, files);
  CHECK(made.requests == part.requests);
  CHECK(made.bytes == part.bytes);
  std::vector<Ordinal> found;
  input::Ordinals ordinals{part, files.ordinals};
  while (const auto ordinal = ordinals.next())
    found.push_back(*ordinal);
  return found;
}

} // namespace

TEST_SUITE_BEGIN("requests::probe");

TEST_CASE("they are the middles of equal shares; none below a threshold; all of few")
{
  const FreshDirectory dir;
  auto j = text_job(dir, texts(150));
  CHECK(planned(j, {3, 100}).probe == std::vector<Ordinal>{25, 75, 125});
  CHECK(planned(j, {3, 149}).probe == std::vector<Ordinal>{25, 75, 125});
  CHECK(planned(j, {3, 150}).probe.empty());
  CHECK(planned(j, {1, 0}).probe == std::vector<Ordinal>{75});
  CHECK(planned(j, {0, 0}).probe.empty());
  auto few = text_job(dir, texts(3));
  CHECK(planned(few, {7, 0}).probe == std::vector<Ordinal>{0, 1, 2});
}

TEST_CASE("parts without one stay ranges; one that lacks one has a list; together they hold every item once")
{
  const FreshDirectory dir;
  auto j = text_job(dir, texts(150));
  j.limits.requests = 30;
  const auto plan = planned(j, {3, 100});
  std::vector<int> seen(150, 0);
  int ranges = 0;
  for (const auto& part : plan.parts) {
    CAPTURE(part.number);
    CHECK((part.route == Route::realtime) == (part.pick == Pick::probe));
    ranges += part.pick == Pick::all ? 1 : 0;
    const auto found = built(dir, j, part);
    REQUIRE(found.size() == part.items);
    CHECK(found.front() == part.first);
    CHECK(found.back() == part.last);
    for (const auto ordinal : found)
      ++seen[ordinal];
    if (part.pick == Pick::probe) CHECK(found == j.probe);
  }
  CHECK(seen == std::vector<int>(150, 1));
  CHECK(plan.parts.size() == 6);
  CHECK(ranges == 2); // three of five hold the place of one
  CHECK(plan.items == 150);
}

TEST_CASE("of a long input they are chosen by its bytes, spread and the same each time; packed, by its items")
{
  const FreshDirectory dir;
  const auto text = texts(12'000);
  auto plain = text_job(dir, text);
  const auto chosen = planned(plain, {3, 100}).probe;
  REQUIRE(chosen.size() == 3);
  CHECK(chosen == planned(plain, {3, 100}).probe);
  for (int i = 0; i < 3; ++i) {
    const auto middle = 2'000 + 4'000 * i;
    CHECK(static_cast<int>(chosen[static_cast<std::size_t>(i)]) > middle - 400);
    CHECK(static_cast<int>(chosen[static_cast<std::size_t>(i)]) < middle + 400);
  }
  auto packed = text_job(dir, tests::gzipped(text), "in.txt.gz");
  CHECK(planned(packed, {3, 100}).probe == std::vector<Ordinal>{2'000, 6'000, 10'000});
}

TEST_CASE("where one item is as long as all others together, the next ones are taken")
{
  const FreshDirectory dir;
  auto j = text_job(dir, std::string(1'000'000, 'x') + '\n' + texts(11'000));
  CHECK(planned(j, {3, 100}).probe == std::vector<Ordinal>{1, 2, 3});
}

TEST_CASE("each is asked alone where others are packed, and no pack holds it")
{
  const FreshDirectory dir;
  auto j = text_job(dir, texts(150));
  j.request.endpoint = "/v1/embeddings";
  j.request.model = "text-embedding-3-small";
  j.request.prompt = "{{text}}";
  j.request.inputs_per_request = 40;
  const auto plan = planned(j, {3, 100});
  REQUIRE(plan.parts.size() == 2);
  for (const auto& part : plan.parts) {
    CHECK(built(dir, j, part).size() == part.items);
    if (part.pick != Pick::probe) continue;
    CHECK(part.inputs_per_request == 1);
    CHECK(part.requests == 3);
  }
}

TEST_CASE("urgent items that are tried first are tried first")
{
  const FreshDirectory dir;
  std::string csv = "text,tier\n";
  for (int i = 0; i < 150; ++i)
    csv += fmt::format("{},{}\n", i, i % 25 == 0 ? "gold" : "tin");
  auto j = tests::job({tests::input_file(dir, "in.csv", csv, InputFormat::csv)}, "{{text}}");
  j.mode = Mode::hybrid;
  j.urgent = {{"tier", "gold"}};
  const auto plan = planned(j, {3, 100});
  CHECK(plan.urgent == std::vector<std::uint64_t>{6});
  for (const auto& part : plan.parts) {
    const auto found = built(dir, j, part);
    if (part.pick == Pick::probe) CHECK(found == std::vector<Ordinal>{25, 75, 125});
    if (part.pick == Pick::urgent) CHECK(found == std::vector<Ordinal>{0, 50, 100});
    if (part.pick == Pick::others) CHECK(found.size() == 144);
  }
  CHECK(plan.parts.size() == 3);
}

TEST_CASE("pictures and videos are none of them")
{
  const FreshDirectory dir;
  const auto line = [](int i, const std::string& url, const std::string& body) {
    return fmt::format(R"({{"custom_id":"c{}","method":"POST","url":"{}","body":{{"model":"m",{}}}}})"
                       "\n",
                       i, url, body);
  };
  std::string lines;
  for (int i = 0; i < 120; ++i) {
    lines += i < 90 ? line(i, "/v1/images/generations", R"("prompt":"a cat")")
                    : line(i, "/v1/chat/completions", R"("messages":[{"role":"user","content":"hi"}])");
  }
  Job j;
  j.inputs = {tests::input_file(dir, "in.jsonl", lines, InputFormat::requests)};
  j.request = {.endpoint = {}, .inputs_per_request = 0};
  j.limits = {50'000, 100'000'000};
  const auto plan = planned(j, {3, 100});
  CHECK(plan.probe == std::vector<Ordinal>{90, 91, 100}); // the first that are none, at or behind the places
  for (const auto& part : plan.parts) {
    if (part.pick == Pick::probe) CHECK(part.endpoint == "/v1/chat/completions");
    CHECK(built(dir, j, part).size() == part.items);
  }
}

TEST_SUITE_END();
