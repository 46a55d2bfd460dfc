#include <batchwright/money/images.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <initializer_list>
#include <string>

using namespace batchwright;
using money::Detail;
using money::image_size;
using money::image_size_in_url;
using money::image_tokens;
using money::ImageSize;

namespace {

std::string bytes(std::initializer_list<int> numbers)
{
  std::string text;
  for (const int n : numbers)
    text += static_cast<char>(n);
  return text;
}

std::string png(int width, int height)
{
  const auto number = [](int n) { return bytes({n >> 24, n >> 16, n >> 8, n}); };
  return bytes({0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'}) + number(width) +
         number(height) + bytes({8, 2, 0, 0, 0});
}

std::string webp(std::string_view chunk, const std::string& data)
{
  return "RIFF" + bytes({100, 0, 0, 0}) + "WEBP" + std::string{chunk} + bytes({80, 0, 0, 0}) + data;
}

std::string segment(int marker, const std::string& data)
{
  const auto size = static_cast<int>(data.size()) + 2;
  return bytes({0xff, marker, size >> 8, size}) + data;
}

/// With so many bytes before the frame.
std::string jpeg(int width, int height, std::size_t ahead, int frame = 0xc0)
{
  auto text = bytes({0xff, 0xd8});
  for (; ahead > 0; ahead -= std::min<std::size_t>(ahead, 60'000))
    text += segment(0xe2, std::string(std::min<std::size_t>(ahead, 60'000), '\xff'));
  text += segment(0xc4, std::string(20, 'h')) + bytes({0xff}); // tables of codes are no frame; 0xff fills up
  return text + segment(frame, bytes({8, height >> 8, height, width >> 8, width, 3})) + std::string(100, 'x');
}

std::string base64(std::string_view data)
{
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned bits = 0;
  int held = 0;
  for (const char c : data) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6)
      text += digits[bits >> (held - 6) & 63];
  }
  if (held > 0) text += digits[bits << (6 - held) & 63];
  return text.append((4 - text.size() % 4) % 4, '=');
}

} // namespace

TEST_SUITE_BEGIN("money::images");

TEST_CASE("the head of an image tells its size")
{
  CHECK(image_size(png(1200, 70'000)) == ImageSize{1200, 70'000});
  CHECK(image_size("GIF89a" + bytes({0x20, 0x03, 0x58, 0x02, 0})) == ImageSize{800, 600});
  CHECK(image_size(webp("VP8 ", bytes({0, 0, 0, 0x9d, 1, 0x2a, 0x20, 0x43, 0x58, 0x82}))) == ImageSize{800, 600});
  CHECK(image_size(webp("VP8L", bytes({0x2f, 0x1f, 0xc3, 0x95, 0x10, 0, 0, 0, 0, 0}))) == ImageSize{800, 600});
  CHECK(image_size(webp("VP8X", bytes({0, 0, 0, 0, 0x1f, 0x03, 0, 0x57, 0x02, 0}))) == ImageSize{800, 600});
  CHECK(image_size(jpeg(800, 600, 0)) == ImageSize{800, 600});
  CHECK(image_size(jpeg(4032, 3024, 130'000, 0xc2)) == ImageSize{4032, 3024}); // progressive, behind what a camera adds
}

TEST_CASE("what is no image, or cut short, has no size and is no harm")
{
  CHECK(!image_size(""));
  CHECK(!image_size("%PDF-1.7 and more of it"));
  CHECK(!image_size(png(0, 7)));
  const auto heads = {png(5, 6), jpeg(5, 6, 10), webp("VP8 ", std::string(10, 'x')),
                      webp("VP8X", std::string(10, 'x'))};
  for (const auto& head : heads)
    for (std::size_t n = 0; n <= 20; ++n)
      CHECK(!image_size(head.substr(0, n)));
  CHECK(!image_size(bytes({0xff, 0xd8}) + segment(0xe0, "") + "no marker stands here"));
}

TEST_CASE("a data URL tells the size of what it holds, however deep it stands")
{
  CHECK(image_size_in_url("data:image/png;base64," + base64(png(640, 480))) == ImageSize{640, 480});
  CHECK(image_size_in_url("data:image/jpeg;base64," + base64(jpeg(640, 480, 300'000))) == ImageSize{640, 480});
  auto escaped = base64(png(0x3fff, 0xffff));
  for (std::size_t at = 0; (at = escaped.find('/', at)) != std::string::npos; at += 2)
    escaped.insert(at, 1, '\\'); // as JSON may write it
  REQUIRE(escaped.find("\\/") != std::string::npos);
  CHECK(image_size_in_url("data:image\\/png;base64," + escaped) == ImageSize{0x3fff, 0xffff});
  CHECK(!image_size_in_url("data:image/svg+xml,<svg/>"));
  CHECK(!image_size_in_url("https://example.org/base64,x.png"));
  CHECK(!image_size_in_url("data:image/png;base64,"));
}

TEST_CASE("tiles are counted as OpenAI's examples do")
{
  CHECK(image_tokens("gpt-4o", {1024, 1024}, Detail::high).n == 765);
  CHECK(image_tokens("gpt-4o", {2048, 4096}, Detail::high).n == 1105);
  CHECK(image_tokens("gpt-4o", {4096, 8192}, Detail::low).n == 85);
  CHECK(image_tokens("gpt-4.1", {512, 512}, Detail::high).n == 85 + 170); // never scaled up
  CHECK(image_tokens("gpt-4.1", {513, 1}, Detail::high).n == 85 + 2 * 170);
  CHECK(image_tokens("gpt-4o", {100'000, 10}, Detail::high).n == 85 + 4 * 170);
}

TEST_CASE("patches are counted up to a bound, and by the model's factor")
{
  CHECK(image_tokens("gpt-4.1-mini", {1024, 1024}, Detail::high).n == 1659); // 1024 * 1.62
  CHECK(image_tokens("gpt-4.1-mini", {33, 32}, Detail::high).n == 4);
  CHECK(image_tokens("gpt-5-nano", {8000, 8000}, Detail::high).n == 3779); // 1536 * 2.46
  CHECK(image_tokens("o4-mini", {1024, 1024}, Detail::high).n == 1762);
  CHECK(image_tokens("gpt-5-mini", {2048, 1024}, Detail::low).n == 208); // 16 * 8 * 1.62
}

TEST_CASE("each family of models has its rule, and names that nobody knows yet have the nearest")
{
  const auto at_1024 = [](std::string_view model) { return image_tokens(model, {1024, 1024}, Detail::high).n; };
  CHECK(at_1024("gpt-4o-mini-2024-07-18") == 2833 + 4 * 5667);
  CHECK(at_1024("ft:gpt-4o-mini-2024-07-18:us::x") == 2833 + 4 * 5667);
  CHECK(at_1024("gpt-4.5-preview") == 765);
  CHECK(at_1024("o3") == 675);
  CHECK(at_1024("o1-pro") == 675);
  CHECK(at_1024("gpt-5") == 630);
  CHECK(at_1024("gpt-6-luna") == 630);
  CHECK(at_1024("gpt-6-mini") == at_1024("gpt-5-mini"));
  CHECK(at_1024("gpt-6-nano") == at_1024("gpt-4.1-nano"));
}

TEST_SUITE_END();
