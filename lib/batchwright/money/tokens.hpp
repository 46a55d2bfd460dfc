// How many tokens a text will be, without a tokenizer: one pass by character class. Pure.
#pragma once

#include <batchwright/model/money.hpp>

#include <cstdint>
#include <string_view>

namespace batchwright::money {

/// Estimated tokens of a UTF-8 text, as o200k_base would cut it. Words, digits, spaces, line ends, punctuation and the
/// characters of other scripts have weights of their own; how near it comes is for `scripts/bench tokens` to say, which
/// judges it by an exact tokenizer on texts to which the weights were not fitted.
Tokens estimate_tokens(std::string_view utf8);

/// As above for the inside of a JSON string: escapes count as the characters they stand for.
Tokens estimate_tokens_escaped(std::string_view token);

/// What a chat request adds to its texts, as OpenAI's cookbook counts: three tokens a message, its role another, and
/// three for the answer's head.
inline constexpr Tokens tokens_per_message{4};
inline constexpr Tokens tokens_per_reply{3};

/// What the output of an item is taken to be where the user set no bound; every estimate says so.
inline constexpr Tokens assumed_output{300};

} // namespace batchwright::money
