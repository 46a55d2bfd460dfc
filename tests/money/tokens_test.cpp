#include <batchwright/json/json.hpp>
#include <batchwright/money/tokens.hpp>

#include <doctest/doctest.h>

#include <random>

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

TEST_CASE("text that is cut inside a character or an escape is no harm")
{
  for (std::size_t n = 0; n <= chinese.size(); ++n)
    CHECK(estimate_tokens(chinese.substr(0, n)).n >= 0);
  const std::string_view escapes = R"(\ud840\udc00\n)";
  for (std::size_t n = 0; n <= escapes.size(); ++n)
    CHECK(estimate_tokens_escaped(escapes.substr(0, n)).n >= 0);
}

TEST_SUITE_END();
