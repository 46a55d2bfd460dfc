#include "tests/support/hostile.hpp"

#include <batchwright/json/json.hpp>
#include <batchwright/json/plain.hpp>

#include <doctest/doctest.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;
using tests::escaped_plainly;
using tests::Hostile;

namespace {

bool stops(char c)
{
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

/// Byte by byte, as the grammar has it.
json::StringEnd skipped_plainly(std::string_view s, std::size_t at)
{
  json::StringEnd end;
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  for (; at < s.size() && s[at] != '"' && static_cast<unsigned char>(s[at]) >= 0x20; ++at) {
    if (s[at] != '\\') continue;
    end.escaped = true;
    const auto rest = s.substr(at + 1);
    const bool is_short = !rest.empty() && std::string_view{"\"\\/bfnrt"}.find(rest.front()) != std::string_view::npos;
    const bool is_unicode =
        rest.starts_with('u') && rest.size() >= 5 && std::all_of(rest.begin() + 1, rest.begin() + 5, is_hex);
    if (!is_short && !is_unicode) break;
    at += is_short ? 1 : 5;
  }
  end.at = at;
  return end;
}

void check_string_end(const std::string& text, std::size_t at)
{
  CAPTURE(text);
  CAPTURE(at);
  const auto expected = skipped_plainly(text, at);
  // In memory of its own size, so that a sanitizer sees a byte read beyond it.
  const std::vector<char> exact(text.begin(), text.end());
  const auto found = json::skip_string({exact.data(), exact.size()}, at);
  REQUIRE(found.at == expected.at);
  REQUIRE(found.escaped == expected.escaped);
}

} // namespace

TEST_SUITE_BEGIN("json::plain");

TEST_CASE("plain text ends where it ends byte by byte")
{
  std::mt19937 random{1};
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 100, 'x');
    for (auto n = random() % 3; n > 0 && !text.empty(); --n)
      text[random() % text.size()] = random() % 2 == 0 ? static_cast<char>(random()) : "\"\\\x1f\x20\n"[random() % 5];
    const auto from = random() % (text.size() + 1);
    const auto expected = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), stops);
    CAPTURE(text);
    CHECK(json::skip_plain(text, from) == static_cast<std::size_t>(expected - text.begin()));
  }
  for (int c = 0; c < 0x100; ++c)
    CHECK(json::stops_plain_text(static_cast<char>(c)) == stops(static_cast<char>(c)));
}

TEST_CASE("a string ends where it ends byte by byte, whatever stands at the borders of blocks")
{
  // Each piece at every place of two blocks, with what a string may have before and behind it.
  const std::string_view pieces[] = {"\"",    "\\",      "\\\"",      "\\\\\"",   "\\\\\\\"", "\\u00e9",  "\\u00e",
                                     "\\u00", "\\u",     "\\uD83d\"", "\\u00\"1", "\\x",      "\\\n",     "\n",
                                     "\x1f",  "\\u12g4", "\\",        "\\\\",     "\\/",      "\\\x7f\"", "é\""};
  for (const auto piece : pieces) {
    for (std::size_t before = 0; before < 2 * 64 + 20; ++before) {
      for (const auto* const behind :
           {"", "\"", "abcd\" and text behind it that fills another block of 64 bytes, all of it"}) {
        check_string_end(std::string(before, 'x') + std::string{piece} + behind, 0);
        check_string_end(std::string(before, '\\') + std::string{piece} + behind, 0);
      }
    }
  }
}

TEST_CASE("hostile strings end where they end byte by byte, whole, cut and with a byte changed")
{
  Hostile make{2};
  for (int round = 0; round < 1500; ++round) {
    auto text = make.token(12).text + "\"" + make.token(3).text;
    check_string_end(text, 0);
    check_string_end(text, make.number(text.size()));
    check_string_end(text.substr(0, make.number(text.size() + 1)), 0);
    text[make.number(text.size())] = static_cast<char>(make.number(0x100));
    check_string_end(text, 0);
  }
}

TEST_CASE("what is escaped block by block is what is escaped byte by byte")
{
  std::mt19937 random{3};
  const auto check = [](const std::string& text) {
    std::string out = "kept";
    json::append_escaped(out, text);
    REQUIRE(out == "kept" + escaped_plainly(text));
  };
  std::string all;
  for (int c = 0; c < 0x100; ++c)
    all += static_cast<char>(c);
  for (std::size_t before = 0; before < 40; ++before)
    check(std::string(before, 'x') + all + std::string(before, '\n'));
  for (const char c : {'"', '\\', '\n', '\x01', 'x'}) // every fill of the buffer that escaped text goes through
    for (std::size_t n = 0; n < 2300; n += n < 40 ? 1 : 13)
      check(std::string(n % 17, 'x') + std::string(n, c) + "end");
  for (int round = 0; round < 1000; ++round) {
    std::string text;
    for (auto n = random() % 30; n > 0; --n)
      text.append(1 + random() % (random() % 3 == 0 ? 90 : 3),
                  random() % 2 == 0 ? static_cast<char>(random()) : "\"\\\n\x01x"[random() % 5]);
    check(text);
  }
}

TEST_CASE("a hostile string comes back as it stands, and decodes to what it stands for")
{
  Hostile make{4};
  json::Document document;
  for (int round = 0; round < 1500; ++round) {
    const auto token = make.token(12);
    const auto text = "[ \"" + token.text + "\" ]";
    CAPTURE(text);
    REQUIRE(document.parse(text));
    const auto value = *document.root().front();
    CHECK(value.token() == token.text);
    CHECK(value.text().has_value() == token.decodes);
    if (token.decodes) CHECK(value.text() == token.decoded);
    CHECK(json::decode_lossy(token.text) == token.shown);
  }
}

TEST_CASE("the first of equal keys is found however they are spelled, among keys that are not it")
{
  Hostile make{5};
  json::Document document;
  for (int round = 0; round < 1000; ++round) {
    const auto key = make.one_in(2) ? std::string{make.one_of({"custom_id", "", "é", "a\"b"})} : make.text(5).decoded;
    const auto spelled = [&] {
      std::string out;
      for (const char c : key) {
        const auto byte = static_cast<unsigned char>(c);
        const bool may_be_named = byte < 0x80 && make.one_in(2); // of an ASCII character its number, of others itself
        out += may_be_named ? fmt::format("\\u{:04x}", static_cast<unsigned>(byte)) : escaped_plainly({&c, 1});
      }
      return out;
    };
    std::string text = "{";
    for (auto n = make.number(6); n > 0; --n) {
      const auto other = make.token(4);
      if (other.decodes && other.decoded == key) continue;
      text += '"' + other.text + "\":" + make.nested() + ",";
    }
    const bool is_there = make.one_in(2);
    if (is_there) text += "\"" + spelled() + "\" :\"first\",\"" + spelled() + "\":\"second\",";
    text += R"("\ud800 none of all":0})";
    CAPTURE(text);
    REQUIRE(document.parse(text));
    const auto found = document.root().find(key);
    CHECK(found.has_value() == is_there);
    if (found) CHECK(found->text() == "first");
  }
}

TEST_CASE("of long strings it accepts and refuses what simdjson does")
{
  Hostile make{6};
  simdjson::dom::parser reference;
  json::Document document;
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    auto text = "{\"" + make.text(8).text + "\":\"" + make.text(8).text + "\"}";
    for (auto edits = make.number(3); edits > 0; --edits) {
      const auto at = make.number(text.size());
      if (make.one_in(2))
        text[at] = make.one_of({"\\", "\"", "u", "\n", "d"}).front();
      else
        text.erase(at, 1);
    }
    const auto fault = reference.parse(text).error();
    const auto is_half_pair = text.find("\\ud") != std::string::npos || text.find("\\uD") != std::string::npos;
    if (fault == simdjson::STRING_ERROR && is_half_pair) continue; // half a pair is kept
    refused += fault != simdjson::SUCCESS ? 1 : 0;
    CAPTURE(text);
    REQUIRE(document.parse(text) == (fault == simdjson::SUCCESS));
  }
  CHECK(refused > 500);
}

TEST_SUITE_END();
