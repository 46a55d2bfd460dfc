#include "tests/support/fresh_directory.hpp"
#include "tests/support/packing.hpp"

#include <batchwright/base/pack.hpp>
#include <batchwright/base/unpack.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;

namespace {

std::string packed(Packing packing, const std::string& text, std::size_t step)
{
  std::string all;
  const auto packer = pack(packing, [&](std::string_view bytes) { all += bytes; });
  for (std::size_t at = 0; at < text.size(); at += step)
    packer->write(std::string_view{text}.substr(at, step));
  packer->end();
  return all;
}

std::string unpacked(const std::string& bytes)
{
  const tests::FreshDirectory dir;
  const auto source = open_source(dir.file("x", bytes).native());
  std::string text;
  std::string block(100'000, '\0');
  while (const auto n = source->read(block.data(), block.size()))
    text.append(block, 0, n);
  return text;
}

} // namespace

TEST_SUITE_BEGIN("base::pack");

TEST_CASE("what is packed unpacks to the same bytes, however it was handed over")
{
  std::string text;
  for (int i = 0; i < 60'000; ++i)
    text += fmt::format("{} line {}\n", i * 7919 % 10'007, std::string(static_cast<std::size_t>(i % 31), 'z'));
  for (const auto packing : {Packing::gzip, Packing::zstd}) {
    CAPTURE(static_cast<int>(packing));
    for (const std::size_t step : {std::size_t{997}, text.size()}) {
      const auto bytes = packed(packing, text, step);
      CHECK(is_packed_head(bytes));
      CHECK(bytes.size() < text.size() / 2);
      CHECK(unpacked(bytes) == text);
    }
    CHECK(packed(packing, text, 997) == packed(packing, text, 997));
    const auto nothing = packed(packing, "", 1);
    CHECK(is_packed_head(nothing));
    CHECK(unpacked(nothing).empty());
  }
  CHECK(packed(Packing::none, text, 997) == text);
}

TEST_CASE("a name says how a file is packed")
{
  CHECK(packing_for("a/b.csv.gz") == Packing::gzip);
  CHECK(packing_for("b.jsonl.ZST") == Packing::zstd);
  CHECK(packing_for("b.gz/c.jsonl") == Packing::none);
  CHECK(packing_for("gz") == Packing::none);
  CHECK(unpacked_name("a/b.csv.gz") == "a/b.csv");
  CHECK(unpacked_name("a/b.csv") == "a/b.csv");
}

TEST_SUITE_END();
