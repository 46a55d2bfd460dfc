// Which items a part holds: a range, or a list of ordinals in a file. Comes in: ordinals in ascending order. Goes out:
// the same, one at a time. Never: holds a list in memory, or takes half a file for a whole one.
//
// The file is "bw-ords\n", then for each ordinal its distance from the one before as a varint (seven bits a byte, low
// ones first; the first ordinal counts from -1), then the count as eight bytes, low one first.
#pragma once

#include <batchwright/model/part.hpp>

#include <filesystem>
#include <memory>
#include <optional>

namespace batchwright::input {

/// Writes a list file, durably: it is there, whole, after commit(), else not at all. Throws `Fault::storage`.
class OrdinalWriter {
public:
  explicit OrdinalWriter(const std::filesystem::path& path);
  OrdinalWriter(OrdinalWriter&&) noexcept;
  OrdinalWriter& operator=(OrdinalWriter&&) noexcept;
  ~OrdinalWriter();

  /// REQUIRED: larger than the one before.
  void add(Ordinal ordinal);
  void commit();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

/// The ordinals of a part, ascending: from `list` where the part is listed, else first, first + 1, ..., last.
/// Throws `Fault::storage` where the list file cannot be read or is not whole.
class Ordinals {
public:
  Ordinals(const Part& part, const std::filesystem::path& list);
  /// All of a list.
  explicit Ordinals(const std::filesystem::path& list);
  Ordinals(Ordinals&&) noexcept;
  Ordinals& operator=(Ordinals&&) noexcept;
  ~Ordinals();

  std::optional<Ordinal> next();

private:
  struct ListFile;
  Ordinal m_next;
  Ordinal m_last;
  std::unique_ptr<ListFile> m_list; // null: a range
};

} // namespace batchwright::input
