// Real-time parts: their output file is their journal.

#include "tests/results/part_files.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/journal_line.hpp>
#include <batchwright/results/results.hpp>

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace batchwright;
using results::Cancelled;
using results::Format;
using tests::id;
using tests::lines;
using tests::never_ran;
using tests::range;
using tests::refusal;
using tests::success;

namespace {

using Heads = std::vector<std::string>;
using Ordinals = std::vector<Ordinal>;

std::string begin(std::uint64_t request, int attempt = 1)
{
  std::string line;
  append_begin(line, request, attempt);
  line.pop_back();
  return line;
}

std::string miss(std::uint64_t request, bool billed, int attempt = 1)
{
  std::string line;
  append_missed(line, {.kind = JournalLine::Kind::missed, .request = request, .attempt = attempt, .billed = billed},
                "HTTP 503");
  line.pop_back();
  return line;
}

/// An answer line as a journal has it: of this request, and at this attempt.
std::string at(std::uint64_t request, int attempt, const std::string& answer)
{
  constexpr std::string_view of_batch = R"({"id":"b")";
  REQUIRE(answer.starts_with(of_batch));
  std::string line;
  append_answer_id(line, request, attempt);
  return line + answer.substr(of_batch.size());
}

std::string vectors(std::string_view custom_id, std::size_t count)
{
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < count; ++i)
    elements.push_back(fmt::format(R"({{"index":{},"embedding":[{}]}})", i, i));
  return fmt::format(R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r","body":)"
                     R"({{"data":[{}],"model":"m","usage":{{"prompt_tokens":{},"total_tokens":{}}}}}}},"error":null}})",
                     custom_id, fmt::join(elements, ","), count, count);
}

/// A real-time part of four items, 10 to 13.
struct Fixture {
  Fixture() { part.route = Route::realtime; }

  void journal(const std::vector<std::string>& all) const { directory.file("1.output.jsonl", lines(all)); }

  void settle()
  {
    last = results::settle(part, files, context);
    const auto again = outcomes();
    results::settle(part, files, context); // a pure function of the files
    CHECK(outcomes() == again);
  }

  std::string outcomes() const { return tests::outcomes_in(files.outcomes); }

  /// Ordinal, status, code and whether it was paid for, of each outcome: "3 s - 1".
  Heads heads() const
  {
    Heads found;
    const auto text = outcomes();
    for (std::size_t from = 0; from < text.size(); from = text.find('\n', from) + 1) {
      auto head = text.substr(from, text.find('{', from) - 1 - from);
      for (auto& c : head)
        if (c == '\t') c = ' ';
      found.push_back(head);
    }
    return found;
  }

  std::string merged(Format format = Format::jsonl, const results::MergeOptions& options = {})
  {
    Job job;
    job.items = part.last + 1;
    job.request.endpoint = context.endpoint;
    job.request.schema = context.schema;
    auto all = options;
    all.format = format;
    all.pending = results::Pending::leave_out;
    std::string text;
    results::merge(job,
                   {{.path = files.outcomes,
                     .first = part.first,
                     .last = part.last,
                     .route = part.route,
                     .attempt = part.attempt,
                     .endpoint = context.endpoint,
                     .model = "m",
                     .prices = context.prices}},
                   all, [&](std::string_view bytes) { text += bytes; });
    return text;
  }

  tests::FreshDirectory directory;
  results::SettleFiles files = tests::files_in(directory);
  Part part = range(10, 13);
  results::SettleContext context{.endpoint = "/v1/chat/completions"};
  results::Settled last = {};
};

/// Nine items of embeddings, in packs of 3.
struct PackFixture : Fixture {
  PackFixture()
  {
    part = range(0, 8);
    part.route = Route::realtime;
    part.requests = 3;
    part.inputs_per_request = 3;
    context.endpoint = "/v1/embeddings";
    std::string requests;
    for (Ordinal first = 0; first < 9; first += 3)
      requests += fmt::format(R"({{"custom_id":"{}","method":"POST"}})", pack_custom_id(first, 3)) + '\n';
    directory.file("1.requests.jsonl", requests);
  }
};

} // namespace

TEST_SUITE_BEGIN("results::realtime");

TEST_CASE_FIXTURE(Fixture, "answers among the marks of a journal become outcomes, and marks are no lines")
{
  journal({begin(0), begin(2), at(2, 1, success(id(12))), begin(1), miss(1, false), begin(1, 2), begin(3),
           at(1, 2, success(id(11))), at(3, 1, refusal(id(13), 400)), at(0, 1, success(id(10), "\"x\"", "length"))});
  settle();
  CHECK(heads() == Heads{"10 f truncated 1", "11 s - 1", "12 s - 1", "13 f odd 0"});
  CHECK(outcomes().find("\n11\ts\t-\t1\t" + at(1, 2, success(id(11))) + "\n") != std::string::npos);
  CHECK(last.lines.output == 4);
  CHECK(last.lines.unreadable == 0);
  CHECK(last.quarantined == 0);
  CHECK(last.missing == 0);
  CHECK(last.failed_for_good == 2);
  CHECK_FALSE(std::filesystem::exists(files.quarantine));
}

TEST_CASE_FIXTURE(Fixture, "in the files of a batch such marks are lines that cannot be read")
{
  part.route = Route::batch;
  journal({begin(0), at(0, 1, success(id(10))), miss(1, false)});
  settle();
  CHECK(last.lines.output == 3);
  CHECK(last.lines.unreadable == 2);
  CHECK(last.quarantined == 2);
  CHECK(last.sums.failed == 3); // one of them may have been an answer
}

TEST_CASE_FIXTURE(Fixture, "what could not be answered used up its attempts; what was no doing of the item's is left")
{
  journal({at(0, 3, refusal(id(10), 500)), at(1, 3, never_ran(id(11), "timeout")),
           at(2, 1, refusal(id(12), 429, "rate_limit_exceeded")), begin(3)});
  part.attempt = 1;
  SUBCASE("with a fallback")
  {
    settle();
    CHECK(heads() == Heads{"10 f odd 0", "11 f timeout 0"});
    CHECK(last.left.count == 0);
    CHECK(last.left_free.count == 2);
    CHECK(last.left_free.first == 12);
    CHECK(last.left_free.last == 13);
  }
  SUBCASE("without one")
  {
    context.policy.fallback = Fallback::none;
    settle();
    CHECK(heads() == Heads{"10 f odd 0", "11 f timeout 0", "12 f rate_limit_exceeded 0", "13 f missing 1"});
    CHECK(last.sums.left == 0);
  }
  SUBCASE("in a cancelled job")
  {
    context.cancelled = Cancelled::at_server;
    settle();
    CHECK(heads() == Heads{"10 f odd 0", "11 f timeout 0", "12 f cancelled 0", "13 f cancelled 1"});
  }
  CHECK(last.failed_for_good == 0);
  CHECK(last.missing == 0);
}

TEST_CASE_FIXTURE(Fixture, "what fails for a passing reason when it is tried first is left for the way of the others")
{
  part.pick = Pick::probe;
  input::OrdinalWriter list{files.ordinals};
  for (Ordinal ordinal = 10; ordinal < 14; ++ordinal)
    list.add(ordinal);
  list.commit();
  const auto failure = [](int i) { return refusal(id(static_cast<Ordinal>(i)), 500); };
  journal({begin(0), at(0, 2, failure(10)), begin(1), at(1, 1, success(id(11)))});
  settle();
  CHECK(last.sums.succeeded == 1);
  CHECK(last.left.count == 1); // an attempt was used up
  CHECK(last.left_free.count == 2);
  CHECK(last.failed_for_good == 0);
  part.attempt = context.policy.max_attempts;
  settle();
  CHECK(last.sums.failed == 1);
  part.attempt = 1;
  part.pick = Pick::all; // it made all attempts itself
  settle();
  CHECK(last.sums.failed == 1);
}

TEST_CASE_FIXTURE(Fixture, "a line that is being written is not there yet")
{
  const auto whole = lines({begin(0), begin(1), at(0, 1, success(id(10)))});
  const auto next = at(1, 1, success(id(11)));
  for (const auto written : {std::size_t{1}, next.size() / 2, next.size()}) {
    directory.file("1.output.jsonl", whole + next.substr(0, written));
    settle();
    CHECK(last.lines.output == 1);
    CHECK(last.lines.unreadable == 0);
    CHECK(last.sums.succeeded == 1);
    CHECK(last.sums.failed == 0);
    CHECK(last.sums.left == 3);
  }
}

TEST_CASE_FIXTURE(Fixture, "items that the part did not come to are left free, whatever lines are broken")
{
  journal({"broken", at(1, 1, success(id(11)))});
  settle();
  CHECK(heads() == Heads{"11 s - 1"});
  CHECK(last.left_free.count == 3);
  CHECK(last.left.count == 0);
  CHECK(last.missing == 0);
  CHECK(last.quarantined == 1);

  std::filesystem::remove(files.output); // nothing was begun
  settle();
  CHECK(last.left_free.count == 4);
  CHECK(last.missing == 0);
}

TEST_CASE_FIXTURE(Fixture, "of a cancelled job, what was in flight counts as paid, and its message says so")
{
  context.cancelled = Cancelled::at_server;
  std::string billed = "0";
  SUBCASE("killed in flight")
  {
    billed = "1";
    journal({begin(1)});
  }
  SUBCASE("its answer was lost")
  {
    billed = "1";
    journal({begin(1), miss(1, true)});
  }
  SUBCASE("an earlier one of it was in flight")
  {
    billed = "1";
    journal({begin(1), begin(1), miss(1, false)});
  }
  SUBCASE("surely not billed")
  {
    journal({begin(1), miss(1, false)});
  }
  SUBCASE("begun by nobody")
  {
    journal({});
  }
  SUBCASE("of another part")
  {
    journal({begin(4)});
  }
  SUBCASE("there is no journal")
  {
    std::filesystem::remove(files.output);
  }
  settle();
  CHECK(heads() == Heads{"10 f cancelled 0", "11 f cancelled " + billed, "12 f cancelled 0", "13 f cancelled 0"});
  CHECK((outcomes().find("in flight") != std::string::npos) == (billed == "1"));
  CHECK(last.sums.failed == 4);
  CHECK(last.sums.spent.n == 0);
}

TEST_CASE_FIXTURE(Fixture, "an item that was answered is not in flight, whatever went before")
{
  context.cancelled = Cancelled::at_server;
  journal({begin(0), begin(0), at(0, 1, refusal(id(10), 429)), begin(1), at(1, 1, success(id(11)))});
  settle();
  CHECK(heads() == Heads{"10 f cancelled 0", "11 s - 1", "12 f cancelled 0", "13 f cancelled 0"});
}

TEST_CASE_FIXTURE(Fixture, "of two answers to a request the first success counts")
{
  journal({at(0, 1, refusal(id(10), 500)), at(0, 2, success(id(10), "\"one\"")), at(0, 3, success(id(10), "\"two\"")),
           at(1, 1, success(id(99)))});
  settle();
  CHECK(outcomes() == "10\ts\t-\t1\t" + at(0, 2, success(id(10), "\"one\"")) + "\n");
  CHECK(last.quarantined == 3);
}

TEST_CASE_FIXTURE(Fixture, "an answer that a loss of power damaged fails its item, unless it was answered again")
{
  auto damaged = at(0, 1, success(id(10)));
  damaged.replace(damaged.size() - 20, 8, std::string(8, '\0'));
  journal({begin(0), damaged, begin(0), at(0, 1, success(id(10)))});
  settle();
  CHECK(heads() == Heads{"10 s - 1"});
  CHECK(last.quarantined == 1);

  journal({begin(0), damaged});
  settle();
  CHECK(heads() == Heads{"10 f unreadable_output 1"});
}

TEST_CASE_FIXTURE(Fixture, "a merged record tells the attempt that was answered, else that of the part")
{
  const money::ModelPrices prices{.model = "m",
                                  .standard = {.input = {2'000'000}, .cached = {}, .output = {8'000'000}},
                                  .batch = money::Rates{.input = {1'000'000}, .cached = {}, .output = {4'000'000}}};
  context.prices = prices;
  context.cancelled = Cancelled::at_server;
  part.attempt = 2;
  journal({begin(0, 2), at(0, 2, success(id(10))), begin(1, 2), at(1, 4, success(id(11)))});
  settle();
  CHECK(last.sums.spent.n == 2 * (10 * 2'000'000 + 2 * 8'000'000));
  CHECK(last.sums.spent == last.sums.realtime);
  const results::MergeOptions some{.choice = {.fields = {"index", "route", "attempt", "status", "cost_usd"}}};
  CHECK(merged(Format::jsonl, some) ==
        R"({"index":10,"route":"realtime","attempt":2,"status":"succeeded","cost_usd":0.000036})"
        "\n"
        R"({"index":11,"route":"realtime","attempt":4,"status":"succeeded","cost_usd":0.000036})"
        "\n"
        R"({"index":12,"route":"realtime","attempt":2,"status":"failed","cost_usd":0})"
        "\n"
        R"({"index":13,"route":"realtime","attempt":2,"status":"failed","cost_usd":0})"
        "\n");
}

TEST_CASE_FIXTURE(Fixture, "in the files of a batch an id like ours says nothing of attempts")
{
  part.route = Route::batch;
  part.attempt = 2;
  journal({at(0, 7, success(id(10)))});
  settle();
  CHECK(merged(Format::jsonl, {.choice = {.fields = {"attempt"}}}) == "{\"attempt\":2}\n");
}

TEST_CASE_FIXTURE(Fixture, "raw gives the answers of a journal as they stand, without its marks")
{
  journal({begin(1), at(1, 1, success(id(11))), begin(0), miss(0, true), begin(0, 2), at(0, 2, refusal(id(10), 400))});
  settle();
  const auto refused = at(0, 2, refusal(id(10), 400)) + '\n';
  const auto answered = at(1, 1, success(id(11))) + '\n';
  CHECK(merged(Format::raw) == refused + answered);
  CHECK(merged(Format::raw, {.lines = results::RawLines::answered}) == answered);
}

TEST_CASE_FIXTURE(Fixture, "judged again, the outcomes of a journal are what they had been under that policy")
{
  journal({begin(0), at(0, 1, success(id(10), R"("cut")", "length")), at(1, 1, success(id(11)))});
  settle();
  context.policy.accept = "truncated";
  results::judge_again(files.outcomes, files.outcomes, last.sums, context.policy);
  const auto judged = outcomes();
  settle();
  CHECK(outcomes() == judged);
  CHECK(heads() == Heads{"10 s truncated 1", "11 s - 1"});
}

TEST_CASE_FIXTURE(Fixture, "answers of a journal keep to the schema, or fail")
{
  context.schema = R"({"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],)"
                   R"("additionalProperties":false})";
  journal({begin(0), at(0, 1, success(id(10), R"("{\"a\":1}")")), begin(1),
           at(1, 1, success(id(11), R"("{\"a\":\"x\"}")"))});
  settle();
  CHECK(heads() == Heads{"10 s - 1", "11 f schema_violation 1"});
  CHECK(merged(Format::jsonl, {.only = results::Only::succeeded, .choice = {.fields = {"output", "attempt"}}}) ==
        "{\"output\":{\"a\":1},\"attempt\":1}\n");
}

TEST_CASE_FIXTURE(Fixture, "the user's own ids are found in a journal, and what was in flight is theirs")
{
  context.user_ids = true;
  context.cancelled = Cancelled::at_server;
  directory.file("1.requests.jsonl", lines({R"({"custom_id":"a"})", R"({"custom_id":"b"})", R"({"custom_id":"c"})",
                                            R"({"custom_id":"d"})"}));
  journal({begin(3), at(3, 1, success("d")), begin(2)});
  settle();
  CHECK(heads() == Heads{"10 f cancelled 0", "11 f cancelled 0", "12 f cancelled 1", "13 s - 1"});
}

TEST_CASE_FIXTURE(PackFixture, "a pack in a journal gives each of its items a line, which tells its attempt")
{
  journal({begin(0), miss(0, false), begin(0, 2), at(0, 2, vectors(pack_custom_id(0, 3), 3)), begin(1),
           at(1, 1, refusal(pack_custom_id(3, 3), 400)), begin(2), at(2, 3, refusal(pack_custom_id(6, 3), 500))});
  settle();
  CHECK(heads() == Heads{"0 s - 1", "1 s - 1", "2 s - 1", "6 f odd 0", "7 f odd 0", "8 f odd 0"});
  CHECK(last.left_halved.count == 3);
  CHECK(last.left_halved.first == 3);
  CHECK(last.largest_refused == 3);
  CHECK(last.sums.usage.input.n == 3);
  CHECK(merged(Format::jsonl,
               {.only = results::Only::succeeded, .choice = {.fields = {"custom_id", "output", "attempt"}}}) ==
        R"({"custom_id":"bw-0000000000","output":[0],"attempt":2})"
        "\n"
        R"({"custom_id":"bw-0000000001","output":[1],"attempt":2})"
        "\n"
        R"({"custom_id":"bw-0000000002","output":[2],"attempt":2})"
        "\n");
}

TEST_CASE_FIXTURE(PackFixture, "of a cancelled job, all items of a pack that was in flight count as paid")
{
  context.cancelled = Cancelled::at_server;
  journal({begin(0), at(0, 1, vectors(pack_custom_id(0, 3), 3)), begin(2), begin(1), miss(1, false)});
  settle();
  CHECK(heads() == Heads{"0 s - 1", "1 s - 1", "2 s - 1", "3 f cancelled 0", "4 f cancelled 0", "5 f cancelled 0",
                         "6 f cancelled 1", "7 f cancelled 1", "8 f cancelled 1"});
}

TEST_SUITE_END();
