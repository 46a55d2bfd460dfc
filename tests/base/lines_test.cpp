#include "tests/support/fresh_directory.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/base/files.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace batchwright;

namespace {

struct Seen {
  std::string text = {};
  std::uint64_t offset = 0;
  bool ended = false;

  bool operator==(const Seen&) const = default;
};

std::vector<Seen> lines_of(const std::filesystem::path& path, std::uint64_t from = 0)
{
  LineReader reader{path, from};
  std::vector<Seen> lines;
  while (const auto line = reader.next())
    lines.push_back({std::string{line->text}, line->offset, line->ended});
  CHECK_FALSE(reader.next().has_value()); // the end stays the end
  return lines;
}

} // namespace

TEST_SUITE_BEGIN("base::lines");

TEST_CASE("lines come with their offsets, empty ones too, and the last tells whether it was ended")
{
  const tests::FreshDirectory home;
  CHECK(lines_of(home.file("none", "")).empty());
  CHECK(lines_of(home.file("one", "a")) == std::vector<Seen>{{"a", 0, false}});
  CHECK(lines_of(home.file("ended", "a\n")) == std::vector<Seen>{{"a", 0, true}});
  CHECK(lines_of(home.file("empty", "\n\nb\n\n")) ==
        std::vector<Seen>{{"", 0, true}, {"", 1, true}, {"b", 2, true}, {"", 4, true}});
  CHECK(lines_of(home.file("exact", std::string{"a\0b\r\n\xff", 6})) ==
        std::vector<Seen>{{std::string{"a\0b\r", 4}, 0, true}, {"\xff", 5, false}});
}

TEST_CASE("reading begins anywhere, and offsets are those of the file")
{
  const tests::FreshDirectory home;
  const auto path = home.file("in", "first\nsecond\nthird");
  CHECK(lines_of(path, 6) == std::vector<Seen>{{"second", 6, true}, {"third", 13, false}});
  CHECK(lines_of(path, 13) == std::vector<Seen>{{"third", 13, false}});
  CHECK(lines_of(path, 18).empty());
}

TEST_CASE("lines around the size of a block, and far longer ones, come whole")
{
  const tests::FreshDirectory home;
  constexpr std::size_t block = 1 << 20;
  std::string content;
  std::vector<Seen> expected;
  for (const auto size : {block - 2, block - 1, block, block + 1, std::size_t{0}, 5 * block + 3, std::size_t{1}}) {
    std::string text(size, 'a');
    for (std::size_t i = 0; i < size; i += 4096)
      text[i] = static_cast<char>('b' + expected.size());
    expected.push_back({text, content.size(), true});
    content += text + '\n';
  }
  CHECK(lines_of(home.file("in", content)) == expected);
  content.pop_back();
  expected.back().ended = false;
  CHECK(lines_of(home.file("cut", content)) == expected);
}

TEST_CASE("a directory is not read as lines")
{
  const tests::FreshDirectory home;
  CHECK_THROWS_AS(lines_of(home.path()), Error);
  CHECK_THROWS_AS(lines_of(home / "missing"), Error);
}

TEST_SUITE_END();
