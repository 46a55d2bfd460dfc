// What valijson needs to read our documents: a tree and a number in it, in the shape of its adapters. Private to
// results/, for answer_schema.cpp alone: it brings valijson in.
#pragma once

#include <batchwright/results/answer_tree.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <valijson/internal/adapter.hpp>
#include <valijson/internal/basic_adapter.hpp>
#include <valijson/internal/frozen_value.hpp>

namespace batchwright::results {

class TreeAdapter;

/// Goes over the parts of a value; `Part` makes what it gives out from a place in the tree.
template<class Part>
class TreeIterator {
public:
  using iterator_category = std::bidirectional_iterator_tag;
  using value_type = decltype(Part::at(std::declval<const AnswerTree&>(), 0u));
  using difference_type = std::ptrdiff_t;
  using pointer = value_type*;
  using reference = value_type;

  TreeIterator(const AnswerTree& tree, std::uint32_t node) : m_tree(&tree), m_node(node) {}

  value_type operator*() const { return Part::at(*m_tree, m_node); }
  valijson::adapters::DerefProxy<value_type> operator->() const
  {
    return valijson::adapters::DerefProxy<value_type>{**this};
  }
  bool operator==(const TreeIterator& other) const { return m_node == other.m_node; }
  bool operator!=(const TreeIterator& other) const { return m_node != other.m_node; }
  const TreeIterator& operator++()
  {
    ++m_node;
    return *this;
  }
  TreeIterator operator++(int)
  {
    auto before = *this;
    ++m_node;
    return before;
  }
  const TreeIterator& operator--()
  {
    --m_node;
    return *this;
  }
  void advance(std::ptrdiff_t n) { m_node += static_cast<std::uint32_t>(n); }

private:
  const AnswerTree* m_tree;
  std::uint32_t m_node;
};

struct TreeElement {
  static TreeAdapter at(const AnswerTree& tree, std::uint32_t node);
};

struct TreeMember {
  static std::pair<std::string, TreeAdapter> at(const AnswerTree& tree, std::uint32_t node);
};

/// The parts of an array, or of an object.
template<class Part>
class TreeParts {
public:
  using const_iterator = TreeIterator<Part>;
  using iterator = const_iterator;

  TreeParts() = default;
  TreeParts(const AnswerTree& tree, std::uint32_t whole)
      : m_tree(&tree), m_whole(whole), m_first(tree[whole].first), m_count(tree[whole].count)
  {
  }

  const_iterator begin() const { return {*m_tree, m_first}; }
  const_iterator end() const { return {*m_tree, m_first + m_count}; }
  std::size_t size() const { return m_count; }
  const_iterator find(const std::string& key) const
  {
    const auto at = m_tree->find(m_whole, key);
    return at ? const_iterator{*m_tree, *at} : end();
  }

private:
  static const AnswerTree& nothing()
  {
    static const AnswerTree tree;
    return tree;
  }

  const AnswerTree* m_tree = &nothing();
  std::uint32_t m_whole = 0;
  std::uint32_t m_first = 0;
  std::uint32_t m_count = 0;
};

using TreeArray = TreeParts<TreeElement>;
using TreeObject = TreeParts<TreeMember>;

/// A value by itself, as valijson asks for it.
class TreeValue {
public:
  TreeValue() = default;
  TreeValue(const AnswerTree& tree, std::uint32_t node) : m_tree(&tree), m_node(node) {}

  valijson::adapters::FrozenValue* freeze() const;

  std::optional<TreeArray> getArrayOptional() const
  {
    if (!isArray()) return {};
    return TreeArray{*m_tree, m_node};
  }
  std::optional<TreeObject> getObjectOptional() const
  {
    if (!isObject()) return {};
    return TreeObject{*m_tree, m_node};
  }
  bool getArraySize(std::size_t& size) const
  {
    if (isArray()) size = node().count;
    return isArray();
  }
  bool getObjectSize(std::size_t& size) const
  {
    if (isObject()) size = node().count;
    return isObject();
  }
  bool getBool(bool& truth) const
  {
    if (isBool()) truth = *node().value.boolean();
    return isBool();
  }
  bool getDouble(double& number) const
  {
    if (isNumber()) number = std::strtod(std::string{node().value.raw()}.c_str(), nullptr);
    return isNumber();
  }
  bool getInteger(std::int64_t& number) const
  {
    const auto n = node().value.integer();
    if (n) number = *n;
    return n.has_value();
  }
  bool getString(std::string& text) const
  {
    if (isString()) text = node().text;
    return isString();
  }

  static bool hasStrictTypes() { return true; }
  bool isArray() const { return is(json::Kind::array); }
  bool isBool() const { return is(json::Kind::boolean); }
  bool isDouble() const { return isNumber() && !isInteger(); }
  bool isInteger() const { return is(json::Kind::number) && node().value.integer(); }
  bool isNull() const { return is(json::Kind::null); }
  bool isNumber() const { return is(json::Kind::number); }
  bool isObject() const { return is(json::Kind::object); }
  bool isString() const { return is(json::Kind::string); }

  bool is(json::Kind kind) const { return node().value.is(kind); }
  const TreeNode& node() const { return (*m_tree)[m_node]; }
  std::uint32_t number() const { return m_node; }

private:
  const AnswerTree* m_tree = nullptr;
  std::uint32_t m_node = 0;
};

class TreeAdapter : public valijson::adapters::BasicAdapter<TreeAdapter, TreeArray, std::pair<std::string, TreeAdapter>,
                                                            TreeObject, TreeValue> {
public:
  TreeAdapter() = default;
  TreeAdapter(const AnswerTree& tree, std::uint32_t node) : BasicAdapter(TreeValue{tree, node}), m_own(tree, node) {}
  explicit TreeAdapter(const AnswerTree& tree) : TreeAdapter(tree, 0) {}

  const TreeValue& value() const { return m_own; }

private:
  TreeValue m_own = {};
};

/// A value of the schema, kept as its text.
class FrozenTree final : public valijson::adapters::FrozenValue {
public:
  explicit FrozenTree(std::string text) : m_text(std::move(text)) { m_tree.read(m_text); }

  FrozenValue* clone() const override { return new FrozenTree{m_text}; }
  bool equalTo(const valijson::adapters::Adapter& other, bool strict) const override
  {
    return TreeAdapter{m_tree, 0}.equalTo(other, strict);
  }

private:
  std::string m_text;
  AnswerTree m_tree = {};
};

inline valijson::adapters::FrozenValue* TreeValue::freeze() const
{
  return new FrozenTree{std::string{node().value.raw()}};
}

inline TreeAdapter TreeElement::at(const AnswerTree& tree, std::uint32_t node)
{
  return {tree, node};
}

inline std::pair<std::string, TreeAdapter> TreeMember::at(const AnswerTree& tree, std::uint32_t node)
{
  return {std::string{tree[node].key}, TreeAdapter{tree, node}};
}

} // namespace batchwright::results

template<>
struct valijson::adapters::AdapterTraits<batchwright::results::TreeAdapter> {
  using DocumentType = batchwright::results::AnswerTree;

  static std::string adapterName() { return "TreeAdapter"; }
};
