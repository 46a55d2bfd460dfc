// `/v1/moderations`: a result for each text, or one for a list of parts together.
//
// Let H be the FNV-1a hash (64 bits) of an input's text (a list of parts: of its JSON as it stands). A text is flagged
// for `violence` where H mod 5 is 0, with a score of 0.9, and for nothing else. Every other score is (mixed(H + i) mod
// 1000) / 10^6 (hash.hpp), i being the category's place in the alphabetical order below. There is no usage. Without a
// model the answer is by omni-moderation-latest.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

namespace batchwright::emulator {

/// Whether a text is flagged.
bool is_flagged(std::string_view text);

Endpoint moderations_endpoint();

} // namespace batchwright::emulator
