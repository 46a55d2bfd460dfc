// What the readers of 2xx bodies share: one function for each endpoint's shape, called by `read_answer` alone.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/wire/answer.hpp>

#include <string>
#include <string_view>

namespace batchwright::wire {

// Each reads one endpoint's body: what it says, tool calls, finish reason, usage, and the judgement.

void read_chat_body(Answer& answer, const json::Value& body);
void read_responses_body(Answer& answer, const json::Value& body);
void read_completions_body(Answer& answer, const json::Value& body);
void read_embeddings_body(Answer& answer, const json::Value& body);
void read_moderations_body(Answer& answer, const json::Value& body);
/// Endpoints whose answers we do not know: the whole body, and `model_failed` where its status says so.
void read_other_body(Answer& answer, const json::Value& body);

/// What `usage` is called in a body, since endpoints differ.
struct UsageWords {
  std::string_view input = {};
  std::string_view input_details = {};
  std::string_view output = {};
  std::string_view output_details = {};
};
inline constexpr UsageWords chat_usage{"prompt_tokens", "prompt_tokens_details", "completion_tokens",
                                       "completion_tokens_details"};
inline constexpr UsageWords responses_usage{"input_tokens", "input_tokens_details", "output_tokens",
                                            "output_tokens_details"};

/// The usage of a body; nothing where it has none.
std::optional<Usage> usage_in(const json::Value& body, const UsageWords& words);

/// Judges the answer unusable, and paid.
void fail_unusable(Answer& answer, std::string_view code, std::string message);

/// Judges the answer unusable with `unreadable_output`, and paid.
void fail_unreadable(Answer& answer, std::string message);

/// The inside of the string under a key as it stands; empty where there is none.
std::string_view token_in(const json::Value& object, std::string_view key);

} // namespace batchwright::wire
