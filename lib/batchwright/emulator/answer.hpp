// What the emulated model says: a function of the request body alone, the same on every route and in every run, written
// down here so that a test can recompute a merged file from its input.
//
// Let U be the text of the last message with role `user` (its `content`, or the `text` parts of a content list put
// together; empty without such a message), and H the FNV-1a hash (64 bits) of U's UTF-8 bytes. The answer is, by the
// first rule that applies:
//   0. a call of a function, where the request offers some and asks for one: tool_calls.hpp;
//   1. `response_format` of type `json_schema` with a `schema`: a document of that schema, drawn from H as schema.hpp
//      says step by step (a strict schema that cannot be satisfied, or is not as strict_schema.hpp has it, is refused
//      with 400, code `invalid_json_schema`); of type `json_object`, or `json_schema` without a `schema` or with one
//      that is not strict and of which nothing can be made: {"answer":"..."} around the text of rule 2 or 3;
//   2. a line `Answer with one of: a, b, c` in a system, developer or user message (the first such line): the choice
//      number H mod 3, counted from 0; spaces around a choice and a full stop after the last one do not count;
//   3. "echo ", H as 16 hexadecimal digits, a space, and the first 40 code points of U. Where a system, developer or
//      user message has a line `Answer with N words` (the first such line counts; N is at most 10000), so many words
//      follow, a space before each. Word i, counted from 0, has four letters, by the FNV-1a hash of H as 16 hexadecimal
//      digits and i in decimal: the lowest four bits choose one of bcdfghjklmnprstv, the next two one of aeio, the next
//      four and two the other letters in the same way.
// Then it is cut: to 4 bytes for each token of `max_completion_tokens` (or, where that is absent or null, of
// `max_tokens`), less what would split a code point. Where that took anything away, finish_reason is `length`, else
// `stop`; a document cut so is no JSON any more, as at the API. All choices of an `n` above 1 are the same.
//
// Where U holds half a surrogate pair it cannot be decoded: H is then taken of the escaped text as it stands in the
// body, and the echo shows U+FFFD in its place, since an answer must be JSON that everyone can read.
//
// That is chat completions. In responses U is `input`, or of a list of items the last with role `user` (its `content`,
// or the `text` parts of that); `instructions` stands before them as a message of the system does; the format is
// `text.format`, which holds the schema itself; the cap is `max_output_tokens`, and the answer is cut as responses.hpp
// says. In completions each prompt is a U (a list of token ids as it stands in the JSON), and `max_tokens` is 16 where
// it is absent.
// Never: looks at the custom_id, the time, or the model.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace batchwright::emulator {

/// The answer by rules 2 and 3 to a request whose last user message is `user_text`; `instructions` is the text of the
/// system message, or of any message before it.
std::string answer_for(std::string_view user_text, std::string_view instructions = {});

/// Rule 3 alone; `hashed` differs from `shown` only where the text does not decode.
std::string echo(std::string_view hashed, std::string_view shown);

/// The answer to a whole chat completions body by rules 1 to 3, not cut yet. REQUIRED: `messages` is an array.
std::string answer_to(const json::Value& body);
/// H of a chat completions body.
std::uint64_t hash_of(const json::Value& body);

/// The same to a body of responses. REQUIRED: `input` is a string or an array.
std::string answer_to_response(const json::Value& body);
std::uint64_t hash_of_response(const json::Value& body);

/// The answer to one prompt of completions, not cut yet.
std::string answer_to_prompt(const json::Value& prompt);

/// Tokens of a text in the emulator: a quarter of its bytes, rounded up, at least 1.
std::int64_t token_count(std::string_view text);

/// Prompt tokens of a chat body: `token_count` of its `messages` as they stand in the JSON.
std::int64_t prompt_tokens(const json::Value& body);

/// The longest beginning of `text` that has at most `tokens` tokens and ends between code points.
std::string_view cut_to_tokens(std::string_view text, std::int64_t tokens);

/// "MODEL-2026-03-17"; a name that ends in a date stays.
std::string snapshot_of(std::string_view model);

} // namespace batchwright::emulator
