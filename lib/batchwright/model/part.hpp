// A part: a file of requests with one route, and its life as a table. What moves a part is in engine/; what may happen
// to it is here, so that a first run, a resumed run, the documentation and the tests read the same rows.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/id.hpp>
#include <batchwright/model/money.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace batchwright {

using FileId = Id<struct FileTag>;
using BatchId = Id<struct BatchTag>;

/// The number of an item in input order over all inputs, from 0.
using Ordinal = std::uint64_t;

// The enums below are stored in the job database: add at the end, never renumber.

enum class Route : std::uint8_t {
  batch = 0,    ///< a file of requests and a batch at the server, half price
  realtime = 1, ///< one call for each request
  reused = 2,   ///< nothing is sent: an answer that is there is taken over
};

/// Which items of a range of the input a part holds. Where not all: a file lists their ordinals from the time its
/// request file is built. Items that are not sent are in none but those of the route `reused`.
enum class Pick : std::uint8_t {
  all = 0,
  urgent = 1,
  others = 2, ///< those that are neither urgent nor tried first
  probe = 3,  ///< those that are tried first, before anything else is sent
  reused = 4, ///< those that another job has answers to; of the route `reused`, as the next
  copies = 5, ///< those that ask what another item of the job asks: they get its outcome
};

enum class PartState : std::uint8_t {
  planned = 0,    ///< its items are fixed, nothing sent
  uploading = 1,  ///< intent recorded; the server may or may not hold the file
  queued = 2,     ///< file id known; no room or turn yet
  creating = 3,   ///< intent recorded; the server may or may not hold the batch
  running = 4,    ///< batch id known, the server works on it
  cancelling = 5, ///< we asked it to stop; finished lines will still come
  ended = 6,      ///< completed, expired, cancelled or failed: outputs may exist
  fetched = 7,    ///< output and error files whole on disk
  settled = 8,    ///< every item has its outcome or lives on in a child part
  superseded = 9, ///< cut or joined before it ran
  abandoned = 10, ///< given up while its batch may bring answers: its items failed, until those come home
};

enum class PartEvent : std::uint8_t {
  upload_begun,   ///< the intent of a POST /files is recorded
  file_known,     ///< the server told the file's id, in an answer or in a listing
  file_absent,    ///< the server was asked and does not hold the file
  create_begun,   ///< the intent of a POST /batches is recorded
  batch_known,    ///< the server told the batch's id, in an answer or in a listing
  batch_absent,   ///< the server was asked, with grace, and does not hold the batch
  file_lost,      ///< the uploaded file is gone or unreadable: it is sent again
  cancel_begun,   ///< we asked the server to stop it
  batch_ended,    ///< a terminal status was seen
  batch_refused,  ///< the batch failed for want of room: the same file goes back to the queue
  outputs_stored, ///< both files, where there are any, are whole on disk
  outcomes_fixed, ///< the settling was committed
  replaced,       ///< other parts took over its items before it ran
  given_up,       ///< cancelled before the server had a batch of it: its items failed
  batch_given_up, ///< cancelled without waiting for its batch or its outputs: its items failed for now
  batch_gone,     ///< nothing will ever come of a batch that was given up
  files_wanting,  ///< the files hold less than they should: they are downloaded again
  end_withdrawn,  ///< asked again, the server says that the batch has not ended
  calls_begun,    ///< in real time: its requests are being sent
  calls_answered, ///< in real time: each of its requests has an answer in the journal
  rerouted,       ///< its items go in real time from now on: the first event of its life on that route
  reopened,       ///< of copies: what they were copied from becomes another
};

struct Edge {
  PartState from;
  PartEvent on;
  PartState to;
};

/// The whole life of a part of the batch route.
inline constexpr std::array batch_edges{
    Edge{PartState::planned, PartEvent::upload_begun, PartState::uploading},
    Edge{PartState::planned, PartEvent::replaced, PartState::superseded},
    Edge{PartState::uploading, PartEvent::file_known, PartState::queued},
    Edge{PartState::uploading, PartEvent::file_absent, PartState::planned},
    Edge{PartState::queued, PartEvent::create_begun, PartState::creating},
    Edge{PartState::queued, PartEvent::file_lost, PartState::planned},
    Edge{PartState::queued, PartEvent::replaced, PartState::superseded},
    Edge{PartState::planned, PartEvent::rerouted, PartState::planned},
    Edge{PartState::uploading, PartEvent::rerouted, PartState::planned},
    Edge{PartState::queued, PartEvent::rerouted, PartState::planned},
    // It waits to be sent again, and need not: what a lost call made showed late.
    Edge{PartState::planned, PartEvent::batch_known, PartState::running},
    Edge{PartState::uploading, PartEvent::batch_known, PartState::running},
    Edge{PartState::queued, PartEvent::batch_known, PartState::running},
    Edge{PartState::creating, PartEvent::batch_known, PartState::running},
    Edge{PartState::creating, PartEvent::batch_absent, PartState::queued},
    Edge{PartState::creating, PartEvent::batch_refused, PartState::queued},
    Edge{PartState::creating, PartEvent::file_lost, PartState::planned},
    Edge{PartState::running, PartEvent::cancel_begun, PartState::cancelling},
    Edge{PartState::running, PartEvent::batch_ended, PartState::ended},
    Edge{PartState::running, PartEvent::batch_refused, PartState::queued},
    Edge{PartState::running, PartEvent::file_lost, PartState::planned},
    Edge{PartState::cancelling, PartEvent::batch_ended, PartState::ended},
    Edge{PartState::ended, PartEvent::outputs_stored, PartState::fetched},
    Edge{PartState::ended, PartEvent::end_withdrawn, PartState::running},
    Edge{PartState::fetched, PartEvent::outcomes_fixed, PartState::settled},
    Edge{PartState::fetched, PartEvent::files_wanting, PartState::ended},
    Edge{PartState::planned, PartEvent::given_up, PartState::settled},
    Edge{PartState::uploading, PartEvent::given_up, PartState::settled},
    Edge{PartState::queued, PartEvent::given_up, PartState::settled},
    Edge{PartState::creating, PartEvent::batch_given_up, PartState::abandoned},
    Edge{PartState::running, PartEvent::batch_given_up, PartState::abandoned},
    Edge{PartState::cancelling, PartEvent::batch_given_up, PartState::abandoned},
    Edge{PartState::ended, PartEvent::batch_given_up, PartState::abandoned},
    Edge{PartState::abandoned, PartEvent::batch_known, PartState::abandoned},
    Edge{PartState::abandoned, PartEvent::batch_absent, PartState::settled},
    Edge{PartState::abandoned, PartEvent::batch_ended, PartState::abandoned},
    Edge{PartState::abandoned, PartEvent::outputs_stored, PartState::fetched},
    Edge{PartState::abandoned, PartEvent::end_withdrawn, PartState::abandoned},
    Edge{PartState::abandoned, PartEvent::batch_gone, PartState::settled},
    // It was given up before a batch of it was known, and one showed late: its answers are collected all the same.
    Edge{PartState::settled, PartEvent::batch_known, PartState::abandoned},
};

/// The same in real time: `running`, its requests are sent one by one, by whichever command may send; `ended`, the
/// journal holds an answer to each of them.
inline constexpr std::array realtime_edges{
    Edge{PartState::planned, PartEvent::calls_begun, PartState::running},
    Edge{PartState::planned, PartEvent::replaced, PartState::superseded},
    Edge{PartState::planned, PartEvent::given_up, PartState::settled},
    Edge{PartState::running, PartEvent::calls_answered, PartState::ended},
    Edge{PartState::running, PartEvent::given_up, PartState::settled},
    Edge{PartState::ended, PartEvent::outcomes_fixed, PartState::settled},
};

/// The same of items that are not sent: `planned`, what they are copied from is not over.
inline constexpr std::array reused_edges{
    Edge{PartState::planned, PartEvent::outcomes_fixed, PartState::settled},
    Edge{PartState::settled, PartEvent::reopened, PartState::planned},
};

constexpr std::span<const Edge> edges(Route route)
{
  switch (route) {
  case Route::batch:
    return batch_edges;
  case Route::realtime:
    return realtime_edges;
  case Route::reused:
    return reused_edges;
  }
  return {};
}

/// Where `event` leads from `state`; nothing when the pair makes no sense.
constexpr std::optional<PartState> next(Route route, PartState state, PartEvent event)
{
  for (const auto& edge : edges(route)) {
    if (edge.from == state && edge.on == event) return edge.to;
  }
  return std::nullopt;
}

/// Whether the part gave each of its items an outcome, or left it to a child.
constexpr bool has_outcomes(PartState state)
{
  return state == PartState::settled || state == PartState::abandoned;
}

/// Whether the part's items wait for this part.
constexpr bool is_live(PartState state)
{
  return !has_outcomes(state) && state != PartState::superseded;
}

std::string_view name(Route route);
std::string_view name(PartState state);

/// Where the first item of a part stands in the pinned input, so that its file can be built without reading from the
/// start. A part that holds a list of ordinals starts at the mark of the part its first item came from.
struct Mark {
  Ordinal ordinal = 0;      ///< of the item that stands here
  std::uint32_t input = 0;  ///< which of the job's inputs
  std::uint64_t offset = 0; ///< of the record's first byte
  std::uint64_t line = 1;   ///< of the record's first line, counted from 1

  auto operator<=>(const Mark&) const = default;
};

/// What the server said of the batch when it was last asked. The words are the server's.
struct BatchStatus {
  std::string status = {}; ///< "in_progress"; empty: never asked
  std::int64_t total = 0;  ///< requests, once the server has counted them
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  FileId output_file = {};                ///< empty: none
  FileId error_file = {};                 ///< empty: none
  std::optional<Instant> created_at = {}; ///< by the server's clock
  std::optional<Instant> ended_at = {};
  std::string error_code = {}; ///< the first of `errors.data`, when the batch failed
  std::string error_message = {};

  bool operator==(const BatchStatus&) const = default;
};

/// Sums over the outcomes that a settled part gave its items.
struct Settlement {
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0; ///< of the failed: not answered, since the user wished so
  std::uint64_t left = 0;      ///< live on in a child part
  Usage usage = {};
  PicoUsd spent = {};    ///< at the price of the route it took
  PicoUsd realtime = {}; ///< the same work at real-time prices
  bool priced = true;    ///< false: the price of the model is not known, the sums above are zero

  bool operator==(const Settlement&) const = default;
};

/// What the journal of a real-time part came to so far.
struct SoFar {
  PicoUsd spent = {};
  PicoUsd realtime = {};   ///< at the usual tier
  bool priced = true;      ///< the price of all of it is known
  std::uint64_t bytes = 0; ///< of the journal, that were read

  bool operator==(const SoFar&) const = default;
};

/// One part as the store keeps it.
struct Part {
  int number = 0; ///< from 1, never reused within a job
  Route route = Route::batch;
  int attempt = 1;
  PartState state = PartState::planned;

  Ordinal first = 0; ///< its lowest ordinal
  Ordinal last = 0;  ///< its highest ordinal
  std::uint64_t items = 0;
  std::uint64_t elsewhere = 0; ///< of its items, those that later parts hold; only of parts that were rebuilt from the
                               ///< server, where what a part left to others shows before it is settled
  bool listed = false;         ///< the ordinals stand in a list file; else they are first, first + 1, ..., last, or, of
                               ///< ready-made requests, those between them that have the part's model and endpoint
  Mark mark = {};              ///< where to begin reading the input
  std::uint64_t requests = 0;
  std::uint64_t inputs_per_request = 0;               ///< items a request at most; 0: as the job says
  std::string model = {};                             ///< empty: the job's
  std::string endpoint = {};                          ///< empty: the job's
  std::optional<std::int64_t> max_output_tokens = {}; ///< in place of the job's
  std::string set = {};      ///< body fields in place of the job's or beside them: a JSON object; empty: none
  Tokens input_tokens = {};  ///< our estimate
  Tokens largest_input = {}; ///< of one of its requests
  std::optional<Tokens> output_bound = {}; ///< of ready-made requests: what bounds all their answers together; nothing:
                                           ///< one has no bound, or the job's options tell it
  std::int64_t choices = 1;                ///< of ready-made requests: how many answers one of them asks for, at most

  std::uint64_t bytes = 0; ///< of the request file
  std::string sha256 = {}; ///< of the request file; empty: never built
  FileId file = {};
  std::optional<Instant> file_created_at = {}; ///< by the server's clock: before any batch of it
  BatchId batch = {};
  BatchStatus remote = {};

  std::optional<Instant> admitted_at = {};  ///< by then the server had let the batch into its queue
  std::optional<Instant> seen_live_at = {}; ///< and then, or later, it was still there
  int polls = 0;                            ///< how often the batch was asked for: the waits between polls grow with it
  std::optional<Instant> due = {};          ///< nothing is done for it before
  int refusals = 0;                         ///< how often it was sent back for want of room since it was last admitted
  int downloads = 0;                        ///< how often its outputs were downloaded in vain
  std::optional<Instant> lapses_at = {};    ///< when the server removes the outputs
  std::optional<Instant> short_since = {};  ///< when its outputs first held less than the server claims
  bool reread = false;                      ///< they held lines that cannot be read and were downloaded once more
  std::optional<Instant> gone_since = {};   ///< when a file of its outputs was first not found
  std::optional<Instant> born_at = {};      ///< of a part that takes over what another left
  std::optional<Instant> progress_at = {};  ///< when its batch was first seen to have answered as much as it has now
  std::optional<Instant> cancelled_at = {}; ///< when we asked its batch to stop

  Settlement outcome = {};           ///< once settled
  std::string accepted = {};         ///< Policy::accept as it was then
  int outcomes_version = 0;          ///< which outcome file is the part's: another each time outcomes change
  std::uint64_t failed_for_good = 0; ///< permanently or unusably when it was settled; 0 again once the user goes on

  Pick pick = Pick::all;   ///< which items between its first and its last are its own
  bool withdrawn = false;  ///< we asked its batch to stop, to finish it in real time: that takes no attempt
  PicoUsd reserved = {};   ///< of the job's cap, from the time that it is sent until it is settled
  bool before_cap = false; ///< what it costs is none of the cap's, which was named for what came later
  PicoUsd spent_before_cap =
      {};            ///< of a part that was being sent in real time then: so much of it is none of the cap's
  SoFar so_far = {}; ///< while it is sent in real time
  std::uint64_t billed_again = 0; ///< requests of it that may have been billed twice, since an answer was lost

  /// Whether a file lists its ordinals: of ready-made requests and mixed ones, from the time its request file is built.
  bool has_list() const { return listed || pick != Pick::all || !endpoint.empty(); }

  bool operator==(const Part&) const = default;
};

/// Whether the server holds a batch for the part that has not ended.
inline bool has_live_batch(const Part& part)
{
  return part.route == Route::batch && (part.state == PartState::running || part.state == PartState::cancelling);
}

/// Whether it holds items that are tried before the others.
inline bool is_probe(const Part& part)
{
  return part.pick == Pick::probe;
}

/// Whether they are still being tried.
inline bool is_live_probe(const Part& part)
{
  return is_probe(part) && is_live(part.state);
}

/// Whether its items get the outcomes of other items of the job.
inline bool holds_copies(const Part& part)
{
  return part.pick == Pick::copies;
}

/// Whether its requests are being sent one by one, or were when the command that did it ended.
inline bool is_called(const Part& part)
{
  return part.route == Route::realtime && part.state == PartState::running;
}

/// The part is one of so many of its items, whose requests are not built: what they ask is that share of what all do.
/// Packs make fewer requests of them: how many is known once they are built.
void keep_items(Part& part, std::uint64_t items);

} // namespace batchwright
