#include <batchwright/json/escape.hpp>

#include <doctest/doctest.h>

using namespace batchwright;
using json::Escape;
using json::read_escape;

TEST_SUITE_BEGIN("json::escape");

TEST_CASE("every escape gives the character it stands for and its own length")
{
  const std::pair<const char*, unsigned> short_ones[] = {{"\\b", '\b'}, {"\\f", '\f'}, {"\\n", '\n'},  {"\\r", '\r'},
                                                         {"\\t", '\t'}, {"\\\"", '"'}, {"\\\\", '\\'}, {"\\/", '/'}};
  for (const auto& c : short_ones) {
    CAPTURE(c.first);
    CHECK(read_escape(c.first, 0) == Escape{c.second, 2});
  }
  CHECK(read_escape(R"(ab\u00e9)", 2) == Escape{0xe9, 6});
  CHECK(read_escape(R"(\u6F22x)", 0) == Escape{0x6f22, 6});
  CHECK(read_escape(R"(\u0000)", 0) == Escape{0, 6});
}

TEST_CASE("a surrogate pair is one character, half of one is itself")
{
  CHECK(read_escape(R"(\ud83d\ude00)", 0) == Escape{0x1f600, 12});
  CHECK(read_escape(R"(\ud840\udc00)", 0) == Escape{0x20000, 12});
  CHECK(read_escape(R"(\ud83d)", 0) == Escape{0xd83d, 6});
  CHECK(read_escape(R"(\ud83d\n)", 0) == Escape{0xd83d, 6});
  CHECK(read_escape(R"(\ud83d\ud83d\ude00)", 0) == Escape{0xd83d, 6});
  CHECK(read_escape(R"(\ude00\ud83d)", 0) == Escape{0xde00, 6});
  CHECK(Escape{0xd83d, 6}.is_half());
  CHECK(Escape{0xdfff, 6}.is_half());
  CHECK_FALSE(Escape{0x1f600, 12}.is_half());
  CHECK_FALSE(Escape{0xe000, 6}.is_half());
}

TEST_CASE("an escape that is cut ends with its text and is half of nothing")
{
  const std::string_view whole = R"(\ud840\udc00)";
  for (std::size_t n = 1; n < whole.size(); ++n) {
    CAPTURE(n);
    const auto cut = read_escape(whole.substr(0, n), 0);
    CHECK(cut.size == std::min<std::size_t>(n, 6));
    CHECK(cut.code == (n == 1 ? unsigned{'\\'} : n < 6 ? 0xfffdu : 0xd840u));
  }
}

TEST_SUITE_END();
