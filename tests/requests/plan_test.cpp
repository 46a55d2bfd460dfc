#include "tests/requests/requests_fixture.hpp"

#include <batchwright/base/sha256.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/ids.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

using namespace batchwright;
using tests::FreshDirectory;
using tests::says;
using tests::thrown_by;

namespace {

std::string numbered(int from, int to)
{
  std::string text;
  for (int i = from; i < to; ++i)
    text +=
        fmt::format("{{\"id\":{},\"text\":\"item {}{}\"}}\n", i, i, std::string(static_cast<std::size_t>(i % 17), '!'));
  return text;
}

/// A job over two inputs with blank and bad lines, cut into several parts.
Job mixed_job(const FreshDirectory& dir)
{
  auto j =
      tests::job({tests::input_file(dir, "a.jsonl", numbered(0, 40) + "\nbad\n" + numbered(40, 60), InputFormat::jsonl),
                  tests::input_file(dir, "b.csv", "id,text\n60,\"x\ny\"\nragged\n61,z\n62,\n", InputFormat::csv)},
                 "Say {{text}}");
  j.request.system = "Short.";
  j.skip_bad = 2;
  j.limits = {9, 1000};
  return j;
}

} // namespace

TEST_SUITE_BEGIN("requests::plan");

TEST_CASE("parts are contiguous, within both limits, and as full as the order allows")
{
  const FreshDirectory dir;
  const auto j = mixed_job(dir);
  const auto plan = requests::plan(j);
  const auto lines = tests::lines_of(j);
  REQUIRE(plan.items == 63);
  REQUIRE(lines.size() == 63);
  CHECK(plan.skipped_count == 2);
  REQUIRE(plan.skipped.size() == 2);
  CHECK(plan.skipped[0].place()->line == 42);
  CHECK(plan.skipped[1].place()->file == j.inputs[1].path);

  Ordinal next = 0;
  std::uint64_t bytes = 0;
  Tokens tokens;
  for (std::size_t n = 0; n < plan.parts.size(); ++n) {
    const auto& part = plan.parts[n];
    CAPTURE(n);
    CHECK(part.number == static_cast<int>(n) + 1);
    CHECK(part.state == PartState::planned);
    CHECK(part.route == Route::batch);
    CHECK(part.attempt == 1);
    CHECK_FALSE(part.listed);
    CHECK(part.first == next);
    CHECK(part.mark.ordinal == part.first);
    CHECK(part.items == part.last - part.first + 1);
    CHECK(part.requests == part.items);
    CHECK(part.requests <= 9);
    CHECK(part.bytes <= 1000);
    std::uint64_t sum = 0;
    for (auto i = part.first; i <= part.last; ++i)
      sum += lines[i].size();
    CHECK(part.bytes == sum);
    next = part.last + 1;
    const bool is_full = part.requests == 9 || next == 63 || sum + lines[next].size() > 1000;
    CHECK(is_full);
    bytes += part.bytes;
    tokens += part.input_tokens;
  }
  CHECK(next == 63);
  CHECK(plan.bytes == bytes);
  CHECK(plan.input_tokens == tokens);
  CHECK(plan.parts.size() > 10);
}

TEST_CASE("a limit is reached exactly, newline included")
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.txt", "a\nb\nc\n", InputFormat::text)}, "{{text}}");
  const auto line = tests::lines_of(j).at(0).size();
  j.limits = {2, 1'000'000};
  CHECK(requests::plan(j).parts.size() == 2);
  j.limits = {50, 3 * line};
  CHECK(requests::plan(j).parts.size() == 1);
  j.limits = {50, 3 * line - 1};
  CHECK(requests::plan(j).parts.size() == 2);
  j.limits = {50, line};
  CHECK(requests::plan(j).parts.size() == 3);
  j.limits = {50, line - 1};
  const auto e = thrown_by([&] { requests::plan(j); });
  CHECK(e.fault() == Fault::input);
  CHECK(says(e, fmt::format("its request has {} bytes, a part may have {}", line, line - 1)));
  CHECK(e.place()->line == 1);
}

TEST_CASE("the tokens are those of the texts that are sent, and of the frame around them")
{
  const FreshDirectory dir;
  auto j = tests::job(
      {tests::input_file(dir, "in.csv", "t,s\n\"a\nb \"\"c\"\"\",漢字\n12345,漢字\n5,x\n", InputFormat::csv)},
      "Read {{t}}");
  const auto prompts = money::estimate_tokens("Read a\nb \"c\"").n + money::estimate_tokens("Read 12345").n +
                       money::estimate_tokens("Read 5").n;
  const auto frame = money::tokens_per_message.n + money::tokens_per_reply.n;
  CHECK(requests::plan(j).input_tokens.n == prompts + 3 * frame);
  j.request.system = "Know {{s}}";
  const auto systems = 2 * money::estimate_tokens("Know 漢字").n + money::estimate_tokens("Know x").n;
  CHECK(requests::plan(j).input_tokens.n == prompts + systems + 3 * (frame + money::tokens_per_message.n));
}

TEST_CASE("what --set adds is a part of every request, and its texts are counted for every item")
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.txt", "a\nb\nc\n", InputFormat::text)}, "{{text}}");
  const auto without = requests::plan(j).input_tokens.n;
  const std::string tools =
      R"([{"type":"function","function":{"name":"look","description":"x)" + std::string(50'000, '.') + R"("}}])";
  j.request.set = {{"tools", tools}, {"temperature", "0.2"}, {"logprobs", "true"}};
  const auto plan = requests::plan(j);
  CHECK(plan.input_tokens.n == without + 3 * money::estimate_tokens(tools).n);
  CHECK(plan.parts.at(0).input_tokens == plan.input_tokens);
  j.request.set = {{"hint", R"("two\u0020words")"}};
  CHECK(requests::plan(j).input_tokens.n == without + 3 * 2);
}

TEST_CASE("an id that stands twice is named with both lines")
{
  const FreshDirectory dir;
  auto j = tests::job(
      {tests::input_file(dir, "a.jsonl", "{\"id\":\"x\"}\n{\"id\":\"a\\u0062\"}\n\n{\"id\":7}\n", InputFormat::jsonl),
       tests::input_file(dir, "b.jsonl", "{\"id\":\"y\"}\n{\"id\":\"ab\"}\n{\"id\":\"7\"}\n", InputFormat::jsonl)},
      "x");
  CHECK(requests::plan(j).items == 6); // ids do not matter unless they are the user's
  j.request.id_column = "id";
  const auto e = thrown_by([&] { requests::plan(j); });
  CHECK(e.fault() == Fault::input);
  CAPTURE(std::string{e.what()});
  CHECK(says(e, "the id `ab` stands on line 2 of " + j.inputs[0].path));
  CHECK(says(e, "1 more ids are not unique"));
  CHECK(e.place()->file == j.inputs[1].path);
  CHECK(e.place()->line == 2);

  j.inputs = {tests::input_file(dir, "c.csv", "id\na\n\"a\"\"\"\nb\na \nb\n", InputFormat::csv)};
  const auto f = thrown_by([&] { requests::plan(j); });
  CHECK(says(f, "line 6"));
  CHECK(says(f, "the id `b` stands on line 4 already"));
  CHECK_FALSE(says(f, "more ids"));
}

TEST_CASE("the keys of JSON lines are noted, each once, in the order in which they first come")
{
  const FreshDirectory dir;
  std::string many;
  for (int i = 0; i < 5001; ++i)
    many += fmt::format("{{\"text\":\"x\",\"k{}\":1}}\n", i);
  const auto j =
      tests::job({tests::input_file(
                      dir, "a.jsonl",
                      "{\"text\":1,\"b\":2}\n{\"\\u0062\":1,\"text\":3,\"\":1,\"c\":1}\n{\"\":1,\"\":2,\"text\":1}\n",
                      InputFormat::jsonl),
                  tests::input_file(dir, "b.csv", "text,d\nx,y\n", InputFormat::csv),
                  tests::input_file(dir, "c.jsonl", many, InputFormat::jsonl)},
                 "Say {{text}}");
  const auto plan = requests::plan(j);
  REQUIRE(plan.columns.size() == 3);
  CHECK(plan.columns[0] == std::vector<std::string>{"text", "b", "", "c", ""});
  CHECK(plan.columns[1].empty()); // its header is read
  CHECK(plan.columns[2].empty()); // too many for a table
}

TEST_CASE("no item at all is an input fault")
{
  const FreshDirectory dir;
  for (const auto& input : {tests::input_file(dir, "header.csv", "id,text\n", InputFormat::csv),
                            tests::input_file(dir, "blank.jsonl", "\n \n\r\n", InputFormat::jsonl),
                            tests::input_file(dir, "bad.jsonl", "x\ny\n", InputFormat::jsonl)}) {
    auto j = tests::job({input}, "x");
    j.skip_bad = 9;
    const auto e = thrown_by([&] { requests::plan(j); });
    CHECK(e.fault() == Fault::input);
    CHECK(says(e, "no item"));
    CHECK(says(e, "2 bad records were put aside") == says(e, "bad.jsonl"));
    CHECK(e.place()->file == input.path);
  }
}

TEST_CASE("reading is reported, and at the end all of it")
{
  const FreshDirectory dir;
  const auto j = tests::job({tests::input_file(dir, "a.txt", numbered(0, 6000), InputFormat::text),
                             tests::input_file(dir, "b.txt", "x\n", InputFormat::text)},
                            "{{text}}");
  const auto all = j.inputs[0].bytes + j.inputs[1].bytes;
  std::vector<std::uint64_t> seen;
  std::uint64_t items = 0;
  requests::plan(j, [&](std::uint64_t bytes, std::uint64_t total, std::uint64_t n) {
    CHECK(total == all);
    seen.push_back(bytes);
    items = n;
  });
  REQUIRE(seen.size() >= 3);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(seen.back() == all);
  CHECK(items == 6001);
}

TEST_CASE("hashes of ids differ where the ids do")
{
  std::set<requests::IdHash> seen;
  std::size_t n = 0;
  for (const auto& stem : {std::string{}, std::string(15, 'a'), std::string(16, 'a'), std::string(40, 'b')}) {
    for (int i = 0; i < 20'000; ++i, ++n)
      seen.insert(requests::hash_of(stem + std::to_string(i)));
    for (std::size_t zeros = 1; zeros < 40; ++zeros, ++n)
      seen.insert(requests::hash_of(stem + std::string(zeros, '\0')));
  }
  CHECK(seen.size() == n);
}

TEST_SUITE_END();

TEST_SUITE_BEGIN("requests::build");

TEST_CASE("the files of all parts together are the lines of all items in order")
{
  const FreshDirectory dir;
  const auto j = mixed_job(dir);
  const auto plan = requests::plan(j);
  std::string expected;
  for (const auto& line : tests::lines_of(j))
    expected += line;
  std::string found;
  for (const auto& part : plan.parts) {
    const auto built = requests::build(j, part, {.requests = dir / "part"});
    const auto text = tests::slurp(dir / "part");
    CHECK(built.requests == part.requests);
    CHECK(built.bytes == part.bytes);
    CHECK(built.bytes == text.size());
    CHECK(built.sha256 == sha256_of_file(dir / "part"));
    CHECK(requests::build(j, part, {.requests = dir / "part"}).sha256 == built.sha256);
    found += text;
  }
  CHECK(found == expected);
}

TEST_CASE("a part with a list holds the listed items only")
{
  const FreshDirectory dir;
  const auto j = mixed_job(dir);
  const auto lines = tests::lines_of(j);
  const auto plan = requests::plan(j);
  const std::vector<Ordinal> wanted{21, 22, 39, 40, 60, 62};
  input::OrdinalWriter list{dir / "list"};
  std::string expected;
  for (const auto ordinal : wanted) {
    list.add(ordinal);
    expected += lines[ordinal];
  }
  list.commit();
  Part part;
  part.number = 30;
  part.listed = true;
  part.first = wanted.front();
  part.last = wanted.back();
  part.items = part.requests = wanted.size();
  for (const auto& origin : plan.parts) {
    if (origin.first <= part.first) part.mark = origin.mark;
  }
  CHECK(requests::build(j, part, {.ordinals = dir / "list", .requests = dir / "part"}).requests == wanted.size());
  CHECK(tests::slurp(dir / "part") == expected);
}

TEST_CASE("an input that has changed is noticed, and no file is left")
{
  const FreshDirectory dir;
  auto j = tests::job({tests::input_file(dir, "in.txt", "one\ntwo\nthree\n", InputFormat::text)}, "{{text}}");
  j.limits.requests = 2;
  auto parts = requests::plan(j).parts;
  parts[0].sha256 = requests::build(j, parts[0], {.requests = dir / "part"}).sha256;
  std::filesystem::remove(dir / "part");

  struct Case {
    const char* text;
    std::size_t part;
    const char* says;
  };
  const Case cases[] = {
      {"one\n", 0, "building part 1: the input is not what it was when the job was made: it ends before item 1"},
      {"one\nlonger\nthree\n", 0, "bytes of requests, expected"},
      {"one\ntwx\nthree\n", 0, "as many bytes"},
      {"one\ntwo\n", 1, "building part 2: the input is not what it was when the job was made: it ends before item 2"},
      {"one\ntwo\n\xff\n", 1, "building part 2: reading "},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    dir.file("in.txt", c.text);
    const auto e = thrown_by([&] { requests::build(j, parts[c.part], {.requests = dir / "part"}); });
    CHECK(e.fault() == Fault::input);
    CAPTURE(std::string{e.what()});
    CHECK(says(e, c.says));
    CHECK_FALSE(std::filesystem::exists(dir / "part"));
  }
}

TEST_SUITE_END();
