// What the readers of 2xx bodies share: one function for each endpoint's shape, called by `read_answer` alone.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/wire/answer.hpp>

#include <string>
#include <string_view>

namespace batchwright::wire {

/// Reads a chat completion: text, tool calls, finish reason, usage, and the judgement.
void read_chat_body(Answer& answer, const json::Value& body);

/// Judges the answer unusable with `unreadable_output`, and paid.
void fail_unreadable(Answer& answer, std::string message);

/// The inside of the string under a key as it stands; empty where there is none.
std::string_view token_in(const json::Value& object, std::string_view key);

} // namespace batchwright::wire
