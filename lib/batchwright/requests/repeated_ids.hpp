// Which lines carry an id that an earlier line carries, in 16 bytes a line. Private to requests/.
#pragma once

#include <batchwright/requests/ids.hpp>

#include <cstdint>
#include <deque>
#include <vector>

namespace batchwright::requests {

class RepeatedIds {
public:
  struct Pair {
    std::uint32_t line = 0;
    std::uint32_t first = 0; ///< the first line with that id
  };

  /// Lines count from 1; those beyond 2^32 are not told apart.
  void add(IdHash hash, std::uint64_t line)
  {
    m_seen.push_back({hash.high, static_cast<std::uint32_t>(hash.low), static_cast<std::uint32_t>(line)});
  }

  /// The lines whose id stands on an earlier one, in order. Called once, after the last add().
  std::vector<Pair> pairs();

private:
  /// 96 bits tell ids apart up to 10^11 lines: two of one hash are not to be expected.
  struct Seen {
    std::uint64_t high = 0;
    std::uint32_t low = 0;
    std::uint32_t line = 0;

    auto operator<=>(const Seen&) const = default;
  };

  std::deque<Seen> m_seen = {}; // a vector would hold twice the room while it grows
};

} // namespace batchwright::requests
