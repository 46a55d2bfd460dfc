#include <batchwright/money/images.hpp>

#include <algorithm>
#include <array>
#include <string>

namespace batchwright::money {
namespace {

/// The bytes of a file's head, read as numbers.
class Head {
public:
  explicit Head(std::string_view bytes) : m_bytes(bytes) {}

  bool has(std::size_t at, std::string_view text) const
  {
    return m_bytes.substr(std::min(at, size()), text.size()) == text;
  }
  std::size_t size() const { return m_bytes.size(); }
  /// REQUIRED: at < size()
  std::int64_t byte(std::size_t at) const { return static_cast<unsigned char>(m_bytes[at]); }

  /// Of `n` bytes, the highest first; 0 where the head is cut.
  std::int64_t big_endian(std::size_t at, std::size_t n) const
  {
    std::int64_t number = 0;
    for (std::size_t i = 0; i < n && at + n <= size(); ++i)
      number = number << 8 | byte(at + i);
    return number;
  }

  /// The same, the lowest first.
  std::int64_t little_endian(std::size_t at, std::size_t n) const
  {
    std::int64_t number = 0;
    for (auto i = n; i > 0 && at + n <= size(); --i)
      number = number << 8 | byte(at + i - 1);
    return number;
  }

private:
  std::string_view m_bytes;
};

ImageSize size_of_webp(const Head& head)
{
  if (head.has(12, "VP8X")) return {1 + head.little_endian(24, 3), 1 + head.little_endian(27, 3)};
  if (head.has(12, "VP8L")) {
    const auto bits = head.little_endian(21, 4);
    return {1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)};
  }
  return {head.little_endian(26, 2) & 0x3fff, head.little_endian(28, 2) & 0x3fff};
}

constexpr std::size_t longest_webp_head = 30;

/// Goes from segment to segment up to the one that starts a frame.
ImageSize size_of_jpeg(const Head& head)
{
  for (std::size_t at = 2; at + 9 <= head.size() && head.byte(at) == 0xff;) {
    const auto marker = head.byte(at + 1);
    if (marker == 0xff) { // fills up
      ++at;
      continue;
    }
    const bool is_frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (is_frame) return {head.big_endian(at + 7, 2), head.big_endian(at + 5, 2)};
    at += 2 + static_cast<std::size_t>(head.big_endian(at + 2, 2));
  }
  return {};
}

int value_of_base64(char c)
{
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

/// The first bytes of what base64 stands for: at most `most`. A backslash escapes a slash in JSON; it is no digit.
std::string decoded(std::string_view base64, std::size_t most)
{
  std::string bytes;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : base64) {
    const int value = value_of_base64(c);
    if (value < 0) continue;
    bits = bits << 6 | static_cast<unsigned>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes += static_cast<char>(bits >> held & 0xff);
    if (bytes.size() == most) break;
  }
  return bytes;
}

/// How a family of models counts: by tiles where `factor_percent` is 0, else by patches.
struct Rule {
  std::string_view models = {}; ///< what their names begin with
  std::int64_t base = 0;
  std::int64_t tile = 0;
  std::int64_t factor_percent = 0;
};

constexpr Rule mini{.factor_percent = 162};
constexpr Rule nano{.factor_percent = 246};
constexpr Rule later{.base = 70, .tile = 140};

constexpr std::array rules{
    // the first that fits
    Rule{.models = "gpt-4o-mini", .base = 2833, .tile = 5667},
    Rule{.models = "gpt-4.1-mini", .factor_percent = 162},
    Rule{.models = "gpt-4.1-nano", .factor_percent = 246},
    Rule{.models = "gpt-4", .base = 85, .tile = 170},
    Rule{.models = "chatgpt-4o", .base = 85, .tile = 170},
    Rule{.models = "o4-mini", .factor_percent = 172},
    Rule{.models = "o1", .base = 75, .tile = 150},
    Rule{.models = "o3", .base = 75, .tile = 150},
};

Rule rule_for(std::string_view model)
{
  if (model.starts_with("ft:")) model.remove_prefix(3); // tuned from the model named behind it
  const auto known =
      std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return model.starts_with(r.models); });
  if (known != rules.end()) return *known;
  if (model.find("mini") != std::string_view::npos) return mini;
  return model.find("nano") != std::string_view::npos ? nano : later;
}

/// Scaled down, if need be, so that `side` of it is at most `most`.
ImageSize scaled(ImageSize size, std::int64_t side, std::int64_t most)
{
  if (side <= most) return size;
  const auto length = [&](std::int64_t n) { return std::max(n * most / side, std::int64_t{1}); };
  return {length(size.width), length(size.height)};
}

ImageSize fitted(ImageSize size, std::int64_t square)
{
  return scaled(size, std::max(size.width, size.height), square);
}

/// How many squares of that side cover it.
std::int64_t squares(ImageSize size, std::int64_t side)
{
  return ((size.width + side - 1) / side) * ((size.height + side - 1) / side);
}

} // namespace

std::optional<ImageSize> image_size(std::string_view bytes)
{
  const Head head{bytes};
  ImageSize size;
  if (head.has(0, "\x89PNG\r\n\x1a\n") && head.has(12, "IHDR")) {
    size = {head.big_endian(16, 4), head.big_endian(20, 4)};
  } else if (head.has(0, "GIF8")) {
    size = {head.little_endian(6, 2), head.little_endian(8, 2)};
  } else if (head.has(0, "RIFF") && head.has(8, "WEBP") && head.size() >= longest_webp_head) {
    size = size_of_webp(head);
  } else if (head.has(0, "\xff\xd8")) {
    size = size_of_jpeg(head);
  }
  if (size.width == 0 || size.height == 0) return std::nullopt;
  return size;
}

std::optional<ImageSize> image_size_in_url(std::string_view token)
{
  constexpr std::size_t usual_head = 1'000;
  constexpr std::size_t longest_head = 512'000; // of a JPEG that holds colour profiles and a small image of itself
  const auto begin = token.find("base64,");
  if (!token.starts_with("data:") || begin == std::string_view::npos) return std::nullopt;
  const auto base64 = token.substr(begin + 7);
  const auto size = image_size(decoded(base64, usual_head));
  return size ? size : image_size(decoded(base64, longest_head));
}

Tokens image_tokens(std::string_view model, ImageSize size, Detail detail)
{
  constexpr std::int64_t most_patches = 1536;
  const auto rule = rule_for(model);
  if (rule.factor_percent > 0) {
    const auto seen = detail == Detail::low ? fitted(size, 512) : size;
    return {(std::min(squares(seen, 32), most_patches) * rule.factor_percent + 99) / 100};
  }
  if (detail == Detail::low) return {rule.base};
  const auto fits = fitted(size, 2048);
  return {rule.base + rule.tile * squares(scaled(fits, std::min(fits.width, fits.height), 768), 512)};
}

} // namespace batchwright::money
