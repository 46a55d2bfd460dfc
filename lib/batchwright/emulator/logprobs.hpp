// The log probabilities of an answer's tokens. In: a text and how many alternatives each place is to have. Out: the
// API's array, invented but the same each time: a token is the longest beginning of what is left that has at most 4
// bytes and ends between code points; its logprob is -(mixed(fnv1a(token)) mod 1000 + 1) / 1000 (hash.hpp). Of N
// `top_logprobs` the first is the token itself, the others " 1", " 2" and so on, each less likely by 1.
#pragma once

#include <batchwright/emulator/reply.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace batchwright::emulator {

/// Why the `top_logprobs` of a body are none.
std::optional<ApiError> fault_of_top_logprobs(const json::Value& body);

/// The array of a text's tokens, with the body's `top_logprobs` of each.
void write_logprobs(json::Writer& w, std::string_view text, const json::Value& body);

} // namespace batchwright::emulator
