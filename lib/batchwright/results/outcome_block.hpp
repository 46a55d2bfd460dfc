// A run of outcomes with their answer lines and the items of the input they belong to, held, so that another thread may
// make records of them. Private to results/.
#pragma once

#include <batchwright/input/kept_items.hpp>
#include <batchwright/results/results.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

class OutcomeBlock {
public:
  /// Lets go of all, but for the memory.
  void clear();
  /// Copies an outcome and its answer line; what it came from is not copied. `item`: null where none is read.
  void add(const Outcome& outcome, std::string_view line, const input::Item* item);
  std::size_t size() const { return m_outcomes.size(); }
  /// Bytes that are held.
  std::size_t bytes() const { return m_text.size() + m_items.bytes(); }

  /// The i-th, with its answer line; valid until the next add() or clear().
  Outcome outcome(std::size_t i) const;
  /// Its item, null where none was read; valid until the next call of this. Throws as KeptItems::item.
  const input::Item* item(std::size_t i);

private:
  struct Held {
    Outcome head = {};
    std::size_t begin = 0; // of its code, then its line
    std::size_t code_size = 0;
    std::size_t line_size = 0;
    std::optional<std::size_t> item = {}; // of the items
  };

  std::vector<Held> m_outcomes = {};
  std::string m_text = {};
  input::KeptItems m_items = {};
};

} // namespace batchwright::results
