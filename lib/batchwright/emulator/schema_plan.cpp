#include <batchwright/emulator/schema_plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <map>
#include <numeric>

namespace batchwright::emulator {
namespace {

constexpr std::size_t most_steps = 5'000;
constexpr int deepest = 100;
constexpr double furthest = 1e15; // numbers beyond it are not whole in a double, or nearly so
constexpr double characters_a_step = 100;

// What would have to be satisfied as well, and is not looked at here.
constexpr std::array unknown_words{"allOf",           "oneOf",         "not",           "if",
                                   "contains",        "prefixItems",   "propertyNames", "patternProperties",
                                   "minProperties",   "maxProperties", "uniqueItems",   "dependentRequired",
                                   "dependentSchemas"};

struct Format {
  std::string_view name;
  double shortest;
  double longest;
};

constexpr std::array formats{Format{"date-time", 20, 20}, Format{"date", 10, 10},  Format{"time", 9, 9},
                             Format{"duration", 4, 5},    Format{"email", 19, 20}, Format{"hostname", 17, 18},
                             Format{"ipv4", 9, 10},       Format{"ipv6", 11, 12},  Format{"uuid", 36, 36}};

std::optional<double> number_at(const json::Value& schema, std::string_view key)
{
  const auto value = schema.find(key);
  if (!value || !value->is(json::Kind::number)) return std::nullopt;
  return std::strtod(std::string{value->raw()}.c_str(), nullptr);
}

std::string percent_decoded(std::string_view text)
{
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned char byte = 0;
    const bool escape =
        text[at] == '%' && at + 2 < text.size() &&
        std::from_chars(text.data() + at + 1, text.data() + at + 3, byte, 16).ptr == text.data() + at + 3;
    out += escape ? static_cast<char>(byte) : text[at];
    if (escape) at += 2;
  }
  return out;
}

std::string unescaped(std::string_view token)
{
  std::string out;
  for (std::size_t at = 0; at < token.size(); ++at) {
    const auto pair = token.substr(at, 2);
    out += pair == "~1" ? '/' : pair == "~0" ? '~' : token[at];
    if (pair == "~1" || pair == "~0") ++at;
  }
  return out;
}

std::optional<json::Value> child_of(const json::Value& at, const std::string& name)
{
  if (!at.is(json::Kind::array)) return at.find(name);
  std::size_t index = 0;
  const auto [end, fault] = std::from_chars(name.data(), name.data() + name.size(), index);
  const auto elements = at.elements();
  if (fault != std::errc{} || end != name.data() + name.size() || index >= elements.size()) return std::nullopt;
  return elements[index];
}

/// Where a JSON pointer in a URI fragment leads ("#", "#/$defs/node", "#/anyOf/0").
std::optional<json::Value> target_of(const json::Value& root, std::string_view ref)
{
  if (!ref.starts_with('#')) return std::nullopt;
  const auto pointer = percent_decoded(ref.substr(1));
  if (!pointer.empty() && pointer.front() != '/') return std::nullopt;
  std::optional at{root};
  for (std::size_t slash = 0; at && slash < pointer.size();) {
    const auto end = std::min(pointer.find('/', slash + 1), pointer.size());
    at = child_of(*at, unescaped(std::string_view{pointer}.substr(slash + 1, end - slash - 1)));
    slash = end;
  }
  return at;
}

/// Makes the steps of a schema one by one, from a list that grows while they are read: however deep a schema goes, the
/// stack does not.
class Planner {
public:
  explicit Planner(const json::Value& root) : m_root(root) {}

  SchemaPlan plan()
  {
    place_of(m_root);
    for (std::size_t n = 0; n < m_todo.size() && m_todo.size() <= most_steps; ++n) {
      const auto todo = m_todo[n];
      m_plan.steps.push_back(read(todo));
    }
    if (m_todo.size() > most_steps) {
      m_plan.fault = fmt::format("it has more than {} parts", most_steps);
      return std::move(m_plan);
    }
    find_costs();
    if (m_plan.steps.front().cost == no_document)
      m_plan.fault = m_reason.empty() ? "it refers to itself without end" : m_reason;
    else if (height() > deepest)
      m_plan.fault = fmt::format("it goes deeper than {} levels", deepest);
    return std::move(m_plan);
  }

private:
  using Form = SchemaStep::Form;

  struct Todo {
    json::Value schema;
    std::string type; // empty: what the schema says
  };

  /// The number of the step for a schema, or for one type of a schema that allows several.
  std::size_t place_of(const json::Value& schema, const std::string& type = {})
  {
    if (m_todo.size() > most_steps) return 0; // refused as a whole
    const auto [place, fresh] = m_places.try_emplace({schema.raw().data(), type}, m_todo.size());
    if (fresh) m_todo.push_back({schema, type});
    return place->second;
  }

  SchemaStep dead(std::string reason)
  {
    if (m_reason.empty()) m_reason = std::move(reason);
    return {};
  }

  SchemaStep read(const Todo& todo)
  {
    const auto& schema = todo.schema;
    if (!todo.type.empty()) return read_type(schema, todo.type);
    if (schema.is(json::Kind::boolean) && schema.boolean() == false) return dead("it has a schema `false`");
    for (const auto* word : unknown_words) {
      const auto value = schema.find(word);
      if (value && value->boolean() != false) return dead(fmt::format("'{}' is not permitted", word));
    }
    if (const auto ref = schema.find("$ref")) return read_ref(ref->text().value_or(""));
    if (const auto fixed = schema.find("const")) return {.form = Form::literal, .texts = {std::string{fixed->raw()}}};
    if (const auto allowed = schema.find("enum")) return read_enum(*allowed);
    if (const auto any = schema.find("anyOf")) return read_any(*any);
    const auto type = schema.find("type");
    if (type && type->is(json::Kind::array)) return read_types(schema, *type);
    if (type) return read_type(schema, type->text().value_or(""));
    return read_type(schema, schema.find("properties") ? "object" : "string");
  }

  SchemaStep read_ref(const std::string& ref)
  {
    const auto target = target_of(m_root, ref);
    if (!target) return dead(fmt::format("the reference '{}' leads nowhere", ref));
    return {.form = Form::choice, .next = {place_of(*target)}};
  }

  SchemaStep read_enum(const json::Value& allowed)
  {
    SchemaStep step{.form = Form::literal};
    for (const auto& value : allowed.elements())
      step.texts.emplace_back(value.raw());
    return step.texts.empty() ? dead("'enum' is empty") : step;
  }

  SchemaStep read_any(const json::Value& any)
  {
    SchemaStep step{.form = Form::choice};
    for (const auto& branch : any.elements())
      step.next.push_back(place_of(branch));
    return step.next.empty() ? dead("'anyOf' is empty") : step;
  }

  SchemaStep read_types(const json::Value& schema, const json::Value& types)
  {
    SchemaStep step{.form = Form::choice};
    for (const auto& type : types.elements())
      step.next.push_back(place_of(schema, type.text().value_or("?")));
    return step.next.empty() ? dead("'type' is empty") : step;
  }

  SchemaStep read_type(const json::Value& schema, const std::string& type)
  {
    if (type == "object") return read_object(schema);
    if (type == "array") return read_array(schema);
    if (type == "string") return read_text(schema);
    if (type == "integer") return read_number(schema, 1);
    if (type == "number") return read_number(schema, 0);
    if (type == "boolean") return {.form = Form::boolean};
    if (type == "null") return {.form = Form::null};
    return dead(fmt::format("there is no type '{}'", type));
  }

  SchemaStep read_object(const json::Value& schema)
  {
    SchemaStep step{.form = Form::object};
    if (const auto properties = schema.find("properties")) {
      for (const auto& [key, value] : properties->members()) {
        step.texts.push_back(json::decode_lossy(key.token()));
        step.next.push_back(place_of(value));
      }
    }
    if (const auto required = schema.find("required")) {
      for (const auto& name : required->elements()) {
        const auto key = name.is(json::Kind::string) ? json::decode_lossy(name.token()) : "";
        if (std::find(step.texts.begin(), step.texts.end(), key) == step.texts.end())
          return dead(fmt::format("'required' names '{}', which is no property", key));
      }
    }
    return step;
  }

  /// Sets `least` and `most` from the two words; whether they can be kept to.
  static bool read_lengths(const json::Value& schema, const char* least, const char* most, SchemaStep& step)
  {
    step.least = std::ceil(number_at(schema, least).value_or(0));
    step.most = std::floor(number_at(schema, most).value_or(most_length));
    const bool sound = step.least >= 0 && step.least <= most_length && step.least <= step.most;
    step.most = std::min(step.most, most_length);
    return sound;
  }

  SchemaStep read_array(const json::Value& schema)
  {
    SchemaStep step{.form = Form::array};
    if (!read_lengths(schema, "minItems", "maxItems", step))
      return dead(fmt::format("'minItems' must be 0 to {} and not above 'maxItems'", most_length));
    if (const auto items = schema.find("items")) step.next.push_back(place_of(*items));
    return step;
  }

  SchemaStep read_text(const json::Value& schema)
  {
    SchemaStep step{.form = Form::text};
    if (!read_lengths(schema, "minLength", "maxLength", step))
      return dead(fmt::format("'minLength' must be 0 to {} and not above 'maxLength'", most_length));
    const auto pattern = schema.find("pattern");
    const auto format = schema.find("format");
    if (pattern && format) return dead("'pattern' and 'format' together are not supported");
    if (pattern) return read_pattern(pattern->text().value_or("("), std::move(step));
    if (format) return read_format(format->text().value_or(""), std::move(step));
    return step;
  }

  SchemaStep read_pattern(const std::string& pattern, SchemaStep step)
  {
    auto pieces = pieces_of(pattern);
    if (!pieces) return dead(fmt::format("the pattern '{}' is not supported", pattern));
    double length = 0;
    for (const auto& piece : *pieces)
      length += static_cast<double>(piece.count);
    if (length < step.least || length > step.most)
      return dead(fmt::format("the pattern '{}' does not go with the lengths", pattern));
    step.pieces = std::move(*pieces);
    step.least = step.most = length;
    return step;
  }

  SchemaStep read_format(const std::string& name, SchemaStep step)
  {
    const auto known = std::find_if(formats.begin(), formats.end(), [&](const Format& f) { return f.name == name; });
    if (known == formats.end()) return dead(fmt::format("'{}' is not a valid format", name));
    if (step.least > known->shortest || step.most < known->longest)
      return dead(fmt::format("the format '{}' does not go with the lengths", name));
    step.format = name;
    return step;
  }

  /// Inclusive bounds but for `open`; both are there, and wide enough for a hundred units where the schema has none.
  SchemaStep read_number(const json::Value& schema, double unit)
  {
    const auto multiple = number_at(schema, "multipleOf");
    if (multiple && (*multiple <= 0 || *multiple > furthest || (unit == 1 && std::floor(*multiple) != *multiple)))
      return dead("'multipleOf' is not above 0, too large, or not whole for an integer");
    SchemaStep step{.form = Form::number, .unit = multiple.value_or(unit)};
    const auto minimum = number_at(schema, "minimum");
    const auto maximum = number_at(schema, "maximum");
    const auto above = number_at(schema, "exclusiveMinimum");
    const auto under = number_at(schema, "exclusiveMaximum");
    const auto width = 100 * std::max(1.0, step.unit);
    const bool floor = minimum || above;
    const bool ceiling = maximum || under;
    step.least = std::max(minimum.value_or(-furthest), above.value_or(-furthest));
    step.most = std::min(maximum.value_or(furthest), under.value_or(furthest));
    if (!floor) step.least = !ceiling || step.most > 0 ? 0 : step.most - width;
    if (!ceiling) step.most = step.least + width;
    step.least = std::max(step.least, -furthest);
    step.most = std::min(step.most, furthest);
    return bounded(std::move(step), above, under);
  }

  /// Draws the bounds in to where values are.
  SchemaStep bounded(SchemaStep step, const std::optional<double>& above, const std::optional<double>& under)
  {
    const bool open_below = above && *above >= step.least;
    const bool open_above = under && *under <= step.most;
    if (step.unit > 0) {
      auto first = std::ceil(step.least / step.unit);
      auto last = std::floor(step.most / step.unit);
      if (open_below && first * step.unit <= *above) ++first;
      if (open_above && last * step.unit >= *under) --last;
      step.least = first * step.unit;
      step.most = last * step.unit;
    } else {
      step.open = open_below || open_above;
    }
    if (step.least > step.most || (step.open && step.least >= step.most))
      return dead("the bounds of a number leave none");
    return step;
  }

  /// A step's cost from what is known of those it leads to.
  int cost_of(const SchemaStep& step) const
  {
    if (step.form == Form::dead) return no_document;
    const auto next_cost = [&](std::size_t next) { return m_plan.steps[next].cost; };
    std::int64_t cost = 1;
    if (step.form == Form::choice) {
      const auto cheapest = std::min_element(step.next.begin(), step.next.end(),
                                             [&](auto a, auto b) { return next_cost(a) < next_cost(b); });
      cost += next_cost(*cheapest);
    } else if (step.form == Form::object) {
      for (const auto next : step.next)
        cost += next_cost(next);
    } else if (step.form == Form::array) {
      const auto count = static_cast<std::int64_t>(step.least);
      cost += step.next.empty() || count == 0 ? count : count * next_cost(step.next.front());
    } else if (step.form == Form::text) {
      cost += static_cast<std::int64_t>(step.least / characters_a_step);
    }
    return cost > most_cost ? no_document : static_cast<int>(cost);
  }

  /// Costs only fall from "no document", until none does any more.
  void find_costs()
  {
    for (bool changed = true; changed;) {
      changed = false;
      for (auto step = m_plan.steps.rbegin(); step != m_plan.steps.rend(); ++step) {
        const auto cost = cost_of(*step);
        changed = changed || cost < step->cost;
        step->cost = cost;
      }
    }
  }

  /// The most levels below any step, by the cheapest ways. What a step leads to costs less than it does.
  int height() const
  {
    std::vector<std::size_t> order(m_plan.steps.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](auto a, auto b) { return m_plan.steps[a].cost < m_plan.steps[b].cost; });
    std::vector<int> heights(m_plan.steps.size());
    int most = 0;
    for (const auto at : order) {
      const auto& step = m_plan.steps[at];
      for (const auto next : step.next)
        if (m_plan.steps[next].cost < step.cost) heights[at] = std::max(heights[at], heights[next] + 1);
      if (step.cost != no_document) most = std::max(most, heights[at]);
    }
    return most;
  }

  json::Value m_root;
  std::vector<Todo> m_todo = {}; // one for each step
  std::map<std::pair<const char*, std::string>, std::size_t> m_places = {};
  SchemaPlan m_plan = {};
  std::string m_reason = {}; // of the first dead step
};

} // namespace

SchemaPlan plan_of(const json::Value& schema)
{
  return Planner{schema}.plan();
}

} // namespace batchwright::emulator
