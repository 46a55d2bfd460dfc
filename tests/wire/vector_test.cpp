#include <batchwright/wire/vector.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

using namespace batchwright;

namespace {

std::vector<float> floats(std::string_view json)
{
  REQUIRE(wire::is_vector(json));
  std::vector<float> found;
  wire::append_floats(found, json);
  return found;
}

std::string numbers(std::string_view json)
{
  std::string text;
  wire::append_numbers(text, json);
  return text;
}

/// Base64 of the floats as the API sends it, made the plain way.
std::string encoded(const std::vector<float>& values, bool padded = true)
{
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string bytes{reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
  std::string bits;
  for (const unsigned char byte : bytes)
    for (int bit = 7; bit >= 0; --bit)
      bits += (byte >> bit & 1) != 0 ? '1' : '0';
  while (bits.size() % 6 != 0)
    bits += '0';
  std::string text = "\"";
  for (std::size_t at = 0; at < bits.size(); at += 6)
    text += alphabet[std::stoul(bits.substr(at, 6), nullptr, 2)];
  while (padded && (text.size() - 1) % 4 != 0)
    text += '=';
  return text + '"';
}

} // namespace

TEST_SUITE_BEGIN("wire::vector");

TEST_CASE("base64 gives the floats it was made of, of any count, with and without padding")
{
  std::mt19937 random{1}; // NOLINT(cert-msc51-cpp): the same vectors each time
  std::uniform_real_distribution<float> value{-1, 1};
  for (std::size_t n = 1; n < 40; ++n) {
    std::vector<float> values(n);
    for (auto& v : values)
      v = value(random);
    CHECK(floats(encoded(values)) == values);
    CHECK(floats(encoded(values, false)) == values);
    CHECK(floats(numbers(encoded(values))) == values); // the shortest forms are exact
  }
}

TEST_CASE("a slash may be escaped, as JSON allows")
{
  auto text = encoded({-1.9999999F, 3.4e38F});
  REQUIRE(text.find('/') != std::string::npos);
  const auto plain = floats(text);
  for (auto at = text.find('/'); at != std::string::npos; at = text.find('/', at + 2))
    text.insert(at, 1, '\\');
  CHECK(floats(text) == plain);
  CHECK(floats(numbers(text)) == plain);
}

TEST_CASE("numbers as text become the nearest floats")
{
  CHECK(floats("[1, -2.5E-3 ,0.1,3e4]") == std::vector<float>{1, -0.0025F, 0.1F, 30000});
  CHECK(floats("[1e-400, -1e-60]") == std::vector<float>{0, 0});
  const auto far = floats("[1e400,-1e400]");
  CHECK(std::isinf(far.at(0)));
  CHECK(far.at(1) < 0);
}

TEST_CASE("as numbers, strings are written out and all else stands as it is")
{
  CHECK(numbers(R"("AACAPwAAAMA=")") == "[1,-2]");
  CHECK(numbers("[1.50, 2]") == "[1.50, 2]");
  CHECK(numbers(R"(["AACAPw==",[1.0]])") == "[[1],[1.0]]");
  const auto odd = encoded({std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()});
  CHECK(numbers(odd) == "[null,null]");
}

TEST_SUITE_END();
