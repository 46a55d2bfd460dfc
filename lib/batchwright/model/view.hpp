// A job as people and scripts see it: the values that `status` shows and `--json` prints. Made by one pure function.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/error.hpp>
#include <batchwright/model/caching.hpp>
#include <batchwright/model/estimate.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/outlook.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright {

enum class JobState : std::uint8_t {
  planned,    ///< a dry run: nothing was sent and no job was made
  open,       ///< items are pending, nothing runs
  running,    ///< a process holds the job, or a batch of it is live
  paused,     ///< sending stopped for a reason that the user can mend
  cancelling, ///< the user asked to cancel; batches have not ended yet
  done,       ///< no item is pending
};

std::string_view name(JobState state);

/// How the real-time parts of a job go.
struct RealtimeView {
  std::uint64_t requests = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0; ///< of those
  // Of all jobs that ask the same model:
  std::string model = {};
  std::uint64_t in_flight = 0;
  std::optional<std::int64_t> allowed = {};        ///< requests a minute that may be sent now
  std::optional<std::int64_t> limit_requests = {}; ///< a minute, as known
  std::optional<std::int64_t> limit_tokens = {};   ///< a minute, as known
  std::string why = {};                            ///< what is waited for; empty: nothing
};

struct JobView {
  std::string job = {};
  JobState state = JobState::open;
  Pause pause = Pause::none;
  Mode mode = Mode::batch;
  std::string model = {};
  std::string endpoint = {};
  Tally items = {};
  std::vector<Part> parts = {};
  std::optional<PicoUsd> estimated = {};
  std::optional<PicoUsd> spent = {};    ///< nothing: the price of the model is not known
  std::optional<PicoUsd> realtime = {}; ///< the same work, all in real time
  std::optional<PicoUsd> billed_again =
      PicoUsd{}; ///< what may have been billed twice, at the mean price; nothing: not known
  std::uint64_t requests_billed_again = 0;
  std::optional<RealtimeView> live = {}; ///< nothing: it has no real-time part that is not settled
  std::optional<Instant> deadline = {};
  std::optional<Instant> eta = {};         ///< nothing: it waits for batches, or for the user
  std::optional<Instant> ended_at = {};    ///< nothing: items are pending, or nobody wrote it down
  std::optional<Instant> switched_at = {}; ///< since then all that is left goes in real time
  std::optional<Switch> leaving = {};      ///< when it leaves the batches it has; nothing: not for a deadline
  std::optional<RestSpan> rest = {};       ///< what is left of a job without batches
  std::optional<Stuck> stuck = {};         ///< what holds up the rest
  std::optional<Finish> offer = {};        ///< what finishing it by hand comes to, where that is worth an offer
  Instant created_at = {};
  Standing standing = Standing::consented;
  std::optional<Instant> next_poll_at = {};
  std::string message = {};
  Handover handover = {};
  Cancel cancel = Cancel::none;
  std::optional<Instant> fetched_at = {};
  bool awaits_word = false;               ///< what was tried first was answered: the user says whether the rest is sent
  std::optional<PicoUsd> finish_cap = {}; ///< what `finish` may spend from its beginning on; nothing: it named no cap

  std::optional<PicoUsd> saved() const;
  /// Whether it ended and what was to be done then is not done yet.
  bool owes_handover() const;
};

/// How many items are not sent, since others that ask the same are, or were.
std::uint64_t never_sent(const std::vector<Part>& parts);

/// How many items wait in parts that the server has no batch of.
std::uint64_t unsent(const std::vector<Part>& parts);

/// What a job comes to, before anything is sent.
struct PlanView {
  std::string job = {};
  std::vector<InputFormat> formats = {}; ///< of the inputs, each once
  std::vector<std::string> columns = {}; ///< of the first input, where all its records have the same
  std::string model = {};
  std::uint64_t items = 0;
  std::uint64_t requests = 0;                ///< fewer than items, where several go into one
  std::uint64_t reused = 0;                  ///< items that have an answer in earlier jobs
  std::vector<std::string> reused_from = {}; ///< those jobs
  std::uint64_t repeated = 0;                ///< items that ask what others of the job ask
  std::size_t parts = 0;
  std::uint64_t live_requests = 0; ///< of the requests, those that go in real time at once
  std::uint64_t request_bytes = 0;
  Estimate estimate = {};
  std::string bounded_by = {};          ///< what would bound answers where nothing does; empty: nothing can
  std::string tier = {};                ///< that real-time requests ask for; empty: the usual one
  std::optional<PicoUsd> batch = {};    ///< nothing: the price of the model is not known
  std::optional<PicoUsd> realtime = {}; ///< the same, all in real time
  Mode mode = Mode::batch;
  Fallback fallback = Fallback::batch;
  std::uint64_t urgent = 0;             ///< items that go in real time at once
  std::uint64_t probe = 0;              ///< items that are tried before the others
  RestSpan rest = {};                   ///< all of it, were it sent in real time
  std::optional<PicoUsd> max_cost = {}; ///< nothing: no cap
  bool strict_cap = false;
  Fills fills = {}; ///< of its batches; `limit` 0: not known
  std::optional<Instant> deadline = {};
  std::optional<Switch> leaving = {}; ///< for the deadline
  Instant drafted_at = {};
  std::string advice = {};               ///< where another mode suits better; empty: it does not
  std::optional<RouteCosts> routes = {}; ///< as caches have it, where both have a price
  bool is_live_cheaper = false;          ///< though batches are asked for
  std::vector<CacheHint> cache_hints = {};
  std::string prices_as_of = {}; ///< of the table
  bool has_given_price = false;  ///< the user told the price
  std::uint64_t skipped = 0;     ///< bad records put aside
  bool continues = false;        ///< there is such a job already
  bool needs_consent = false;    ///< that job may not send yet
  std::uint64_t unsent = 0;      ///< of such a job: items that no batch holds

  /// What the whole policy is expected to come to: where batches fall back on real time, the dearer of both.
  std::optional<PicoUsd> cost_of_policy() const;

  /// Whether each item has its answer already.
  bool sends_nothing() const { return requests == 0 && reused + repeated > 0; }
};

enum class Held : std::uint8_t {
  no,
  yes
};

/// How a job stands. `held`: whether a process works on it now.
JobView view(const Job& job, std::vector<Part> parts, Held held);

/// What a command that waits for the job's end returns: 0, 3 with failed items, the pause's code, or 5.
Exit exit_for(const JobView& view);

} // namespace batchwright
