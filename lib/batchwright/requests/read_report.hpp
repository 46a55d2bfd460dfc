// How far the reading of a job's input is. Private to requests/.
#pragma once

#include <batchwright/base/unpack.hpp>
#include <batchwright/requests/requests.hpp>

#include <cstdint>
#include <optional>
#include <vector>

namespace batchwright::requests {

/// Tells the caller how far the reading is, now and then.
class ReadReport {
public:
  /// REQUIRED: what is told outlives it.
  ReadReport(const std::vector<PinnedInput>& inputs, const OnRead& on_read) : m_on_read(on_read)
  {
    for (const auto& input : inputs) {
      m_before.push_back(m_total);
      m_total += input.bytes;
      m_packed = m_packed || is_packed(input.path);
    }
  }

  void at(const Mark& mark)
  {
    const auto bytes = bytes_before(mark);
    if (!m_on_read || (bytes < m_due_bytes && mark.ordinal < m_due_items)) return;
    m_on_read(bytes, m_packed ? 0 : m_total, mark.ordinal);
    m_due_bytes = bytes + bytes_between_reports;
    m_due_items = mark.ordinal + items_between_reports;
  }

  /// Bytes before an item, over all inputs.
  std::uint64_t bytes_before(const Mark& mark) const { return m_before[mark.input] + mark.offset; }
  /// Of all inputs; nothing where nobody knows.
  std::optional<std::uint64_t> bytes() const { return m_packed ? std::nullopt : std::optional{m_total}; }

  void end(std::uint64_t items) const
  {
    if (m_on_read) m_on_read(m_total, m_total, items);
  }

private:
  static constexpr std::uint64_t items_between_reports = 4096;
  static constexpr std::uint64_t bytes_between_reports = 4 << 20;

  const OnRead& m_on_read;
  std::vector<std::uint64_t> m_before = {}; // bytes of the inputs before each
  std::uint64_t m_total = 0;
  bool m_packed = false; // offsets are unpacked bytes, of which nobody knows how many there are
  std::uint64_t m_due_bytes = 0;
  std::uint64_t m_due_items = 0;
};

} // namespace batchwright::requests
