// A document as a tree in one block of memory, for the check against a schema. Private to results/.
// In: a JSON text. Out: its values by number, the members of an object sorted by key, or why it cannot be judged: it is
// no JSON, too deep, or has a key twice, where one program reads the first value and another the last. Never recurses.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {

/// How deep values may stand inside each other: whoever walks the tree by recursion keeps well within a thread's stack.
inline constexpr int deepest_value = 200;

struct TreeNode {
  json::Value value;
  std::string_view key = {};  ///< decoded; of a member
  std::string_view text = {}; ///< decoded; of a string
  std::uint32_t first = 0;    ///< the first of its parts; they follow each other
  std::uint32_t count = 0;
  int depth = 0;
};

class AnswerTree {
public:
  AnswerTree() = default;
  AnswerTree(const AnswerTree&) = delete;
  AnswerTree& operator=(const AnswerTree&) = delete;

  /// Nothing when the text, which must outlive the tree, was taken; else why not.
  std::optional<std::string> read(std::string_view text);

  const TreeNode& operator[](std::uint32_t n) const { return m_nodes[n]; } ///< 0 is the whole
  std::uint32_t size() const { return static_cast<std::uint32_t>(m_nodes.size()); }
  /// The member of that key.
  std::optional<std::uint32_t> find(std::uint32_t object, std::string_view key) const;

private:
  std::optional<std::string> add_parts(std::uint32_t whole);
  std::optional<std::string> sort_members(std::uint32_t object);
  std::string_view decoded(const json::Value& string);

  json::Document m_document = {};
  std::vector<TreeNode> m_nodes = {};
  std::deque<std::string> m_decoded = {};
};

/// `what` with its place in a document: "/label: not one of the allowed values"; of the whole document without a place.
/// Cut where it is long, since names in it are not ours.
std::string at_pointer(std::string_view pointer, std::string_view what);

} // namespace batchwright::results
