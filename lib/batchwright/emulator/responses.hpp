// `/v1/responses`: its shape around the answers of answer.hpp.
//
// A reasoning model (model_reply.hpp) thinks before it speaks: an item of type `reasoning` stands before the message,
// and it takes 8 tokens of the output, or half of a `max_output_tokens` below 16. The text is cut to 4 bytes for each
// token left. Where that took anything away the status is `incomplete` for the reason `max_output_tokens`.
// Of the fates: truncated, the text is cut to half its tokens in the same way; filtered, `incomplete` for the reason
// `content_filter` with an empty text; refused, a content part of type `refusal`; model_failed, HTTP 200 with status
// `failed`, an `error` and no output. A call of a function (tool_calls.hpp) is an item `function_call` in place of the
// message, its arguments cut as the text would be.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

namespace batchwright::emulator {

Endpoint responses_endpoint();

} // namespace batchwright::emulator
