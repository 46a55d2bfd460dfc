// Whether an id stands twice, in 16 bytes an item. Private to requests/.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <string_view>

namespace batchwright::requests {

/// 128 bits of an id: two ids of one hash are not to be expected before 10^15 items.
struct IdHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a rewritten `<` for a pointer
  auto operator<=>(const IdHash&) const = default;
};

IdHash hash_of(std::string_view id);

class IdHashes {
public:
  void add(IdHash hash) { m_hashes.push_back(hash); }
  /// Forgets all that came once, and says how many came more than once. Called once, after the last add().
  std::size_t keep_repeated();
  /// Whether the hash was kept.
  bool contains(IdHash hash) const;

private:
  std::deque<IdHash> m_hashes = {}; // a vector would hold twice the room while it grows
};

} // namespace batchwright::requests
