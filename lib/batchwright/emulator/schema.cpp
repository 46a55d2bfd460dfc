#include <batchwright/emulator/hash.hpp>
#include <batchwright/emulator/schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace batchwright::emulator {
namespace {

constexpr std::array words{"amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven"};
constexpr int wide = 4; // below this depth arrays and choices are as the schema would like them
// What needs more than these refers to itself without end: no document satisfies it, and none is attempted further.
constexpr int deepest = 100;
constexpr int most_values = 10'000;

class Maker {
public:
  Maker(const json::Value& root, std::uint64_t hash, std::string& out) : m_root(root), m_state(hash), m_writer(out) {}

  void make(const json::Value& schema, int depth)
  {
    if (depth > deepest || ++m_values > most_values) {
      m_writer.null();
    } else if (const auto ref = schema.find("$ref")) {
      make(target_of(ref->text().value_or("#")), depth + 1);
    } else if (const auto fixed = schema.find("const")) {
      m_writer.raw(fixed->raw());
    } else if (const auto choices = schema.find("enum"); choices && choices->front()) {
      m_writer.raw(pick(choices->elements()).raw());
    } else if (const auto any = schema.find("anyOf"); any && any->front()) {
      make(branch_of(*any, depth), depth + 1);
    } else {
      make_type(schema, type_of(schema, depth), depth);
    }
  }

private:
  std::uint64_t next() { return m_state = mixed(m_state); }
  std::uint64_t below(std::uint64_t n) { return next() % n; }
  json::Value pick(const std::vector<json::Value>& values) { return values[below(values.size())]; }

  /// Where "#/$defs/node" leads; the root where it leads nowhere.
  json::Value target_of(std::string_view ref) const
  {
    auto at = m_root;
    for (auto slash = ref.find('/'); slash != std::string_view::npos;) {
      const auto end = ref.find('/', slash + 1);
      const auto child = at.find(ref.substr(slash + 1, end == std::string_view::npos ? end : end - slash - 1));
      if (!child) return m_root;
      at = *child;
      slash = end;
    }
    return at;
  }

  /// Deep down the branch that leads nowhere further wins, so that recursive schemas end.
  json::Value branch_of(const json::Value& any, int depth)
  {
    const auto branches = any.elements();
    if (depth < wide) return pick(branches);
    const auto flat = std::find_if(branches.begin(), branches.end(), [](const json::Value& branch) {
      const auto type = branch.find("type");
      return type && type->text() != "object" && type->text() != "array";
    });
    return flat == branches.end() ? branches.front() : *flat;
  }

  std::string type_of(const json::Value& schema, int depth)
  {
    const auto type = schema.find("type");
    if (!type) return schema.find("properties") ? "object" : "string";
    if (!type->is(json::Kind::array)) return type->text().value_or("string");
    const auto types = type->elements();
    if (types.empty()) return "string";
    if (depth < wide) return pick(types).text().value_or("string");
    const bool nullable = std::any_of(types.begin(), types.end(), [](const auto& t) { return t.text() == "null"; });
    return nullable ? "null" : types.front().text().value_or("string");
  }

  void make_type(const json::Value& schema, const std::string& type, int depth)
  {
    if (type == "object") return make_object(schema, depth);
    if (type == "array") return make_array(schema, depth);
    if (type == "string") return make_string(schema);
    if (type == "integer") return make_integer(schema);
    if (type == "number") return make_number(schema);
    if (type == "boolean") {
      m_writer.boolean(below(2) == 0);
      return;
    }
    m_writer.null();
  }

  void make_object(const json::Value& schema, int depth)
  {
    m_writer.begin_object();
    if (const auto properties = schema.find("properties")) {
      for (const auto& property : properties->members()) {
        m_writer.key(json::decode_lossy(property.key.token()));
        make(property.value, depth + 1);
      }
    }
    m_writer.end_object();
  }

  void make_array(const json::Value& schema, int depth)
  {
    const auto least = static_cast<std::uint64_t>(bound(schema, "minItems").value_or(0));
    const auto most = bound(schema, "maxItems");
    const auto spread = most ? std::min<std::uint64_t>(3, static_cast<std::uint64_t>(*most) - least) : 3;
    const auto count = least + (depth < wide ? below(spread + 1) : 0);
    const auto items = schema.find("items");
    m_writer.begin_array();
    for (std::uint64_t i = 0; i < count; ++i) {
      if (items)
        make(*items, depth + 1);
      else
        m_writer.null();
    }
    m_writer.end_array();
  }

  void make_string(const json::Value& schema)
  {
    if (const auto format = schema.find("format")) {
      if (const auto text = formatted(format->text().value_or("")); !text.empty()) {
        m_writer.string(text);
        return;
      }
    }
    std::string text = words[below(words.size())];
    const auto least = static_cast<std::size_t>(bound(schema, "minLength").value_or(0));
    while (text.size() < least)
      text += fmt::format(" {}", words[below(words.size())]);
    text.resize(std::min(text.size(), static_cast<std::size_t>(bound(schema, "maxLength").value_or(1e9))));
    m_writer.string(text);
  }

  std::string formatted(std::string_view format)
  {
    const auto n = below(28) + 1;
    if (format == "date-time") return fmt::format("2026-03-{:02}T12:00:00Z", n);
    if (format == "date") return fmt::format("2026-03-{:02}", n);
    if (format == "time") return fmt::format("12:00:{:02}Z", n);
    if (format == "duration") return fmt::format("PT{}M", n);
    if (format == "email") return fmt::format("reader{}@example.com", n);
    if (format == "hostname") return fmt::format("host{}.example.com", n);
    if (format == "ipv4") return fmt::format("192.0.2.{}", n);
    if (format == "ipv6") return fmt::format("2001:db8::{:x}", n);
    if (format == "uuid") return fmt::format("00000000-0000-4000-8000-{:012x}", n);
    return {};
  }

  static std::optional<double> bound(const json::Value& schema, std::string_view key)
  {
    const auto value = schema.find(key);
    if (!value || !value->is(json::Kind::number)) return std::nullopt;
    return std::strtod(std::string{value->raw()}.c_str(), nullptr);
  }

  struct Range {
    double least = 0;
    double most = 0;
  };

  /// Inclusive bounds; an exclusive one moves by `step`.
  static Range range_of(const json::Value& schema, double step)
  {
    auto least = bound(schema, "minimum");
    auto most = bound(schema, "maximum");
    if (const auto above = bound(schema, "exclusiveMinimum")) least = *above + step;
    if (const auto under = bound(schema, "exclusiveMaximum")) most = *under - step;
    if (!least) least = most ? std::min(0.0, *most) : 0.0;
    return {*least, std::max(*least, most.value_or(*least + 100))};
  }

  double multiple_of(double unit, const Range& range)
  {
    const auto first = std::ceil(range.least / unit);
    const auto count = std::floor(range.most / unit) - first + 1;
    return (first + static_cast<double>(below(static_cast<std::uint64_t>(std::clamp(count, 1.0, 1e15))))) * unit;
  }

  void make_integer(const json::Value& schema)
  {
    const auto unit = bound(schema, "multipleOf").value_or(1);
    m_writer.integer(static_cast<std::int64_t>(multiple_of(unit, range_of(schema, 1))));
  }

  void make_number(const json::Value& schema)
  {
    const auto range = range_of(schema, 1e-6);
    if (const auto unit = bound(schema, "multipleOf")) {
      m_writer.raw(fmt::format("{:.12g}", multiple_of(*unit, range)));
      return;
    }
    const auto part = static_cast<double>(below(1001)) / 1000;
    m_writer.raw(fmt::format("{}", range.least + (range.most - range.least) * part));
  }

  json::Value m_root;
  std::uint64_t m_state;
  int m_values = 0;
  json::Writer m_writer;
};

} // namespace

std::string instance_of(const json::Value& schema, std::uint64_t hash)
{
  std::string out;
  Maker{schema, hash, out}.make(schema, 0);
  return out;
}

} // namespace batchwright::emulator
