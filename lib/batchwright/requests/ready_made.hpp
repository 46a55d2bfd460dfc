// What one line of a ready-made request file says, and what the server would hold against it. Pure: the same line gives
// the same answer, whatever stands around it.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::requests {

/// One reason for which the server would refuse a line.
struct RequestProblem {
  std::string code = {};    ///< the server's own word where one is known: "invalid_method"
  std::string message = {}; ///< names the member and what was expected there
  std::uint64_t byte = 0;   ///< from the start of the line

  bool operator==(const RequestProblem&) const = default;
};

/// A line as far as it can be told; views are valid as long as the line's document.
struct ReadyMade {
  std::string_view id_token = {};            ///< the custom_id as it stands, a JSON string's inside
  std::optional<std::string> custom_id = {}; ///< decoded; nothing where it is unusable, as for the next two
  std::optional<std::string> url = {};       ///< one that a batch can call
  std::optional<std::string> model = {};
  std::uint64_t embedding_inputs = 0; ///< that its body holds; 0 for other endpoints
  std::vector<RequestProblem> problems = {};
};

/// Checks a line by the rules of the Batch API (OpenAI Batch API guide, API reference): `custom_id`, `method`, `url`,
/// `body`, `model`, no streaming, and the content that the endpoint asks for. `line` is the top value of the line.
ReadyMade check_request(const json::Value& line);

} // namespace batchwright::requests
