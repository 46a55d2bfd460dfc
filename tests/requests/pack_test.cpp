#include "tests/requests/requests_fixture.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/requests/requests.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

using namespace batchwright;
using tests::FreshDirectory;
using tests::thrown_by;

namespace {

/// A job of embeddings over these texts, packed.
Job packed_job(const FreshDirectory& dir, const std::vector<std::string>& texts, std::uint64_t inputs_per_request)
{
  std::string csv = "id,text\n";
  for (std::size_t i = 0; i < texts.size(); ++i)
    csv += fmt::format("key {},{}\n", i, texts[i]);
  auto j = tests::job({tests::input_file(dir, "in.csv", csv, InputFormat::csv)}, "{{text}}");
  j.request.endpoint = "/v1/embeddings";
  j.request.inputs_per_request = inputs_per_request;
  requests::complete(j.request);
  return j;
}

std::vector<std::string> texts(std::size_t n)
{
  std::vector<std::string> all;
  for (std::size_t i = 0; i < n; ++i)
    all.push_back(fmt::format("text {}", i));
  return all;
}

struct Pack {
  std::string custom_id = {};
  std::vector<std::string> inputs = {};

  bool operator==(const Pack&) const = default;
};

/// The requests of a file.
std::vector<Pack> packs_in(const std::filesystem::path& file)
{
  std::vector<Pack> packs;
  const auto text = tests::slurp(file);
  for (std::size_t at = 0; at < text.size();) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    json::Document document;
    REQUIRE(document.parse(line));
    Pack pack{*document.root().find("custom_id")->text(), {}};
    for (const auto& input : document.root().find("body", "input")->elements())
      pack.inputs.push_back(*input.text());
    packs.push_back(std::move(pack));
  }
  return packs;
}

std::vector<Pack> packs_of(const FreshDirectory& dir, const Job& j, const Part& part)
{
  requests::build(j, part, {.ordinals = dir / "list", .requests = dir / "part", .ids = dir / "ids"});
  return packs_in(dir / "part");
}

/// A part that holds these items, with its list.
Part listed_part(const FreshDirectory& dir, const std::vector<Ordinal>& ordinals)
{
  input::OrdinalWriter list{dir / "list"};
  for (const auto ordinal : ordinals)
    list.add(ordinal);
  list.commit();
  return {.number = 2,
          .first = ordinals.front(),
          .last = ordinals.back(),
          .items = ordinals.size(),
          .listed = true,
          .requests = ordinals.size()};
}

} // namespace

TEST_SUITE_BEGIN("requests::packs");

TEST_CASE("items are packed in order, the last pack holds the rest, and ids of packs say what is in them")
{
  const FreshDirectory dir;
  const auto j = packed_job(dir, texts(7), 3);
  const auto plan = requests::plan(j);
  REQUIRE(plan.parts.size() == 1);
  CHECK(plan.items == 7);
  CHECK(plan.parts[0].items == 7);
  CHECK(plan.parts[0].requests == 3);
  CHECK(packs_of(dir, j, plan.parts[0]) == std::vector<Pack>{{"bw-0000000000x3", {"text 0", "text 1", "text 2"}},
                                                             {"bw-0000000003x3", {"text 3", "text 4", "text 5"}},
                                                             {"bw-0000000006", {"text 6"}}});
  CHECK_FALSE(std::filesystem::exists(dir / "ids"));
}

TEST_CASE("parts are cut between packs and hold no more items than a batch may, and each builds as planned")
{
  const FreshDirectory dir;
  auto j = packed_job(dir, texts(50), 4);
  j.limits.requests = 3;
  const auto plan = requests::plan(j);
  REQUIRE(plan.parts.size() == 5);
  std::size_t next = 0;
  for (const auto& part : plan.parts) {
    CHECK(part.first == next);
    for (const auto& pack : packs_of(dir, j, part))
      for (const auto& input : pack.inputs)
        CHECK(input == fmt::format("text {}", next++));
    CHECK(part.last + 1 == next);
  }
  CHECK(next == 50);

  auto many = packed_job(dir, std::vector<std::string>(60'000, "x"), 2048);
  const auto parts = requests::plan(many).parts;
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].items <= 50'000);
  CHECK(parts[0].items > 50'000 - 2048);
  CHECK(parts[0].items + parts[1].items == 60'000);
}

TEST_CASE("a pack has no more text than the API surely takes, and a text that may be too long goes alone")
{
  const FreshDirectory dir;
  const std::string large(20'000, 'a');
  const std::string suspicious(24'577, 'b');
  const auto j = packed_job(dir, {"x",   suspicious, "y",   "z",   large, large, large, large, large, large,
                                  large, large,      large, large, large, large, large, large, large, "end"},
                            100);
  std::vector<std::size_t> sizes;
  for (const auto& pack : packs_of(dir, j, requests::plan(j).parts.at(0))) {
    sizes.push_back(pack.inputs.size());
    std::size_t bytes = 0;
    for (const auto& input : pack.inputs)
      bytes += input.size();
    CHECK(bytes <= 300'000);
    if (pack.inputs.front() == suspicious) CHECK(pack.inputs.size() == 1);
  }
  CHECK(sizes == std::vector<std::size_t>{1, 1, 16, 2});
}

TEST_CASE("a pack fits into the bytes that a part may have")
{
  const FreshDirectory dir;
  auto j = packed_job(dir, texts(100), 100);
  j.limits.bytes = 400;
  const auto plan = requests::plan(j);
  CHECK(plan.parts.size() > 3);
  for (const auto& part : plan.parts) {
    CHECK(part.bytes <= 400);
    CHECK(packs_of(dir, j, part).size() == part.requests);
  }
  CHECK(packs_of(dir, j, plan.parts.at(0)).at(0).custom_id == "bw-0000000000x26");
  CHECK(packs_of(dir, j, plan.parts.at(1)).at(0).custom_id == "bw-0000000026x25");
  j.limits.bytes = 60;
  CHECK(thrown_by([&] { requests::plan(j); }).fault() == Fault::input);
}

TEST_CASE("a part may have smaller packs than its job, and packs of a list hold what follows in the list")
{
  const FreshDirectory dir;
  const auto j = packed_job(dir, texts(20), 10);
  auto part = listed_part(dir, {3, 5, 7, 8, 11, 19});
  part.inputs_per_request = 2;
  CHECK(packs_of(dir, j, part) == std::vector<Pack>{{"bw-0000000003_1", {"text 3", "text 5"}},
                                                    {"bw-0000000007x2", {"text 7", "text 8"}},
                                                    {"bw-0000000011_7", {"text 11", "text 19"}}});
  part.inputs_per_request = 0;
  CHECK(packs_of(dir, j, part) ==
        std::vector<Pack>{{"bw-0000000003_1_1x2_2_7", {"text 3", "text 5", "text 7", "text 8", "text 11", "text 19"}}});
}

TEST_CASE("a pack takes an item more for as long as its id can name all of them")
{
  const FreshDirectory dir;
  const auto j = packed_job(dir, texts(6000), 2048);
  std::vector<Ordinal> scattered;
  for (Ordinal ordinal = 0; ordinal < 6000; ordinal += 1 + ordinal % 7 * (ordinal % 31 == 0 ? 40 : 1))
    scattered.push_back(ordinal);
  const auto packs = packs_of(dir, j, listed_part(dir, scattered));
  std::size_t next = 0;
  for (const auto& pack : packs) {
    CAPTURE(pack.custom_id);
    CHECK(pack.custom_id.size() <= longest_pack_id);
    auto named = pack_of(pack.custom_id);
    REQUIRE(named.has_value());
    REQUIRE(named->items() == pack.inputs.size());
    std::size_t input = 0;
    for (const auto& run : named->runs) {
      for (auto ordinal = run.first; ordinal <= run.last(); ++ordinal) {
        CHECK(ordinal == scattered.at(next++));
        CHECK(pack.inputs[input++] == fmt::format("text {}", ordinal));
      }
    }
    if (next == scattered.size()) continue;
    named->add(scattered[next]);
    CHECK(pack_custom_id(*named).size() > longest_pack_id);
  }
  CHECK(next == scattered.size());
}

TEST_CASE("an id may have all of its 64 characters")
{
  const FreshDirectory dir;
  const auto j = packed_job(dir, texts(100), 100);
  std::vector<Ordinal> scattered;
  for (Ordinal ordinal = 0; ordinal <= 48; ordinal += 2)
    scattered.push_back(ordinal);
  scattered.insert(scattered.end(), {59, 61});
  const auto packs = packs_of(dir, j, listed_part(dir, scattered));
  REQUIRE(packs.size() == 2);
  CHECK(packs[0].custom_id == "bw-0000000000_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_1_10");
  CHECK(packs[0].custom_id.size() == 64);
  CHECK(packs[1] == Pack{"bw-0000000061", {"text 61"}});
}

TEST_CASE("a list that is cut makes parts whose packs come out again when each is built")
{
  const FreshDirectory dir;
  auto j = packed_job(dir, texts(3000), 100);
  std::vector<Ordinal> scattered;
  for (Ordinal ordinal = 0; ordinal < 3000; ordinal += 1 + ordinal % 5)
    scattered.push_back(ordinal);
  SUBCASE("within a number of requests")
  {
    j.limits.requests = 3;
  }
  SUBCASE("within so few bytes that an id of several runs takes from the inputs")
  {
    j.limits.bytes = 380;
  }
  auto like = listed_part(dir, scattered);
  like.requests = 0;
  const auto list = [&](int number) { return dir / std::to_string(number); };
  const auto parts = requests::cut(j, like, dir / "list", list);
  CHECK(parts.size() > 10);
  std::size_t next = 0;
  for (const auto& part : parts) {
    CHECK(part.bytes <= j.limits.bytes);
    const auto built = requests::build(
        j, part,
        {.ordinals = list(part.number), .requests = dir / "part", .ids = dir / "ids"}); // throws for other bytes
    CHECK(built.requests == part.requests);
    for (const auto& pack : packs_in(dir / "part"))
      for (const auto& input : pack.inputs)
        CHECK(input == fmt::format("text {}", scattered.at(next++)));
  }
  CHECK(next == scattered.size());
}

TEST_CASE("the user's ids stand beside the packs that hide them")
{
  const FreshDirectory dir;
  auto j = packed_job(dir, texts(3), 2);
  j.request.id_column = "id";
  const auto part = requests::plan(j).parts.at(0);
  CHECK(packs_of(dir, j, part).at(0).custom_id == "bw-0000000000x2");
  CHECK(tests::slurp(dir / "ids") == "\"key 0\"\n\"key 1\"\n\"key 2\"\n");
  auto halved = part;
  halved.inputs_per_request = 1; // each alone, and still under an id of ours
  halved.bytes = 0;
  CHECK(packs_of(dir, j, halved) ==
        std::vector<Pack>{{"bw-0000000000", {"text 0"}}, {"bw-0000000001", {"text 1"}}, {"bw-0000000002", {"text 2"}}});

  j.request.inputs_per_request = 1;
  std::filesystem::remove(dir / "ids");
  CHECK(packs_of(dir, j, requests::plan(j).parts.at(0)).at(0).custom_id == "key 0");
  CHECK_FALSE(std::filesystem::exists(dir / "ids"));

  dir.file("twice.csv", "id,text\na,1\nb,2\na,3\n");
  j.inputs = {tests::input_file(dir, "twice.csv", "id,text\na,1\nb,2\na,3\n", InputFormat::csv)};
  j.request.inputs_per_request = 2;
  CHECK(thrown_by([&] { requests::plan(j); }).fault() == Fault::input);
}

TEST_CASE("what is packed follows from the endpoint unless the user says otherwise")
{
  const auto completed = [](const char* endpoint, std::uint64_t asked, const char* body = "") {
    RequestSpec s;
    s.model = "m";
    s.endpoint = endpoint;
    s.body = body;
    s.inputs_per_request = asked;
    requests::complete(s);
    return s.inputs_per_request;
  };
  CHECK(completed("/v1/embeddings", 0) == 100);
  CHECK(completed("/v1/embeddings", 2048) == 2048);
  CHECK(completed("/v1/embeddings", 0, R"({"input":"{{text}}"})") == 1);
  CHECK(completed("/v1/moderations", 0) == 32);
  CHECK(completed("/v1/chat/completions", 0) == 1);
  CHECK(completed("/v1/chat/completions", 1) == 1);
  CHECK(thrown_by([&] { completed("/v1/embeddings", 2049); }).fault() == Fault::usage);
  CHECK(thrown_by([&] { completed("/v1/chat/completions", 2); }).fault() == Fault::usage);
  CHECK(thrown_by([&] { completed("/v1/embeddings", 2, "{}"); }).fault() == Fault::usage);
}

TEST_SUITE_END();
