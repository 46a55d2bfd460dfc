// Records made by several threads: the same bytes as one after the other, and the same errors.

#include "tests/results/part_files.hpp"
#include "tests/support/hostile.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/results/outcome_file.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/results/writers.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <stdexcept>

using namespace batchwright;
using results::Format;
using results::MergeOptions;
using results::Only;
using results::Pending;
using tests::Hostile;
using tests::HostileObject;

namespace {

constexpr Ordinal several_blocks = 2000; // by their bytes
constexpr Ordinal many = 5000;           // several blocks of short lines

/// What came of an item: nothing; or a line, in a file of the server's or in the outcome file itself.
struct Given {
  Status status = Status::pending;
  std::string line = {};
  bool is_ours = false;
  int file = 0; // of the outcome files, which lie within each other
};

Given given(Hostile& make, Ordinal ordinal)
{
  if (make.one_in(20)) return {};
  Given made{.status = make.one_in(5) ? Status::failed : Status::succeeded,
             .is_ours = make.one_in(4),
             .file = static_cast<int>(make.number(3))};
  if (made.status == Status::failed) {
    made.line = tests::refusal(tests::id(ordinal), 400);
  } else {
    made.line = tests::success(tests::id(ordinal), '"' + make.token(12).text + "!\"");
  }
  return made;
}

/// A job whose outcomes lie in three files, their lines in no order.
class Fixture {
public:
  explicit Fixture(unsigned seed, Ordinal number = several_blocks) : make(seed), items(number)
  {
    job.items = items;
    job.request.model = "m";
    for (Ordinal ordinal = 0; ordinal < items; ++ordinal)
      all.push_back(given(make, ordinal));
  }

  void write()
  {
    outcomes.clear();
    for (int file = 0; file < 3; ++file)
      write(file);
  }

  void input(std::string_view name, const std::string& content)
  {
    job.inputs.push_back(input::pin(directory.file(name, content).native(), InputFormat::automatic));
  }

  /// What two threads or more give is to be this: one record after the other, of items that were read whole.
  std::string one_by_one(const MergeOptions& options) const
  {
    const auto writer = writer_for(options);
    const auto renderer = writer->renderer();
    const auto stream = input::open(job.inputs, {.skip_bad = job.skip_bad});
    results::Walk walk{outcomes, items};
    std::string text;
    writer->begin(text);
    while (const auto* head = walk.next()) {
      const auto* item = stream->next();
      auto outcome = *head;
      outcome.answer = walk.line();
      const bool is_wanted =
          options.only == Only::all || (options.only == Only::failed) == (head->status == Status::failed);
      if (head->status == Status::pending) {
        renderer->pass(text, head->ordinal);
      } else if (is_wanted) {
        renderer->add(text, outcome, item);
      }
    }
    return text;
  }

  std::string merged(const MergeOptions& options) const
  {
    std::string text;
    results::merge(job, outcomes, options, [&](std::string_view bytes) { text += bytes; });
    return text;
  }

  void check(MergeOptions options) const
  {
    options.pending = Pending::leave_out;
    const auto expected = one_by_one(options);
    CHECK(expected.size() > 10'000);
    for (const unsigned threads : {1U, 2U, 4U}) {
      CAPTURE(threads);
      options.threads = threads;
      const bool is_same = merged(options) == expected; // texts this long say nothing in a message
      CHECK(is_same);
    }
  }

  void check_all_formats() const
  {
    for (const auto format : {Format::jsonl, Format::csv, Format::tsv, Format::raw})
      check({.format = format});
    for (const auto only : {Only::succeeded, Only::failed})
      check({.format = Format::jsonl, .only = only});
    check({.format = Format::csv, .only = Only::failed});
    check({.format = Format::raw, .lines = results::RawLines::refused});
    check({.format = Format::jsonl, .choice = {.input = true, .response = true}});
    check({.format = Format::jsonl, .choice = {.fields = {"id", "status", "input.a", "error.code", "output"}}});
    check({.format = Format::csv, .choice = {.fields = {"index", "status", "error"}}});
    check({.format = Format::tsv, .choice = {.fields = {"index", "status", "a"}}});
    check({.format = Format::ids});
  }

  Hostile make;
  Ordinal items;
  tests::FreshDirectory directory;
  Job job = {};
  std::vector<Given> all = {};
  std::vector<results::OutcomeFile> outcomes = {};

private:
  void write(int file)
  {
    const auto name = std::to_string(file) + ".output.jsonl";
    std::vector<Ordinal> order(items);
    std::iota(order.begin(), order.end(), 0);
    std::shuffle(order.begin(), order.end(), std::mt19937{7});
    std::vector<results::Span> places(items);
    std::string text;
    for (const auto ordinal : order) {
      const auto& one = all[ordinal];
      if (one.file != file) continue;
      places[ordinal] = {.source = 0, .offset = text.size(), .length = one.line.size()};
      text += one.line + '\n';
    }
    const auto output = directory.file(name, text);
    write_outcomes(file, output, places);
  }

  void write_outcomes(int file, const std::filesystem::path& output, const std::vector<results::Span>& places)
  {
    const auto path = directory / (std::to_string(file) + ".outcomes");
    results::OutcomeWriter writer{path, {output}};
    for (Ordinal ordinal = 0; ordinal < items; ++ordinal) {
      const auto& one = all[ordinal];
      if (one.status == Status::pending || one.file != file) continue;
      const auto* code = one.status == Status::failed ? "odd" : "";
      if (one.is_ours) {
        writer.add(ordinal, one.status, code, true, one.line);
      } else {
        writer.add(ordinal, one.status, code, true, places[ordinal]);
      }
    }
    writer.commit();
    outcomes.push_back({.path = path,
                        .last = items - 1,
                        .route = file == 2 ? Route::realtime : Route::batch,
                        .attempt = file + 1,
                        .endpoint = job.request.endpoint,
                        .model = "m",
                        .part = file + 1});
  }

  std::unique_ptr<results::RecordWriter> writer_for(const MergeOptions& options) const
  {
    switch (options.format) {
    case Format::jsonl:
      return results::jsonl_writer(job, options.choice);
    case Format::csv:
      return results::table_writer(job, options.choice, ',');
    case Format::tsv:
      return results::table_writer(job, options.choice, '\t');
    case Format::raw:
      return results::raw_writer(options.lines);
    case Format::npy:
      return results::npy_writer(items, outcomes);
    default:
      return results::ids_writer(job);
    }
  }
};

std::string json_lines(Hostile& make)
{
  std::string text;
  for (Ordinal ordinal = 0; ordinal < several_blocks; ++ordinal) {
    HostileObject object{make};
    object.member("a", '"' + make.token(6).text + '"');
    if (make.one_in(3)) object.member("b" + std::to_string(make.number(9)), make.nested());
    text += object.text() + std::string{make.one_of({"\n", "\r\n", "\n\n"})};
  }
  return text;
}

std::string table(Hostile& make)
{
  std::string text = "a,,\"b\nc\"\n";
  for (Ordinal ordinal = 0; ordinal < several_blocks; ++ordinal)
    text += fmt::format("{},\"{}\",{}\r\n", ordinal, make.one_of({"x", "\"\"", "1\n2", "", ","}), make.number(99));
  return text;
}

/// What was thrown, and what the sink had got by then.
struct Thrown {
  std::string what = {};
  std::string text = {};
};

Thrown thrown(const Fixture& fixture, MergeOptions options, unsigned threads)
{
  Thrown thrown;
  options.threads = threads;
  try {
    results::merge(fixture.job, fixture.outcomes, options, [&](std::string_view bytes) { thrown.text += bytes; });
  } catch (const Error& e) {
    thrown.what = e.what();
  }
  return thrown;
}

} // namespace

TEST_SUITE_BEGIN("results::side_by_side");

TEST_CASE("hostile outcomes and an input of JSON lines come out the same by one, two and four threads")
{
  Fixture fixture{1};
  fixture.input("in.jsonl", json_lines(fixture.make));
  fixture.write();
  fixture.check_all_formats();
}

TEST_CASE("an input that is a table, or text, or has bad records put aside, does, too")
{
  Fixture fixture{2};
  fixture.write();
  fixture.input("in.csv", table(fixture.make));
  fixture.check_all_formats();

  fixture.job.inputs.clear();
  const auto lines = json_lines(fixture.make);
  const auto half = lines.find('\n', lines.size() / 2) + 1;
  fixture.input("a.jsonl", lines.substr(0, half) + "[]\n");
  fixture.input("b.jsonl", "{\n" + lines.substr(half));
  fixture.job.skip_bad = 2;
  fixture.check({.format = Format::csv});
  fixture.check({.format = Format::jsonl, .choice = {.input = true}});

  fixture.job.inputs.clear();
  std::string text;
  for (Ordinal ordinal = 0; ordinal < several_blocks; ++ordinal)
    text += fmt::format("a, {}\n", ordinal);
  fixture.input("in.txt", text);
  fixture.check({.format = Format::csv});
}

TEST_CASE("a folder as the input does")
{
  Fixture fixture{3};
  fixture.write();
  std::filesystem::create_directory(fixture.directory / "in");
  for (Ordinal ordinal = 0; ordinal < several_blocks; ++ordinal)
    fixture.directory.file(fmt::format("in/{:06}.txt", ordinal), ordinal % 2 ? "odd\n" : "");
  fixture.job.inputs.push_back(input::pin((fixture.directory / "in").native(), InputFormat::automatic));
  fixture.check({.format = Format::csv});
  fixture.check({.format = Format::jsonl, .choice = {.fields = {"path", "text", "status"}}});
}

TEST_CASE("vectors do, those before the first one included")
{
  Fixture fixture{4, many};
  fixture.job.request.endpoint = "/v1/embeddings";
  for (Ordinal ordinal = 0; ordinal < many; ++ordinal) {
    auto& one = fixture.all[ordinal];
    if (ordinal < 3000 && one.status == Status::succeeded) one = {};
    if (one.status != Status::succeeded) continue;
    one.line = fmt::format(R"({{"custom_id":"{}","response":{{"status_code":200,"body":{{"data":[{{"index":0,)"
                           R"("embedding":[{}.5,-1e-3,3]}}]}}}},"error":null}})",
                           tests::id(ordinal), ordinal);
  }
  fixture.write();
  fixture.check({.format = Format::npy});
}

TEST_CASE("of two faults the one of the first item is told, and nothing that comes after it is handed over")
{
  Fixture fixture{5, many};
  for (const Ordinal ordinal : {2600, 4000})
    fixture.all[ordinal] = {.status = Status::succeeded, .line = "{", .is_ours = true, .file = 1};
  fixture.write();
  const MergeOptions options{.format = Format::jsonl, .pending = Pending::leave_out};
  Fixture whole{5, many};
  whole.write();
  const auto expected = whole.one_by_one(options);
  const auto plain = thrown(fixture, options, 1);
  CHECK_FALSE(plain.what.empty());
  for (const unsigned threads : {1U, 2U, 4U}) {
    CAPTURE(threads);
    const auto [what, text] = thrown(fixture, options, threads);
    CHECK(what == plain.what);
    CHECK(expected.starts_with(text));
    CHECK(text.find(R"({"index":2600,)") == std::string::npos);
    const bool is_far = text.find(R"({"index":1000,)") != std::string::npos;
    CHECK(is_far);
  }
}

TEST_CASE("a fault of the walk is told only where no record before it has one")
{
  for (const bool is_before : {false, true}) {
    Fixture fixture{6, many};
    fixture.all[801] = {.status = Status::succeeded, .line = tests::success(tests::id(801))};
    if (is_before) fixture.all[795] = {.status = Status::succeeded, .line = "{", .is_ours = true};
    fixture.write();
    const auto twice = fixture.directory / "twice";
    results::OutcomeWriter writer{twice};
    writer.add(801, Status::succeeded, {}, true, tests::success(tests::id(801)));
    writer.commit();
    fixture.outcomes.push_back({.path = twice, .first = 800, .last = 801});
    for (const unsigned threads : {1U, 2U, 4U}) {
      CAPTURE(threads);
      const auto [what, text] = thrown(fixture, {.pending = Pending::leave_out}, threads);
      const auto* const expected = is_before ? "holds answer lines" : "one outcome file holds an item";
      CHECK(what.find(expected) != std::string::npos);
      CHECK(text.find(R"({"index":801,)") == std::string::npos);
    }
  }
}

TEST_CASE("a matrix names the first item whose vector has another length")
{
  Fixture fixture{7, many};
  fixture.job.request.endpoint = "/v1/embeddings";
  for (Ordinal ordinal = 0; ordinal < many; ++ordinal)
    fixture.all[ordinal] = {
        .status = Status::succeeded,
        .line = fmt::format(R"({{"custom_id":"{}","response":{{"status_code":200,"body":{{"data":[{{"index":0,)"
                            R"("embedding":[{}]}}]}}}},"error":null}})",
                            tests::id(ordinal), ordinal % 1500 == 1499 ? "1" : "1,2")};
  fixture.write();
  for (const unsigned threads : {1U, 2U, 4U})
    CHECK(thrown(fixture, {.format = Format::npy}, threads).what.find("item 1499: its vector has 1 numbers") !=
          std::string::npos);
}

TEST_CASE("a sink that throws is not called again, and what it threw comes out")
{
  Fixture fixture{8, many};
  fixture.write();
  for (const unsigned threads : {1U, 2U, 4U}) {
    for (const int last : {1, 2, 4}) {
      CAPTURE(threads);
      int calls = 0;
      const auto sink = [&](std::string_view) {
        if (++calls == last) throw std::runtime_error{"full"};
      };
      CHECK_THROWS_WITH(
          results::merge(fixture.job, fixture.outcomes, {.pending = Pending::leave_out, .threads = threads}, sink),
          "full");
      CHECK(calls == last);
    }
  }
}

TEST_CASE("what needs no line of the server's does without its file")
{
  Fixture fixture{9, many};
  fixture.write();
  const MergeOptions options{.pending = Pending::leave_out, .choice = {.fields = {"index", "status", "custom_id"}}};
  const auto expected = fixture.one_by_one(options);
  for (int file = 0; file < 3; ++file)
    std::filesystem::remove(fixture.directory / fmt::format("{}.output.jsonl", file));
  CHECK(fixture.merged(options) == expected);
  CHECK_THROWS_AS(fixture.merged({.pending = Pending::leave_out}), Error);
}

TEST_SUITE_END();
