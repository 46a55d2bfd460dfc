// What the API's strict mode asks of a JSON schema beyond what a document can be made of (schema.hpp): the root is an
// object, and every object in it names all its properties in `required` and says `additionalProperties: false`.
// In: a schema. Out: the API's words for the first fault, in the order of the text. Never: follows a `$ref`, since what
// it leads to stands in the schema itself; grows the stack with the schema's depth.
#pragma once

#include <batchwright/json/json.hpp>

#include <string>

namespace batchwright::emulator {

/// Why a schema's root is not the object that strict answers and all functions need; empty: it is.
std::string root_fault(const json::Value& schema);

/// Why strict mode does not take a schema; empty: it does.
std::string strict_fault(const json::Value& schema);

} // namespace batchwright::emulator
