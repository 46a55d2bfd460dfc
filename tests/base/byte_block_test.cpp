#include <batchwright/base/byte_block.hpp>

#include <doctest/doctest.h>

#include <random>
#include <string>

using namespace batchwright;

namespace {

/// Bit i: what `test` says of byte i.
template<class Test>
ByteMask plainly(const std::string& bytes, std::size_t at, Test test)
{
  ByteMask mask = 0;
  for (std::size_t i = 0; i < ByteBlock::size; ++i)
    mask |= ByteMask{test(bytes[at + i])} << i;
  return mask;
}

} // namespace

TEST_SUITE_BEGIN("base::byte_block");

TEST_CASE("masks say of each byte what comparing it says")
{
  std::mt19937 random{5};
  for (int round = 0; round < 300; ++round) {
    std::string bytes(ByteBlock::size + 16, '\0');
    for (auto& c : bytes)
      c = random() % 2 == 0 ? static_cast<char>(random()) : "\"\\\x1f\x20\n"[random() % 5];
    const auto at = random() % 17; // wherever it lies in memory
    const ByteBlock block{bytes.data() + at};
    for (const char c : {'"', '\\', '\n', '\0', '\x7f', '\x80', '\xff'})
      CHECK(block.equal(c) == plainly(bytes, at, [c](char byte) { return byte == c; }));
    for (const unsigned most : {0x00u, 0x1fu, 0x20u, 0x7fu, 0x80u, 0xfeu, 0xffu})
      CHECK(block.up_to(static_cast<unsigned char>(most)) ==
            plainly(bytes, at, [most](char byte) { return static_cast<unsigned char>(byte) <= most; }));
  }
}

TEST_CASE("a byte of three kinds is found wherever it stands alone")
{
  for (std::size_t at = 0; at < ByteBlock::size; ++at) {
    for (unsigned value = 0; value < 0x100; ++value) {
      std::string bytes(ByteBlock::size, 'x');
      bytes[at] = static_cast<char>(value);
      CHECK(ByteBlock{bytes.data()}.has_any('"', '\\', 0x1f) == (value == '"' || value == '\\' || value <= 0x1f));
    }
  }
}

TEST_CASE("what is escaped is told from block to block as it is from byte to byte")
{
  std::mt19937 random{6};
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    while (bytes.size() < 8 * ByteBlock::size)
      bytes.append(1 + random() % (random() % 4 == 0 ? 150 : 4), random() % 2 == 0 ? '\\' : 'x');
    EscapeScan scan;
    bool escapes_next = false;
    for (std::size_t at = 0; at + ByteBlock::size <= bytes.size(); at += ByteBlock::size) {
      CHECK(scan.escapes_next() == escapes_next);
      const auto expected = plainly(bytes, at, [&](char byte) {
        const bool is_escaped = escapes_next;
        escapes_next = byte == '\\' && !is_escaped;
        return is_escaped;
      });
      CHECK(scan.escaped(ByteBlock{bytes.data() + at}.equal('\\')) == expected);
    }
    CHECK(scan.escapes_next() == escapes_next);
  }
}

TEST_SUITE_END();
