// Functions that a request offers in `tools`, and the calls of them that an answer makes in place of a text.
//
// In: a body of chat completions or responses, and the hash H of what it asks (answer.hpp). Out: the API's refusal, or
// the call. Which function is called follows from the body, and in `auto` from the fate:
//   tool_choice names a function        that one
//   tool_choice is `required`           of the functions, in the order of `tools`, the number H mod their count
//   `auto`, or no tool_choice           none, but for requests of `tool_call_share` (faults.hpp): as `required`
//   `none`, or no function in `tools`   none
// The arguments are a document of the function's `parameters`, drawn from H as schema.hpp says; {} where it has none,
// or where they are not strict and nothing can be made of them. There is one call, whatever `parallel_tool_calls` says.
// Never: knows tools that are no functions; they may be offered, and are not called.
#pragma once

#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::emulator {

/// Where a tool says what function it is.
enum class ToolForm : std::uint8_t {
  nested, ///< in its member `function`: chat completions
  flat,   ///< in its own members: responses
};

struct ToolCall {
  std::string name = {};
  std::string arguments = {}; ///< JSON, as a text
  bool named = false;         ///< by `tool_choice`; chat then gives `stop` as the reason of its end
};

std::optional<ApiError> fault_of_tools(const json::Value& body, ToolForm form);

/// REQUIRED: fault_of_tools() found none.
std::optional<ToolCall> tool_call_in(const json::Value& body, ToolForm form, std::uint64_t hash, Fate fate);

} // namespace batchwright::emulator
