#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/ordinals.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <random>
#include <vector>

using namespace batchwright;

namespace {

std::vector<Ordinal> all(input::Ordinals ordinals)
{
  std::vector<Ordinal> found;
  while (const auto ordinal = ordinals.next())
    found.push_back(*ordinal);
  return found;
}

Part listed(const std::vector<Ordinal>& ordinals)
{
  Part part;
  part.listed = true;
  part.items = ordinals.size();
  return part;
}

void write(const std::filesystem::path& path, const std::vector<Ordinal>& ordinals)
{
  input::OrdinalWriter writer{path};
  for (const auto ordinal : ordinals)
    writer.add(ordinal);
  writer.commit();
}

} // namespace

TEST_SUITE_BEGIN("input::ordinals");

TEST_CASE("a range needs no file")
{
  Part part;
  part.first = 7;
  part.last = 9;
  part.items = 3;
  CHECK(all({part, {}}) == std::vector<Ordinal>{7, 8, 9});
  part.items = 4;
  CHECK_THROWS_AS(input::Ordinals(part, {}), Error);
}

TEST_CASE("a list comes back as it was written")
{
  const tests::FreshDirectory dir;
  const auto path = dir / "list";
  constexpr auto highest = std::numeric_limits<Ordinal>::max() - 1;
  for (const auto& list : {std::vector<Ordinal>{}, {0}, {0, 1, 2}, {5, 132, 133, 20000, 1ull << 40}, {0, highest}}) {
    write(path, list);
    CHECK(all({listed(list), path}) == list);
  }
  std::mt19937_64 random{7};
  std::vector<Ordinal> many{3};
  for (int i = 0; i < 100'000; ++i)
    many.push_back(many.back() + 1 + (random() >> (random() % 28 + 36)));
  write(path, many);
  CHECK(all({listed(many), path}) == many);
}

TEST_CASE("a list that is cut or is something else is refused")
{
  const tests::FreshDirectory dir;
  const std::vector<Ordinal> list{1, 300, 70000};
  write(dir / "list", list);
  const auto whole = tests::slurp(dir / "list");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    const auto cut = dir.file("cut", whole.substr(0, n));
    CHECK_THROWS_AS(all({listed(list), cut}), Error);
  }
  CHECK_THROWS_AS(all({listed(list), dir.file("other", "not a list of ordinals at all")}), Error);
  CHECK_THROWS_AS(all({listed({1, 300}), dir / "list"}), Error);
  CHECK_THROWS_AS(all({listed(list), dir / "missing"}), Error);
}

TEST_CASE("an ordinal that does not ascend is a broken promise, and nothing is left behind")
{
  const tests::FreshDirectory dir;
  {
    input::OrdinalWriter writer{dir / "list"};
    writer.add(4);
    CHECK_THROWS_AS(writer.add(4), Error);
    CHECK_THROWS_AS(writer.add(3), Error);
  }
  CHECK(std::filesystem::is_empty(dir.path()));
}

TEST_SUITE_END();
