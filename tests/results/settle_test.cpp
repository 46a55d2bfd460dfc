#include "tests/results/part_files.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/results.hpp>

#include <doctest/doctest.h>
#include <fmt/ranges.h>

#include <filesystem>

using namespace batchwright;
using results::settle;
using tests::id;
using tests::lines;
using tests::never_ran;
using tests::range;
using tests::refusal;
using tests::success;

namespace {

struct Fixture {
  results::Settled settled() { return settle(part, files, context); }

  void output(const std::vector<std::string>& all) const { directory.file("1.output.jsonl", lines(all)); }
  void errors(const std::vector<std::string>& all) const { directory.file("1.errors.jsonl", lines(all)); }
  /// The batch failed as a whole, with these entries in its list of errors.
  void failed(const std::string& entries)
  {
    files.batch =
        directory.file("1.batch.json", R"({"id":"batch_1","status":"failed","errors":{"data":[)" + entries + "]}}");
  }
  std::string outcomes() const { return tests::outcomes_in(files.outcomes); }
  std::string quarantine() const { return tests::slurp(files.quarantine); }

  /// Reason and custom_id of each quarantined line: "duplicate a".
  std::vector<std::string> put_aside() const
  {
    std::vector<std::string> found;
    const auto text = quarantine();
    for (std::size_t at = 0; at < text.size();) {
      const auto line = text.substr(at, text.find('\n', at) - at);
      at += line.size() + 1;
      json::Document doc;
      REQUIRE(doc.parse(line));
      found.push_back(doc.root().find("reason")->text().value() + ' ' +
                      doc.root().find("custom_id")->text().value_or("?"));
    }
    return found;
  }

  /// The ordinals of a list that the last settling wrote.
  static std::vector<Ordinal> listed(const std::filesystem::path& list, const results::Left& left)
  {
    std::vector<Ordinal> found;
    if (!std::filesystem::exists(list)) return found;
    input::Ordinals ordinals{Part{.number = 2, .items = left.count, .listed = true}, list};
    while (const auto ordinal = ordinals.next())
      found.push_back(*ordinal);
    return found;
  }

  std::vector<Ordinal> left() const { return listed(files.left, last.left); }
  std::vector<Ordinal> left_free() const { return listed(files.left_free, last.left_free); }

  tests::FreshDirectory directory;
  results::SettleFiles files = tests::files_in(directory);
  Part part = range(0, 3);
  results::SettleContext context{.endpoint = "/v1/chat/completions"};
  results::Settled last = {};
};

constexpr std::string_view no_line = R"("response":null,"error":{"code":)";

} // namespace

TEST_SUITE_BEGIN("results::settle");

TEST_CASE_FIXTURE(Fixture, "shuffled answers become outcomes in input order, byte for byte")
{
  output({success(id(2), R"("\ud83d\u0000")"), success(id(0)), success(id(3))});
  errors({refusal(id(1), 400)});
  last = settled();
  CHECK(outcomes() == "0\ts\t-\t1\t" + success(id(0)) + "\n1\tf\todd\t0\t" + refusal(id(1), 400) + "\n2\ts\t-\t1\t" +
                          success(id(2), R"("\ud83d\u0000")") + "\n3\ts\t-\t1\t" + success(id(3)) + "\n");
  CHECK(last.sums.succeeded == 3);
  CHECK(last.sums.failed == 1);
  CHECK(last.sums.left == 0);
  CHECK(last.sums.usage == Usage{{30}, {0}, {6}, {0}});
  CHECK(last.missing == 0);
  CHECK(last.quarantined == 0);
  CHECK_FALSE(std::filesystem::exists(files.left));
  CHECK_FALSE(std::filesystem::exists(files.quarantine));
}

TEST_CASE_FIXTURE(Fixture, "line ends of another system and blank lines are no part of an answer")
{
  part = range(0, 1);
  directory.file("1.output.jsonl", "\n" + success(id(1)) + "\r\n \r\n" + success(id(0)));
  last = settled();
  CHECK(outcomes() == "0\ts\t-\t1\t" + success(id(0)) + "\n1\ts\t-\t1\t" + success(id(1)) + "\n");
  CHECK(last.quarantined == 0);
}

TEST_CASE_FIXTURE(Fixture, "what a batch could not finish is left while attempts remain")
{
  output({success(id(1))});
  errors({never_ran(id(3)), refusal(id(0), 500)});
  last = settled();
  CHECK(last.sums.succeeded == 1);
  CHECK(last.sums.left == 3);
  CHECK(last.missing == 1);
  CHECK(last.left.first == 0);
  CHECK(last.left.last == 3);
  CHECK(left() == std::vector<Ordinal>{0, 2, 3});
  CHECK(outcomes() == "1\ts\t-\t1\t" + success(id(1)) + "\n");
}

TEST_CASE_FIXTURE(Fixture, "without attempts or without a fallback it fails with its own code")
{
  output({success(id(1))});
  errors({never_ran(id(3)), refusal(id(0), 500, "server_error")});
  SUBCASE("attempts are used up")
  {
    part.attempt = 3;
  }
  SUBCASE("no fallback")
  {
    context.policy.fallback = Fallback::none;
  }
  last = settled();
  CHECK(last.sums.failed == 3);
  CHECK(last.sums.left == 0);
  CHECK_FALSE(std::filesystem::exists(files.left));
  const auto text = outcomes();
  CHECK(text.find("0\tf\tserver_error\t0\t{") == 0);
  CHECK(text.find("\n2\tf\tmissing\t0\t{\"id\":null,\"custom_id\":\"bw-0000000002\"," + std::string{no_line}) !=
        std::string::npos);
  CHECK(text.find("\n3\tf\tbatch_expired\t0\t" + never_ran(id(3)) + "\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "what used up no attempt is listed apart, and left however many there were")
{
  output({success(id(1))});
  errors({refusal(id(0), 429, "rate_limit_exceeded"), never_ran(id(2)), refusal(id(3), 429, "rate_limit_exceeded")});
  last = settled();
  CHECK(left() == std::vector<Ordinal>{2});
  CHECK(left_free() == std::vector<Ordinal>{0, 3});
  CHECK(last.left.count == 1);
  CHECK(last.left_free.count == 2);
  CHECK(last.left_free.first == 0);
  CHECK(last.left_free.last == 3);
  CHECK(last.sums.left == 3);

  part.attempt = 3;
  last = settled();
  CHECK(last.sums.failed == 1);
  CHECK(left_free() == std::vector<Ordinal>{0, 3});
  CHECK_FALSE(std::filesystem::exists(files.left)); // the list of the first settling is gone

  context.policy.fallback = Fallback::none;
  last = settled();
  CHECK(last.sums.left == 0);
  CHECK(last.sums.failed == 3);
  CHECK_FALSE(std::filesystem::exists(files.left_free));
}

TEST_CASE_FIXTURE(Fixture, "an unusable answer fails, is counted as paid and keeps its line")
{
  part = range(0, 0);
  output({success(id(0), R"("cut")", "length")});
  last = settled();
  CHECK(outcomes() == "0\tf\ttruncated\t1\t" + success(id(0), R"("cut")", "length") + "\n");
  CHECK(last.sums.usage.output.n == 2);
}

TEST_CASE_FIXTURE(Fixture, "an unusable answer that is accepted succeeds, and remembers what was against it")
{
  part = range(0, 2);
  output({success(id(0), R"("cut")", "length"), success(id(1), "null", "content_filter"), success(id(2))});
  context.policy.accept = "refused,truncated";
  last = settled();
  CHECK(outcomes() == "0\ts\ttruncated\t1\t" + success(id(0), R"("cut")", "length") + "\n1\tf\tcontent_filter\t1\t" +
                          success(id(1), "null", "content_filter") + "\n2\ts\t-\t1\t" + success(id(2)) + "\n");
  CHECK(last.sums.succeeded == 2);
  CHECK(last.sums.failed == 1);
}

TEST_CASE_FIXTURE(Fixture, "judged again, outcomes are what they had been under that policy, byte for byte")
{
  output({success(id(0), R"("cut")", "length"), success(id(1), R"("\t")")});
  errors({refusal(id(2), 400, "content_filter"), refusal(id(3), 400, "-")});
  last = settled();
  const auto strictly = outcomes();
  context.policy.accept = "content_filter,truncated";
  const auto sums = results::judge_again(files.outcomes, files.outcomes, last.sums, context.policy);
  CHECK(sums.succeeded == 2); // the refusals were not paid for: they say nothing
  CHECK(sums.failed == 2);
  CHECK(sums.usage == last.sums.usage);
  const auto kindly = outcomes();
  CHECK(kindly != strictly);
  last = settled();
  CHECK(outcomes() == kindly);
  CHECK(results::judge_again(files.outcomes, files.outcomes, sums, {}).failed == 3);
  CHECK(outcomes() == strictly);
}

TEST_CASE_FIXTURE(Fixture, "a part without any file is missing as a whole")
{
  last = settled();
  CHECK(last.sums.left == 4);
  CHECK(last.missing == 4);
  CHECK(outcomes().empty());

  failed(R"({"code":"invalid_model","message":"no such\tmodel"})");
  last = settled();
  CHECK(last.sums.failed == 4);
  CHECK(last.sums.left == 0);
  CHECK(last.missing == 0); // the batch never ran: no line is missing
  CHECK(outcomes().find("0\tf\tinvalid_model\t0\t{\"id\":null,\"custom_id\":\"bw-0000000000\"") == 0);
  CHECK(outcomes().find("no such\\tmodel") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a refused batch does not undo the answers it gave")
{
  failed(R"({"code":"model_gone","message":""})");
  output({success(id(2))});
  last = settled();
  CHECK(last.sums.succeeded == 1);
  CHECK(last.sums.failed == 3);
}

TEST_CASE_FIXTURE(Fixture,
                  "a batch that failed for bad lines fails those items, and the rest goes on at no attempt's cost")
{
  failed(R"({"code":"invalid_json_line","message":"not JSON","line":2},{"code":"x","message":"y","line":99})");
  part.attempt = 3;
  last = settled();
  CHECK(last.sums.failed == 1);
  CHECK(outcomes().find("1\tf\tinvalid_json_line\t0\t") == 0);
  CHECK(left_free() == std::vector<Ordinal>{0, 2, 3});
  CHECK(left().empty());

  failed(R"({"code":"x","message":"lines that are not the file's","line":99},{"code":"z","line":0})");
  last = settled();
  CHECK(last.sums.failed == 4); // nothing that could be left out: the next batch would fail the same way
}

TEST_CASE_FIXTURE(Fixture, "a batch that failed through the server's own fault is sent again while attempts remain")
{
  for (const auto* entries : {"", R"({"code":"server_error","message":"The server had an error."})", "{}"}) {
    failed(entries);
    part.attempt = 1;
    last = settled();
    CHECK(left() == std::vector<Ordinal>{0, 1, 2, 3});
    part.attempt = 3;
    last = settled();
    CHECK(last.sums.failed == 4);
  }
  CHECK(outcomes().find("0\tf\tbatch_failed\t0\t") == 0);
}

TEST_CASE_FIXTURE(Fixture, "a batch that failed with words alone fails its items with them")
{
  failed(R"({"code":null,"message":"The batch input file is larger than the maximum"})");
  last = settled();
  CHECK(last.sums.failed == 4);
  CHECK(outcomes().find("larger than the maximum") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "what the account is refused is no fault of the items, and is told")
{
  SUBCASE("quota")
  {
    output({success(id(0))});
    errors({refusal(id(1), 429, "insufficient_quota"), refusal(id(2), 429, "rate_limit_exceeded")});
    last = settled();
    CHECK(last.obstacle == Pause::quota);
    CHECK(left_free() == std::vector<Ordinal>{1, 2});
  }
  SUBCASE("a rate limit alone is none")
  {
    errors({refusal(id(2), 429, "rate_limit_exceeded")});
    last = settled();
    CHECK(last.obstacle == Pause::none);
  }
  SUBCASE("the key")
  {
    errors({refusal(id(1), 401), refusal(id(2), 429, "insufficient_quota")});
    last = settled();
    CHECK(last.obstacle == Pause::auth);
  }
  SUBCASE("a 403 on every answer")
  {
    errors({refusal(id(0), 403), refusal(id(1), 403), refusal(id(3), 403)});
    last = settled();
    CHECK(last.obstacle == Pause::auth);
    CHECK(left_free() == std::vector<Ordinal>{0, 1, 3});
    CHECK(left() == std::vector<Ordinal>{2});
  }
  SUBCASE("a 403 among other answers is the item's")
  {
    output({success(id(0))});
    errors({refusal(id(1), 403), refusal(id(2), 403), refusal(id(3), 403)});
    last = settled();
    CHECK(last.obstacle == Pause::none);
    CHECK(last.sums.failed == 3);
  }
}

TEST_CASE_FIXTURE(Fixture, "of two lines for an item the first success counts, else the first line")
{
  part = range(0, 2);
  output({success(id(0), R"("one")"), success(id(0), R"("two")"), success(id(1), R"("late")")});
  errors({refusal(id(1), 400), refusal(id(2), 400, "first"), refusal(id(2), 422, "second"), refusal(id(0), 500)});
  last = settled();
  CHECK(outcomes() == "0\ts\t-\t1\t" + success(id(0), R"("one")") + "\n1\ts\t-\t1\t" + success(id(1), R"("late")") +
                          "\n2\tf\tfirst\t0\t" + refusal(id(2), 400, "first") + "\n");
  CHECK(last.quarantined == 4);
  CHECK(last.sums.usage.input.n == 20);
}

TEST_CASE_FIXTURE(Fixture, "a success displaces a failure that came before it")
{
  part = range(0, 0);
  output({refusal(id(0), 400), success(id(0))});
  last = settled();
  CHECK(last.sums.succeeded == 1);
  CHECK(outcomes() == "0\ts\t-\t1\t" + success(id(0)) + "\n");
  CHECK(put_aside() == std::vector<std::string>{"duplicate bw-0000000000"});
  CHECK(quarantine().find(R"("file":"1.output.jsonl","byte":0,"bytes":)" +
                          std::to_string(refusal(id(0), 400).size())) != std::string::npos);
  CHECK(quarantine().find(R"(\"status_code\":400)") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "ids that are not the part's are put aside")
{
  part = range(5, 6);
  output({success(id(4)), success(id(5)), success("row-1"), success(id(7)), success(id(6)), success("bw-5")});
  last = settled();
  CHECK(last.sums.succeeded == 2);
  CHECK(last.quarantined == 4);
  CHECK(put_aside() == std::vector<std::string>{"foreign_id bw-0000000004", "foreign_id row-1",
                                                "foreign_id bw-0000000007", "foreign_id bw-5"});
}

TEST_CASE_FIXTURE(Fixture, "a line that cannot be read fails the item it names and no other")
{
  auto cut = success(id(1));
  cut.resize(cut.size() / 2);
  directory.file("1.output.jsonl", lines({success(id(0))}) + cut);
  last = settled();
  CHECK(last.sums.succeeded == 1);
  CHECK(last.sums.failed == 1);
  CHECK(last.missing == 2);
  CHECK(left() == std::vector<Ordinal>{2, 3});
  CHECK(outcomes().find("\n1\tf\tunreadable_output\t1\t{\"id\":null,\"custom_id\":\"bw-0000000001\"") !=
        std::string::npos);
  CHECK(put_aside() == std::vector<std::string>{"unreadable bw-0000000001"});
}

TEST_CASE_FIXTURE(Fixture, "a readable line counts before an unreadable one, whichever came first")
{
  part = range(0, 1);
  output({R"({"custom_id":"bw-0000000000",)", success(id(1)), success(id(0)), R"({"custom_id":"bw-0000000001",)"});
  last = settled();
  CHECK(last.sums.succeeded == 2);
  CHECK(last.quarantined == 2);
}

TEST_CASE_FIXTURE(Fixture, "unreadable lines without a name fail the missing items: they may have been paid for")
{
  std::string line;
  SUBCASE("cut")
  {
    line = "{\"id\":\"b\",\"cus";
  }
  SUBCASE("not UTF-8")
  {
    line = "{\"id\":\"\xff\xfe\"}";
  }
  SUBCASE("no id")
  {
    line = "{\"response\":null,\"error\":{}}";
  }
  SUBCASE("not an object")
  {
    line = "[1]";
  }
  output({success(id(0)), line, success(id(3))});
  last = settled();
  CHECK(last.sums.succeeded == 2);
  CHECK(last.sums.failed == 2);
  CHECK(last.sums.left == 0);
  CHECK(outcomes().find("\n1\tf\tunreadable_output\t1\t{") != std::string::npos);
  CHECK(outcomes().find("\n2\tf\tunreadable_output\t1\t{") != std::string::npos);
  CHECK(put_aside() == std::vector<std::string>{"unreadable ?"});
}

TEST_CASE_FIXTURE(Fixture, "what is put aside is shown as far as it is text")
{
  part = range(0, 0);
  output({success(id(0)), "a\xff\"\xc3\xa9\xe2\x82"});
  last = settled();
  CHECK(quarantine().ends_with("\"bytes\":7,\"custom_id\":null,\"line\":\"a\ufffd\\\"\u00e9\ufffd\ufffd\"}\n"));
}

TEST_CASE_FIXTURE(Fixture, "a part that holds a list of items knows its own")
{
  input::OrdinalWriter list{files.ordinals};
  for (const Ordinal ordinal : {3u, 17u, 40u})
    list.add(ordinal);
  list.commit();
  part = {.number = 4, .attempt = 2, .first = 3, .last = 40, .items = 3, .listed = true, .requests = 3};
  output({success(id(40)), success(id(4)), success(id(3))});
  last = settled();
  CHECK(outcomes() == "3\ts\t-\t1\t" + success(id(3)) + "\n40\ts\t-\t1\t" + success(id(40)) + "\n");
  CHECK(left() == std::vector<Ordinal>{17});
  CHECK(put_aside() == std::vector<std::string>{"foreign_id bw-0000000004"});
}

TEST_CASE_FIXTURE(Fixture, "the user's ids are read from the request file, in any spelling of JSON")
{
  context.user_ids = true;
  part = range(10, 13);
  directory.file("1.requests.jsonl", lines({R"({"custom_id":"alpha","body":{}})", R"({"custom_id":"caf\u00e9"})",
                                            R"({"custom_id":"bw-0000000010"})", R"({"custom_id":"a\"b"})"}));
  output({success("bw-0000000010"), success("caf\xc3\xa9"), success("other"), success("bw-0000000011")});
  part.attempt = 3;
  last = settled();
  const auto text = outcomes();
  CHECK(last.sums.succeeded == 2);
  CHECK(text.find("10\tf\tmissing\t0\t{\"id\":null,\"custom_id\":\"alpha\"") == 0);
  CHECK(text.find("\n11\ts\t-\t1\t" + success("caf\xc3\xa9") + "\n12\ts\t-\t1\t" + success("bw-0000000010") +
                  "\n13\tf\tmissing\t0\t{\"id\":null,\"custom_id\":\"a\\\"b\"") != std::string::npos);
  CHECK(put_aside() == std::vector<std::string>{"foreign_id other", "foreign_id bw-0000000011"});
}

TEST_CASE_FIXTURE(Fixture, "a request file of another part is noticed")
{
  context.user_ids = true;
  SUBCASE("too few")
  {
    directory.file("1.requests.jsonl", lines({R"({"custom_id":"a"})"}));
  }
  SUBCASE("too many")
  {
    part = range(0, 0);
    directory.file("1.requests.jsonl", lines({R"({"custom_id":"a"})", R"({"custom_id":"b"})"}));
  }
  SUBCASE("not requests")
  {
    part = range(0, 0);
    directory.file("1.requests.jsonl", "{}\n");
  }
  CHECK_THROWS_AS(settled(), Error);
  CHECK_FALSE(std::filesystem::exists(files.outcomes));
}

TEST_CASE_FIXTURE(Fixture, "a server's code with a TAB or a line end in it cannot break the file")
{
  part = range(0, 0);
  errors({refusal(id(0), 400, R"(a\tb\nc\\d)")});
  last = settled();
  CHECK(outcomes() == "0\tf\ta\\tb\\nc\\\\d\t0\t" + refusal(id(0), 400, R"(a\tb\nc\\d)") + "\n");
}

TEST_CASE_FIXTURE(Fixture, "done again, a settling writes the same bytes")
{
  output({success(id(3)), "garbage", success(id(3)), success(id(0))});
  errors({never_ran(id(1)), refusal("x", 400)});
  failed(R"({"code":"why","message":"so"})");
  settled();
  const auto first = outcomes() + tests::slurp(files.quarantine);
  settled();
  CHECK(outcomes() + tests::slurp(files.quarantine) == first);
  std::size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{directory.path()})
    ++entries;
  CHECK(entries == 6); // output, errors, outcomes, left, quarantine: nothing temporary stays
}

TEST_CASE_FIXTURE(Fixture, "answers are priced at the rates of their route")
{
  const money::ModelPrices prices{.model = "m",
                                  .standard = {.input = {2'000'000}, .cached = {}, .output = {8'000'000}},
                                  .batch = money::Rates{.input = {1'000'000}, .cached = {}, .output = {4'000'000}}};
  output({success(id(0)), success(id(1), R"("cut")", "length")});
  errors({refusal(id(2), 400), refusal(id(3), 400)});

  last = settled();
  CHECK_FALSE(last.sums.priced);
  CHECK(last.sums.spent.n == 0);
  CHECK(last.sums.usage.input.n == 20);

  context.prices = prices;
  last = settled();
  CHECK(last.sums.priced);
  CHECK(last.sums.spent.n == 20 * 1'000'000 + 4 * 4'000'000);
  CHECK(last.sums.realtime.n == 20 * 2'000'000 + 4 * 8'000'000);

  part.route = Route::realtime;
  last = settled();
  CHECK(last.sums.spent == last.sums.realtime);

  auto unbatchable = prices;
  unbatchable.batch.reset();
  context.prices = unbatchable;
  part.route = Route::batch;
  CHECK_FALSE(settled().sums.priced);
}

namespace {

/// An answer that says when it was made, by which tier, and what it used.
std::string made(std::string_view custom_id, std::int64_t created, std::string_view tier, std::int64_t input,
                 std::string_view finish_reason = "stop")
{
  return fmt::format(
      R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r","body":{{"created":{},{})"
      R"("choices":[{{"index":0,"message":{{"role":"assistant","content":"x"}},"finish_reason":"{}"}}],"usage":)"
      R"({{"prompt_tokens":{},"completion_tokens":2,"prompt_tokens_details":{{"cached_tokens":4,"cache_write_tokens":3}},)"
      R"("completion_tokens_details":{{"reasoning_tokens":1}}}}}}}},"error":null}})",
      custom_id, created, tier.empty() ? "" : fmt::format(R"("service_tier":"{}",)", tier), finish_reason, input);
}

constexpr std::int64_t one_day = 86'400;

} // namespace

TEST_CASE_FIXTURE(Fixture, "what is spent is accounted for by the day and tier that answers name, of no use or not")
{
  const money::Rates standard{.input = {2'000'000}, .cached = Price{1'000'000}, .output = {8'000'000}};
  context.prices = money::ModelPrices{
      .model = "m",
      .standard = standard,
      .flex = money::Rates{.input = {1'000'000}, .cached = Price{500'000}, .output = {4'000'000}},
      .long_context = money::LongContext{.above = {100}, .input = 2'000'000, .cached = 2'000'000, .output = 1'500'000}};
  context.day = from_unix(9 * one_day);
  part = range(0, 6);
  part.route = Route::realtime;
  output({made(id(0), one_day, "", 10), made(id(1), 2 * one_day - 1, "default", 10, "length"),
          made(id(2), one_day + 5, "flex", 10), made(id(3), 2 * one_day, "flex", 101),
          made(id(4), 0, "default", 10), // it does not say when
          made(id(5), one_day, "priority", 10), refusal(id(6), 400)});
  last = settled();

  const auto each = [](std::int64_t n, std::int64_t input) {
    return Usage{.input = {input}, .cached = {4 * n}, .output = {2 * n}, .reasoning = {n}, .cache_write = {3 * n}};
  };
  const auto usd = [](std::int64_t n) { return std::optional{PicoUsd{n}}; };
  const std::int64_t plain = 6 * 2'000'000 + 4 * 1'000'000 + 2 * 8'000'000;
  const std::int64_t longer = 97 * 4'000'000 + 4 * 2'000'000 + 2 * 12'000'000;
  const std::vector<Spending> expected{
      {1, from_unix(one_day), "default", 2, 2, each(2, 20), usd(2 * plain), usd(2 * plain)},
      {1, from_unix(one_day), "flex", 1, 1, each(1, 10), usd(plain / 2), usd(plain)},
      // It costs more, and nobody knows how much.
      {1, from_unix(one_day), "priority", 1, 1, each(1, 10), {}, usd(plain)},
      {1, from_unix(2 * one_day), "flex", 1, 1, each(1, 101), usd(longer / 2), usd(longer)},
      {1, from_unix(9 * one_day), "default", 1, 1, each(1, 10), usd(plain), usd(plain)}};
  REQUIRE(last.spending.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(last.spending[i] == expected[i]);
  }
  CHECK_FALSE(last.sums.priced);
  CHECK(last.sums.usage.input.n == 151);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("results::settle packs");

namespace {

/// Ten items of embeddings, asked for in packs.
struct PackFixture : Fixture {
  PackFixture()
  {
    part = range(0, 9);
    context.endpoint = "/v1/embeddings";
  }

  static std::string element(std::size_t index, std::string_view vector = "[1]")
  {
    return fmt::format(R"({{"index":{},"embedding":{}}})", index, vector);
  }

  static std::string answered(std::string_view id, const std::vector<std::string>& elements, int tokens)
  {
    return fmt::format(
        R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r","body":)"
        R"({{"data":[{}],"model":"m","usage":{{"prompt_tokens":{},"total_tokens":{}}}}}}},"error":null}})",
        id, fmt::join(elements, ","), tokens, tokens);
  }

  /// Ordinal, status and code of each outcome: "3 s -".
  std::vector<std::string> heads() const
  {
    std::vector<std::string> found;
    const auto text = outcomes();
    for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const auto line = text.substr(at, text.find('\n', at) - at);
      auto tab = line.find('\t');
      found.push_back(line.substr(0, tab) + ' ' + line.substr(tab + 1, 1) + ' ' +
                      line.substr(tab + 3, line.find('\t', tab + 3) - tab - 3));
    }
    return found;
  }

  std::vector<Ordinal> left_halved() const { return listed(files.left_halved, last.left_halved); }
};

using Heads = std::vector<std::string>;

} // namespace

TEST_CASE_FIXTURE(PackFixture, "a pack gives each of its items a line of its own, and its usage is counted once")
{
  part = range(0, 3);
  output({answered(pack_custom_id(1, 3), {element(2, "[3]"), element(0, "[1]"), element(1, "[2]")}, 10),
          answered(id(0), {element(0, "[0]")}, 4)});
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 s -", "2 s -", "3 s -"});
  CHECK(last.sums.usage.input.n == 14);
  const auto text = outcomes();
  CHECK(text.find(
            R"("custom_id":"bw-0000000001","response":{"status_code":200,"request_id":"r","body":{"model":"m",)"
            R"("data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":4,"total_tokens":4}}},"error":null})") !=
        std::string::npos);
  CHECK(text.find(
            R"("custom_id":"bw-0000000003","response":{"status_code":200,"request_id":"r","body":{"model":"m",)"
            R"("data":[{"index":2,"embedding":[3]}],"usage":{"prompt_tokens":3,"total_tokens":3}}},"error":null})") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(PackFixture, "an item without a result in its pack's answer fails, the others do not")
{
  part = range(0, 3);
  output({answered(pack_custom_id(0, 4), {element(0), element(1, "[]"), element(3)}, 8)});
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 f unreadable_output", "2 f unreadable_output", "3 s -"});
}

TEST_CASE_FIXTURE(PackFixture, "a refused pack is left for smaller ones until the bad item stands alone")
{
  output({answered(pack_custom_id(0, 2), {element(0), element(1)}, 2)});
  errors({refusal(pack_custom_id(2, 3), 400), refusal(pack_custom_id(5, 4), 422), refusal(id(9), 413)});
  context.policy.fallback = Fallback::none; // it is no matter of another attempt
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 s -", "9 f odd"});
  CHECK(left_halved() == std::vector<Ordinal>{2, 3, 4, 5, 6, 7, 8});
  CHECK(last.largest_refused == 4);
  CHECK(last.sums.left == 7);
}

TEST_CASE_FIXTURE(PackFixture, "a refusal that is no item's doing fails or leaves the whole pack")
{
  errors({refusal(pack_custom_id(0, 3), 404), refusal(pack_custom_id(3, 3), 500), refusal(pack_custom_id(6, 4), 429)});
  last = settled();
  CHECK(heads() == Heads{"0 f odd", "1 f odd", "2 f odd"});
  CHECK(outcomes().find(R"("custom_id":"bw-0000000002")") != std::string::npos);
  CHECK(left() == std::vector<Ordinal>{3, 4, 5});
  CHECK(left_free() == std::vector<Ordinal>{6, 7, 8, 9});
  CHECK(left_halved().empty());
}

TEST_CASE_FIXTURE(PackFixture, "a missing or unreadable pack speaks for all its items, and only for them")
{
  output({answered(pack_custom_id(0, 5), {element(0), element(1), element(2), element(3), element(4)}, 5)});
  directory.file("1.errors.jsonl", R"({"custom_id":"bw-0000000005x3","response":{"status_)"
                                   "\n");
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 s -", "2 s -", "3 s -", "4 s -", "5 f unreadable_output", "6 f unreadable_output",
                         "7 f unreadable_output"});
  CHECK(left() == std::vector<Ordinal>{8, 9});
  CHECK(last.missing == 2);
}

TEST_CASE_FIXTURE(PackFixture, "lines that a failed batch names are packs, not items: none is told apart")
{
  part.requests = 2;
  failed(R"({"code":"invalid_request","message":"no","line":2})");
  last = settled();
  CHECK(last.sums.failed == 10);
  CHECK(outcomes().find("\tinvalid_request\t0\t") != std::string::npos);
}

TEST_CASE_FIXTURE(PackFixture, "packs that are none of the part's, or that overlap, are put aside")
{
  output({answered(pack_custom_id(0, 2), {element(0), element(1)}, 2),
          answered(pack_custom_id(1, 2), {element(0), element(1)}, 2),
          answered(pack_custom_id(0, 3), {element(0), element(1), element(2)}, 2), answered(id(1), {element(0)}, 1),
          answered(pack_custom_id(8, 3), {element(0)}, 1),
          answered(pack_custom_id(0, 2), {element(0), element(1)}, 2)});
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 s -"});
  CHECK(put_aside() == std::vector<std::string>{"foreign_id bw-0000000001x2", "foreign_id bw-0000000000x3",
                                                "foreign_id bw-0000000001", "foreign_id bw-0000000008x3",
                                                "duplicate bw-0000000000x2"});
  CHECK(last.sums.usage.input.n == 2);
}

TEST_CASE_FIXTURE(PackFixture, "ids that packs hide come back in the lines of their items")
{
  part = range(0, 4);
  files.ids = directory.file("1.ids.jsonl", "\"a\"\n\"b\\u0062\\\"\"\n\"c\"\n\"d\"\n\"e\"\n");
  output({answered(pack_custom_id(0, 2), {element(0), element(1)}, 2), answered(id(2), {element(0)}, 1)});
  errors({refusal(id(3), 400)});
  context.policy.fallback = Fallback::none;
  last = settled();
  CHECK(heads() == Heads{"0 s -", "1 s -", "2 s -", "3 f odd", "4 f missing"});
  for (const auto* ours : {R"("custom_id":"a")", R"("custom_id":"bb\"")", R"("custom_id":"c")", R"("custom_id":"d")",
                           R"("custom_id":"e")"})
    CHECK(outcomes().find(ours) != std::string::npos);
  CHECK(outcomes().find("\"custom_id\":\"bw-") == std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "files that hold less than is demanded settle nothing and leave nothing behind")
{
  part = range(0, 3);
  output({success(id(0)), "", success(id(1)), R"({"custom_id":"bw-0000000002","resp)"});
  errors({refusal(id(3), 400)});
  SUBCASE("for want of answers")
  {
    context.demand.output = 4;
  }
  SUBCASE("for want of failures")
  {
    context.demand.errors = 2;
  }
  SUBCASE("for a line that cannot be read")
  {
    context.demand.readable = true;
  }
  const auto put_off = settled();
  CHECK(put_off.put_off);
  CHECK(put_off.lines.output == 3); // the blank one is none
  CHECK(put_off.lines.errors == 1);
  CHECK(put_off.lines.unreadable == 1);
  CHECK_FALSE(std::filesystem::exists(files.outcomes));
  CHECK_FALSE(std::filesystem::exists(files.quarantine));

  context.demand = {.output = 3, .errors = 1};
  const auto settled = this->settled();
  CHECK_FALSE(settled.put_off);
  CHECK(settled.lines.output == 3);
  CHECK(settled.sums.succeeded == 2);
}

TEST_CASE_FIXTURE(Fixture, "where a file is lost, items without a line fail as paid; what the other file says counts")
{
  part = range(0, 3);
  context.lost = true;
  SUBCASE("in a job as usual") {}
  SUBCASE("in a cancelled one: it may have been paid all the same")
  {
    context.cancelled = results::Cancelled::at_server;
  }
  errors({refusal(id(1), 400)});
  const auto settled = this->settled();
  CHECK(settled.sums.failed == 4);
  CHECK(settled.sums.left == 0);
  CHECK(outcomes().starts_with("0\tf\tlost_remote\t1\t"));
  CHECK(outcomes().find("\n1\tf\todd\t0\t") != std::string::npos);
  CHECK(outcomes().find("\n3\tf\tlost_remote\t1\t") != std::string::npos);
}

TEST_SUITE_END();
