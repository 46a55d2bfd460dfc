#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/results/gather.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;
using results::gather;
using results::Span;
using tests::FreshDirectory;

namespace {

/// Two files of lines of many lengths, and the same lines in another order.
struct Fixture {
  Fixture()
  {
    std::mt19937 random{7};
    std::vector<std::string> texts(2);
    for (std::size_t i = 0; i < 3000; ++i) {
      const std::size_t source = random() % 2;
      const auto line = std::to_string(i) + std::string(random() % 200, static_cast<char>('a' + i % 26));
      if (i % 5 == 0) { // not every line is wanted, nor does every place want one
        texts[source] += "unwanted\n";
        wanted.push_back({});
        expected.emplace_back();
      }
      wanted.push_back({source, texts[source].size(), line.size()});
      expected.push_back(line);
      texts[source] += line + "\r\n";
    }
    sources = {directory.file("a", texts[0]), directory.file("b", texts[1])};
    std::vector<std::size_t> order(wanted.size());
    for (std::size_t i = 0; i < order.size(); ++i)
      order[i] = i;
    std::shuffle(order.begin(), order.end(), random);
    const auto w = wanted;
    const auto e = expected;
    for (std::size_t i = 0; i < order.size(); ++i) {
      wanted[i] = w[order[i]];
      expected[i] = e[order[i]];
    }
  }

  std::vector<std::string> gathered(std::uint64_t memory) const
  {
    std::vector<std::string> found;
    gather(sources, wanted, directory.path(), memory, [&](std::size_t index, std::string_view line) {
      REQUIRE(index == found.size());
      found.emplace_back(line);
    });
    return found;
  }

  tests::FreshDirectory directory;
  std::vector<std::filesystem::path> sources = {};
  std::vector<Span> wanted = {};
  std::vector<std::string> expected = {};
};

} // namespace

TEST_SUITE_BEGIN("results::gather");

TEST_CASE_FIXTURE(Fixture, "lines come in the order asked for, however little memory there is")
{
  CHECK(gathered(results::gather_memory) == expected);
  CHECK(gathered(100'000) == expected); // a few partitions
  CHECK(gathered(1'000) == expected);   // more than may be open at once
  CHECK(gathered(10) == expected);      // each line longer than the memory
}

TEST_CASE_FIXTURE(Fixture, "nothing temporary stays, also when the taker throws")
{
  const auto entries = [&] {
    return std::distance(std::filesystem::directory_iterator{directory.path()}, std::filesystem::directory_iterator{});
  };
  gathered(1'000);
  CHECK(entries() == 2);
  CHECK_THROWS_AS(gather(sources, wanted, directory.path(), 1'000,
                         [](std::size_t, std::string_view) {
                           throw Error{Fault::storage, "full"};
                         }),
                  Error);
  CHECK(entries() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a file that is not what it was is noticed")
{
  const auto drop = [](std::size_t, std::string_view) {};
  const std::vector<Span> beyond{{0, std::filesystem::file_size(sources[0]) + 5, 3}};
  CHECK_THROWS_AS(gather(sources, beyond, directory.path(), 1'000, drop), Error);
  auto longer = wanted;
  longer[0].length += 1000;
  CHECK_THROWS_AS(gather(sources, longer, directory.path(), results::gather_memory, drop), Error);
  auto inside = wanted;
  const auto last = std::max_element(inside.begin(), inside.end(), [](const Span& a, const Span& b) {
    return std::pair{a.source, a.offset} < std::pair{b.source, b.offset};
  });
  last->offset += 1;
  CHECK_THROWS_AS(gather(sources, inside, directory.path(), results::gather_memory, drop), Error);
}

TEST_CASE("a line that is wanted in several places is given in each, in memory and by partitions")
{
  const FreshDirectory dir;
  const auto source = dir.file("a", "one\ntwo\nthree\n");
  const std::vector<Span> wanted{{0, 8, 5}, {0, 0, 3}, {0, 8, 5}, {}, {0, 8, 5}, {0, 4, 3}};
  for (const std::uint64_t memory : {1'000, 8}) {
    std::vector<std::string> found;
    gather({source}, wanted, dir.path(), memory, [&](std::size_t, std::string_view line) { found.emplace_back(line); });
    CHECK(found == std::vector<std::string>{"three", "one", "three", "", "three", "two"});
  }
}

TEST_CASE("nothing wanted is nothing given")
{
  const tests::FreshDirectory directory;
  std::size_t given = 0;
  const auto count = [&](std::size_t, std::string_view line) { given += line.empty() ? 1 : 100; };
  gather({}, {}, directory.path(), 10, count);
  CHECK(given == 0);
  gather({}, {{}, {}}, directory.path(), 10, count);
  CHECK(given == 2);
}

TEST_SUITE_END();
