#include "tests/input/input_fixture.hpp"
#include "tests/support/packing.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using namespace batchwright;
using tests::error_of;
using tests::FreshDirectory;
using tests::gzipped;
using tests::input_file;
using tests::read_all;
using tests::zstandard;

namespace {

/// Rows that fill several blocks.
std::string many_rows()
{
  std::string csv = "id,text\n";
  for (int i = 0; i < 30'000; ++i)
    csv += fmt::format("{},\"row {}, {}\"\n", i, i, std::string(static_cast<std::size_t>(i % 97), 'x'));
  return csv;
}

} // namespace

TEST_SUITE_BEGIN("input::source");

TEST_CASE("a packed file gives the items of the plain one, with the same places, from any of them on")
{
  const FreshDirectory dir;
  const auto text = many_rows();
  const auto half = text.size() / 2;
  const auto plain = read_all({input_file(dir, "a.csv", text, InputFormat::csv)});
  REQUIRE(plain.size() == 30'000);
  const std::pair<const char*, std::string> packings[] = {
      {"gzip", gzipped(text)},
      {"gzip, two members", gzipped(text.substr(0, half)) + gzipped(text.substr(half))},
      {"zstd", zstandard(text)},
      {"zstd, two frames", zstandard(text.substr(0, half)) + zstandard(text.substr(half))}};
  for (const auto& packing : packings) {
    CAPTURE(packing.first);
    const auto packed = input_file(dir, "packed", packing.second, InputFormat::csv);
    const auto all = read_all({packed});
    REQUIRE(all.size() == plain.size());
    for (const std::size_t n : {0, 1, 14'999, 29'999}) {
      CHECK(all[n].fields == plain[n].fields);
      CHECK(all[n].mark == plain[n].mark);
      const auto rest = read_all({packed}, {}, all[n].mark);
      REQUIRE(rest.size() == plain.size() - n);
      CHECK(rest.front().fields == plain[n].fields);
      CHECK(rest.back().mark == plain.back().mark);
    }
  }
}

TEST_CASE("a packed file that is cut or broken is refused by name, and never taken as whole")
{
  const FreshDirectory dir;
  const auto text = many_rows();
  for (const auto& whole : {gzipped(text), zstandard(text)}) {
    for (const std::size_t kept : {whole.size() - 1, whole.size() / 2, std::size_t{6}}) {
      CAPTURE(kept);
      const auto e = error_of({input_file(dir, "cut", whole.substr(0, kept), InputFormat::csv)});
      CHECK(e.fault() == Fault::input);
      CHECK(tests::says(e, "ends too soon"));
      CHECK(tests::says(e, dir.path().native()));
    }
    auto damaged = whole;
    for (auto at = damaged.size() / 2; at < damaged.size() / 2 + 32; ++at)
      damaged[at] = static_cast<char>(~damaged[at]);
    CHECK(error_of({input_file(dir, "damaged", damaged, InputFormat::csv)}).fault() == Fault::input);
    CHECK(tests::says(error_of({input_file(dir, "more", whole + "garbage behind it", InputFormat::csv)}), "broken"));
  }
}

TEST_CASE("an empty packed file is an empty file")
{
  const FreshDirectory dir;
  for (const auto& packed : {gzipped(""), zstandard("")}) {
    CHECK(read_all({input_file(dir, "none", packed, InputFormat::text)}).empty());
  }
}

TEST_CASE("TSV is CSV with a tab for the comma")
{
  const FreshDirectory dir;
  const auto items = read_all({input_file(
      dir, "a.tsv", "id\ttext\r\n1\ta, b\r\n2\t\"with a\ttab, \"\"quotes\"\" and\nlines\"\r\n", InputFormat::tsv)});
  REQUIRE(items.size() == 2);
  CHECK(items[0]["text"] == "a, b");
  CHECK(items[1]["text"] == "with a\ttab, \"quotes\" and\nlines");
  CHECK(tests::says(error_of({input_file(dir, "b.tsv", "id\ttext\n1\n", InputFormat::tsv)}), "has 1 field"));
}

TEST_CASE("the name behind the packing decides the format")
{
  const FreshDirectory dir;
  const auto detect = [&](std::string_view name, const std::string& content) {
    return input::detect_format(dir.file(name, content).native());
  };
  CHECK(detect("a.tsv", "x\n") == InputFormat::tsv);
  CHECK(detect("a.TAB", "x\n") == InputFormat::tsv);
  CHECK(detect("a.tsv.gz", gzipped("x\n")) == InputFormat::tsv);
  CHECK(detect("a.csv.zst", zstandard("x\n")) == InputFormat::csv);
  CHECK(detect("a.jsonl.GZ", gzipped("{}\n")) == InputFormat::jsonl);
  CHECK(detect("a.gz", gzipped("{\"a\":1}\n")) == InputFormat::jsonl);
  CHECK(detect("a.zst", zstandard("words\n")) == InputFormat::text);
}

TEST_SUITE_END();
