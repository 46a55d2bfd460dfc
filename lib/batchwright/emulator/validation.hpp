// The check of a batch's input file, done when the batch validates and not at upload, as at the API.
// In: the file and the endpoint. Out: where each request stands, the model, an estimate of the input tokens, or the
// entries for the batch's `errors`. Sizes are judged before anything is parsed. Reads the file once, a line at a time;
// keeps 8 bytes a request, and a hash of each custom_id while it reads.
#pragma once

#include <batchwright/emulator/endpoint.hpp>
#include <batchwright/json/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::emulator {

inline constexpr std::int64_t most_requests = 50'000;
inline constexpr std::uint64_t most_bytes = 209'715'200;
inline constexpr std::uint64_t longest_line = 16ULL << 20;

/// Where a request stands in the input file.
struct Line {
  std::uint32_t offset = 0; ///< fits: a file beyond `most_bytes` has no requests
  std::uint32_t length = 0; ///< without its newline
};

/// One entry of a batch's `errors`.
struct BatchError {
  std::string code = {};
  std::string message = {};
  std::optional<std::string> param = {};
  std::optional<std::int64_t> line = {}; ///< from 1
};

/// What a batch takes of the room for enqueued work.
struct Load {
  std::int64_t tokens = 0; ///< of input, by our estimate
  std::int64_t requests = 0;

  Load& operator+=(const Load& other)
  {
    tokens += other.tokens;
    requests += other.requests;
    return *this;
  }
};

struct Checked {
  std::vector<Line> lines = {};
  std::string model = {};
  std::int64_t input_tokens = 0;
  std::vector<BatchError> errors = {}; ///< of the first hundred bad lines; empty: the file is good

  Load load() const { return {.tokens = input_tokens, .requests = static_cast<std::int64_t>(lines.size())}; }
};

/// A file that is too large as a whole is not read beyond its first line.
Checked check_input(const std::filesystem::path& path, const Endpoint& endpoint);

} // namespace batchwright::emulator
