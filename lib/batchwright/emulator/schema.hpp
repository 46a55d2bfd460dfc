// A document that satisfies a JSON schema, drawn from a number H.
//
// Knows what the API's strict mode allows: `type` (one or several), `properties` (all of them are given), `items`,
// `enum`, `const`, `anyOf`, `$ref` within the document, `$defs`, bounds of numbers, lengths of arrays and strings, the
// common `format`s, and simple `pattern`s (pattern.hpp). What cannot be satisfied is told as a fault, and the server
// refuses it as `invalid_json_schema` where it is strict; no document is written that does not keep to its schema.
//
// How it is drawn, so that another program can do it again. draw(n) makes x = mixed(x) (hash.hpp; x is H at first) and
// gives x mod n. `cost` is that of schema_plan.hpp. At first there are slack = 10,000 - cost(schema) to spare. A schema
// at depth d (0 for the whole; a part is one deeper than what it stands in, as is what a `$ref` or a choice leads to)
// is written by the first of these that applies:
//   $ref, const, enum, anyOf, or an array of types: a choice among what they name, in its order, where a `$ref` and a
//               `const` have one branch. Values are written as they stand, number draw(count) of them. Of branches only
//               those count that cost at most the cheapest's and slack together; it is the one number draw(count), and
//               its cost above the cheapest's is taken from slack. Branches where d > 3: the cheapest (of equals the
//               first), and nothing is drawn
//   object      the properties in their order
//   array       `minItems` items; where d < 4, up to draw(min(3, maxItems - minItems) + 1) more, as far as slack goes,
//               from which their costs are taken (nothing is drawn where no item can be made). Without `items` an item
//               is null and costs 1; without `maxItems` that is 4,000
//   string      of a `format`, with n = draw(28) + 1: 2026-03-0nT12:00:00Z, 2026-03-0n, 12:00:0nZ (two digits), PTnM,
//               readern@example.com, hostn.example.com, 192.0.2.n, 2001:db8::n (hexadecimal),
//               00000000-0000-4000-8000-00000000000n (hexadecimal, 12 digits);
//               of a `pattern`: for each place that must be filled, the choice number draw(count) of its characters;
//               else a word, number draw(8) of amber birch cedar delta ember fjord grove haven, then a space and
//               another while it is shorter than `minLength`, then cut to `maxLength`
//   integer, or number with `multipleOf`: the multiple number draw(count) from the least on, of those within the bounds
//               (count at most 10^15)
//   number      least + (most - least) * draw(1001) / 1000; where a bound is excluded, (draw(999) + 1) in place of draw
//   boolean     true where draw(2) is 0
// A bound that is not given: 100 units (1, or `multipleOf` where that is more) from the other one, but 0 for the least
// where the greatest is above 0 or not given. Without a type, a schema with `properties` is an object, another a
// string.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <string>

namespace batchwright::emulator {

/// Why no document can be made of a schema; empty: one can.
std::string schema_fault(const json::Value& schema);

/// Compact JSON; the same for the same schema and hash. REQUIRED: schema_fault() is empty.
std::string instance_of(const json::Value& schema, std::uint64_t hash);

} // namespace batchwright::emulator
