// `/v1/embeddings`: vectors that follow from the text alone, so that a test can recompute row i from item i.
//
// Let H be the FNV-1a hash (64 bits) of an input's text (a list of token ids: of its JSON as it stands). With x = H at
// first, component k is drawn by x = mixed(x) (hash.hpp) as (x >> 11) / 2^52 - 1, in order; then all are divided by the
// square root of the sum of their squares, in double precision, and rounded to float32. Fewer `dimensions` are thus the
// beginning of more of them, brought to length 1 again, as at the API. The model does not matter.
//
// The limits are those of the API reference: 2,048 inputs, each of 8,192 tokens at most, 300,000 tokens in sum; an
// empty string is refused. A token is a quarter of a text's bytes (answer.hpp), or an id of a list.
#pragma once

#include <batchwright/emulator/endpoint.hpp>

#include <cstddef>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// The vector of a text.
std::vector<float> embedding_of(std::string_view text, std::size_t dimensions);

/// The dimensions a model has of itself: 3,072 where its name ends in "-large", else 1,536.
std::size_t own_dimensions(std::string_view model);

/// What the API says of an input that it does not take, without naming it.
ApiError invalid_input();

/// How many inputs one request may hold, and all requests of a batch together.
inline constexpr std::int64_t most_inputs = 2048;
inline constexpr std::int64_t most_batch_inputs = 50'000;

Endpoint embeddings_endpoint();

} // namespace batchwright::emulator
