// What a JSON schema asks for, step by step, and what the least document of it costs.
//
// In: a schema. Out: steps that refer to each other by number, `$ref`s followed and bounds read, or the reason why no
// document can be made of it: it refers to itself without end, its bounds exclude each other or go beyond what this
// server writes, or it uses words that are not known here. Never: draws anything (schema.hpp).
#pragma once

#include <batchwright/emulator/pattern.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace batchwright::emulator {

struct SchemaStep {
  enum class Form : std::uint8_t {
    literal, ///< one of `texts`, raw JSON
    choice,  ///< one of the steps `next`
    object,  ///< `texts` are the keys, `next` the values
    array,   ///< `least` to `most` times the only step of `next`; of nulls where there is none
    text,    ///< of `format`, of `pieces`, or of words with `least` to `most` characters
    number,  ///< `least` to `most`, a multiple of `unit` unless that is 0
    boolean,
    null,
    dead, ///< no value satisfies it
  };

  Form form = Form::dead;
  std::vector<std::size_t> next = {};
  std::vector<std::string> texts = {};
  double least = 0;
  double most = 0;
  bool open = false; ///< whether a bound of a number without a unit is itself excluded
  double unit = 0;
  std::string format = {};
  std::vector<PatternPiece> pieces = {};
  int cost = std::numeric_limits<int>::max(); ///< of the least document; that number where there is none
};

struct SchemaPlan {
  std::vector<SchemaStep> steps = {}; ///< the first is the whole document
  std::string fault = {};             ///< why there is no document; empty: there is one
};

inline constexpr int no_document = std::numeric_limits<int>::max();
inline constexpr int most_cost = 10'000;
inline constexpr double most_length = 4'000; ///< of `minItems`, `minLength`

/// Cost, in steps: a value 1 and its parts, text 1 more for each 100 characters it must have, a `$ref` and a choice 1
/// and what they lead to, by the cheapest way. A document of more than `most_cost` is none.
SchemaPlan plan_of(const json::Value& schema);

} // namespace batchwright::emulator
