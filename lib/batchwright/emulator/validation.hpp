// The check of a batch's input file, done when the batch validates and not at upload, as at the API.
// In: the file and the endpoint. Out: where each request stands, the model, an estimate of the input tokens, or the
// entries for the batch's `errors`. Reads the file once, a line at a time; keeps 16 bytes a request, and a hash
// of each custom_id while it reads.
#pragma once

#include <batchwright/json/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::emulator {

inline constexpr std::int64_t most_requests = 50'000;
inline constexpr std::uint64_t most_bytes = 209'715'200;

/// Where a request stands in the input file.
struct Line {
  std::uint64_t offset = 0;
  std::uint32_t length = 0; ///< without its newline
};

/// One entry of a batch's `errors`.
struct BatchError {
  std::string code = {};
  std::string message = {};
  std::optional<std::string> param = {};
  std::optional<std::int64_t> line = {}; ///< from 1
};

struct Checked {
  std::vector<Line> lines = {};
  std::string model = {};
  std::int64_t input_tokens = 0;
  std::vector<BatchError> errors = {}; ///< of the first hundred bad lines; empty: the file is good
};

Checked check_input(const std::filesystem::path& path, std::string_view endpoint);

} // namespace batchwright::emulator
