// The words that a strict schema may use (OpenAI Structured Outputs guide), and what stands behind each. Private to
// wire/.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace batchwright::wire {

/// What stands behind a keyword.
enum class Want : std::uint8_t {
  anything,
  text,
  number,
  above_zero,
  count,
  truth,
  list,
  names,
  schema,
  schemas,
  named_schemas
};

struct Keyword {
  std::string_view name = {};
  Want want = Want::anything;
};

inline constexpr std::array keywords{
    Keyword{"type", Want::anything},
    Keyword{"properties", Want::named_schemas},
    Keyword{"required", Want::names},
    Keyword{"additionalProperties", Want::anything},
    Keyword{"items", Want::schema},
    Keyword{"anyOf", Want::schemas},
    Keyword{"enum", Want::list},
    Keyword{"const", Want::anything},
    Keyword{"$ref", Want::text},
    Keyword{"$defs", Want::named_schemas},
    Keyword{"definitions", Want::named_schemas},
    Keyword{"pattern", Want::text},
    Keyword{"format", Want::text},
    Keyword{"minLength", Want::count},
    Keyword{"maxLength", Want::count},
    Keyword{"minItems", Want::count},
    Keyword{"maxItems", Want::count},
    Keyword{"minimum", Want::number},
    Keyword{"maximum", Want::number},
    Keyword{"exclusiveMinimum", Want::number},
    Keyword{"exclusiveMaximum", Want::number},
    Keyword{"multipleOf", Want::above_zero},
    Keyword{"title", Want::text},
    Keyword{"description", Want::text},
    Keyword{"$schema", Want::text},
    Keyword{"$comment", Want::text},
    Keyword{"default", Want::anything},
    Keyword{"examples", Want::list},
    Keyword{"deprecated", Want::truth},
    Keyword{"readOnly", Want::truth},
    Keyword{"writeOnly", Want::truth},
};

inline constexpr std::array<std::string_view, 7> types{"string", "number", "integer", "boolean",
                                                       "object", "array",  "null"};
inline constexpr std::array<std::string_view, 9> formats{"date-time", "time", "date", "duration", "email",
                                                         "hostname",  "ipv4", "ipv6", "uuid"};
inline constexpr std::array<std::string_view, 4> lookarounds{"(?=", "(?!", "(?<=", "(?<!"};

} // namespace batchwright::wire
