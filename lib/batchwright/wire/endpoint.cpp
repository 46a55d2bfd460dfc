#include <batchwright/wire/endpoint.hpp>

#include <algorithm>
#include <array>

namespace batchwright::wire {
namespace {

constexpr std::array known{
    Endpoint{.word = "chat",
             .path = "/v1/chat/completions",
             .bound_field = "max_completion_tokens",
             .has_system = true,
             .has_messages = true,
             .has_schema = true},
    Endpoint{.word = "responses",
             .path = "/v1/responses",
             .bound_field = "max_output_tokens",
             .has_system = true,
             .has_messages = true,
             .has_schema = true},
    Endpoint{.word = "embeddings",
             .path = "/v1/embeddings",
             .inputs_per_request = 100,
             .most_inputs_per_request = 2048,
             .inputs_per_file = 50'000},
    Endpoint{.word = "completions", .path = "/v1/completions", .bound_field = "max_tokens"},
    Endpoint{
        .word = "moderations", .path = "/v1/moderations", .inputs_per_request = 32, .most_inputs_per_request = 2048},
};

} // namespace

std::span<const Endpoint> endpoints()
{
  return known;
}

const Endpoint* find_endpoint(std::string_view word_or_path)
{
  const auto* found = std::find_if(known.begin(), known.end(),
                                   [&](const Endpoint& e) { return e.word == word_or_path || e.path == word_or_path; });
  return found == known.end() ? nullptr : found;
}

bool makes_pictures(std::string_view path)
{
  return path.starts_with("/v1/images/") || path == "/v1/videos" || path.starts_with("/v1/videos/");
}

} // namespace batchwright::wire
