// What the server knows a request by, whichever way it came: the digest of its body, and its custom_id as text.
// In: JSON values. Out: the bytes that count. Never: keeps anything.
#pragma once

#include <batchwright/json/json.hpp>

#include <string>
#include <string_view>

namespace batchwright::emulator {

/// The SHA-256 of a body's bytes, 64 hexadecimal digits. A member `service_tier` does not count, nor the comma that
/// goes with it: it is the one member in which a body may differ between the batch and the real-time route. (Where
/// there is one, the other members count with single commas and colons between them and no spaces around those.)
std::string body_sha256(const json::Value& body);

/// A custom_id as it counts: decoded, so that "a" and "\u0061" are the same. One that does not decode counts as it is
/// written, behind a byte that stands in no text. REQUIRED: a string.
std::string id_text(const json::Value& custom_id);

/// A string as it counts (see `id_text`), any other value as it stands in the JSON.
std::string input_text(const json::Value& input);

/// What one of several inputs of a request is known by: the SHA-256 of the endpoint's path, the model and the input
/// (`input_text`), with a newline behind each of the first two. 64 hexadecimal digits.
std::string input_sha256(std::string_view path, std::string_view model, const json::Value& input);

} // namespace batchwright::emulator
