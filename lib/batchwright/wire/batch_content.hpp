// The endpoints that a batch can call, and what a request to each must hold.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace batchwright::wire {

/// What a member of a request body holds.
enum class Holds : std::uint8_t {
  anything,
  list,         ///< that is not empty
  text_or_list, ///< neither empty
};

struct BatchContent {
  std::string_view path = {};
  std::string_view member = {}; ///< of the body, without which there is nothing to answer
  Holds holds = Holds::anything;
};

/// OpenAI API reference, November 2026: `endpoint` of POST /batches.
inline constexpr std::array batch_contents{
    BatchContent{"/v1/responses", "input", Holds::text_or_list},
    BatchContent{"/v1/chat/completions", "messages", Holds::list},
    BatchContent{"/v1/embeddings", "input", Holds::text_or_list},
    BatchContent{"/v1/completions", "prompt", Holds::text_or_list},
    BatchContent{"/v1/moderations", "input", Holds::text_or_list},
    BatchContent{"/v1/images/generations", "prompt", Holds::anything},
    BatchContent{"/v1/images/edits", "prompt", Holds::anything},
    BatchContent{"/v1/videos", "prompt", Holds::anything},
};

/// Nothing for a path that no batch can call.
constexpr std::optional<BatchContent> batch_content(std::string_view path)
{
  for (const auto& content : batch_contents) {
    if (content.path == path) return content;
  }
  return std::nullopt;
}

} // namespace batchwright::wire
