// Urgent items: which they are, the parts they get, and the files those are built into.

#include "tests/requests/requests_fixture.hpp"

#include <batchwright/input/ordinals.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <vector>

using namespace batchwright;
using tests::FreshDirectory;
using tests::says;
using tests::thrown_by;

namespace {

using Conditions = std::vector<std::pair<std::string, std::string>>;

/// A line an item; every third is gold, the first among them.
std::string tiers(int count)
{
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format(R"({{"id":"r{}","tier":"{}","text":"item {}"}})"
                        "\n",
                        i, i % 3 == 0 ? "gold" : "tin", i);
  return text;
}

Job urgent_job(const FreshDirectory& dir, const std::string& text, Conditions urgent)
{
  auto j = tests::job({tests::input_file(dir, "in.jsonl", text, InputFormat::jsonl)}, "Say {{text}}");
  j.mode = Mode::hybrid;
  j.urgent = std::move(urgent);
  return j;
}

struct BuiltPart {
  std::vector<Ordinal> listed = {};
  std::string requests = {};
  std::string ids = {};
};

BuiltPart built(const FreshDirectory& dir, const Job& j, const Part& part)
{
  const requests::PartFiles files{.ordinals = dir / "list", .requests = dir / "part", .ids = dir / "ids"};
  for (const auto& file : {files.ordinals, files.requests, files.ids})
    std::filesystem::remove(file);
  const auto made = requests::build(j, part, files);
  CHECK(made.requests == part.requests);
  CHECK(made.bytes == part.bytes);
  BuiltPart found{.requests = tests::slurp(files.requests)};
  if (std::filesystem::exists(files.ids)) found.ids = tests::slurp(files.ids);
  REQUIRE(part.has_list());
  auto as_listed = part;
  as_listed.listed = true;
  input::Ordinals ordinals{as_listed, files.ordinals};
  while (const auto ordinal = ordinals.next())
    found.listed.push_back(*ordinal);
  return found;
}

/// The ordinals that the plan makes urgent.
std::vector<Ordinal> urgent_of(const FreshDirectory& dir, const Job& j)
{
  std::vector<Ordinal> all;
  for (const auto& part : requests::plan(j).parts) {
    if (part.pick != Pick::urgent) continue;
    const auto listed = built(dir, j, part).listed;
    all.insert(all.end(), listed.begin(), listed.end());
  }
  return all;
}

} // namespace

TEST_SUITE_BEGIN("requests::urgency");

TEST_CASE("urgent items have parts of their own, for real time, and every item is in one part")
{
  const FreshDirectory dir;
  auto j = urgent_job(dir, tiers(40), {{"tier", "gold"}});
  j.limits.requests = 9;
  const auto plan = requests::plan(j);
  const auto lines = tests::lines_of(j);
  std::vector<int> seen(40, 0);
  std::uint64_t bytes = 0;
  std::uint64_t items = 0;
  for (const auto& part : plan.parts) {
    CAPTURE(part.number);
    REQUIRE(part.pick != Pick::all);
    CHECK((part.route == Route::realtime) == (part.pick == Pick::urgent));
    CHECK(part.requests <= 9);
    const auto found = built(dir, j, part);
    REQUIRE(found.listed.size() == part.items);
    CHECK(found.listed.front() == part.first);
    CHECK(found.listed.back() == part.last);
    std::string expected;
    for (const auto ordinal : found.listed) {
      ++seen[ordinal];
      expected += lines[ordinal];
      CHECK((ordinal % 3 == 0) == (part.pick == Pick::urgent));
    }
    CHECK(found.requests == expected);
    bytes += part.bytes;
    items += part.items;
  }
  CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
  CHECK(plan.items == 40);
  CHECK(items == 40);
  CHECK(plan.bytes == bytes);
  CHECK(plan.parts.size() == 5); // 14 are urgent, 26 are not
}

TEST_CASE("parts are numbered by their first items, whichever kind was full first")
{
  const FreshDirectory dir;
  auto j = urgent_job(dir, tiers(60), {{"tier", "tin"}}); // the first item is not urgent, the second is
  j.limits.requests = 7;
  const auto plan = requests::plan(j);
  REQUIRE(plan.parts.size() == 9);
  for (std::size_t i = 0; i < plan.parts.size(); ++i) {
    CHECK(plan.parts[i].number == static_cast<int>(i) + 1);
    CHECK(plan.parts[i].mark.ordinal == plan.parts[i].first);
    if (i > 0) CHECK(plan.parts[i - 1].first < plan.parts[i].first);
  }
  CHECK(plan.parts[0].pick == Pick::others);
  CHECK(plan.parts[1].pick == Pick::urgent);
}

TEST_CASE("each condition is counted by itself, also behind one that holds")
{
  const FreshDirectory dir;
  const auto j = urgent_job(dir, tiers(9), {{"tier", "gold"}, {"tier", "glod"}, {"id", "r0"}});
  CHECK(requests::plan(j).urgent == std::vector<std::uint64_t>{3, 0, 1});
  CHECK(requests::plan(urgent_job(dir, tiers(9), {})).urgent.empty());
}

TEST_CASE("where all are urgent there is no batch, where none is, no other part")
{
  const FreshDirectory dir;
  const auto all = requests::plan(urgent_job(dir, tiers(1), {{"tier", "gold"}}));
  REQUIRE(all.parts.size() == 1);
  CHECK(all.parts[0].route == Route::realtime);
  const auto none = requests::plan(urgent_job(dir, tiers(9), {{"tier", "lead"}}));
  REQUIRE(none.parts.size() == 1);
  CHECK(none.parts[0].route == Route::batch);
  CHECK(none.parts[0].items == 9);
}

TEST_CASE("one of several conditions is enough; texts, numbers, booleans and what stands inside count as they read")
{
  const FreshDirectory dir;
  const std::string text = R"({"text":"0","n":7,"ok":true,"who":{"tier":"gold"},"word":"gr\u00fcn"})"
                           "\n"
                           R"({"text":"1","n":"7","ok":false,"who":{"tier":"tin"},"word":"grün"})"
                           "\n"
                           R"({"text":"2","n":7.0,"ok":"true","who":{"tier":null},"word":"rot"})"
                           "\n"
                           R"({"text":"3","n":70,"ok":null,"who":{"tier":["gold"]},"word":"a=b"})"
                           "\n";
  const auto found = [&](Conditions urgent) { return urgent_of(dir, urgent_job(dir, text, std::move(urgent))); };
  CHECK(found({{"n", "7"}}) == std::vector<Ordinal>{0, 1});
  CHECK(found({{"n", "7.0"}}) == std::vector<Ordinal>{2});
  CHECK(found({{"ok", "true"}}) == std::vector<Ordinal>{0, 2});
  CHECK(found({{"ok", ""}}) == std::vector<Ordinal>{3});
  CHECK(found({{"who.tier", "gold"}}) == std::vector<Ordinal>{0});
  CHECK(found({{"word", "grün"}}) == std::vector<Ordinal>{0, 1});
  CHECK(found({{"word", "a=b"}}) == std::vector<Ordinal>{3});
  CHECK(found({{"n", "70"}, {"who.tier", "gold"}, {"word", "rot"}}) == std::vector<Ordinal>{0, 2, 3});
  CHECK(found({{"n", "07"}, {"ok", "True"}}).empty());
}

TEST_CASE("a column that an item does not have is named with the item's place, and the known ones are listed")
{
  const FreshDirectory dir;
  const auto j = urgent_job(dir, "{\"text\":\"a\",\"tier\":\"x\"}\n{\"text\":\"b\",\"level\":1}\n", {{"tier", "gold"}});
  const auto e = thrown_by([&] { requests::plan(j); });
  CAPTURE(std::string{e.what()});
  CHECK(e.fault() == Fault::input);
  CHECK(says(e, "--urgent"));
  CHECK(says(e, "tier"));
  REQUIRE(e.place());
  CHECK(e.place()->line == 2);
  CHECK((std::string{e.what()} + e.hint()).find("level") != std::string::npos);

  auto csv = tests::job({tests::input_file(dir, "in.csv", "text,tier\na,gold\n", InputFormat::csv)}, "{{text}}");
  csv.urgent = {{"Tier", "gold"}};
  const auto f = thrown_by([&] { requests::plan(csv); });
  CHECK(f.fault() == Fault::input);
  CHECK(says(f, "Tier"));
  CHECK(f.place()->line == 2);
}

TEST_CASE("packs hold items of one kind each, and their files name the user's ids")
{
  const FreshDirectory dir;
  auto j = urgent_job(dir, tiers(40), {{"tier", "gold"}});
  j.request.endpoint = "/v1/embeddings";
  j.request.prompt = "{{text}}";
  j.request.id_column = "id";
  j.request.inputs_per_request = 4;
  const auto plan = requests::plan(j);
  REQUIRE(plan.parts.size() == 2);
  CHECK(plan.parts[0].pick == Pick::urgent);
  CHECK(plan.parts[0].items == 14);
  CHECK(plan.parts[0].requests == 4);
  CHECK(plan.parts[1].items == 26);
  CHECK(plan.parts[1].requests == 7);
  for (const auto& part : plan.parts) {
    const auto found = built(dir, j, part);
    std::string ids;
    for (const auto ordinal : found.listed) {
      CHECK((ordinal % 3 == 0) == (part.pick == Pick::urgent));
      ids += fmt::format("\"r{}\"\n", ordinal);
    }
    CHECK(found.listed.size() == part.items);
    CHECK(found.ids == ids);
    for (const auto ordinal : found.listed)
      CHECK(found.requests.find(fmt::format("\"item {}\"", ordinal)) != std::string::npos);
  }
}

TEST_CASE("the user's ids stand on the lines of either kind, and one that comes twice is refused across them")
{
  const FreshDirectory dir;
  auto j = urgent_job(dir, tiers(10), {{"tier", "gold"}});
  j.request.id_column = "id";
  for (const auto& part : requests::plan(j).parts) {
    const auto found = built(dir, j, part);
    for (const auto ordinal : found.listed)
      CHECK(found.requests.find(fmt::format("\"custom_id\":\"r{}\"", ordinal)) != std::string::npos);
  }
  j.inputs = {tests::input_file(
      dir, "twice.jsonl",
      "{\"id\":\"a\",\"tier\":\"gold\",\"text\":\"x\"}\n{\"id\":\"a\",\"tier\":\"tin\",\"text\":\"y\"}\n",
      InputFormat::jsonl)};
  const auto e = thrown_by([&] { requests::plan(j); });
  CHECK(says(e, "the id `a` stands on line 1 already"));
}

TEST_CASE("ready-made lines of several models are urgent by what stands inside them")
{
  const FreshDirectory dir;
  std::string text;
  for (int i = 0; i < 12; ++i)
    text += fmt::format(R"({{"custom_id":"c{}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{}",)"
                        R"("messages":[{{"role":"user","content":"{}"}}]}}}})"
                        "\n",
                        i, i % 2 == 0 ? "m" : "n", i % 3 == 0 ? "now" : "later");
  auto j = tests::job({tests::input_file(dir, "in.jsonl", text, InputFormat::requests)}, "");
  j.request = {.endpoint = {}};
  j.urgent = {{"body.messages.0.content", "now"}};
  const auto plan = requests::plan(j);
  REQUIRE(plan.parts.size() == 4);
  std::vector<int> seen(12, 0);
  for (const auto& part : plan.parts) {
    for (const auto ordinal : built(dir, j, part).listed) {
      ++seen[ordinal];
      CHECK((ordinal % 3 == 0) == (part.pick == Pick::urgent));
      CHECK(part.model == (ordinal % 2 == 0 ? "m" : "n"));
    }
  }
  CHECK(std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; }));
}

TEST_CASE("an input whose urgent items have changed is noticed")
{
  const FreshDirectory dir;
  const auto j = urgent_job(dir, tiers(9), {{"tier", "gold"}});
  const auto parts = requests::plan(j).parts;
  auto text = tiers(9);
  text.replace(text.find("tin"), 3, "gold");
  dir.file("in.jsonl", text);
  const auto e = thrown_by(
      [&] { requests::build(j, parts[0], {.ordinals = dir / "l", .requests = dir / "r", .ids = dir / "i"}); });
  CHECK(e.fault() == Fault::input);
  CHECK(says(e, "4 items for this part, expected 3"));
  CHECK_FALSE(std::filesystem::exists(dir / "r"));
  CHECK_FALSE(std::filesystem::exists(dir / "l"));
}

TEST_CASE("without a condition nothing is picked, and a job all in real time has ranges")
{
  const FreshDirectory dir;
  auto j = urgent_job(dir, tiers(20), {});
  j.limits.requests = 8;
  for (const auto mode : {Mode::batch, Mode::hybrid, Mode::realtime}) {
    j.mode = mode;
    const auto plan = requests::plan(j);
    REQUIRE(plan.parts.size() == 3);
    for (const auto& part : plan.parts) {
      CHECK(part.pick == Pick::all);
      CHECK_FALSE(part.has_list());
      CHECK(part.items == part.last - part.first + 1);
      CHECK((part.route == Route::realtime) == (mode == Mode::realtime));
    }
  }
}

TEST_SUITE_END();
