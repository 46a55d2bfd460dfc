#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/results/outcome_line.hpp>
#include <batchwright/results/results.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace batchwright;
using results::OutcomeFile;
using results::Walk;

namespace {

struct Fixture {
  /// An outcome file of these ordinals; the answer tells which file and item it is.
  OutcomeFile file(std::string name, const std::vector<Ordinal>& ordinals, int attempt = 1)
  {
    std::string text;
    for (const auto ordinal : ordinals) {
      results::append_outcome_head(text, ordinal, ordinal % 2 ? Status::failed : Status::succeeded,
                                   ordinal % 2 ? "why" : "", ordinal % 2 == 0);
      text += name + std::to_string(ordinal) + '\n';
    }
    return {directory.file(name, text), ordinals.empty() ? 0 : ordinals.front(), ordinals.empty() ? 0 : ordinals.back(),
            Route::batch, attempt};
  }

  tests::FreshDirectory directory;
};

std::vector<std::string> answers(std::vector<OutcomeFile> files, std::uint64_t items)
{
  std::vector<std::string> found;
  Walk walk{std::move(files), items};
  while (const auto* outcome = walk.next()) {
    REQUIRE(outcome->ordinal == found.size());
    found.emplace_back(outcome->status == Status::pending ? "-" : walk.line());
  }
  return found;
}

} // namespace

TEST_SUITE_BEGIN("results::walk");

TEST_CASE_FIXTURE(Fixture, "items come in input order over files that lie within each other")
{
  const auto a = file("a", {0, 2, 5});
  auto b = file("b", {1, 4}, 2);
  b.route = Route::realtime;
  const auto c = file("c", {6, 7});
  CHECK(answers({c, b, a}, 9) == std::vector<std::string>{"a0", "b1", "a2", "-", "b4", "a5", "c6", "c7", "-"});

  Walk walk{{a, b}, 6};
  CHECK(walk.next()->status == Status::succeeded);
  const auto* second = walk.next();
  CHECK(second->status == Status::failed);
  CHECK(second->code == "why");
  CHECK_FALSE(second->paid);
  CHECK(second->from->route == Route::realtime);
  CHECK(second->from->attempt == 2);
  const auto* third = walk.next();
  CHECK(third->code.empty());
  CHECK(third->paid);
  CHECK(third->from->attempt == 1);
}

TEST_CASE_FIXTURE(Fixture, "a part that settled nothing and a job without items are walked, too")
{
  auto empty = file("empty", {});
  empty.last = 1;
  CHECK(answers({empty, file("a", {1})}, 2) == std::vector<std::string>{"-", "a1"});
  CHECK(answers({}, 2) == std::vector<std::string>{"-", "-"});
  CHECK(answers({}, 0).empty());
}

TEST_CASE_FIXTURE(Fixture, "a file is opened only when its first item is reached")
{
  const auto a = file("a", {0, 1});
  auto b = file("b", {2, 3});
  const auto later = b.path;
  b.path = directory / "not there yet";
  Walk walk{{a, b}, 4};
  const auto next = [&] {
    walk.next();
    return walk.line();
  };
  CHECK(next() == "a0");
  CHECK(next() == "a1");
  std::filesystem::rename(later, b.path);
  CHECK(next() == "b2");
}

TEST_CASE_FIXTURE(Fixture, "two outcomes for one item, or one beyond the job, are never passed over")
{
  CHECK_THROWS_AS(answers({file("a", {0, 1}), file("b", {1})}, 2), Error);
  CHECK_THROWS_AS(answers({file("a", {0, 1, 2})}, 2), Error);
  CHECK_THROWS_AS(answers({file("a", {0}), file("b", {5})}, 2), Error);
  auto unsorted = file("a", {1, 0});
  unsorted.first = 0;
  CHECK_THROWS_AS(answers({unsorted}, 2), Error);
}

TEST_CASE_FIXTURE(Fixture, "a file that holds something else is named, with the place")
{
  const auto fault = [&](const std::string& text) -> std::string {
    try {
      answers({{directory.file("a", text), 0, 0}}, 1);
    } catch (const Error& e) {
      CHECK(e.fault() == Fault::storage);
      return e.what();
    }
    return "";
  };
  CHECK(fault("0\ts\t-\t1\tx\n1 junk\n").find("/a: what stands at byte 10 ") != std::string::npos);
  CHECK_FALSE(fault("0\ts\t-\t1\tcut off").empty());
  CHECK_FALSE(fault("0\tp\t-\t1\tx\n").empty());
  CHECK_FALSE(fault("0\ts\t-\t2\tx\n").empty());
  CHECK_FALSE(fault("x\ts\t-\t1\tx\n").empty());
  CHECK_FALSE(fault("0\ts\t-\n").empty());
  CHECK_FALSE(fault("\n").empty());
}

TEST_CASE("a code comes back as it was, whatever it holds; an answer may hold TABs")
{
  for (const std::string code : {"http_500", "-", "a\tb\nc\\d\"", "caf\xc3\xa9"}) {
    CAPTURE(code);
    std::string line;
    results::append_outcome_head(line, 42, Status::failed, code, false);
    line += "{\t\"a\":1}";
    std::string decoded;
    const auto outcome = results::parse_outcome(line, decoded);
    REQUIRE(outcome);
    CHECK(outcome->ordinal == 42);
    CHECK(outcome->code == code);
    CHECK(outcome->answer == "{\t\"a\":1}");
  }
}

TEST_CASE("an accepted answer keeps what was against it; one with nothing against it has none")
{
  for (const std::string code : {"truncated", ""}) {
    std::string line;
    results::append_outcome_head(line, 7, Status::succeeded, code, true);
    line += "{}";
    std::string decoded;
    const auto outcome = results::parse_outcome(line, decoded);
    REQUIRE(outcome);
    CHECK(outcome->status == Status::succeeded);
    CHECK(outcome->code == code);
  }
}

TEST_SUITE_END();
