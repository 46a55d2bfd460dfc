#include "tests/requests/requests_fixture.hpp"
#include "tests/results/part_files.hpp"

#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/members.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;
using results::Members;

namespace {

/// A part that holds these items, with its list among the files of `directory`.
Part listed_part(const tests::FreshDirectory& directory, const std::vector<Ordinal>& ordinals)
{
  input::OrdinalWriter list{tests::files_in(directory).ordinals};
  for (const auto ordinal : ordinals)
    list.add(ordinal);
  list.commit();
  return {.number = 1,
          .first = ordinals.front(),
          .last = ordinals.back(),
          .items = ordinals.size(),
          .listed = true,
          .requests = ordinals.size()};
}

/// Embeddings of the texts "0", "1", "2" and so on, in packs.
Job packed_job(const tests::FreshDirectory& directory, std::size_t items)
{
  std::string csv = "key,text\n";
  for (std::size_t i = 0; i < items; ++i)
    csv += fmt::format("key-{},{}\n", i, i);
  auto job = tests::job({tests::input_file(directory, "in.csv", csv, InputFormat::csv)}, "{{text}}");
  job.request.endpoint = "/v1/embeddings";
  job.request.inputs_per_request = 2048;
  return job;
}

/// What an honest server gives for a request: each input's own number as its vector, in any order.
std::string answer_to(std::string_view request, std::mt19937& random)
{
  json::Document document;
  REQUIRE(document.parse(request));
  std::vector<std::string> elements;
  for (const auto& input : document.root().find("body", "input")->elements())
    elements.push_back(fmt::format(R"({{"index":{},"embedding":[{}]}})", elements.size(), *input.text()));
  std::shuffle(elements.begin(), elements.end(), random);
  return fmt::format(R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r","body":)"
                     R"({{"data":[{}],"model":"m","usage":{{"prompt_tokens":1,"total_tokens":1}}}}}},"error":null}})",
                     *document.root().find("custom_id")->text(), fmt::join(elements, ","));
}

std::vector<std::string> answers_to(const std::filesystem::path& requests)
{
  std::mt19937 random{5};
  std::vector<std::string> all;
  LineReader lines{requests};
  while (const auto line = lines.next())
    all.push_back(answer_to(line->text, random));
  std::shuffle(all.begin(), all.end(), random);
  return all;
}

/// The place that a custom_id begins at and how many items it means: "2+3"; empty: none of the part's.
std::string found(const Members& members, std::string_view custom_id)
{
  const auto places = members.find(custom_id);
  return places ? fmt::format("{}+{}", places->begin, places->items) : std::string{};
}

} // namespace

TEST_SUITE_BEGIN("results::packs");

TEST_CASE("each item of a scattered part gets its own element of its pack's answer, under its own id")
{
  const tests::FreshDirectory directory;
  auto files = tests::files_in(directory);
  auto job = packed_job(directory, 3000);
  std::string prefix = "bw-";
  SUBCASE("with ids that carry the ordinal") {}
  SUBCASE("with ids of the user's, that packs hide")
  {
    job.request.id_column = "key";
    files.ids = directory / "1.ids.jsonl";
    prefix = "key-";
  }
  std::vector<Ordinal> scattered;
  for (Ordinal ordinal = 4; ordinal < 3000; ordinal += ordinal % 90 < 30 ? 1 : 1 + ordinal % 23)
    scattered.push_back(ordinal);
  const auto part = listed_part(directory, scattered);
  const auto built = requests::build(
      job, part, {.ordinals = files.ordinals, .requests = files.requests, .ids = directory / "1.ids.jsonl"});
  CHECK(built.requests > 10);
  CHECK(built.requests < scattered.size() / 2);
  directory.file("1.output.jsonl", tests::lines(answers_to(files.requests)));

  const auto settled = results::settle(part, files, {.endpoint = "/v1/embeddings"});
  CHECK(settled.sums.succeeded == scattered.size());
  CHECK(settled.quarantined == 0);
  CHECK(settled.missing == 0);
  std::size_t next = 0;
  LineReader lines{files.outcomes};
  REQUIRE(lines.next()->text.starts_with('@')); // the names of the part's files
  while (const auto line = lines.next()) {
    const auto ordinal = scattered.at(next++);
    const auto id = prefix == "bw-" ? tests::id(ordinal) : fmt::format("key-{}", ordinal);
    REQUIRE(line->text.starts_with(fmt::format("{}\ts\t", ordinal)));
    CHECK(line->text.find(fmt::format(R"("custom_id":"{}")", id)) != std::string::npos);
    CHECK(line->text.find(fmt::format(R"("embedding":[{}])", ordinal)) != std::string::npos);
  }
  CHECK(next == scattered.size());
}

TEST_CASE("in a part with a list an id means exactly the items it names, or none")
{
  const tests::FreshDirectory directory;
  const auto part = listed_part(directory, {3, 4, 5, 9, 11, 12, 20});
  const Members members{part, tests::files_in(directory), false};
  CHECK(found(members, "bw-0000000003") == "0+1");
  CHECK(found(members, "bw-0000000003x3") == "0+3");
  CHECK(found(members, "bw-0000000004x2_3") == "1+3");
  CHECK(found(members, "bw-0000000003x3_3_1x2_7") == "0+7");
  CHECK(found(members, "bw-0000000020") == "6+1");
  for (const auto* foreign : {"bw-0000000003x4",           // 6 is not in the part
                              "bw-0000000009x2",           // nor is 10, whatever follows 9 in it
                              "bw-0000000003_1",           // 4 stands between them
                              "bw-0000000005_5",           // 9 does
                              "bw-0000000003x3_3_1x2_7_1", // 22 would stand behind the last
                              "bw-0000000003x3_3_1x2_7x2", // so would 21
                              "bw-0000000002x2",           // it begins before the first
                              "bw-0000000006",             // in a gap
                              "bw-0000000020x2",           // it would go on behind the last
                              "bw-0000000005_4x2",         // 11 is where it would be, 10 is not
                              "bw-0000000011x2_6",         // 19 is not in the part
                              "bw-0000000009_1x3",         // 13 is not
                              "bw-0000000009_0x2", "key", ""}) {
    CAPTURE(foreign);
    CHECK(found(members, foreign).empty());
  }
}

TEST_CASE("in a part that is a range no id with gaps means anything")
{
  const tests::FreshDirectory directory;
  const Members members{tests::range(10, 19), tests::files_in(directory), false};
  CHECK(found(members, "bw-0000000010x10") == "0+10");
  CHECK(found(members, "bw-0000000019") == "9+1");
  for (const auto* foreign : {"bw-0000000010x11", "bw-0000000009x2", "bw-0000000019x2", "bw-0000000010_1",
                              "bw-0000000010x2_1x2", "bw-0000000018_1", "bw-0000000020"}) {
    CAPTURE(foreign);
    CHECK(found(members, foreign).empty());
  }
}

TEST_SUITE_END();
