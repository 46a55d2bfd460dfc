#include <batchwright/emulator/strict_schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace batchwright::emulator {
namespace {

constexpr std::array keyed_schemas{"properties", "$defs", "definitions"};

/// Whether a schema is about objects: by its type, or one of its types, or for want of both by its properties.
bool of_objects(const json::Value& schema)
{
  const auto type = schema.find("type");
  if (!type) return schema.find("properties").has_value();
  if (!type->is(json::Kind::array)) return type->text() == "object";
  const auto types = type->elements();
  return std::any_of(types.begin(), types.end(), [](const json::Value& t) { return t.text() == "object"; });
}

std::string name_of(const json::Value& key)
{
  return json::decode_lossy(key.token());
}

std::vector<std::string> names_in(const std::optional<json::Value>& list)
{
  std::vector<std::string> names;
  if (!list) return names;
  for (const auto& name : list->elements())
    if (name.is(json::Kind::string)) names.push_back(json::decode_lossy(name.token()));
  return names;
}

/// The fault of one object, without its place.
std::string object_fault(const json::Value& schema)
{
  const auto more = schema.find("additionalProperties");
  if (!more || more->boolean() != false) return "'additionalProperties' is required to be supplied and to be false";
  const auto properties = schema.find("properties");
  if (!properties) return {};
  const auto required = names_in(schema.find("required"));
  for (const auto& property : properties->members()) {
    if (std::find(required.begin(), required.end(), name_of(property.key)) != required.end()) continue;
    return fmt::format("'required' is required to be supplied and to be an array including every key in properties. "
                       "Missing '{}'",
                       name_of(property.key));
  }
  return {};
}

/// Walks a schema from a list that grows while it is read.
class Walk {
public:
  explicit Walk(const json::Value& root) { m_places.push_back({.schema = root}); }

  std::string first_fault()
  {
    for (std::size_t n = 0; n < m_places.size(); ++n) {
      const auto schema = m_places[n].schema;
      if (of_objects(schema)) {
        const auto fault = object_fault(schema);
        if (!fault.empty()) return fmt::format("In context=({}), {}", context_of(n), fault);
      }
      spread(schema, n);
    }
    return {};
  }

private:
  struct Place {
    json::Value schema;
    std::size_t parent = 0;
    std::string step = {}; ///< from the parent: "'properties', 'name'"
  };

  void spread(const json::Value& schema, std::size_t from)
  {
    for (const auto* key : keyed_schemas)
      if (const auto inside = schema.find(key))
        for (const auto& [name, value] : inside->members())
          m_places.push_back({value, from, fmt::format("'{}', '{}'", key, name_of(name))});
    if (const auto items = schema.find("items")) m_places.push_back({*items, from, "'items'"});
    const auto any = schema.find("anyOf");
    std::size_t branch = 0;
    if (!any) return;
    for (const auto& value : any->elements())
      m_places.push_back({value, from, fmt::format("'anyOf', '{}'", branch++)});
  }

  std::string context_of(std::size_t place) const
  {
    std::string context;
    for (; place != 0; place = m_places[place].parent)
      context = m_places[place].step + (context.empty() ? "" : ", ") + context;
    return context;
  }

  std::vector<Place> m_places = {};
};

} // namespace

std::string root_fault(const json::Value& schema)
{
  const auto type = schema.find("type");
  if (type && type->text() == "object") return {};
  const auto got = type ? type->text().value_or(std::string{type->raw()}) : "None";
  return fmt::format("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{}\"'", got);
}

std::string strict_fault(const json::Value& schema)
{
  auto fault = root_fault(schema);
  return fault.empty() ? Walk{schema}.first_fault() : fault;
}

} // namespace batchwright::emulator
