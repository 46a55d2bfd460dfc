// The custom_ids of ours: they say by themselves which items a request asks for, so that its answer can be told apart
// without any file of ours.
#pragma once

#include <batchwright/model/part.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright {

/// The items of one request, ascending: runs of neighbours with gaps between them, in as few runs as there can be.
struct PackId {
  struct Run {
    Ordinal first = 0;
    std::uint64_t items = 1;

    Ordinal last() const { return first + (items - 1); }
    bool operator==(const Run&) const = default;
  };

  std::vector<Run> runs = {};

  std::uint64_t items() const;
  /// REQUIRED: larger than those before.
  void add(Ordinal ordinal);

  bool operator==(const PackId&) const = default;
};

/// No custom_id of ours is longer, and none has other characters than letters, digits, `-` and `_`: OpenAI documents no
/// bound, and this is the strictest that another batch API sets.
inline constexpr std::size_t longest_pack_id = 64;
/// No request asks for more items.
inline constexpr std::uint64_t most_pack_items = 2048;

/// The custom_id of an item where the user named no id column: "bw-0000000042".
std::string default_custom_id(Ordinal ordinal);
/// The custom_id of a request for one item, which is the default one, or for several that follow each other:
/// "bw-0000000042x25".
std::string pack_custom_id(Ordinal first, std::uint64_t items);
/// The same for any items. Behind the first run stands, for each other one, how many items it leaves out, and how many
/// it has where that is not one: "bw-0000000042x3_2_2x2" are 42 to 44, 47, 50 and 51. Whoever packs keeps to the bounds
/// above. REQUIRED: there is an item.
std::string pack_custom_id(const PackId& pack);

/// What a custom_id of ours names. Nothing for any other text: each set of items has one spelling.
std::optional<PackId> pack_of(std::string_view custom_id);

} // namespace batchwright
