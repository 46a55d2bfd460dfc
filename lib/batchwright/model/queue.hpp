// The room that an account has at the server for batches of a model: what is known of it, and who wants it. Whether a
// part may go is decided in engine/queue.hpp.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright {

/// What the server let us know so far. Tokens by our estimate but where the server named a figure.
struct Queue {
  std::string account = {};                        ///< as Job::account
  std::string model = {};                          ///< as it is asked for
  std::optional<std::int64_t> named_tokens = {};   ///< the limit that a refusal named last
  std::optional<Instant> named_since = {};         ///< when that was
  std::optional<std::int64_t> own_tokens = {};     ///< ours, after a refusal below the named one
  std::optional<Instant> own_since = {};           ///< when that came about
  std::int64_t admitted_tokens = 0;                ///< the largest sum of live batches that was ever admitted
  std::optional<std::int64_t> named_requests = {}; ///< the limit of enqueued requests that a refusal named last
  std::optional<Instant> quiet_since = {};         ///< the last refusal, until a batch ends
  int refusals = 0;                                ///< in a row
  std::optional<Instant> failing_since = {};       ///< nothing was answered since, only put off; nothing: it goes well
  std::optional<Instant> failing_seen = {};        ///< when it was last seen that all is put off

  bool operator==(const Queue&) const = default;
};

/// A part that takes room, or waits for it, whichever job it belongs to.
struct Enqueued {
  std::string job = {};
  int part = 0;
  PartState state = PartState::queued;
  std::int64_t tokens = 0;
  std::int64_t requests = 0;
  BatchId batch = {};
  std::optional<Instant> created_at = {};   ///< of the batch, or of the call that may have made it
  std::string remote_status = {};           ///< the server's word; empty or `validating`: not admitted yet
  std::optional<Instant> admitted_at = {};  ///< as Part::admitted_at
  std::optional<Instant> seen_live_at = {}; ///< as Part::seen_live_at
  Instant job_created_at = {};
  std::optional<Instant> advanced_at = {}; ///< of the job
  bool may_send = false;                   ///< the job is neither paused nor cancelled

  bool operator==(const Enqueued&) const = default;
};

} // namespace batchwright
