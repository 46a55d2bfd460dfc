// Schemas are looked at one by one, from a list that grows while it is read: depth costs memory, never the stack.

#include <batchwright/json/json.hpp>
#include <batchwright/wire/schema_graph.hpp>
#include <batchwright/wire/schema_words.hpp>
#include <batchwright/wire/strict_schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <set>
#include <utility>

namespace batchwright::wire {
namespace {

constexpr SchemaLimits limits{};
constexpr std::size_t most_problems = 1'000;
constexpr int deepest_look = 100; // schemas inside schemas: below that nothing is looked at

template<class List>
bool holds(const List& list, std::string_view word)
{
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string listed(const auto& words)
{
  std::string text;
  for (const auto& word : words)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", word);
  return text;
}

std::string decoded(const json::Value& string)
{
  return json::decode_lossy(string.token());
}

std::size_t characters(std::string_view utf8)
{
  return static_cast<std::size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// Characters of a value of `enum` or `const`.
std::size_t characters(const json::Value& value)
{
  return value.is(json::Kind::string) ? characters(decoded(value)) : characters(value.raw());
}

/// What is wrong with the value of a keyword by itself; empty: nothing.
std::string_view amiss(const json::Value& value, Want want)
{
  const auto number = [&] {
    return value.is(json::Kind::number) ? std::strtod(std::string{value.raw()}.c_str(), nullptr) : -1;
  };
  switch (want) {
  case Want::anything:
    return {};
  case Want::text:
    return value.is(json::Kind::string) ? "" : "must be a string";
  case Want::number:
    return value.is(json::Kind::number) ? "" : "must be a number";
  case Want::above_zero:
    return number() > 0 ? "" : "must be a number above 0";
  case Want::count:
    return value.integer().value_or(-1) >= 0 ? "" : "must be a whole number, 0 or more";
  case Want::truth:
    return value.is(json::Kind::boolean) ? "" : "must be true or false";
  case Want::list:
    return value.front() ? "" : "must be a list that is not empty";
  case Want::names: {
    const auto names = value.elements();
    const bool sound = value.is(json::Kind::array) && std::all_of(names.begin(), names.end(), [](const auto& name) {
                         return name.is(json::Kind::string);
                       });
    return sound ? "" : "must be a list of strings";
  }
  case Want::schema:
    return {}; // told of the schema itself
  case Want::schemas:
    return value.front() ? "" : "must be a list of schemas that is not empty";
  case Want::named_schemas:
    return value.is(json::Kind::object) ? "" : "must be an object of schemas";
  }
  return {};
}

class StrictCheck {
public:
  explicit StrictCheck(const json::Value& root) : m_root(root) {}

  std::vector<SchemaProblem> run()
  {
    m_graph.add(m_root, "", 1);
    look_at_root();
    for (std::size_t n = 0; n < m_graph.size() && m_problems.size() < most_problems; ++n)
      look(n);
    if (m_problems.size() < most_problems) follow_references();
    look_at_sums();
    std::stable_sort(m_problems.begin(), m_problems.end(),
                     [](const auto& a, const auto& b) { return a.pointer < b.pointer; });
    return std::move(m_problems);
  }

private:
  void problem(std::string_view pointer, std::string what)
  {
    m_problems.push_back({std::string{pointer}, std::move(what)});
  }

  void look_at_root()
  {
    if (!m_root.is(json::Kind::object)) return; // told by look()
    const auto type = m_root.find("type");
    if (m_root.find("anyOf")) problem("", "the root must not be an `anyOf`: put it into a property");
    if (!type || type->text() != "object") problem("", "the root must have \"type\": \"object\"");
  }

  void look(std::size_t n)
  {
    const auto place = m_graph[n]; // a copy: the graph grows
    const auto& schema = place.schema;
    if (!schema.is(json::Kind::object)) return problem(place.pointer, "expected a schema, an object");
    look_at_keys(schema, place.pointer, "key");
    look_at_keywords(place);
    if (schema.find("$ref")) return;
    look_at_type(n, place);
    if (const auto allowed = schema.find("enum")) count_enum(*allowed, place.pointer);
    if (const auto fixed = schema.find("const")) m_characters += characters(*fixed);
  }

  /// No key twice, and none that not every program can read.
  void look_at_keys(const json::Value& object, std::string_view pointer, std::string_view word)
  {
    std::set<std::string> seen;
    for (const auto& member : object.members()) {
      auto key = decoded(member.key);
      if (key.find('\0') != std::string::npos) problem(pointer, fmt::format("a {} holds a NUL character", word));
      if (seen.count(key) > 0) problem(pointer, fmt::format("the {} `{}` stands there twice", word, key));
      seen.insert(std::move(key));
    }
  }

  void look_at_keywords(const SchemaPlace& place)
  {
    const bool refers = place.schema.find("$ref").has_value();
    for (const auto& [key, value] : place.schema.members()) {
      const auto name = decoded(key);
      const auto known = std::find_if(keywords.begin(), keywords.end(), [&](const auto& k) { return k.name == name; });
      if (known == keywords.end()) {
        problem(place.pointer, fmt::format("`{}` is not supported in strict mode", name));
      } else if (const auto why = amiss(value, known->want); !why.empty()) {
        problem(place.pointer, fmt::format("`{}` {}", name, why));
      }
      const bool defines = name == "$defs" || name == "definitions";
      if (refers && name != "$ref" && !defines)
        problem(place.pointer, fmt::format("`{}` may not stand beside a `$ref`", name));
      if (defines) add_named(place, value, name);
    }
    look_at_text(place);
  }

  void look_at_text(const SchemaPlace& place)
  {
    const auto format = place.schema.find("format");
    if (format && format->is(json::Kind::string) && !holds(formats, decoded(*format))) {
      problem(place.pointer,
              fmt::format("there is no format `{}`; those known: {}", decoded(*format), listed(formats)));
    }
    const auto pattern = place.schema.find("pattern");
    if (!pattern || !pattern->is(json::Kind::string)) return;
    const auto text = decoded(*pattern);
    if (std::any_of(lookarounds.begin(), lookarounds.end(),
                    [&](auto sign) { return text.find(sign) != std::string::npos; }))
      problem(place.pointer, "`pattern` uses lookaround, which the server refuses");
  }

  void look_at_type(std::size_t n, const SchemaPlace& place)
  {
    const auto& schema = place.schema;
    const auto any = schema.find("anyOf");
    const auto type = schema.find("type");
    std::vector<std::string> names;
    if (type) names = type_names(*type, place.pointer);
    if (!type && !any && !schema.find("enum") && !schema.find("const")) problem(place.pointer, "it has no `type`");
    if (any) {
      std::size_t at = 0;
      for (const auto& branch : any->elements())
        add(n, SchemaEdge::same, branch, fmt::format("{}/anyOf/{}", place.pointer, at++), place.level);
    }
    if (holds(names, "object") || schema.find("properties")) look_at_object(n, place);
    if (holds(names, "array") && !schema.find("items")) problem(place.pointer, "an array must have `items`");
    if (const auto items = schema.find("items"))
      add(n, SchemaEdge::item, *items, place.pointer + "/items", place.level);
    m_graph.allow(n, names);
  }

  std::vector<std::string> type_names(const json::Value& type, std::string_view pointer)
  {
    auto all = type.elements();
    if (!type.is(json::Kind::array)) all = {type};
    if (all.empty()) problem(pointer, "`type` is an empty list");
    std::vector<std::string> names;
    for (const auto& one : all) {
      auto name = one.is(json::Kind::string) ? decoded(one) : std::string{one.raw()};
      if (!one.is(json::Kind::string) || !holds(types, name))
        problem(pointer, fmt::format("there is no type `{}`; those known: {}", name, listed(types)));
      if (holds(names, name)) problem(pointer, fmt::format("`type` names `{}` twice", name));
      names.push_back(std::move(name));
    }
    return names;
  }

  void look_at_object(std::size_t n, const SchemaPlace& place)
  {
    const auto extra = place.schema.find("additionalProperties");
    if (!extra || extra->boolean() != false)
      problem(place.pointer, "an object must have `additionalProperties: false`");
    if (place.level > limits.levels)
      problem(place.pointer, fmt::format("objects stand inside each other more than {} levels deep", limits.levels));
    std::set<std::string> required;
    if (const auto list = place.schema.find("required")) {
      for (const auto& name : list->elements()) {
        if (!name.is(json::Kind::string)) continue;
        if (!required.insert(decoded(name)).second)
          problem(place.pointer, fmt::format("`required` names `{}` twice", decoded(name)));
      }
    }
    if (const auto properties = place.schema.find("properties")) {
      for (const auto& member : properties->members()) {
        const auto name = decoded(member.key);
        ++m_properties;
        if (required.erase(name) == 0)
          problem(place.pointer, fmt::format("`required` does not name `{}`: every property must be required (one that "
                                             "may be missing has `null` among its types)",
                                             name));
        add(n, SchemaEdge::property, member.value, fmt::format("{}/properties/{}", place.pointer, pointer_token(name)),
            place.level + 1);
        m_characters += characters(std::string_view{name});
      }
      look_at_keys(*properties, place.pointer + "/properties", "property");
    }
    for (const auto& name : required)
      problem(place.pointer, fmt::format("`required` names `{}`, which is no property", name));
  }

  void count_enum(const json::Value& allowed, std::string_view pointer)
  {
    const auto values = allowed.elements();
    std::size_t text = 0;
    for (const auto& value : values)
      text += characters(value);
    m_enum_values += values.size();
    m_characters += text;
    if (values.size() > limits.long_enum && text > limits.long_enum_text) {
      problem(pointer, fmt::format("`enum` has {} values of {} characters in all; with more than {} values they may "
                                   "have {}",
                                   values.size(), text, limits.long_enum, limits.long_enum_text));
    }
  }

  void add_named(const SchemaPlace& place, const json::Value& named, std::string_view keyword)
  {
    for (const auto& [key, value] : named.members()) {
      const auto name = decoded(key);
      m_characters += characters(std::string_view{name});
      descend(value, fmt::format("{}/{}/{}", place.pointer, keyword, pointer_token(name)), 1);
    }
    if (named.is(json::Kind::object)) look_at_keys(named, fmt::format("{}/{}", place.pointer, keyword), "definition");
  }

  std::optional<std::size_t> descend(const json::Value& schema, std::string pointer, int level)
  {
    if (std::count(pointer.begin(), pointer.end(), '/') <= 2 * deepest_look)
      return m_graph.add(schema, std::move(pointer), level);
    if (!std::exchange(m_too_deep, true))
      problem(pointer, fmt::format("schemas stand inside each other more than {} deep", deepest_look));
    return std::nullopt;
  }

  void add(std::size_t from, SchemaEdge edge, const json::Value& schema, std::string pointer, int level)
  {
    if (const auto to = descend(schema, std::move(pointer), level)) m_graph.join(from, edge, *to);
  }

  void follow_references()
  {
    bool all_lead = true;
    for (std::size_t n = 0; n < m_graph.size(); ++n) {
      const auto ref = m_graph[n].schema.find("$ref");
      const auto text = ref && ref->is(json::Kind::string) ? std::optional{decoded(*ref)} : std::nullopt;
      if (!text) continue;
      const auto target = m_graph.find(m_root, *text);
      if (target) m_graph.join(n, SchemaEdge::same, *target);
      all_lead = all_lead && target;
      if (!target && !text->starts_with('#'))
        problem(m_graph[n].pointer, fmt::format("`$ref` leads out of this schema (`{}`); nothing is loaded from "
                                                "elsewhere",
                                                *text));
      else if (!target)
        problem(m_graph[n].pointer, fmt::format("`$ref` leads to no schema (`{}`)", *text));
    }
    if (const auto circle = m_graph.circle())
      problem(m_graph[*circle].pointer, "it refers to itself with nothing in between");
    else if (all_lead && !m_graph.can_end())
      problem("", "no document can satisfy it: what it requires contains itself without end");
  }

  void look_at_sums()
  {
    if (m_properties > limits.properties)
      problem("", fmt::format("it has {} properties, allowed are {}", m_properties, limits.properties));
    if (m_enum_values > limits.enum_values)
      problem("", fmt::format("its `enum`s have {} values, allowed are {}", m_enum_values, limits.enum_values));
    if (m_characters > limits.characters) {
      problem("", fmt::format("names, `enum` and `const` values have {} characters, allowed are {}", m_characters,
                              limits.characters));
    }
  }

  json::Value m_root;
  SchemaGraph m_graph = {};
  std::vector<SchemaProblem> m_problems = {};
  std::size_t m_properties = 0;
  std::size_t m_enum_values = 0;
  std::size_t m_characters = 0;
  bool m_too_deep = false;
};

} // namespace

std::vector<SchemaProblem> check_strict(std::string_view schema_json)
{
  json::Document document;
  if (!document.parse(schema_json)) {
    const auto& fault = document.fault();
    return {{"", fmt::format("it is not JSON: {} at byte {}", fault.what, fault.byte)}};
  }
  return StrictCheck{document.root()}.run();
}

} // namespace batchwright::wire
