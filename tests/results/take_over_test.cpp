#include "tests/support/answers.hpp"
#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/input/ordinals.hpp>
#include <batchwright/results/take_over.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

using namespace batchwright;
using tests::FreshDirectory;

namespace {

std::string answer(const std::string& id, int text)
{
  return fmt::format(R"({{"id":"b-{0}","custom_id":"{1}","response":{{"n":1e400,"text":"{0}"}},"error":null}})", text,
                     id);
}

/// An outcome file: ordinal, the four fields, the answer.
std::filesystem::path outcomes(const FreshDirectory& dir, const std::string& name, const std::string& lines)
{
  return dir.file(name, lines);
}

struct Taken {
  Settlement sums = {};
  std::string text = {};
};

/// Gives items 3, 5 and 9 the outcomes of these items of the sources.
Taken take(const FreshDirectory& dir, const std::vector<std::filesystem::path>& sources,
           const std::vector<std::pair<std::size_t, Ordinal>>& whose, const Policy& policy = {},
           const std::filesystem::path& ids = {})
{
  results::LinesToTake from{.sources = sources};
  std::map<std::pair<std::size_t, Ordinal>, results::Span> places;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    results::each_outcome(sources[i], i, [&](const results::Outcome& outcome, const results::Span& line) {
      places[{i, outcome.ordinal}] = line;
    });
  }
  for (const auto& one : whose)
    from.lines.push_back(places.at(one));
  input::OrdinalWriter list{dir / "list"};
  for (const Ordinal ordinal : {3, 5, 9})
    list.add(ordinal);
  list.commit();
  const Part part{.route = Route::reused, .first = 3, .last = 9, .items = 3, .listed = true};
  const auto sums =
      results::take_over(part, {.ordinals = dir / "list", .ids = ids, .outcomes = dir / "made"}, from, policy);
  return {sums, tests::slurp(dir / "made")};
}

} // namespace

TEST_SUITE_BEGIN("results::take_over");

TEST_CASE("answers come byte for byte under the ids of those who take them, in their order, one for several, too")
{
  const FreshDirectory dir;
  const auto one =
      outcomes(dir, "one", "0\ts\t-\t1\t" + answer("bw-0000000000", 0) + "\n8\ts\t-\t1\t" + answer("x", 8) + "\n");
  const auto two = outcomes(dir, "two", "1\tf\thttp_400\t0\t" + answer("y", 1) + "\n");
  const auto made = take(dir, {one, two}, {{0, 8}, {1, 1}, {0, 8}});
  CHECK(made.text == "3\ts\t-\t1\t" + answer("bw-0000000003", 8) + "\n5\tf\thttp_400\t0\t" +
                         answer("bw-0000000005", 1) + "\n9\ts\t-\t1\t" + answer("bw-0000000009", 8) + "\n");
  CHECK(made.sums == Settlement{.succeeded = 2, .failed = 1});

  const auto ids = dir.file("ids", "\"first\"\n\"se\\\"cond\"\n\"third\"\n");
  const auto named = take(dir, {one, two}, {{0, 0}, {0, 0}, {0, 8}}, {}, ids);
  CHECK(named.text == "3\ts\t-\t1\t" + answer("first", 0) + "\n5\ts\t-\t1\t" + answer("se\\\"cond", 0) +
                          "\n9\ts\t-\t1\t" + answer("third", 8) + "\n");
}

TEST_CASE("the policy says what an answer that cannot be used counts as; what was cancelled is counted so")
{
  const FreshDirectory dir;
  const auto from = outcomes(dir, "from",
                             "0\tf\ttruncated\t1\t" + answer("a", 0) + "\n1\tf\tcancelled\t0\t" + answer("b", 1) +
                                 "\n2\tf\trefused\t0\t" + answer("c", 2) + "\n");
  const auto strict = take(dir, {from}, {{0, 0}, {0, 1}, {0, 2}});
  CHECK(strict.sums == Settlement{.failed = 3, .cancelled = 1});
  const auto lenient = take(dir, {from}, {{0, 0}, {0, 1}, {0, 2}}, {.accept = "refused,truncated"});
  CHECK(lenient.sums == Settlement{.succeeded = 1, .failed = 2, .cancelled = 1}); // a refusal that nobody paid for
  CHECK(lenient.text.starts_with("3\ts\ttruncated\t1\t"));
}

TEST_CASE("an answer is good where nothing is against it, or what the policy accepts")
{
  const Policy accepting{.accept = "truncated"};
  CHECK(results::is_good({.status = Status::succeeded}, {}));
  CHECK_FALSE(results::is_good({.status = Status::failed, .code = "http_400"}, accepting));
  CHECK_FALSE(results::is_good({.status = Status::succeeded, .code = "truncated", .paid = true}, {}));
  CHECK(results::is_good({.status = Status::succeeded, .code = "truncated", .paid = true}, accepting));
  CHECK(results::is_good({.status = Status::failed, .code = "truncated", .paid = true}, accepting));
  CHECK_FALSE(results::is_good({.status = Status::failed, .code = "truncated", .paid = false}, accepting));
}

TEST_CASE("a source that is gone or holds something else is told, and nothing is written")
{
  const FreshDirectory dir;
  const auto from = outcomes(dir, "from", "0\ts\t-\t1\t" + answer("a", 0) + "\n");
  const auto odd = dir.file("odd", "0\ts\t-\t1\t" + answer("a", 0)); // cut off
  CHECK_THROWS_AS(results::each_outcome(odd, 0, [](const auto&, const auto&) {}), Error);
  const Part part{.route = Route::reused, .first = 3, .last = 3, .items = 1, .listed = true};
  input::OrdinalWriter list{dir / "list"};
  list.add(3);
  list.commit();
  const results::LinesToTake lost{.sources = {dir / "gone"}, .lines = {{0, 0, 10}}};
  CHECK_THROWS_AS(results::take_over(part, {.ordinals = dir / "list", .outcomes = dir / "made"}, lost, {}), Error);
  CHECK_FALSE(std::filesystem::exists(dir / "made"));
}

TEST_SUITE_END();
