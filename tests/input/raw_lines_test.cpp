#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/base/error.hpp>
#include <batchwright/input/input.hpp>
#include <batchwright/input/raw_lines.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;
using input::RawLines;
using tests::FreshDirectory;

namespace {

struct Seen {
  std::string text = {};
  std::uint64_t number = 0;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool too_long = false;

  bool operator==(const Seen&) const = default;
};

std::vector<Seen> lines_of(const std::filesystem::path& path)
{
  RawLines lines{path.native()};
  std::vector<Seen> seen;
  while (const auto line = lines.next())
    seen.push_back({std::string{line->text}, line->number, line->offset, line->size, line->too_long});
  return seen;
}

/// The same lines, by what stands between line ends.
std::vector<Seen> split(std::string_view text)
{
  std::vector<Seen> seen;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto size = std::min(end + 1, text.size()) - at;
    const bool too_long = end - at > input::longest_record;
    seen.push_back(
        {too_long ? std::string{} : std::string{text.substr(at, end - at)}, seen.size() + 1, at, size, too_long});
    at += size;
  }
  return seen;
}

} // namespace

TEST_SUITE_BEGIN("input::raw_lines");

TEST_CASE("every byte of a file is in one of its lines, packed or not")
{
  const FreshDirectory dir;
  const std::string text = "\xef\xbb\xbf"
                           "one\r\n\n \nlast";
  const std::vector<Seen> expected{{"\xef\xbb\xbf"
                                    "one\r",
                                    1, 0, 8, false},
                                   {"", 2, 8, 1, false},
                                   {" ", 3, 9, 2, false},
                                   {"last", 4, 11, 4, false}};
  CHECK(lines_of(dir.file("plain", text)) == expected);
  CHECK(lines_of(dir.file("gz", tests::gzipped(text))) == expected);
  CHECK(lines_of(dir.file("zst", tests::zstandard(text))) == expected);
  CHECK(lines_of(dir.file("empty", "")).empty());
  CHECK(lines_of(dir.file("newline", "\n")) == std::vector<Seen>{{"", 1, 0, 1, false}});
}

TEST_CASE("a line above the limit is passed over, not held, and what follows is read")
{
  const FreshDirectory dir;
  const std::string most(input::longest_record, 'x');
  const auto seen = lines_of(dir.file("long", most + "\n" + most + "y\nafter\n" + most + "z"));
  REQUIRE(seen.size() == 4);
  CHECK(seen[0].text.size() == input::longest_record);
  CHECK_FALSE(seen[0].too_long);
  CHECK(seen[1] == Seen{"", 2, input::longest_record + 1, input::longest_record + 2, true});
  CHECK(seen[2].text == "after");
  CHECK(seen[3].too_long);
}

TEST_CASE("lines are the same wherever a block of the file ends")
{
  const FreshDirectory dir;
  constexpr std::size_t block = 1 << 18;
  for (std::size_t lines = 1; lines <= 3; ++lines) { // in the block that ends there
    for (int shift = -2; shift <= 2; ++shift) {
      CAPTURE(lines);
      CAPTURE(shift);
      const auto to_border = block - lines + static_cast<std::size_t>(shift + 2);
      const auto start = std::string(to_border - 2, 'x') + std::string(lines, '\n');
      for (const auto& tail :
           {std::string{}, std::string{"\n"}, std::string{"y"}, "\r\n\n" + std::string(block + 7, 'z') + "\n",
            std::string(500, '\n'), std::string(2 * block, 'z')}) {
        const auto text = start + tail;
        REQUIRE(lines_of(dir.file("in", text)) == split(text));
      }
    }
  }
  std::mt19937 random{9};
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text +=
        std::string(random() % 200 == 0 ? random() % (2 * block) : random() % 300, static_cast<char>('a' + i % 26)) +
        '\n';
  CHECK(lines_of(dir.file("in", text)) == split(text));
  CHECK(lines_of(dir.file("zst", tests::zstandard(text))) == split(text));
}

TEST_CASE("lines around the limit are held or passed over wherever they begin in a block")
{
  const FreshDirectory dir;
  for (const std::size_t before : {1u, (1u << 18) - 1, 1u << 18}) {
    std::string text(before - 1, 'b');
    text += '\n';
    for (const std::size_t over : {0, 1, 1 << 18})
      text += std::string(input::longest_record + over, 'x') + "\nshort\n";
    CHECK(lines_of(dir.file("in", text)) == split(text));
  }
}

TEST_CASE("a file that cannot be read, or whose packing is broken, is an error")
{
  const FreshDirectory dir;
  CHECK_THROWS_AS(lines_of(dir / "none"), Error);
  auto packed = tests::gzipped(std::string(100'000, 'x'));
  packed.resize(packed.size() / 2);
  CHECK_THROWS_AS(lines_of(dir.file("cut", packed)), Error);
}

TEST_SUITE_END();
