// The endpoints that a batch can call.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::wire {

/// What a member of a request body holds.
enum class Holds : std::uint8_t {
  anything,
  list,         ///< that is not empty
  text_or_list, ///< neither empty
};

struct Endpoint {
  std::string_view url = {};
  std::string_view content = {}; ///< the member of the body without which there is nothing to answer
  Holds holds = Holds::anything;
};

/// OpenAI API reference, November 2026: `endpoint` of POST /batches.
inline constexpr std::array batch_endpoints{
    Endpoint{"/v1/responses", "input", Holds::text_or_list},
    Endpoint{"/v1/chat/completions", "messages", Holds::list},
    Endpoint{"/v1/embeddings", "input", Holds::text_or_list},
    Endpoint{"/v1/completions", "prompt", Holds::text_or_list},
    Endpoint{"/v1/moderations", "input", Holds::text_or_list},
    Endpoint{"/v1/images/generations", "prompt", Holds::anything},
    Endpoint{"/v1/images/edits", "prompt", Holds::anything},
    Endpoint{"/v1/videos", "prompt", Holds::anything},
};

inline constexpr std::string_view embeddings_url = "/v1/embeddings";
inline constexpr std::size_t inputs_per_embedding_request = 2'048; ///< OpenAI API reference
inline constexpr std::size_t embedding_inputs_per_file = 50'000;   ///< OpenAI API reference, of POST /batches

/// Nothing for a URL that no batch can call.
constexpr std::optional<Endpoint> batch_endpoint(std::string_view url)
{
  for (const auto& endpoint : batch_endpoints) {
    if (endpoint.url == url) return endpoint;
  }
  return std::nullopt;
}

} // namespace batchwright::wire
