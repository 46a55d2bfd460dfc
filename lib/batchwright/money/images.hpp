// How many tokens an image costs: its size from the first bytes of its file, and its price in tokens from its size.
// Pure.
//
// The rules are those that OpenAI publishes, as of November 2026; for models later than gpt-5 they are unverified: a
// "mini" or "nano" is taken to count patches, any other to count tiles as gpt-5 does.
#pragma once

#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace batchwright::money {

struct ImageSize {
  std::int64_t width = 0; ///< pixels, as height
  std::int64_t height = 0;

  bool operator==(const ImageSize&) const = default;
};

/// What an image is taken to measure that cannot be looked at: one behind a link, or uploaded before.
inline constexpr ImageSize assumed_image{1024, 1024};

/// How closely the model is asked to look: `high` is the default, and what `auto` means.
enum class Detail : std::uint8_t {
  low,
  high
};

/// The size that the head of a PNG, JPEG, GIF or WebP file tells; nothing where it tells none, or is cut before it.
std::optional<ImageSize> image_size(std::string_view head);

/// The size of the image in a `data:` URL, as the inside of a JSON string. Decodes no more of it than is needed.
std::optional<ImageSize> image_size_in_url(std::string_view token);

/// Tokens of an image. Tiles: a base, and more for each tile of 512 pixels of what is left after scaling it down to fit
/// into a square of 2,048 and to 768 on the shorter side; the base alone at low detail. Patches: of 32 pixels, at most
/// 1,536, by a factor; at low detail those of the image scaled to fit into a square of 512.
Tokens image_tokens(std::string_view model, ImageSize size, Detail detail);

} // namespace batchwright::money
