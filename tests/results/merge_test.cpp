#include "tests/results/part_files.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/results/results.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

using namespace batchwright;
using results::Format;
using results::Pending;
using tests::id;
using tests::lines;
using tests::never_ran;
using tests::range;
using tests::refusal;
using tests::success;

namespace {

/// A job of one settled part.
struct Fixture {
  Fixture() { job.request.model = "m"; }

  /// Settles items 0, 1, ... from these lines; without attempts left, so that every item has an outcome.
  void settle(std::uint64_t items, const std::vector<std::string>& output, const std::vector<std::string>& errors = {},
              int attempt = 3)
  {
    job.items = items;
    auto part = range(0, items - 1);
    part.attempt = attempt;
    directory.file("1.output.jsonl", lines(output));
    directory.file("1.errors.jsonl", lines(errors));
    const auto files = tests::files_in(directory);
    const auto settled = results::settle(part, files,
                                         {.user_ids = !job.request.id_column.empty(),
                                          .endpoint = job.request.endpoint,
                                          .prices = prices,
                                          .schema = job.request.schema,
                                          .policy = job.policy});
    spent = settled.sums.spent;
    outcomes = {{.path = files.outcomes,
                 .first = part.first,
                 .last = part.last,
                 .attempt = part.attempt,
                 .endpoint = job.request.endpoint,
                 .model = job.request.model}};
  }

  std::string merged(Format format, Pending pending = Pending::refuse, const std::optional<money::ModelPrices>& at = {})
  {
    for (auto& file : outcomes)
      file.prices = at;
    return merged({.format = format, .pending = pending});
  }

  std::string merged(const results::MergeOptions& options)
  {
    std::string text;
    counts = results::merge(job, outcomes, options, [&](std::string_view bytes) { text += bytes; });
    return text;
  }

  std::string fields(const std::vector<std::string>& names, Format format = Format::jsonl)
  {
    return merged({.format = format, .choice = {.fields = names}});
  }

  void input(std::string_view name, std::string_view content)
  {
    job.inputs.push_back(input::pin(directory.file(name, content).native(), InputFormat::automatic));
  }

  tests::FreshDirectory directory;
  Job job = {};
  money::ModelPrices prices{
      .model = "m",
      .standard = {.input = {250'000}, .cached = {}, .output = {2'000'000}},
      .batch = money::Rates{.input = {125'000}, .cached = {}, .output = {1'000'000}},
  };
  std::vector<results::OutcomeFile> outcomes = {};
  results::Merged counts = {};
  PicoUsd spent = {};
};

} // namespace

TEST_SUITE_BEGIN("results::merge");

TEST_CASE_FIXTURE(Fixture, "a merged record says what became of an item, its text as it stands")
{
  settle(2, {success(id(1), R"("caf\u00e9 \ud83d\/")"), success(id(0))});
  CHECK(merged(Format::jsonl, Pending::refuse, prices) ==
        R"({"index":0,"custom_id":"bw-0000000000","status":"succeeded","output":"ok","error":null,"paid":true,)"
        R"("finish_reason":"stop","route":"batch","attempt":3,"model":"m-2026","usage":{"input_tokens":10,)"
        R"("cached_tokens":0,"output_tokens":2,"reasoning_tokens":0},"cost_usd":0.00000325})"
        "\n"
        R"({"index":1,"custom_id":"bw-0000000001","status":"succeeded","output":"caf\u00e9 \ud83d\/","error":null,)"
        R"("paid":true,"finish_reason":"stop","route":"batch","attempt":3,"model":"m-2026","usage":{"input_tokens":10,)"
        R"("cached_tokens":0,"output_tokens":2,"reasoning_tokens":0},"cost_usd":0.00000325})"
        "\n");
  CHECK(counts.written == 2);
  CHECK(counts.succeeded == 2);
  CHECK(counts.failed == 0);
  CHECK(spent.n == 2 * 3'250'000);
}

TEST_CASE_FIXTURE(Fixture, "a failed item says why, in the server's words")
{
  settle(3, {success(id(2), R"("cut")", "length")}, {refusal(id(0), 400), never_ran(id(1))});
  CHECK(merged(Format::jsonl, Pending::refuse, prices) ==
        R"({"index":0,"custom_id":"bw-0000000000","status":"failed","output":null,"error":{"code":"odd",)"
        R"("message":"words, \"quoted\"","http_status":400,"request_id":"r-bw-0000000000"},"paid":false,)"
        R"("finish_reason":null,"route":"batch","attempt":3,"model":"m","usage":null,"cost_usd":0})"
        "\n"
        R"({"index":1,"custom_id":"bw-0000000001","status":"failed","output":null,"error":{"code":"batch_expired",)"
        R"("message":"too late","http_status":null,"request_id":null},"paid":false,)"
        R"("finish_reason":null,"route":"batch","attempt":3,"model":"m","usage":null,"cost_usd":0})"
        "\n"
        R"({"index":2,"custom_id":"bw-0000000002","status":"failed","output":"cut","error":{"code":"truncated",)"
        R"x("message":"the answer was cut at its limit of output tokens (finish_reason `length`)","http_status":200,)x"
        R"("request_id":"r-bw-0000000002"},"paid":true,"finish_reason":"length","route":"batch","attempt":3,)"
        R"("model":"m-2026","usage":{"input_tokens":10,"cached_tokens":0,"output_tokens":2,"reasoning_tokens":0},)"
        R"("cost_usd":0.00000325})"
        "\n");
  CHECK(counts.failed == 3);
}

TEST_CASE_FIXTURE(Fixture, "money that nobody can know is null")
{
  const std::string unmetered =
      R"({"custom_id":"bw-0000000001","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}]}}})";
  settle(3, {success(id(0)), unmetered, "{\"custom_id\":\"bw-0000000002\","});
  CHECK(merged(Format::jsonl).find(R"("cost_usd":null})") != std::string::npos);
  const auto text = merged(Format::jsonl, Pending::refuse, prices);
  CHECK(text.find("\"usage\":null,\"cost_usd\":null}\n{\"index\":2") != std::string::npos);
  // An unreadable answer may have been paid for, nobody knows how much.
  CHECK(text.find(R"("error":{"code":"unreadable_output",)") != std::string::npos);
  CHECK(text.ends_with("\"paid\":true,\"finish_reason\":null,\"route\":\"batch\",\"attempt\":3,\"model\":\"m\","
                       "\"usage\":null,\"cost_usd\":null}\n"));
}

TEST_CASE_FIXTURE(Fixture, "every record is JSON, tool calls and several choices included")
{
  const std::string calls =
      R"({"custom_id":"bw-0000000000","response":{"status_code":200,"body":{"choices":[{"message":{"content":null,)"
      R"("tool_calls":[{"id":"c1"}]},"finish_reason":"tool_calls"}]}}})";
  const std::string two =
      R"({"custom_id":"bw-0000000001","response":{"status_code":200,"body":{"choices":[{"message":{"content":"a"}},)"
      R"({"message":{"content":"b"}}]}}})";
  settle(3, {calls, two, success(id(2), R"("\u0000")")}, {});
  const auto text = merged(Format::jsonl);
  CHECK(text.find(R"("output":null,)") != std::string::npos);
  CHECK(text.find(R"("cost_usd":null,"tool_calls":[{"id":"c1"}]})") != std::string::npos);
  CHECK(text.find(R"("output":["a","b"],)") != std::string::npos);
  json::Document doc;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    CHECK(doc.parse(std::string_view{text}.substr(at, text.find('\n', at) - at)));
}

TEST_CASE_FIXTURE(Fixture, "the user's ids come back as they stand")
{
  job.request.id_column = "key";
  directory.file("1.requests.jsonl", lines({R"({"custom_id":"a\"b"})", R"({"custom_id":"c"})"}));
  settle(2, {success(R"(a\u0022b)")});
  const auto text = merged(Format::jsonl);
  CHECK(text.find(R"({"index":0,"custom_id":"a\u0022b","status":"succeeded")") == 0);
  CHECK(text.find(R"({"index":1,"custom_id":"c","status":"failed","output":null,"error":{"code":"missing")") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a pending item is left out where that is asked for, else it is a bug")
{
  input("in.csv", "name\nx\ny\nz\n");
  settle(3, {success(id(0)), success(id(2))}, {}, 1);
  const auto text = merged(Format::jsonl, Pending::leave_out);
  CHECK(text.find(R"("index":0)") != std::string::npos);
  CHECK(text.find(R"("index":1)") == std::string::npos);
  CHECK(text.find(R"("index":2)") != std::string::npos);
  CHECK(counts.written == 2);
  CHECK(merged(Format::csv, Pending::leave_out) == "name,output,status,error\nx,ok,succeeded,\nz,ok,succeeded,\n");
  CHECK_THROWS_AS(merged(Format::jsonl), Error);
}

TEST_CASE_FIXTURE(Fixture, "raw gives the answer lines in input order, byte for byte")
{
  settle(2, {success(id(1), R"("\ud83d")")}, {refusal(id(0), 400)});
  CHECK(merged(Format::raw) == refusal(id(0), 400) + "\n" + success(id(1), R"("\ud83d")") + "\n");
}

TEST_CASE_FIXTURE(Fixture, "CSV is the input's columns with ours behind them, quoted where it must be")
{
  input("in.csv", "name,\"a,b\"\nx,\"1\n2\"\n\"say \"\"hi\"\"\",\nz,3\n");
  settle(3, {success(id(0), R"("two\nlines, \"quoted\"")"), success(id(1), R"("half \ud83d")")}, {refusal(id(2), 400)});
  CHECK(merged(Format::csv) == "name,\"a,b\",output,status,error\n"
                               "x,\"1\n2\",\"two\nlines, \"\"quoted\"\"\",succeeded,\n"
                               "\"say \"\"hi\"\"\",,half \xef\xbf\xbd,succeeded,\n"
                               "z,3,,failed,\"odd: words, \"\"quoted\"\"\"\n");
}

TEST_CASE_FIXTURE(Fixture, "columns of ours that clash with the input's get a mark")
{
  input("in.csv", "status,_output\n1,2\n");
  settle(1, {success(id(0))});
  CHECK(merged(Format::csv) == "status,_output,__output,__status,__error\n1,2,ok,succeeded,\n");
}

TEST_CASE_FIXTURE(Fixture, "CSV of a JSON input has the keys of all its records, each once, in the order they came")
{
  input("in.jsonl", "{\"a\":\"x\\ty\",\"n\":1.0,\"a\":2}\n{\"n\":null,\"b\":1,\"a\":[1,\"2\"]}\n"
                    "{\"\\u0061\":\"\\ud83d\",\"c,\":{}}\n");
  settle(3, {success(id(0)), success(id(1)), success(id(2), "null")});
  CHECK(merged(Format::csv) == "a,n,b,\"c,\",output,status,error\n"
                               "x\ty,1.0,,,ok,succeeded,\n"
                               "\"[1,\"\"2\"\"]\",,1,,ok,succeeded,\n"
                               "\xef\xbf\xbd,,,{},,succeeded,\n");
}

TEST_CASE_FIXTURE(Fixture, "columns that were noted when the input was planned are those of the table")
{
  const std::string records = "{\"a\":1,\"\":2}\n{\"b\":3,\"\":4,\"\":5}\n";
  input("in.jsonl", records);
  settle(2, {success(id(0)), success(id(1))});
  const auto read = merged(Format::csv);
  CHECK(read == "a,,b,,output,status,error\n1,2,,,ok,succeeded,\n,4,3,5,ok,succeeded,\n");
  job.inputs.front().columns = {"a", "", "b", ""};
  CHECK(merged(Format::csv) == read);
  job.inputs.front().columns = {"b", "", "a", ""};
  CHECK(merged(Format::csv) == "b,,a,,output,status,error\n,2,1,,ok,succeeded,\n3,4,,5,ok,succeeded,\n");
  CHECK(fields({"b"}) == "{\"b\":null}\n{\"b\":3}\n");
}

TEST_CASE_FIXTURE(Fixture, "CSV of several inputs has the columns of all")
{
  input("a.csv", ",x,\n1,2,3\n");
  input("b.csv", "y,,x\n4,5,6\n");
  input("c.jsonl", "bad\n{\"z\":7}\n{\"x\":8,\"w\":9}\n");
  input("d.csv", "never\n");
  job.skip_bad = 1;
  settle(4, {success(id(0)), success(id(1)), success(id(2)), success(id(3))});
  CHECK(merged(Format::csv) == ",x,,y,z,w,output,status,error\n"
                               "1,2,3,,,,ok,succeeded,\n"
                               "5,6,,4,,,ok,succeeded,\n"
                               ",,,,7,,ok,succeeded,\n"
                               ",8,,,,9,ok,succeeded,\n");
}

TEST_CASE_FIXTURE(Fixture, "a column without a name comes out as it went in")
{
  input("in.csv", ",text,\n0,hello,\"a,b\"\n");
  settle(1, {success(id(0))});
  CHECK(merged(Format::csv) == ",text,,output,status,error\n0,hello,\"a,b\",ok,succeeded,\n");
}

TEST_CASE_FIXTURE(Fixture, "more keys than a table can use are an error that names the format without columns")
{
  std::string records;
  for (int i = 0; i < 5000; ++i)
    records += "{\"k" + std::to_string(i) + "\":1}\n";
  input("in.jsonl", records);
  std::vector<std::string> output;
  for (Ordinal i = 0; i < 5000; ++i)
    output.push_back(success(id(i)));
  settle(5000, output);
  const auto text = merged(Format::csv);
  CHECK(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find('\n')), ',') == 5002);

  job.inputs.clear();
  input("in.jsonl", records + "{\"one more\":1}\n");
  try {
    merged(Format::csv);
    FAIL("not refused");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::input);
    CHECK(std::string_view{e.what()}.find("more than 5,000 different keys") != std::string_view::npos);
    CHECK(e.hint().find("--format jsonl") != std::string::npos);
    REQUIRE(e.place());
    CHECK(e.place()->line == 5001);
  }
  job.inputs.push_back(job.inputs.front()); // each by itself has no more than may be
  for (auto& one : job.inputs)
    for (int i = 0; i < 3000; ++i)
      one.columns.push_back("k" + std::to_string(i));
  CHECK_THROWS_AS(merged(Format::csv), Error);
}

TEST_CASE_FIXTURE(Fixture, "CSV of plain text has the text")
{
  input("in.txt", "one\n\ntwo, three\n");
  settle(2, {success(id(0)), success(id(1))});
  CHECK(merged(Format::csv) == "text,output,status,error\none,ok,succeeded,\n\"two, three\",ok,succeeded,\n");
}

TEST_CASE_FIXTURE(Fixture, "CSV refuses an input that was changed; JSON lines need nothing from it")
{
  input("in.csv", "name\nx\n");
  settle(1, {success(id(0))});
  directory.file("in.csv", "name\ny\n");
  try {
    merged(Format::csv);
    FAIL("merged with another input");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::input);
    CHECK(std::string{e.what()}.find("in.csv") != std::string::npos);
  }
  CHECK_FALSE(merged(Format::jsonl).empty());
  std::filesystem::remove(directory / "in.csv");
  CHECK_FALSE(merged(Format::raw).empty());
}

TEST_CASE_FIXTURE(Fixture, "a large result comes in blocks, and its progress is told")
{
  const std::uint64_t items = 10'000;
  std::vector<std::string> output;
  for (Ordinal i = items; i > 0; --i)
    output.push_back(success(id(i - 1), '"' + std::string(300, 'x') + '"'));
  settle(items, output);
  std::vector<std::uint64_t> told;
  std::size_t blocks = 0;
  std::size_t largest = 0;
  results::merge(
      job, outcomes, {},
      [&](std::string_view bytes) {
        ++blocks;
        largest = std::max(largest, bytes.size());
      },
      [&](std::uint64_t done, std::uint64_t total) {
        CHECK(total == items);
        told.push_back(done);
      });
  CHECK(told == std::vector<std::uint64_t>{4096, 8192, items});
  CHECK(blocks > 3);
  CHECK(largest < 2'000'000);
}

TEST_CASE_FIXTURE(Fixture, "fields are taken from the record, from what stands inside it, and from the input")
{
  input("in.csv", "id,text,status\nx,\"one, \"\"two\"\"\",old\ny,b,\n");
  settle(2, {success(id(0), R"("a\tb \u00e9")")}, {refusal(id(1), 400)});
  CHECK(fields({"id", "status", "input.status", "output", "error.code", "usage.output_tokens", "error"}) ==
        R"({"id":"x","status":"succeeded","input.status":"old","output":"a\tb \u00e9","error.code":null,)"
        R"("usage.output_tokens":2,"error":null})"
        "\n"
        R"({"id":"y","status":"failed","input.status":"","output":null,"error.code":"odd","usage.output_tokens":null,)"
        R"("error":{"code":"odd","message":"words, \"quoted\"","http_status":400,"request_id":"r-bw-0000000001"}})"
        "\n");
  CHECK(fields({"text", "output", "error", "error.http_status", "attempt"}, Format::csv) ==
        "text,output,error,error.http_status,attempt\n\"one, \"\"two\"\"\",a\tb é,,,3\n"
        "b,,\"odd: words, \"\"quoted\"\"\",400,3\n");
  CHECK(fields({"text", "output"}, Format::tsv) == "text\toutput\n\"one, \"\"two\"\"\"\t\"a\tb é\"\nb\t\n");
}

TEST_CASE_FIXTURE(Fixture, "what stands deep in a JSON input is a field, and an id without a column is the custom_id")
{
  input("in.jsonl", R"({"meta":{"who":["a",{"b":1e2}]},"x.y":7})"
                    "\n"
                    R"({"meta":null,"z":true})"
                    "\n");
  settle(2, {success(id(0)), success(id(1))});
  CHECK(fields({"id", "meta.who.1.b", "x.y", "z", "meta"}) ==
        R"({"id":"bw-0000000000","meta.who.1.b":1e2,"x.y":7,"z":null,"meta":{"who":["a",{"b":1e2}]}})"
        "\n"
        R"({"id":"bw-0000000001","meta.who.1.b":null,"x.y":null,"z":true,"meta":null})"
        "\n");
}

TEST_CASE_FIXTURE(Fixture, "a field that there is not is refused, naming those that there are; so is one named twice")
{
  input("in.csv", "title,text\na,b\n");
  settle(1, {success(id(0))});
  for (const auto* name : {"titel", "text.a", "outputs", "input.nothing", ""}) {
    CAPTURE(name);
    try {
      fields({"index", name});
      FAIL("not refused");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::usage);
      CHECK(e.hint().find("finish_reason") != std::string::npos);
      CHECK(e.hint().find("title") != std::string::npos);
    }
  }
  CHECK_THROWS_WITH_AS(fields({"index", "index"}), doctest::Contains("named twice"), Error);
  CHECK_THROWS_AS(merged({.format = Format::raw, .choice = {.fields = {"index"}}}), Error);
}

TEST_CASE_FIXTURE(Fixture, "of a job whose input is not known, no field is taken from it")
{
  settle(1, {success(id(0))});
  job.standing = Standing::recovered;
  CHECK(fields({"index", "id", "output"}) == R"({"index":0,"id":"bw-0000000000","output":"ok"})"
                                             "\n");
  for (const auto* name : {"input", "input.text", "text"}) {
    CAPTURE(name);
    CHECK_THROWS_WITH_AS(fields({"index", name}), doctest::Contains("is not known"), Error);
  }
}

TEST_CASE_FIXTURE(Fixture, "fields of the record need nothing from the input; those of the input refuse a changed one")
{
  input("in.csv", "a\n1\n");
  settle(1, {success(id(0))});
  directory.file("in.csv", "a\n2222\n");
  CHECK(fields({"index", "output"}) == R"({"index":0,"output":"ok"})"
                                       "\n");
  try {
    fields({"a"});
    FAIL("not refused");
  } catch (const Error& e) {
    CHECK(e.fault() == Fault::input);
  }
}

TEST_CASE_FIXTURE(Fixture, "the item's record and the server's whole answer come where they are asked for")
{
  input("in.csv", "a,b\n1,\"x\ny\"\n2,z\n");
  settle(2, {success(id(0))}, {never_ran(id(1))});
  const auto records = merged({.choice = {.input = true, .response = true}});
  CHECK(records.find(R"("cost_usd":null,"input":{"a":"1","b":"x\ny"},"response":{"status_code":200,"request_id":)") !=
        std::string::npos);
  CHECK(records.find(R"("input":{"a":"2","b":"z"},"response":null})") != std::string::npos);
  const auto table = merged({.format = Format::csv, .choice = {.input = true, .response = true}});
  CHECK(table.find("a,b,output,status,error,response\n") == 0);
  CHECK(fields({"response.body.choices.0.finish_reason"}) == R"({"response.body.choices.0.finish_reason":"stop"})"
                                                             "\n"
                                                             R"({"response.body.choices.0.finish_reason":null})"
                                                             "\n");
  CHECK(merged({.choice = {.fields = {"index"}, .input = true}}).find(R"({"index":1,"input":{"a":"2","b":"z"}})") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a line of JSON is included as it stands")
{
  const std::string line = R"({ "a" : 1e400,  "b":"\ud83d\/" })";
  input("in.jsonl", line + "\n");
  settle(1, {success(id(0))});
  CHECK(fields({"input"}) == R"({"input":)" + line + "}\n");
}

TEST_CASE_FIXTURE(Fixture, "only the items that are asked for are written, each beside its own record of the input")
{
  input("in.csv", "n\nzero\none\ntwo\nthree\n");
  settle(4, {success(id(1)), success(id(3))}, {refusal(id(0), 400), refusal(id(2), 400)});
  using results::Only;
  CHECK(merged({.format = Format::csv, .only = Only::succeeded}) ==
        "n,output,status,error\none,ok,succeeded,\nthree,ok,succeeded,\n");
  CHECK(counts.written == 2);
  CHECK(counts.failed == 0);
  CHECK(merged({.only = Only::failed, .choice = {.fields = {"n", "index"}}}) ==
        "{\"n\":\"zero\",\"index\":0}\n{\"n\":\"two\",\"index\":2}\n");
  CHECK(merged({.format = Format::raw, .only = Only::failed}) ==
        refusal(id(0), 400) + "\n" + refusal(id(2), 400) + "\n");
  CHECK_THROWS_WITH_AS(merged({.format = Format::npy, .only = Only::failed}), doctest::Contains("row i of a matrix"),
                       Error);
}

TEST_CASE_FIXTURE(Fixture, "an answer that the user accepts is a success, its text as it is")
{
  job.policy.accept = "truncated";
  settle(2, {success(id(0), R"("half a sen")", "length"), success(id(1), "null", "content_filter")});
  CHECK(
      fields({"status", "output", "error.code", "finish_reason", "paid"}) ==
      R"({"status":"succeeded","output":"half a sen","error.code":null,"finish_reason":"length","paid":true})"
      "\n"
      R"({"status":"failed","output":null,"error.code":"content_filter","finish_reason":"content_filter","paid":true})"
      "\n");
  CHECK(counts.succeeded == 1);
}

TEST_CASE_FIXTURE(Fixture,
                  "the fields of a document are fields of the record, accepted answers that are none have none")
{
  job.request.schema = R"({"type":"object","properties":{"label":{"type":"string"},"a.b":{"type":"integer"}},)"
                       R"("required":["label","a.b"],"additionalProperties":false})";
  job.policy.accept = "schema_violation,truncated";
  settle(3, {success(id(0), R"("{\"label\":\"good\",\"a.b\":3}")"), success(id(1), R"("{\"label\":\"go")", "length"),
             success(id(2), R"("{\"label\":5}")")});
  CHECK(fields({"output.label", "output.a.b", "status", "output"}) ==
        R"({"output.label":"good","output.a.b":3,"status":"succeeded","output":{"label":"good","a.b":3}})"
        "\n"
        R"({"output.label":null,"output.a.b":null,"status":"succeeded","output":"{\"label\":\"go"})"
        "\n"
        R"({"output.label":5,"output.a.b":null,"status":"succeeded","output":{"label":5}})"
        "\n");
}

TEST_CASE("the name of a file asks for a format")
{
  CHECK(results::format_for("a/b.csv") == Format::csv);
  CHECK(results::format_for("a.csv/b.jsonl") == Format::jsonl);
  CHECK(results::format_for("-") == Format::jsonl);
  CHECK(results::format_for("out.CSV") == Format::csv);
  CHECK(results::format_for("out.Csv") == Format::csv);
  CHECK(results::format_for("out.json") == Format::jsonl);
  CHECK(results::format_for("out.tsv") == Format::tsv);
  CHECK(results::format_for("out.npy") == Format::npy);
  CHECK(results::format_for("out.gz") == Format::jsonl);
  CHECK(results::format_for("out.csv.gz") == Format::csv);
  CHECK(results::format_for("out.TSV.ZST") == Format::tsv);
}

TEST_CASE("a name that asks for a format this version has not is refused, before any work")
{
  for (const auto* name : {"a.html", "a.parquet", "a.parquet.gz", "a.xlsx", "a.jsonl.bz2", "a.csv.XZ", "a.zip"}) {
    CAPTURE(name);
    try {
      results::format_for(name);
      FAIL("not refused");
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::usage);
      CHECK(e.hint().find("--format") != std::string::npos);
    }
  }
}

namespace {

/// An embedding of 4 input tokens.
std::string embedded(std::string_view custom_id, std::string_view vector)
{
  return fmt::format(
      R"({{"id":"b","custom_id":"{}","response":{{"status_code":200,"request_id":"r","body":{{"model":"e",)"
      R"("data":[{{"index":0,"embedding":{}}}],"usage":{{"prompt_tokens":4}}}}}},"error":null}})",
      custom_id, vector);
}

/// The rows of a matrix as floats, after a header that is as it should be.
std::vector<float> rows_of(const std::string& npy, const std::string& shape)
{
  REQUIRE(npy.substr(0, 8) == std::string{"\x93NUMPY\x01\x00", 8});
  const auto size = static_cast<unsigned char>(npy[8]) + 256U * static_cast<unsigned char>(npy[9]);
  CHECK((10 + size) % 64 == 0);
  const auto header = npy.substr(10, size);
  CHECK(header.find("{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }") == 0);
  CHECK(header.back() == '\n');
  std::vector<float> values((npy.size() - 10 - size) / sizeof(float));
  npy.copy(reinterpret_cast<char*>(values.data()), values.size() * sizeof(float), 10 + size);
  return values;
}

} // namespace

TEST_CASE_FIXTURE(Fixture, "vectors are written as numbers in records, and as rows of a matrix")
{
  job.request.endpoint = "/v1/embeddings";
  settle(3, {embedded(id(2), "[0.10, 2e0]"), embedded(id(0), R"("AACAPwAAAMA=")")}, {refusal(id(1), 400)});
  const auto records = merged(Format::jsonl, Pending::refuse, prices);
  CHECK(records.find(R"("output":[1,-2],"error":null)") != std::string::npos);
  CHECK(records.find(R"("output":null,"error":{"code":"odd")") != std::string::npos);
  CHECK(records.find(R"("output":[0.10, 2e0],)") != std::string::npos);
  CHECK(
      records.find(
          R"("usage":{"input_tokens":4,"cached_tokens":0,"output_tokens":0,"reasoning_tokens":0},"cost_usd":0.0000005})") !=
      std::string::npos);

  const auto rows = rows_of(merged(Format::npy), "(3, 2)");
  REQUIRE(rows.size() == 6);
  CHECK(rows[0] == 1.0F);
  CHECK(rows[1] == -2.0F);
  CHECK(std::isnan(rows[2]));
  CHECK(std::isnan(rows[3]));
  CHECK(rows[4] == 0.1F);
  CHECK(rows[5] == 2.0F);
  CHECK(merged(Format::ids) == R"({"index":0,"custom_id":"bw-0000000000","status":"succeeded","error":null})"
                               "\n"
                               R"({"index":1,"custom_id":"bw-0000000001","status":"failed","error":"odd"})"
                               "\n"
                               R"({"index":2,"custom_id":"bw-0000000002","status":"succeeded","error":null})"
                               "\n");

  input("in.csv", "t\na\nb\nc\n");
  CHECK(merged(Format::csv).find("a,\"[1,-2]\",succeeded,\n") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "rows before the first vector wait for its length, and pending items have rows, too")
{
  job.request.endpoint = "/v1/embeddings";
  settle(3, {embedded(id(2), "[1,2,3]")}, {refusal(id(0), 400), refusal(id(1), 400)});
  job.items = 5;
  const auto rows = rows_of(merged(Format::npy, Pending::leave_out), "(5, 3)");
  REQUIRE(rows.size() == 15);
  CHECK(std::count_if(rows.begin(), rows.end(), [](float v) { return std::isnan(v); }) == 12);
  CHECK(rows[8] == 3.0F);
  CHECK(merged(Format::ids, Pending::leave_out)
            .find(R"({"index":4,"custom_id":"bw-0000000004","status":"pending","error":null})") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture,
                  "a matrix without a vector has no columns; answers that are none, or of other lengths, are refused")
{
  job.request.endpoint = "/v1/embeddings";
  settle(2, {}, {refusal(id(0), 400), refusal(id(1), 400)});
  CHECK(rows_of(merged(Format::npy), "(2, 0)").empty());
  settle(2, {embedded(id(0), "[1]"), embedded(id(1), "[1,2]")});
  CHECK_THROWS_WITH_AS(merged(Format::npy), doctest::Contains("item 1: its vector has 2 numbers, others have 1"),
                       Error);
  job.request.endpoint = "/v1/chat/completions";
  settle(1, {success(id(0))});
  CHECK_THROWS_WITH_AS(merged(Format::npy), doctest::Contains("no vector"), Error);
}

TEST_CASE_FIXTURE(Fixture, "moderations give their result and cost what the model costs")
{
  job.request.endpoint = "/v1/moderations";
  settle(
      1,
      {R"({"custom_id":"bw-0000000000","response":{"status_code":200,"body":{"results":[{"flagged":true}]}},"error":null})"});
  const auto record = merged(Format::jsonl, Pending::refuse, prices);
  CHECK(record.find(R"("output":{"flagged":true},"error":null)") != std::string::npos);
  CHECK(record.find(R"("usage":null,"cost_usd":null})") != std::string::npos);
  const money::ModelPrices free{.model = "m", .standard = {}, .batch = money::Rates{}};
  CHECK(merged(Format::jsonl, Pending::refuse, free).find(R"("usage":null,"cost_usd":0})") != std::string::npos);
}

TEST_SUITE_END();
