#include <batchwright/base/byte_block.hpp>
#include <batchwright/wire/vector.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <system_error>

namespace batchwright::wire {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors travel in little-endian order");

constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digits()
{
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    digits.at(static_cast<unsigned char>(alphabet[i])) = static_cast<std::uint8_t>(i);
  return digits;
}

constexpr auto digits = make_digits();

/// The value of a base64 character; above 63 for others.
std::uint32_t digit(char c)
{
  return digits[static_cast<unsigned char>(c)];
}

/// The inside of a base64 string without its padding. JSON may write `/` as `\/`: then it is put right in `scratch`; no
/// other escape can stand here.
std::string_view inside(std::string_view json, std::string& scratch)
{
  auto text = json.substr(1, json.size() - 2);
  for (int n = 0; n < 2 && text.ends_with('='); ++n)
    text.remove_suffix(1);
  if (text.find("\\/") == std::string_view::npos) return text;
  scratch = text;
  scratch.erase(std::remove(scratch.begin(), scratch.end(), '\\'), scratch.end());
  return scratch;
}

std::size_t decoded_size(std::string_view base64)
{
  return base64.size() / 4 * 3 + (base64.size() % 4 == 0 ? 0 : base64.size() % 4 - 1);
}

bool are_digits(std::string_view base64)
{
  for (; base64.size() >= ByteBlock::size; base64.remove_prefix(ByteBlock::size)) {
    const ByteBlock block{base64.data()};
    const auto between = [&](char first, char last) {
      return block.up_to(static_cast<unsigned char>(last)) & ~block.up_to(static_cast<unsigned char>(first - 1));
    };
    const auto good = between('a', 'z') | between('A', 'Z') | between('/', '9') | block.equal('+');
    if (good != ~ByteMask{0}) return false;
  }
  return std::all_of(base64.begin(), base64.end(), [](char c) { return digit(c) < 64; });
}

bool is_base64_of_floats(std::string_view base64)
{
  return !base64.empty() && base64.size() % 4 != 1 && decoded_size(base64) % sizeof(float) == 0 && are_digits(base64);
}

/// What two digits stand for, by their bytes as memory has them.
using Pairs = std::array<std::uint16_t, 1 << 16>;

const Pairs& pairs()
{
  static const auto all = [] {
    auto made = std::make_unique<Pairs>();
    for (std::size_t first = 0; first < 256; ++first)
      for (std::size_t second = 0; second < 256; ++second)
        (*made)[first | second << 8] = static_cast<std::uint16_t>((digits[first] & 63u) << 6 | (digits[second] & 63u));
    return made;
  }();
  return *all;
}

/// REQUIRED: all characters are digits.
void append_decoded(std::vector<float>& out, std::string_view base64)
{
  const auto begin = out.size();
  out.resize(begin + decoded_size(base64) / sizeof(float));
  auto* to = reinterpret_cast<unsigned char*>(out.data() + begin);
  const auto& pair_of = pairs();
  const auto value_of = [&](const char* two) {
    std::uint16_t both = 0;
    std::memcpy(&both, two, sizeof both);
    return std::uint32_t{pair_of[both]};
  };
  std::size_t at = 0;
  for (; at + 4 <= base64.size(); at += 4, to += 3) {
    const auto bits = value_of(base64.data() + at) << 12 | value_of(base64.data() + at + 2);
    to[0] = static_cast<unsigned char>(bits >> 16);
    to[1] = static_cast<unsigned char>(bits >> 8);
    to[2] = static_cast<unsigned char>(bits);
  }
  const auto rest = base64.substr(at);
  if (rest.size() < 2) return;
  const auto bits = digit(rest[0]) << 18 | digit(rest[1]) << 12 | (rest.size() > 2 ? digit(rest[2]) << 6 : 0);
  to[0] = static_cast<unsigned char>(bits >> 16);
  if (rest.size() > 2) to[1] = static_cast<unsigned char>(bits >> 8);
}

void append_number(std::string& out, float value)
{
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  out.append(text.data(), end);
}

void append_array(std::string& out, std::string_view base64)
{
  std::vector<float> values;
  append_decoded(values, base64);
  out += '[';
  for (const float value : values) {
    append_number(out, value);
    out += ',';
  }
  out.back() = ']';
}

/// What text beyond all floats becomes: the furthest one, or nothing.
float beyond(std::string_view number)
{
  const bool is_tiny = number.find("e-") != std::string_view::npos || number.find("E-") != std::string_view::npos;
  return is_tiny ? 0.0F : std::copysign(HUGE_VALF, number.starts_with('-') ? -1.0F : 1.0F);
}

/// What may stand in an array of numbers: digits, signs, points, exponents, commas and spaces.
constexpr bool stands_in_numbers(char c)
{
  constexpr std::string_view in_numbers = "0123456789+-.eE, \t\r\n";
  return in_numbers.find(c) != std::string_view::npos;
}

bool are_numbers(std::string_view text)
{
  for (; text.size() >= ByteBlock::size; text.remove_prefix(ByteBlock::size)) {
    const ByteBlock block{text.data()};
    auto good = block.up_to('9') & ~block.up_to('*') & ~block.equal('/'); // + , - . and digits
    for (const char c : {'e', 'E', ' ', '\n', '\t', '\r'}) {
      if (good == ~ByteMask{0}) break;
      good |= block.equal(c);
    }
    if (good != ~ByteMask{0}) return false;
  }
  return std::all_of(text.begin(), text.end(), stands_in_numbers);
}

bool has_digit(std::string_view text)
{
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

} // namespace

bool is_vector(std::string_view json)
{
  if (json.size() < 3) return false;
  std::string scratch;
  if (json.front() == '"') return is_base64_of_floats(inside(json, scratch));
  const auto numbers = json.substr(1, json.size() - 2);
  return json.front() == '[' && are_numbers(numbers) && has_digit(numbers);
}

void append_floats(std::vector<float>& out, std::string_view json)
{
  std::string scratch;
  if (json.front() == '"') return append_decoded(out, inside(json, scratch));
  const auto* at = json.data() + 1;
  const auto* const end = json.data() + json.size();
  while (at != end) {
    float value = 0;
    const auto said = std::from_chars(at, end, value);
    if (said.ptr == at) { // what stands between numbers
      ++at;
      continue;
    }
    out.push_back(said.ec == std::errc::result_out_of_range ? beyond({at, said.ptr}) : value);
    at = said.ptr;
  }
}

void append_numbers(std::string& out, std::string_view json)
{
  std::string scratch;
  while (!json.empty()) {
    const auto quote = json.find('"');
    out += json.substr(0, quote);
    if (quote == std::string_view::npos) return;
    const auto end = json.find('"', quote + 1) + 1; // no quote is escaped in base64
    append_array(out, inside(json.substr(quote, end - quote), scratch));
    json.remove_prefix(end);
  }
}

} // namespace batchwright::wire
