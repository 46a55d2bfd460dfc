// `/v1/completions`, the endpoint of old: its shape around the answers of answer.hpp. A list of prompts gets `n`
// choices for each, all those of the first prompt first. Of the fates truncated and filtered are known, by
// `finish_reason`.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

namespace batchwright::emulator {

Endpoint completions_endpoint();

} // namespace batchwright::emulator
