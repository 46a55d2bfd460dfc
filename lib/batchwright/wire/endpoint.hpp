// The endpoints whose requests and answers we know, as rows of one table: what each takes, and what it may pack into
// one request. Any other path beginning with /v1/ can be asked by a body template; its answers are handed on whole.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace batchwright::wire {

struct Endpoint {
  std::string_view word = {};        ///< as users name it: "chat"
  std::string_view path = {};        ///< "/v1/chat/completions"
  std::string_view bound_field = {}; ///< body field that bounds the answer's tokens; empty: there is none
  bool has_system = false;           ///< takes a system message (or instructions)
  bool has_messages = false;         ///< takes a list of messages
  bool has_schema = false;           ///< answers can be held to a JSON schema

  std::uint64_t inputs_per_request = 1;      ///< packed into one request unless the user says otherwise
  std::uint64_t most_inputs_per_request = 1; ///< the API's limit; 1: not packed
  std::uint64_t inputs_per_file = 0;         ///< the API's limit over all requests of a batch; 0: none of its own

  bool packs() const { return most_inputs_per_request > 1; }
};

/// By the OpenAI API reference, November 2026: 2,048 inputs an embeddings request, 50,000 inputs a batch of them.
std::span<const Endpoint> endpoints();

/// By word or path; null: not one of them.
const Endpoint* find_endpoint(std::string_view word_or_path);

/// Whether requests of a path make images or videos: few of them cost as much as many others.
bool makes_pictures(std::string_view path);

/// A request's inputs have at most this many bytes of text in all: tokens are at least a byte long, so the API's limit
/// of 300,000 tokens over the inputs of one embeddings request cannot be passed.
inline constexpr std::uint64_t bytes_per_pack = 300'000;

/// An input above this may have more than the 8,192 tokens that one input may have. It goes in a request of its own, so
/// that its refusal takes no other input with it.
inline constexpr std::uint64_t bytes_surely_one_input = 24'576;

} // namespace batchwright::wire
