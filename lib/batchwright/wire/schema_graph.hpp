// Which schema of a text leads to which: as the same value (`$ref`, `anyOf`), as a property, as an item. Private to
// wire/. Tells whether the references of a schema come to an end. Never recurses.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::wire {

enum class SchemaEdge : std::uint8_t {
  same,     ///< the other describes the same value: one of them must fit
  property, ///< a required part
  item,     ///< a part of which there may be none
};

struct SchemaPlace {
  json::Value schema;
  std::string pointer = {};
  int level = 1; ///< objects around it, itself included
};

class SchemaGraph {
public:
  /// Its number. A schema is added once, under its first pointer.
  std::size_t add(const json::Value& schema, std::string pointer, int level);
  void join(std::size_t from, SchemaEdge edge, std::size_t to) { m_edges[from].push_back({edge, to}); }
  /// The types that a schema names.
  void allow(std::size_t n, const std::vector<std::string>& types);

  std::size_t size() const { return m_places.size(); }
  const SchemaPlace& operator[](std::size_t n) const { return m_places[n]; }

  /// Where a JSON pointer in a URI fragment leads ("#", "#/$defs/node"); nothing where that is no schema of the graph.
  std::optional<std::size_t> find(const json::Value& root, std::string_view ref) const;

  /// A schema that leads to itself as the same value, if any: whoever follows it never comes to an end.
  std::optional<std::size_t> circle() const;
  /// Whether a finite document can satisfy the first schema, as far as its required parts tell.
  bool can_end() const;

private:
  struct Edge {
    SchemaEdge kind = SchemaEdge::same;
    std::size_t to = 0;
  };
  bool ends(std::size_t n, const std::vector<bool>& known) const;

  std::vector<SchemaPlace> m_places = {};
  std::vector<std::vector<Edge>> m_edges = {};
  std::vector<bool> m_optional_parts = {}; // a type is named that needs no part: all but an object alone
  std::map<const char*, std::size_t> m_numbers = {};
};

/// A name as a reference token of a JSON pointer: `~` and `/` escaped.
std::string pointer_token(std::string_view name);

} // namespace batchwright::wire
