#include <batchwright/json/json.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/report.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using namespace batchwright::report;

TEST_SUITE_BEGIN("report::cells");

TEST_CASE("wide characters take two cells, combining ones none")
{
  CHECK(width("") == 0);
  CHECK(width("reviews") == 7);
  CHECK(width("é") == 1);
  CHECK(width("e\u0301") == 1);
  CHECK(width("漢字") == 4);
  CHECK(width("한글") == 4);
  CHECK(width("😀") == 2);
  CHECK(width("ﾊ") == 1); // halfwidth katakana
  CHECK(width("Ａ") == 2);
  CHECK(width("a\u200bb") == 2);
  CHECK(width("नि") == 2); // the vowel sign stands beside its letter
  CHECK(width("━─…") == 3);
  CHECK(width("\xff\xfe") == 2); // each shown as one replacement
}

TEST_CASE("a fitted text takes exactly its cells")
{
  CHECK(fitted("abc", 5) == "abc  ");
  CHECK(fitted("abcdef", 6) == "abcdef");
  CHECK(fitted("abcdef", 5) == "abcd…");
  CHECK(fitted("漢字漢字", 6) == "漢字… ");
  CHECK(fitted("abc", 1) == "…");
  CHECK(fitted("abc", 0).empty());
  for (int cells = 0; cells < 12; ++cells) {
    for (const auto* text :
         {"", "plain text", "漢字漢字漢字", "a漢b字c", "e\u0301e\u0301e\u0301e\u0301", "\xff漢\xfe"}) {
      CAPTURE(text);
      CAPTURE(cells);
      CHECK(width(fitted(text, cells)) == cells);
    }
  }
}

TEST_CASE("control characters lose their power and stay visible")
{
  CHECK(harmless("\x1b[31mred\x07") == "\\x1b[31mred\\x07");
  CHECK(harmless("two\nlines\tand\rmore") == "two lines and more");
  CHECK(harmless(std::string_view{"a\0b", 3}) == "a\\x00b");
  CHECK(harmless("c1: \u009b31m") == "c1: \\x9b31m");
  CHECK(harmless("\u202egnp.exe") == "\\u202egnp.exe");
  CHECK(harmless("é漢😀 as they are") == "é漢😀 as they are");
  CHECK(harmless("bad \xff byte") == "bad \uFFFD byte");
}

TEST_CASE("whatever bytes come, what is legible is UTF-8, and UTF-8 stays as it is")
{
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  CHECK(json::is_utf8(legible(all)));
  CHECK(legible("é漢😀\x1b") == "é漢😀\x1b");
  CHECK(legible("a\xe6\xbc") == "a\uFFFD\uFFFD"); // cut in the middle of a character
  CHECK(legible("\xed\xa0\x80") == "\uFFFD\uFFFD\uFFFD");
}

TEST_CASE("colour is there only where it is wanted")
{
  CHECK(painted("running", Tone::moving, {80, false}) == "running");
  CHECK(painted("running", Tone::plain, {80, true}) == "running");
  CHECK(painted("running", Tone::moving, {80, true}) == "\x1b[33mrunning\x1b[0m");
}

TEST_CASE("text is wrapped at spaces; a word that is too long keeps its line")
{
  CHECK(wrapped("one two three", 7, 2) == "one two\n  three");
  CHECK(wrapped("short", 80, 2) == "short");
  CHECK(wrapped("a /very/long/path b", 6, 0) == "a\n/very/long/path\nb");
  CHECK(wrapped("漢字 漢字", 7, 0) == "漢字\n漢字");
}

TEST_CASE("a long line of a text is broken between words, under its label or a little deeper")
{
  CHECK(fitted_lines("short\n  and short", 20) == "short\n  and short");
  CHECK(fitted_lines("one two three four", 9) == "one two\n  three\n  four");
  CHECK(fitted_lines("  hint: one two three", 14) == "  hint: one\n  two three");
  CHECK(fitted_lines("a\n  note    one two three\nb", 18) == "a\n  note    one two\n          three\nb");
  CHECK(fitted_lines("ends\n", 10) == "ends\n");
}

TEST_CASE("a bar shows each stretch, however small, and is full only when all is done")
{
  const Style plain;
  CHECK(bar({{0, Tone::good}}, 100, 4, plain) == "────");
  CHECK(bar({{50, Tone::good}}, 100, 4, plain) == "━━──");
  CHECK(bar({{99, Tone::good}}, 100, 4, plain) == "━━━─");
  CHECK(bar({{100, Tone::good}}, 100, 4, plain) == "━━━━");
  CHECK(bar({{1, Tone::good}}, 1000, 4, plain) == "━───");
  CHECK(bar({{0, Tone::good}, {1, Tone::trouble}}, 1000, 4, {80, true}) == "\x1b[31m━\x1b[0m\x1b[2m───\x1b[0m");
  CHECK(width(bar({{333, Tone::good}, {333, Tone::moving}, {334, Tone::trouble}}, 1000, 7, plain)) == 7);
}

TEST_CASE("a grid gives up columns by rank, then cuts the widest, and its lines fit")
{
  Grid grid{{{"job"}, {"items", Align::right}, {"empty"}, {"made", Align::left, 1}, {"model", Align::left, 2}}};
  grid.add({{"a-rather-long-name-of-a-job"}, {"1,000"}, {}, {"12 min ago"}, {"gpt-5.4-mini"}});
  grid.add({{"漢字"}, {"5"}, {}, {"now"}, {}});
  const auto wide = grid.text({80, false});
  CHECK(wide == "  job                          items  made        model\n"
                "  a-rather-long-name-of-a-job  1,000  12 min ago  gpt-5.4-mini\n"
                "  漢字                             5  now");
  CHECK(grid.text({50, false}).find("model") == std::string::npos);
  CHECK(grid.text({50, false}).find("made") != std::string::npos);
  CHECK(grid.text({20, false}) == "  job          items\n"
                                  "  a-rather-l…  1,000\n"
                                  "  漢字             5");
}

TEST_SUITE_END();
