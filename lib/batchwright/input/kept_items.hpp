// Items that outlive their place in a stream, so that another thread may look into them.
#pragma once

#include <batchwright/input/input.hpp>

#include <cstddef>
#include <memory>

namespace batchwright::input {

/// A run of items, their bytes held.
class KeptItems {
public:
  KeptItems();
  KeptItems(const KeptItems&) = delete;
  KeptItems& operator=(const KeptItems&) = delete;
  ~KeptItems();

  /// Lets go of all, but for the memory.
  void clear();
  /// Copies an item; of a line of JSON, which need not have been read, the line.
  void keep(const Item& item);
  std::size_t size() const;
  /// Bytes that are held.
  std::size_t bytes() const;

  /// The i-th; valid until the next call of any of these. Throws `Fault::input` for a line that is not a JSON object.
  const Item& item(std::size_t i);

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::input
