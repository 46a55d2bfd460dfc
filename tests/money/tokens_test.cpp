#include "tests/support/hostile.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/money/count_blocks.hpp>
#include <batchwright/money/tokens.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;
using money::estimate_tokens;
using money::estimate_tokens_escaped;

namespace {

std::size_t characters(std::string_view utf8)
{
  std::size_t n = 0;
  for (const char c : utf8)
    n += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1u : 0u;
  return n;
}

double characters_per_token(std::string_view text)
{
  return static_cast<double>(characters(text)) / static_cast<double>(estimate_tokens(text).n);
}

bool is_in(char32_t c, char32_t first, char32_t last)
{
  return c >= first && c <= last;
}

/// What a character is: a small or capital letter, a digit, space, newline, punctuation, a letter elsewhere, another.
char kind_of(char32_t c)
{
  if (is_in(c, 'a', 'z') || is_in(c, 0xc0, 0x2ff) || is_in(c, 0x1000, 0x1fff)) return 'l';
  if (is_in(c, 'A', 'Z')) return 'L';
  if (is_in(c, '0', '9')) return 'd';
  if (c == ' ' || c == '\t') return 's';
  if (c == '\n' || c == '\r') return 'n';
  if (c < 0x80) return 'p';
  return is_in(c, 0x300, 0x7ff) ? 'e' : 'o';
}

/// What a character weighs beside the runs, in 1/100.
std::int64_t weight_of(char32_t c)
{
  struct Weight {
    char32_t last;
    std::int64_t weight;
  };
  constexpr Weight weights[] = {{0x7f, 0},    {0xbf, 100},  {0x2ff, 105}, {0x3ff, 23},  {0x4ff, 13},
                                {0x5ff, 23},  {0x7ff, 15},  {0xfff, 34},  {0x1fff, 0},  {0x2fff, 50},
                                {0x3fff, 66}, {0x9fff, 74}, {0xdfff, 71}, {0xffff, 74}, {0x10ffff, 150}};
  return std::find_if(std::begin(weights), std::end(weights), [&](const auto& w) { return c <= w.last; })->weight;
}

std::int64_t bytes_of(char32_t c)
{
  return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/// The words of a run of letters, cut before a capital behind a small one.
std::int64_t weight_of_words(const std::vector<char32_t>& text, std::size_t begin, std::size_t end)
{
  std::int64_t sum = 0;
  std::int64_t size = 0;
  for (auto at = begin; at < end; ++at) {
    const bool capital = kind_of(text[at]) == 'L';
    const bool after_capital = at > begin && kind_of(text[at - 1]) == 'L';
    const bool begins = at == begin || (capital && !after_capital);
    if (begins) size = 0;
    sum += (begins ? 94 : 0) + (capital && after_capital ? 8 : 0);
    for (auto n = bytes_of(text[at]); n > 0; --n, ++size)
      sum += (size >= 7 ? 24 : 0) + (size >= 11 ? 30 : 0);
  }
  return sum;
}

/// The same estimate, character by character and run by run.
std::int64_t by_runs(const std::vector<char32_t>& text)
{
  const auto run_of = [&](std::size_t at) {
    const char kind = kind_of(text[at]);
    return kind == 'L' ? 'l' : kind;
  };
  std::int64_t sum = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = at;
    const char run = run_of(begin);
    while (at < text.size() && run_of(at) == run)
      sum += weight_of(text[at++]);
    const char before = begin > 0 ? run_of(begin - 1) : '-';
    const auto size = static_cast<std::int64_t>(at - begin);
    switch (run) {
    case 'l':
      sum += weight_of_words(text, begin, at);
      break;
    case 'd':
      sum += (size + 2) / 3 * 100 + (before == 's' ? 100 : 0);
      break;
    case 's':
      sum += size > 1 ? 87 : 0;
      break;
    case 'n':
      sum += before == 'p' ? 30 : 100;
      break;
    case 'e':
      sum += 100;
      break;
    case 'p':
      sum += 100;
      for (auto i = begin + 1; i < at; ++i)
        sum += text[i] == text[i - 1] ? 2 : 5;
      if (size == 1 && at < text.size() && run_of(at) == 'l') sum -= 20;
      break;
    default:
      break;
    }
  }
  return (sum + 99) / 100;
}

std::string utf8(char32_t c)
{
  const auto byte = [](char32_t b) { return std::string(1, static_cast<char>(b)); };
  const auto later = [&](char32_t shift) { return byte(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) return byte(0xc0 | c >> 6) + later(0);
  if (c < 0x10000) return byte(0xe0 | c >> 12) + later(6) + later(0);
  return byte(0xf0 | c >> 18) + later(12) + later(6) + later(0);
}

constexpr std::string_view prose =
    "The package manager keeps a list of the files that belong to each package, and refuses to install two packages "
    "that hold the same file. When an upgrade is interrupted, the database remembers which step came last, so that the "
    "next run continues where the machine stopped. Configuration files are handled with care: a file that the "
    "administrator has changed is never overwritten without a question, and the new version is written beside it. "
    "Dependencies are resolved before anything is unpacked (cycles are broken at the weakest edge).\n";

constexpr std::string_view code = R"(def read_records(path, limit=None):
    """Yield one dictionary for each line of the file."""
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle):
            if limit is not None and number >= limit:
                return
            record = json.loads(line)
            if "identifier" not in record:
                raise ValueError(f"line {number} has no identifier")
            yield record

class Accumulator:
    def __init__(self, initial=0):
        self.total = initial
        self.history = []

    def update(self, value):
        self.total += value
        self.history.append(value)
        return self
)";

constexpr std::string_view chinese =
    "人工智能技术正在改变软件开发的方式。我们使用 Python 和 OpenAI 的 Batch API 处理大量文本数据，每天可以完成数百万次"
    "请求。为了降低成本，系统会把相同的提示合并，并且在 24 小时内返回结果。如果某个请求失败，程序会自动重新发送。\n";

constexpr std::string_view json_text =
    R"({"id": "chatcmpl-9f3a", "object": "chat.completion", "created": 1795301000, "choices": [{"index": 0, "message": )"
    R"({"role": "assistant", "content": "Hello there"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 19, )"
    R"("completion_tokens": 10, "total_tokens": 29}, "service_tier": "default", "system_fingerprint": null})";

} // namespace

TEST_SUITE_BEGIN("money::tokens");

TEST_CASE("each kind of run has its weight, and the sum is rounded up once")
{
  CHECK(estimate_tokens("").n == 0);
  CHECK(estimate_tokens("a").n == 1);
  CHECK(estimate_tokens("hello world").n == 2);         // a single space belongs to the word
  CHECK(estimate_tokens("abcdefg").n == 1);             // 0.94
  CHECK(estimate_tokens("abcdefgh").n == 2);            // 1.18
  CHECK(estimate_tokens(std::string(67, 'x')).n == 33); // 0.94 + 60 * 0.24 + 56 * 0.3
  CHECK(estimate_tokens("loadFileNow").n == 3);         // 3 * 0.94
  CHECK(estimate_tokens("LOADFILENOW").n == 3);         // 0.94 + 4 * 0.24 + 10 * 0.08
  CHECK(estimate_tokens("Uebergroesse").n == 3);        // 0.94 + 5 * 0.24 + 0.3
  CHECK(estimate_tokens("Übergröße").n == 6);           // the same bytes and three accents, 3.15
  CHECK(estimate_tokens("123456").n == 2);
  CHECK(estimate_tokens("1234567").n == 3);
  CHECK(estimate_tokens("1 2 3").n == 5); // a space before digits stands alone
  CHECK(estimate_tokens("12.50").n == 3);
  CHECK(estimate_tokens(std::string(40, ' ')).n == 1);
  CHECK(estimate_tokens("\n\n\n").n == 1);
  CHECK(estimate_tokens("a\n\nb\nc").n == 5);    // 3 * 0.94 + 2
  CHECK(estimate_tokens("a;\nb;\nc;\n").n == 7); // 3 * (0.94 + 1 + 0.3)
  CHECK(estimate_tokens("!?!?!").n == 2);        // 1 + 4 * 0.05
  CHECK(estimate_tokens("a.b.c.d").n == 7);      // 4 * 0.94 + 3 * 0.8
  CHECK(estimate_tokens(std::string(50, '=')).n == 2);
  CHECK(estimate_tokens("漢字かな").n == 3);      // 2 * 0.74 + 2 * 0.66
  CHECK(estimate_tokens("한국어").n == 3);        // 3 * 0.71
  CHECK(estimate_tokens("привет").n == 2);        // 1 + 6 * 0.13
  CHECK(estimate_tokens("مرحبا بالعالم").n == 4); // 2 + 12 * 0.15
  CHECK(estimate_tokens("😀😀😀").n == 5);
}

TEST_CASE("characters per token are near the measured ones of o200k_base")
{
  CHECK(characters_per_token(prose) == doctest::Approx(4.71).epsilon(0.15)); // 3.96 technical, 4.71 legal
  CHECK(characters_per_token(code) == doctest::Approx(4.49).epsilon(0.15));
  CHECK(characters_per_token(chinese) == doctest::Approx(1.69).epsilon(0.15));
  CHECK(characters_per_token(json_text) == doctest::Approx(3.01).epsilon(0.15));
}

TEST_CASE("an escaped text counts as the text it stands for")
{
  for (const auto text : {prose, code, chinese, json_text}) {
    std::string escaped;
    json::append_escaped(escaped, text);
    CHECK(estimate_tokens_escaped(escaped) == estimate_tokens(text));
  }
  CHECK(estimate_tokens_escaped(R"(\u6f22\u5b57\u0061b \ud840\udc00\n\n\/\"\\)") ==
        estimate_tokens("漢字ab 𠀀\n\n/\"\\"));
  CHECK(estimate_tokens_escaped(R"(a\ud83d)").n == 2);        // half a pair is some character
  CHECK(estimate_tokens_escaped(R"(a\ud83dx\u0000)").n == 4); // 0.94 + 0.71 + 0.94 + 1

  std::mt19937 random{3};
  const char* const pieces[] = {"a", "Bc", "7",    " ",  "\n", "\r", "\t", "\"", "\\", "/", "漢",
                                "é", "😀",  "\x01", "\b", "{",  "ж",  "ế",  "..", "88", "wo"};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (auto n = random() % 40; n > 0; --n)
      text += pieces[random() % std::size(pieces)];
    std::string escaped;
    json::append_escaped(escaped, text);
    CAPTURE(escaped);
    CHECK(estimate_tokens_escaped(escaped) == estimate_tokens(text));
  }
}

TEST_CASE("a hostile text counts as what it stands for, wherever its escapes lie")
{
  tests::Hostile make{4};
  for (int round = 0; round < 1500; ++round) {
    const auto token = make.token(1 + make.number(40));
    CAPTURE(token.text);
    CHECK(estimate_tokens_escaped(token.text) == estimate_tokens(token.decoded));
  }
  for (std::size_t before = 0; before < 1100; ++before) { // over every fill of what is counted at once
    const std::string plain(before, 'x');
    CHECK(estimate_tokens_escaped(plain + R"(\u0041\"\ud83d\ude00)") == estimate_tokens(plain + "A\"😀"));
  }
}

TEST_CASE("every way to count that this processor has counts the same")
{
  using money::block_size;
  std::mt19937 random{5};
  const std::string often = "aZ0 \t\n.=\xc3\xe1\xd0\xe4\xf0\x80\xa9";
  for (int round = 0; round < 1000; ++round) {
    const auto blocks = 1 + random() % 20;
    std::string bytes(1, '\0'); // before the first block
    while (bytes.size() < 1 + blocks * block_size)
      bytes.append(1 + random() % (random() % 4 == 0 ? 200 : 3),
                   random() % 4 == 0 ? static_cast<char>(random()) : often[random() % often.size()]);
    const auto valid = ~std::uint64_t{0} >> random() % block_size;
    std::vector<std::int64_t> sums;
    for (const auto way : money::ways_to_count()) {
      money::Runs runs;
      const auto first = random() % blocks; // what comes in two goes is as what comes in one
      if (first > 0) way(runs, bytes.data() + 1, first, ~std::uint64_t{0});
      way(runs, bytes.data() + 1 + first * block_size, blocks - first, valid);
      sums.push_back(runs.sum());
    }
    CAPTURE(bytes);
    CHECK(std::count(sums.begin(), sums.end(), sums.front()) == static_cast<std::ptrdiff_t>(sums.size()));
  }
}

TEST_CASE("counting in blocks of 64 bytes is counting run by run, wherever runs and characters lie")
{
  const std::vector<std::vector<char32_t>> alphabets{
      {U'a'},
      {U'Q'},
      {U' '},
      {U'.'},
      {U'\n'},
      {U'7'},
      {U'漢'},
      {U'ü'},
      {U'ж'},
      {U'ế'},
      {U'a', U' '},
      {U'a', U'B'},
      {U'7', U'7', U'7', U'7', U'7', U'7', U'7', U'7', U'7', U'7', U' ', U'.'},
      {U'.', U'=', U'='},
      {U'.', U'\n', U'a'},
      {U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'ö', U'Ö', U'.'},
      {U'ж', U'ع', U'α', U'a', U' '},
      {U'Z', U'z', U'0', U'9', U' ', U'\t', U'\n', U'\r', U'!', U'~', U'@', U'[', U'`', U'{', U'/', U':', 0, 0x1f,
       0x7f},
      {U'漢',  U'한',  U'é',   U'a',   0x80,   0xbf,   0xc0,   0x2ff,  0x300,   0x3ff,   0x400,
       0x4ff,  0x500,  0x5ff,  0x600,  0x7ff,  0x800,  0xfff,  0x1000, 0x1fff,  0x2000,  0x2fff,
       0x3000, 0x3fff, 0x4000, 0x9fff, 0xa000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff}};
  std::mt19937 random{11};
  for (const auto& alphabet : alphabets) {
    for (std::size_t round = 0; round < 400; ++round) {
      std::vector<char32_t> text;
      std::string bytes;
      for (auto n = round < 200 ? round : random() % 3000; n > 0; --n) {
        text.push_back(alphabet[random() % alphabet.size()]);
        bytes += utf8(text.back());
      }
      CAPTURE(bytes);
      CHECK(estimate_tokens(bytes).n == by_runs(text));
    }
  }
}

TEST_CASE("text that is cut inside a character or an escape is no harm")
{
  for (std::size_t n = 0; n <= chinese.size(); ++n)
    CHECK(estimate_tokens(chinese.substr(0, n)).n >= 0);
  const std::string_view escapes = R"(\ud840\udc00\n)";
  for (std::size_t n = 0; n <= escapes.size(); ++n)
    CHECK(estimate_tokens_escaped(escapes.substr(0, n)).n >= 0);
}

TEST_SUITE_END();
