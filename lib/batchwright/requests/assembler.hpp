// Items become requests: one for each, or packs of several where the job asks for that. Comes in: items in ascending
// order. Goes out: request lines. The same items and options give the same requests, wherever one begins. Private to
// requests/.
#pragma once

#include <batchwright/requests/requests.hpp>

#include <cstdint>
#include <string>

namespace batchwright::requests {

struct Request {
  std::string line = {}; ///< newline included
  LineTexts texts = {};
  Mark mark = {};          ///< of its first item
  Ordinal last = 0;        ///< of its last item
  std::uint64_t items = 0; ///< 0: there is none
};

/// A request holds a pack's items as long as they are few enough and their texts fit (wire/endpoint.hpp); its custom_id
/// is `pack_custom_id`.
class Assembler {
public:
  /// At most this many items a request, and this many bytes a line where several items are in it.
  Assembler(const LineMaker& maker, std::uint64_t inputs_per_request, std::uint64_t bytes_per_line);

  /// Takes an item. Gives the request that is complete now, or null: for packs, that is one this item was too much for.
  /// Valid until the next call. Throws as LineMaker::append.
  const Request* take(const input::Item& item);
  /// What is left at the end; null where nothing is.
  const Request* finish();

private:
  void close();

  const LineMaker& m_maker;
  std::uint64_t m_most_items;
  std::uint64_t m_most_bytes; // of the inputs of a pack
  Request m_open = {};        // the pack being filled: without its line yet
  std::string m_inputs = {};  // of the open pack
  std::string m_input = {};
  bool m_alone = false; // the open pack holds one input that no other may join
  Request m_done = {};
};

} // namespace batchwright::requests
