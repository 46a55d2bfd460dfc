// A document that satisfies a JSON schema, made from a number.
//
// Knows what the API's strict mode allows: `type` (one or several), `properties` (all of them are given), `items`,
// `enum`, `const`, `anyOf`, `$ref` within the document, `$defs`, bounds of numbers, lengths of arrays and strings, and
// the common `format`s. Never: tries to match a `pattern`.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <string>

namespace batchwright::emulator {

/// Compact JSON; the same for the same schema and hash.
std::string instance_of(const json::Value& schema, std::uint64_t hash);

} // namespace batchwright::emulator
