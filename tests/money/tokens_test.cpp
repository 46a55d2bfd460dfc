#include <batchwright/json/json.hpp>
#include <batchwright/money/tokens.hpp>

#include <doctest/doctest.h>

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

/// The same estimate, character by character and run by run.
std::int64_t by_runs(const std::vector<char32_t>& text)
{
  const auto kind_of = [](char32_t c) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return 'l';
    if (c >= '0' && c <= '9') return 'd';
    if (c == ' ' || c == '\t') return 's';
    if (c == '\n' || c == '\r') return 'n';
    if (c > 0x20 && c < 0x7f) return 'p';
    if ((c >= 0x3000 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3) || (c >= 0x20000 && c <= 0x3ffff)) return 'c';
    return 'o';
  };
  std::int64_t sum = 0; // in 1/300
  for (std::size_t at = 0; at < text.size();) {
    const auto begin = at;
    const char kind = kind_of(text[begin]);
    while (at < text.size() && kind_of(text[at]) == kind)
      ++at;
    const auto n = static_cast<std::int64_t>(at - begin);
    sum += kind == 'l'   ? 300 + (n > 7 ? (n - 7) * 50 : 0)
           : kind == 'd' ? n * 100
           : kind == 's' ? (n > 1 ? 300 : 0)
           : kind == 'n' ? 225
           : kind == 'p' ? 150 + n * 90
           : kind == 'c' ? n * 216
                         : n * 150;
  }
  return (sum + 299) / 300;
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
  CHECK(estimate_tokens("hello world").n == 2); // a single space belongs to the word
  CHECK(estimate_tokens("abcdefg").n == 1);
  CHECK(estimate_tokens("abcdefgh").n == 2);            // 1 1/6
  CHECK(estimate_tokens(std::string(67, 'x')).n == 11); // 1 + 60/6
  CHECK(estimate_tokens("123456").n == 2);
  CHECK(estimate_tokens("1234567").n == 3);
  CHECK(estimate_tokens(std::string(40, ' ')).n == 1);
  CHECK(estimate_tokens("\n\n\n").n == 1);    // 0.75
  CHECK(estimate_tokens("a\n\nb\nc").n == 5); // 3 + 2 * 0.75
  CHECK(estimate_tokens("!!!!!").n == 2);     // 0.5 + 1.5
  CHECK(estimate_tokens("漢字かな").n == 3);  // 4 * 0.72
  CHECK(estimate_tokens("한국어").n == 3);    // 3 * 0.72
  CHECK(estimate_tokens("𠀀𠀀").n == 2);
  CHECK(estimate_tokens("привет").n == 3); // 6 * 0.5
  CHECK(estimate_tokens("😀😀😀").n == 2);
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
  CHECK(estimate_tokens_escaped(R"(a\ud83d)").n == 2); // half a pair is some character
  CHECK(estimate_tokens_escaped(R"(a\ud83dx\u0000)").n == 3);

  std::mt19937 random{3};
  const char* const pieces[] = {"a",  "Bc", "7",  " ", "\n", "\r",   "\t", "\"",
                                "\\", "/",  "漢", "é", "😀",  "\x01", "\b", "{"};
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

TEST_CASE("counting in blocks of 64 bytes is counting run by run, wherever runs and characters lie")
{
  const std::vector<std::vector<char32_t>> alphabets{{'a'},
                                                     {' '},
                                                     {'.'},
                                                     {'\n'},
                                                     {U'漢'},
                                                     {U'a', U' '},
                                                     {U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'a', U'.'},
                                                     {U'Z', U'z', U'0', U'9', U' ', U'\t', U'\n', U'\r', U'!', U'~',
                                                      U'@', U'[', U'`', U'{', U'/', U':', 0, 0x1f, 0x7f},
                                                     {U'漢', U'한', U'é', U'a', 0x3000, 0x2fff, 0x9fff, 0xa000, 0xabff,
                                                      0xac00, 0xd7a3, 0x1ffff, 0x20000, 0x3ffff, 0x40000}};
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
