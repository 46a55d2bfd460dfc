// What the server would refuse in a JSON schema that answers must keep to, told before anything is sent.
// In: the text of a schema. Out: every breach of the strict rules, each once, with its place. Never: follows a
// reference out of the text, or judges an answer (results/answer_schema.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace batchwright::wire {

/// One breach of the strict rules.
struct SchemaProblem {
  std::string pointer = {}; ///< JSON pointer (RFC 6901) to the schema at fault; empty: the whole text
  std::string what = {};    ///< "`required` does not name `text`"

  bool operator==(const SchemaProblem&) const = default;
};

/// Limits of a strict schema (OpenAI Structured Outputs guide).
struct SchemaLimits {
  std::size_t properties = 5'000;
  int levels = 10;                     ///< objects inside objects; what a `$ref` leads to counts from its own place
  std::size_t characters = 120'000;    ///< of names of properties and definitions, of `enum` and `const` values
  std::size_t enum_values = 1'000;     ///< in all
  std::size_t long_enum = 250;         ///< one `enum` with more values than this ...
  std::size_t long_enum_text = 15'000; ///< ... may have so many characters
};

/// The breaches of the strict rules (OpenAI Structured Outputs guide; where the guide is silent, the messages of the
/// API), by place; none: the schema may be sent. The rules: JSON, no key twice; the root is an object and no `anyOf`;
/// every object has `additionalProperties: false` and requires each of its properties and no other; arrays have
/// `items`; known types, keywords and formats alone; no lookaround in a `pattern`; nothing beside a `$ref`, which leads
/// to a schema of this text; a document can be made that satisfies it. `minLength` and `maxLength`, on which the guide
/// is silent, pass. Memory and time grow with the text alone, however deep it nests and whatever refers to whatever.
std::vector<SchemaProblem> check_strict(std::string_view schema_json);

} // namespace batchwright::wire
