// Rows of counters, each found by a digest and with a line of text that names it: the rows in memory, 16 bytes and the
// counters each, the names on disk. In: digests. Out: row numbers, counted from 0 in the order the rows were made.
// Not safe for several threads at once.
#pragma once

#include <batchwright/base/error.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// The first 16 bytes of a SHA-256.
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const Digest&) const = default;
};

template<class Counters>
class NamedRows {
public:
  struct Row {
    Digest digest = {};
    Counters counters = {};
  };

  /// Throws `Fault::storage` when the file for the names cannot be made.
  explicit NamedRows(std::filesystem::path names);

  /// The row of a digest, and whether there was none before; a new one must be given its name.
  struct Place {
    std::uint32_t row = 0;
    bool fresh = false;
  };
  Place place_of(const Digest& digest);
  void name(std::string_view line) { m_names << line << '\n'; }

  std::size_t size() const noexcept { return m_rows.size(); }
  Counters& operator[](std::uint32_t row) { return m_rows[row].counters; }
  const std::deque<Row>& all() const noexcept { return m_rows; }
  /// A copy of up to `count` counters from `first` on.
  std::vector<Counters> some(std::size_t first, std::size_t count) const;

  const std::filesystem::path& names_path() const noexcept { return m_path; }
  /// Puts into the file what was named so far.
  void flush_names() { m_names.flush(); }

private:
  void grow();

  std::filesystem::path m_path;
  std::ofstream m_names;
  std::deque<Row> m_rows = {};
  std::vector<std::uint32_t> m_table; // open addressing: row + 1, or 0
};

// ---------------------------------------------------------------------------------------------------------------------

template<class Counters>
NamedRows<Counters>::NamedRows(std::filesystem::path names)
    : m_path(std::move(names)), m_names(m_path, std::ios::binary | std::ios::trunc), m_table(1024)
{
  if (!m_names) throw_errno("creating", m_path.native());
}

template<class Counters>
typename NamedRows<Counters>::Place NamedRows<Counters>::place_of(const Digest& digest)
{
  if ((m_rows.size() + 1) * 2 > m_table.size()) grow();
  const auto mask = m_table.size() - 1;
  for (auto at = digest.low & mask;; at = (at + 1) & mask) {
    if (m_table[at] == 0) {
      m_rows.push_back({.digest = digest});
      m_table[at] = static_cast<std::uint32_t>(m_rows.size());
      return {.row = m_table[at] - 1, .fresh = true};
    }
    if (m_rows[m_table[at] - 1].digest == digest) return {.row = m_table[at] - 1};
  }
}

template<class Counters>
std::vector<Counters> NamedRows<Counters>::some(std::size_t first, std::size_t count) const
{
  std::vector<Counters> found;
  for (auto row = first; row < std::min(first + count, m_rows.size()); ++row)
    found.push_back(m_rows[row].counters);
  return found;
}

template<class Counters>
void NamedRows<Counters>::grow()
{
  std::vector<std::uint32_t> table(m_table.size() * 2);
  const auto mask = table.size() - 1;
  for (std::size_t row = 0; row < m_rows.size(); ++row) {
    auto at = m_rows[row].digest.low & mask;
    while (table[at] != 0)
      at = (at + 1) & mask;
    table[at] = static_cast<std::uint32_t>(row + 1);
  }
  m_table = std::move(table);
}

} // namespace batchwright::emulator
