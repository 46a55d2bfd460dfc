// An embedding as the API gives it: a JSON array of numbers, or a JSON string that is the base64 of little-endian
// float32 values (OpenAI API reference, `encoding_format`). Comes in: the JSON text. Goes out: floats, or the array.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace batchwright::wire {

/// Whether the JSON text is such a vector, with a number in it at least.
bool is_vector(std::string_view json);

/// Appends its numbers; what no float can hold is the nearest one that can. REQUIRED: `is_vector`.
void append_floats(std::vector<float>& out, std::string_view json);

/// Appends the JSON with each string of it, which is base64 as above, as an array of numbers in their shortest exact
/// form (`null` for what JSON has no number for); all else as it stands. REQUIRED: a vector, or an array of vectors.
void append_numbers(std::string& out, std::string_view json);

} // namespace batchwright::wire
