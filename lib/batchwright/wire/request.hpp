// The shape of one request line. What stands between the user's texts is the provider's; the texts are holes.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::wire {

/// A chat request line, cut where the item's own texts go. All texts are JSON string insides.
/// Line: before_id + custom_id + before_system + system + before_prompt + prompt + end + "\n".
/// Without a system message `before_system` is empty and before_prompt follows the custom_id.
struct ChatFrame {
  std::string before_id = {};
  std::string before_system = {};
  std::string before_prompt = {};
  std::string end = {};
};

/// The frame of a job's chat requests: custom_id, method, url, body with model, messages,
/// `max_completion_tokens` where the job bounds it, then the `--set` fields in the order given.
/// A `--set` field replaces a field of the same name (but `messages`, which would drop the prompt: `Fault::usage`),
/// and `stream` is `Fault::usage`: a batch cannot stream. JSON text of `--set` must have been checked by the caller.
ChatFrame chat_frame(const RequestSpec& spec);

/// What bounds each answer: `max_output_tokens`, else the `--set` field that does; nothing where neither is given.
std::optional<Tokens> output_bound(const RequestSpec& spec);

/// How many answers a request asks for: the `--set` field `n`, else one.
std::int64_t choices_asked(const RequestSpec& spec);

} // namespace batchwright::wire
