#include "tests/requests/requests_fixture.hpp"

#include <batchwright/input/ordinals.hpp>
#include <batchwright/requests/digest.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>

using namespace batchwright;
using tests::FreshDirectory;
using tests::thrown_by;

namespace {

std::vector<requests::Digest> asked(const Job& job)
{
  return requests::read_asked(job).digests;
}

Job job_of(const FreshDirectory& dir, const std::string& name, const std::string& text,
           const std::string& prompt = "Say {{text}}")
{
  return tests::job({tests::input_file(dir, name, text, InputFormat::jsonl)}, prompt);
}

/// What a part's file of digests says, as it is built.
std::vector<requests::DigestReader::Entry> written(const FreshDirectory& dir, const Job& job, const Part& part,
                                                   const std::filesystem::path& unsent = {})
{
  const requests::PartFiles files{.unsent = unsent,
                                  .ordinals = dir / "list",
                                  .requests = dir / "part",
                                  .digests = dir / "digests",
                                  .ids = dir / "ids"};
  requests::build(job, part, files);
  requests::DigestReader reader{part, files.ordinals, files.digests};
  std::vector<requests::DigestReader::Entry> entries;
  while (const auto entry = reader.next())
    entries.push_back(*entry);
  return entries;
}

std::string rows(int count)
{
  std::string text;
  for (int i = 0; i < count; ++i)
    text += fmt::format("{{\"text\":\"row {}\"}}\n", i);
  return text;
}

} // namespace

TEST_SUITE_BEGIN("requests::digest");

TEST_CASE("what an item asks is its url and its body: neither its id nor its place, but every byte of those")
{
  const FreshDirectory dir;
  const auto first = job_of(dir, "a", R"({"id":"x","text":"one"}
{"id":"y","text":"two"}
{"id":"z","text":"one"}
)");
  const auto digests = asked(first);
  REQUIRE(digests.size() == 3);
  CHECK(digests[0] == digests[2]);
  CHECK(digests[0] != digests[1]);

  auto by_id = first;
  by_id.request.id_column = "id";
  CHECK(asked(by_id) == digests);
  CHECK(asked(job_of(dir, "b", "{\"text\":\"two\"}\n")).front() == digests[1]);
  for (const auto& change : std::vector<std::function<void(RequestSpec&)>>{
           [](RequestSpec& s) { s.model = "n"; },
           [](RequestSpec& s) { s.prompt = "Say  {{text}}"; },
           [](RequestSpec& s) { s.max_output_tokens = 7; },
           [](RequestSpec& s) {
             s.set = {{"seed", "1"}};
           },
       }) {
    auto other = first;
    change(other.request);
    const auto changed = asked(other);
    for (std::size_t i = 0; i < digests.size(); ++i)
      CHECK(changed[i] != digests[i]);
  }
  requests::Digester digester;
  CHECK(digester.of("/v1/a", "b") != digester.of("/v1/", "ab"));
  CHECK(digester.of("/v1/a", "b") != digester.of("/v1/c", "b"));
}

TEST_CASE("a ready-made line asks the same as one that is made of a record, whatever the order of its members")
{
  const FreshDirectory dir;
  auto made = job_of(dir, "a", rows(1));
  made.request.max_output_tokens = 5;
  const auto line = tests::lines_of(made).front();
  const auto at = line.find(R"("body":)");
  const auto body = line.substr(at, line.size() - at - 2);
  const auto turned = fmt::format(R"({{{},"url":"/v1/chat/completions","custom_id":"mine","method":"POST"}})", body);
  auto ready = tests::job({tests::input_file(dir, "b", turned + "\n", InputFormat::requests)}, "");
  ready.request = {.endpoint = {}, .inputs_per_request = 0};
  CHECK(asked(ready) == asked(made));
}

TEST_CASE("a packed item asks what it would ask alone, however large the packs are and whatever stands beside it")
{
  const FreshDirectory dir;
  const auto packed = [&](const std::string& name, const std::string& text, std::uint64_t inputs) {
    auto job = job_of(dir, name, text, "{{text}}");
    job.request.endpoint = "/v1/embeddings";
    job.request.inputs_per_request = inputs;
    return job;
  };
  const auto job = packed("a", rows(10), 4);
  const auto digests = asked(job);
  CHECK(std::set<requests::Digest>(digests.begin(), digests.end()).size() == 10);
  CHECK(asked(packed("b", rows(10), 9)) == digests);
  CHECK(asked(packed("c", "{\"text\":\"row 7\"}\n", 4)).front() == digests[7]);
  const auto plan = requests::plan(job);
  REQUIRE(plan.parts.size() == 1);
  const auto entries = written(dir, job, plan.parts.front());
  REQUIRE(entries.size() == 10);
  for (std::size_t i = 0; i < entries.size(); ++i)
    CHECK(entries[i].digest == digests[i]);
}

TEST_CASE("parts hold what is sent and no more, ranges and mixed ones, and say what each of their items asks")
{
  const FreshDirectory dir;
  auto job = job_of(dir, "a", rows(30));
  job.limits.requests = 5;
  const auto digests = asked(job);
  const std::vector<Ordinal> unsent{0, 1, 7, 8, 9, 10, 11, 12, 20, 29};
  const auto list = dir / "unsent";
  input::OrdinalWriter writer{list};
  for (const auto ordinal : unsent)
    writer.add(ordinal);
  writer.commit();

  const auto plan = requests::plan(job, {}, input::Empty::refuse, {.items = 3, .sent = 20}, unsent);
  CHECK(plan.items == 30);
  CHECK(plan.probe.size() == 3);
  std::vector<Ordinal> held;
  job.probe = plan.probe;
  for (const auto& part : plan.parts) {
    for (const auto& entry : written(dir, job, part, list)) {
      held.push_back(entry.ordinal);
      CHECK(entry.digest == digests[entry.ordinal]);
    }
  }
  std::sort(held.begin(), held.end());
  std::vector<Ordinal> wanted;
  for (Ordinal ordinal = 0; ordinal < 30; ++ordinal) {
    if (!std::binary_search(unsent.begin(), unsent.end(), ordinal)) wanted.push_back(ordinal);
  }
  CHECK(held == wanted);
  // Without the list the items would be taken for the part's own: that is seen before anything is sent.
  const auto mixed = std::find_if(plan.parts.begin(), plan.parts.end(),
                                  [](const Part& p) { return p.last - p.first + 1 != p.items && p.items > 1; });
  REQUIRE(mixed != plan.parts.end());
  CHECK(thrown_by([&] { written(dir, job, *mixed); }).fault() == Fault::input);
}

TEST_CASE("items that are tried first are chosen among those that are sent, and none where too few are")
{
  const FreshDirectory dir;
  const auto job = job_of(dir, "a", rows(200));
  std::vector<Ordinal> unsent;
  for (Ordinal ordinal = 0; ordinal < 190; ++ordinal)
    unsent.push_back(ordinal);
  CHECK(requests::plan(job, {}, input::Empty::refuse, {.items = 3, .above = 100, .sent = 10}, unsent).probe.empty());
  const auto plan = requests::plan(job, {}, input::Empty::refuse, {.items = 2, .sent = 10}, unsent);
  CHECK(plan.probe == std::vector<Ordinal>{192, 197});
}

TEST_CASE("a file of digests that is no longer whole is not read")
{
  const FreshDirectory dir;
  requests::DigestWriter writer{dir / "digests"};
  writer.add({});
  writer.commit();
  const Part part{.last = 1, .items = 2};
  CHECK(thrown_by([&] { requests::DigestReader{part, {}, dir / "digests"}; }).fault() == Fault::storage);
}

TEST_SUITE_END();
