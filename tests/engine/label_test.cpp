// What a batch's metadata says of its part: written and read again, and whatever a server may make of it.

#include <batchwright/engine/label.hpp>
#include <batchwright/wire/profile.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace batchwright;
using engine::label_of;
using engine::metadata_of;

namespace {

Job a_job()
{
  Job job;
  job.name = "reviews";
  job.uuid = "11111111-2222-4333-8444-555555555555";
  job.items = 1'000;
  job.request.model = "gpt-5.4-mini";
  job.request.inputs_per_request = 1;
  return job;
}

Part a_part()
{
  return {.number = 3,
          .attempt = 2,
          .first = 10,
          .last = 29,
          .items = 20,
          .mark = {10, 1, 4'711, 12},
          .requests = 20,
          .inputs_per_request = 1,
          .input_tokens = {900}};
}

wire::BatchObject batch_of(const Job& job, const Part& part)
{
  return {.id = BatchId{"batch_1"},
          .status = "in_progress",
          .endpoint = "/v1/chat/completions",
          .model = "told-by-the-batch",
          .metadata = metadata_of(job, part, "a-call")};
}

} // namespace

TEST_SUITE_BEGIN("engine::label");

TEST_CASE("what a part is stands in the metadata, within the API's limits")
{
  auto job = a_job();
  job.request.id_column = "key";
  job.request.schema = "{}";
  auto part = a_part();
  part.inputs_per_request = 5;
  part.requests = 4;
  job.policy.max_attempts = 7;
  job.policy.fallback = Fallback::none;
  const auto label = label_of(batch_of(job, part));
  REQUIRE(label);
  CHECK(label->max_attempts == 7);
  CHECK(label->fallback == Fallback::none);
  CHECK(label->call == "a-call");
  CHECK(label->job == "reviews");
  CHECK(label->job_uuid == job.uuid);
  CHECK(label->job_items == 1'000);
  CHECK(label->id_column == "key");
  CHECK(label->has_schema);
  CHECK_FALSE(label->ready_made);
  CHECK_FALSE(label->overrides_lost);
  part.model = "gpt-5.4-mini"; // the job's, said in so many words
  CHECK(label->part == part);
}

TEST_CASE("what was tried first, and alone is missing in a part's range, is told where there is room")
{
  auto job = a_job();
  job.probe = {5, 15, 20, 500};
  auto part = a_part();
  part.items = part.requests = 18;
  CHECK(label_of(batch_of(job, part))->without.empty()); // of a list nobody knows
  part.pick = Pick::others;
  CHECK(label_of(batch_of(job, part))->without == std::vector<Ordinal>{15, 20});
  part.items = part.requests = 17; // urgent ones are missing, too
  CHECK(label_of(batch_of(job, part))->without.empty());
  job.request.id_column = std::string(170, 'i');
  part.model = std::string(170, 'm');
  part.items = part.requests = 18;
  CHECK(label_of(batch_of(job, part))->without == std::vector<Ordinal>{15, 20});
  for (Ordinal gap = 21; gap < 29; ++gap)
    job.probe.push_back(gap);
  std::sort(job.probe.begin(), job.probe.end());
  part.last = 2'000'000;
  job.items = 3'000'000;
  for (Ordinal gap = 1'000'000; gap < 1'000'030; ++gap)
    job.probe.push_back(gap);
  part.items = part.requests = part.last - part.first + 1 - 41;
  const auto batch = batch_of(job, part);
  CHECK(batch.metadata.at("bw_form").size() <= wire::openai().metadata_value);
  REQUIRE(label_of(batch));
  CHECK(label_of(batch)->without.empty());
}

TEST_CASE("gaps that cannot be are no label of ours")
{
  auto job = a_job();
  job.probe = {15, 20};
  auto part = a_part();
  part.pick = Pick::others;
  part.items = part.requests = 18;
  auto batch = batch_of(job, part);
  REQUIRE(label_of(batch));
  const auto form = batch.metadata["bw_form"];
  for (const auto* gaps : {"[15]", "[20,15]", "[15,15]", "[10,20]", "[15,29]", "[-1,15]", "[15,20,21]"}) {
    CAPTURE(gaps);
    auto other = form;
    other.replace(other.find("[15,20]"), 7, gaps);
    batch.metadata["bw_form"] = other;
    CHECK_FALSE(label_of(batch));
  }
}

TEST_CASE("overrides are told whole, however long, or as lost")
{
  const auto job = a_job();
  auto part = a_part();
  part.model = "another";
  part.max_output_tokens = 77;
  const auto value = [](std::size_t size) {
    std::string text;
    while (text.size() < size)
      text += "é"; // two bytes, never to be cut
    return R"({"note":")" + text + R"("})";
  };
  for (const std::size_t size : {10U, 400U, 500U, 501U, 900U, 1'400U}) {
    CAPTURE(size);
    part.set = value(size);
    const auto batch = batch_of(job, part);
    for (const auto& [key, text] : batch.metadata) {
      CHECK(text.size() <= wire::openai().metadata_value);
      CHECK((static_cast<unsigned char>(text.front()) & 0xC0) != 0x80);
    }
    CHECK(batch.metadata.size() <= wire::openai().metadata_pairs);
    const auto label = label_of(batch);
    REQUIRE(label);
    CHECK_FALSE(label->overrides_lost);
    CHECK(label->part == part);
  }
  part.set = value(2'000);
  const auto label = label_of(batch_of(job, part));
  REQUIRE(label);
  CHECK(label->overrides_lost);
  CHECK(label->part.model == "another");
}

TEST_CASE("names of any length and any characters leave what matters in the metadata")
{
  auto job = a_job();
  auto part = a_part();
  for (const auto& name : {std::string(300, 'x'), std::string(120, '\x01'), std::string(200, '"')}) {
    job.request.id_column = name;
    job.request.model = name;
    job.policy.max_attempts = 1'000'000;
    job.policy.fallback = Fallback::none;
    const auto batch = batch_of(job, part);
    CHECK(batch.metadata.at("bw_form").size() <= wire::openai().metadata_value);
    const auto label = label_of(batch);
    REQUIRE(label);
    CHECK_FALSE(label->id_column.empty());
    CHECK(label->part.model == "told-by-the-batch");
    CHECK(label->part.requests == 20);
  }
}

TEST_CASE("ready-made requests say their endpoint")
{
  auto job = a_job();
  job.inputs = {{.format = InputFormat::requests}};
  job.request.model = "a";
  job.request.inputs_per_request = 0;
  auto part = a_part();
  part.model = "b";
  part.endpoint = "/v1/chat/completions";
  part.inputs_per_request = 0;
  const auto label = label_of(batch_of(job, part));
  REQUIRE(label);
  CHECK(label->ready_made);
  CHECK(label->part == part);
}

TEST_CASE("metadata that is not whole, or that no part can have, is none")
{
  const auto job = a_job();
  const auto whole = batch_of(job, a_part());
  REQUIRE(label_of(whole));
  for (const auto* key : {"bw_call", "bw_job", "bw_job_uuid", "bw_part", "bw_attempt", "bw_first", "bw_last",
                          "bw_count", "bw_items", "bw_tokens", "bw_mark", "bw_options", "bw_form"}) {
    CAPTURE(key);
    auto batch = whole;
    batch.metadata.erase(key);
    CHECK_FALSE(label_of(batch));
    batch.metadata[key] = "";
    CHECK_FALSE(label_of(batch));
  }
  const auto with = [&](const char* key, const char* value) {
    auto batch = whole;
    batch.metadata[key] = value;
    return label_of(batch).has_value();
  };
  const auto* huge = "1000000000000000000";
  for (const auto* key : {"bw_part", "bw_attempt", "bw_first", "bw_last", "bw_count", "bw_items", "bw_tokens"}) {
    CAPTURE(key);
    for (const auto* value : {huge, "99999999999999999999", "-1", "1.5", "1e3", " 1", "0x1", "one", "NaN"})
      CHECK_FALSE(with(key, value));
  }
  for (const auto* key : {"bw_part", "bw_attempt", "bw_count", "bw_items"})
    CHECK_FALSE(with(key, "0"));
  CHECK_FALSE(with("bw_job", "../../etc"));
  CHECK_FALSE(with("bw_first", "30"));
  CHECK_FALSE(with("bw_last", "1000"));
  CHECK_FALSE(with("bw_count", "21"));
  CHECK(with("bw_count", "20"));
  for (const auto* mark : {"1:2:3", "1:2:3:4:5", "1:2:3:x", ":::", "1:-2:3:4", "1:4294967296:3:4"})
    CHECK_FALSE(with("bw_mark", mark));
  for (const auto* form : {"{}", "[]", "x", "null", R"({"requests":0,"pack":1})", R"({"requests":21,"pack":1})",
                           R"({"requests":1000000000000000000,"pack":1})", R"({"requests":1,"pack":1000000000000})"})
    CHECK_FALSE(with("bw_form", form));
  auto batch = whole;
  batch.metadata["bw_items"] = batch.metadata["bw_last"] = huge; // alike, and no job's
  CHECK_FALSE(label_of(batch));
  batch = whole;
  for (const auto* overrides : {"too long", "[]", "5", "null", "{"}) {
    batch.metadata["bw_overrides"] = overrides;
    const auto label = label_of(batch);
    REQUIRE(label);
    CHECK(label->overrides_lost);
  }
  batch.metadata["bw_overrides"] = R"({"set":5,"max_output_tokens":"x"})";
  const auto label = label_of(batch);
  REQUIRE(label);
  CHECK(label->part.set.empty());
  CHECK_FALSE(label->part.max_output_tokens);
}

TEST_CASE("of two batches of one part the one of use is kept, of equals the older")
{
  const auto batch = [](const char* status, int at) {
    return wire::BatchObject{.status = status, .created_at = Instant{Millis{at}}};
  };
  using engine::is_better;
  CHECK(is_better(batch("in_progress", 9), batch("failed", 1)));
  CHECK(is_better(batch("completed", 9), batch("cancelled", 1)));
  CHECK(is_better(batch("in_progress", 1), batch("completed", 9)));
  CHECK_FALSE(is_better(batch("in_progress", 9), batch("completed", 1)));
  CHECK(is_better(batch("failed", 1), batch("cancelled", 9)));
}

TEST_SUITE_END();
