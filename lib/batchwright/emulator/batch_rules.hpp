// What may happen to batches and their files: rules of the faults, as values. Batches are numbered by order of
// creation.
#pragma once

#include <batchwright/emulator/which.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright::emulator {

/// These batches, once `after_share` of their requests are done: all of them, where it is 1.
struct BatchesAt {
  Which batches = {};
  double after_share = 0.5;
};

/// These batches fail their validation with one error entry of these words.
struct FailBatches {
  Which batches = {};
  std::string code = "server_error"; ///< empty: no entry at all in `errors`
  std::string message = "The batch could not be validated.";
  std::optional<std::int64_t> line = {};
};

/// The states that a batch can be stuck in.
enum class StuckIn : std::uint8_t {
  validating,
  in_progress,
  finalizing,
  cancelling, ///< once it is cancelled
};

/// These batches stay in a state from there on, until the rule goes (`PUT /emulator/faults`) or `expires_at` has come.
/// They can be cancelled.
struct StuckBatches {
  Which batches = {};
  double after_share = 0.5; ///< of the requests, `in_progress`
  StuckIn state = StuckIn::in_progress;
};

/// A cancel of these batches does not help.
struct CancelFaults {
  enum class How : std::uint8_t {
    refused, ///< answered 409
    ignored, ///< answered 200, and the batch goes on
  };

  Which batches = {};
  How how = How::refused;
};

/// These batches say other counts than they have, once they have ended: so many more, or fewer.
struct Miscount {
  Which batches = {};
  std::int64_t total = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
};

/// Files that are gone so long after they were made.
struct VanishFiles {
  enum class File : std::uint8_t {
    output, ///< of these batches
    error,  ///< of these batches
    input,  ///< these uploads, by order of arrival
  };
  enum class Part : std::uint8_t {
    all,     ///< the file object too
    content, ///< the file object stays
  };

  Which of = {};
  File file = File::output;
  Part part = Part::all;
  std::int64_t after_ms = 0;
};

/// A batch that somebody else of the account made: it takes room and shows in listings, without metadata.
struct ForeignBatch {
  std::string model = "gpt-5.4-mini";
  std::string endpoint = "/v1/chat/completions";
  std::int64_t tokens = 0;
  std::int64_t requests = 1;
  std::int64_t until_ms = 0; ///< from when the faults took force; then it is completed. 0: it stays
};

} // namespace batchwright::emulator
