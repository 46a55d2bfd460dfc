// `/v1/images/generations`, `/v1/images/edits` and `/v1/videos`, in JSON alone, as batches have them.
//
// An image is a PNG of one pixel in base64, `n` times; its `revised_prompt` is the answer by rule 3 of answer.hpp to
// the prompt, so that a result can be told from another. A video is in its end state on both routes (in real time the
// API answers `queued` and wants to be asked again, which is not known here): `completed`, or `failed` with an `error`
// for the fate model_failed; it carries its `prompt`.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

namespace batchwright::emulator {

Endpoint images_endpoint();
Endpoint image_edits_endpoint();
Endpoint videos_endpoint();

} // namespace batchwright::emulator
