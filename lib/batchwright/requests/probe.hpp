// Which items are tried before the others: spread evenly over the input, and the same ones each time. Private to
// requests/.
#pragma once

#include <batchwright/requests/requests.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace batchwright::requests {

/// Places in the input, one for each item that is wanted: the first item at or behind a place is taken.
class ProbeChoice {
public:
  enum class By : std::uint8_t {
    items,
    bytes
  };
  /// The middles of so many equal shares of the whole.
  ProbeChoice(By by, std::uint64_t wanted, std::uint64_t whole);

  bool is_any() const { return !m_places.empty(); }
  /// Whether an item stands at or behind the place whose turn it is; `before`: how many that are sent stand before it.
  bool is_due(std::uint64_t before, std::uint64_t bytes_before) const
  {
    return m_next < m_places.size() && (m_by == By::items ? before : bytes_before) >= m_places[m_next];
  }
  /// It was taken: the next place has its turn.
  void take() { ++m_next; }

private:
  By m_by;
  std::vector<std::uint64_t> m_places = {};
  std::size_t m_next = 0;
};

/// Looks ahead in the input, no further than it must: its first items are counted, all of them where `bytes` are not
/// known. Of a long input shares of its bytes are as good as shares of its items. Throws as the reading of the input.
ProbeChoice choose_probe(const Job& job, ProbeAsk ask, std::optional<std::uint64_t> bytes);
/// The same of an input of which it is known how many items are sent: places among those.
ProbeChoice choose_probe(ProbeAsk ask, std::uint64_t sent);

} // namespace batchwright::requests
