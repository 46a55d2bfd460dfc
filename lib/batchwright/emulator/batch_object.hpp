// A batch as the API shows it: its states, and its JSON with all the forms that servers give it.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/execution.hpp>
#include <batchwright/emulator/faults.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/validation.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::emulator {

enum class BatchState : std::uint8_t {
  validating,
  failed,
  in_progress,
  finalizing,
  completed,
  expired,
  cancelling,
  cancelled,
};

std::string_view name_of(BatchState state);
bool terminal(BatchState state);

struct Batch {
  std::int64_t ordinal = 0; ///< order of creation, from 1
  std::string id = {};
  std::string input_file_id = {};
  std::string endpoint = {};
  std::string metadata = {}; ///< JSON as given, or "null"
  std::optional<std::int64_t> output_expires_after = {};
  std::string account = {};
  std::string input_sha256 = {};
  bool answered = true; ///< whether the client was told of its creation
  Instant created_at = {};

  BatchState state = BatchState::validating;
  std::array<std::optional<Instant>, 8> entered = {}; ///< by state
  std::string model = {};                             ///< known once validated
  Load load = {};                                     ///< what it has enqueued
  std::int64_t total = 0;
  Progress progress = {};
  std::vector<BatchError> errors = {}; ///< `errors` is null where there is none
  std::string output_file_id = {};
  std::string error_file_id = {};
};

/// What `POST /v1/batches` asks for, or why not.
struct BatchRequest {
  Batch batch = {};
  std::optional<Reply> refusal = {};
};
BatchRequest read_batch_request(std::string_view body);

/// When a batch's 24 hours are over.
Instant expires_at(const Batch& batch);

/// How and when a batch is looked at.
struct BatchView {
  enum class Metadata {
    shown,
    hidden
  };

  const Faults& faults;
  std::uint64_t seed = 0;
  Instant now = {};
  Metadata metadata = Metadata::shown;
};
void write_batch(json::Writer& w, const Batch& batch, const BatchView& view);

} // namespace batchwright::emulator
