// Items to look at: what was asked and what came of it, side by side. Reads the store, the outcomes and the pinned
// input; sends nothing and changes nothing.
#pragma once

#include <batchwright/engine/engine.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace batchwright::engine {

struct ShowAsk {
  bool failed = false;                     ///< failed items only
  std::string item = {};                   ///< one item, by its index or its custom_id; empty: all
  std::optional<std::uint64_t> limit = {}; ///< how many at most
  bool probe = false;                      ///< items that were tried before the others only
};

struct ItemShown {
  std::string record = {};  ///< as the merged result has it, without newline; of a pending item index and status alone
  std::string request = {}; ///< the line that was sent for it, or will be; empty: the input is not what it was
};

using OnItem = std::function<void(const ItemShown&)>;

/// Hands over the items that are asked for, in input order. Where the input was changed since, that is told as a
/// warning, and items come without their requests. Throws `Fault::usage` for an unknown job, and for an item that there
/// is not.
void show(Tools& tools, const std::string& job, const ShowAsk& ask, const OnItem& on_item);

/// How many items failed, by error code.
std::map<std::string, std::uint64_t> failures(Tools& tools, const std::string& job);

} // namespace batchwright::engine
