// A job: all of one `submit`, as the user asked for it and as it stands.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace batchwright {

// Stored in the job database: add at the end, never renumber.

enum class Mode : std::uint8_t {
  batch = 0,
  hybrid = 1,
  realtime = 2
};

/// What becomes of items that an ended part could not finish for a passing reason.
enum class Fallback : std::uint8_t {
  batch = 0,    ///< they go into a batch again
  none = 1,     ///< they fail
  realtime = 2, ///< they are sent in real time
};

/// Why a job is paused; sending stops, collecting does not.
enum class Pause : std::uint8_t {
  none = 0,
  auth = 1,
  quota = 2,
  budget = 3,
  account = 4,
  failures = 5,
  unknown_submission = 6,
  disk = 7,
};

enum class InputFormat : std::uint8_t {
  automatic = 0,
  csv = 1,
  jsonl = 2,
  text = 3,
  tsv = 4,
  files = 5,    ///< a directory, an item a file: fields `path` and `text`
  requests = 6, ///< ready-made request lines, sent byte for byte
};

/// One input, a file or a folder, as it was when the job was made. It is read again for later parts and for merging.
struct PinnedInput {
  std::string path = {}; ///< absolute; of what was spooled, in the job's directory, wherever that stands
  InputFormat format = InputFormat::automatic;
  std::uint64_t bytes = 0;
  std::string sha256 = {};
  std::string witness = {}; ///< as `file_witness` gave it then; empty: only the digest can tell whether it changed
  bool spooled = false;     ///< it was piped in, and kept: bytes and sha256 are those of the content, unpacked
  std::vector<std::string> columns = {}; ///< of JSON lines: the keys of all records, as input::Columns names them;
                                         ///< empty: not known

  auto operator<=>(const PinnedInput&) const = default;
};

/// What a request is made of. Two jobs of one name are the same job when this and the inputs are equal.
struct RequestSpec {
  std::string model = {};
  std::string endpoint = "/v1/chat/completions"; ///< empty, in a job of ready-made requests: they differ in it
  std::string prompt = {};   ///< template of the user message, of an embedding's or moderation's input
  std::string system = {};   ///< template of the system message; empty: none
  std::string messages = {}; ///< column that holds the messages as JSON, in place of prompt and system; empty: none
  std::string body = {};     ///< template of the whole body, a JSON object, in place of those; empty: none
  std::string schema = {};   ///< JSON schema that each answer keeps to; empty: none
  std::optional<std::int64_t> max_output_tokens = {};
  std::vector<std::pair<std::string, std::string>> set = {}; ///< body fields: name and JSON text, in the order given
  std::string id_column = {};                                ///< empty: custom_ids carry the ordinal
  std::uint64_t inputs_per_request = 1; ///< items packed into one request at most, where the endpoint takes several
  std::string service_tier = {};        ///< that real-time requests ask for; empty: none, as in batches

  auto operator<=>(const RequestSpec&) const = default;
};

/// How large a part may become; never above the API's own limits.
struct PartLimits {
  std::uint64_t requests = 0; ///< 0, in what the user asks for: the provider's limit
  std::uint64_t bytes = 0;    ///< the same
  std::uint64_t tokens = 0;   ///< by our estimate; 0: no bound

  auto operator<=>(const PartLimits&) const = default;
};

/// The user's wish that a job end early. Whoever holds the job obeys it.
enum class Cancel : std::uint8_t {
  none = 0,
  harvest = 1, ///< nothing more is sent, batches are cancelled, and what they finished is collected
  abandon = 2, ///< the same, but nobody waits for batches to end
};

/// Whether a job may send, and how much it knows of itself.
enum class Standing : std::uint8_t {
  consented = 0, ///< made by `submit` or `run`: the user asked that it be sent
  adopted = 1,   ///< it took over batches made elsewhere: nothing is sent before a `submit` of the same input
  recovered = 2, ///< rebuilt from the server: the same, and neither input nor options are known until then
  bare = 3,      ///< recovered, and what its answers are to be judged by (ids, a schema) is not known either
};

/// What is done with the result when no item is pending, by whichever command sees that.
struct Handover {
  std::string out = {};     ///< absolute path that the merged result is written to; empty: none
  std::string on_done = {}; ///< shell command that is run then; empty: none
  std::optional<Instant> delivered_at = {};
  std::optional<Instant> hook_begun_at = {}; ///< of on_done

  bool operator==(const Handover&) const = default;
};

/// How fast requests go in real time; what the server says can only lower it.
struct RealtimePolicy {
  std::uint64_t requests_per_minute = 0; ///< 0: as the server says
  std::uint64_t tokens_per_minute = 0;   ///< 0: as the server says
  std::uint64_t max_in_flight = 0;       ///< requests at once; 0: from the limits and the latency
  std::uint64_t headroom = 0;            ///< share of the limits that is left to other traffic, in millionths
  Millis drain_timeout{900'000};         ///< how long a command that is stopped waits for what is in flight

  bool operator==(const RealtimePolicy&) const = default;
};

/// How the job is run; a repeated `submit` takes these over.
struct Policy {
  int max_attempts = 3;
  Fallback fallback = Fallback::batch;
  bool keep_requests = false;
  Millis adopt_grace{60'000};         ///< how long a listing may lag behind a call whose answer was lost
  std::uint64_t enqueued_tokens = 0;  ///< input tokens that may wait at the server at once; 0: learned from it
  std::uint64_t stop_on_failures = 0; ///< millionths of a percent (Allowance) of an ended part; 0: never
  std::string accept = {}; ///< codes of unusable answers that count as succeeded, sorted, commas between them
  RealtimePolicy realtime = {};
  std::optional<Instant> deadline = {}; ///< what is not done in time goes in real time, early enough
  Millis patience{0}; ///< so long a batch past 90% may rest before it is finished in real time; 0: for ever

  std::optional<Price> input_price = {};  ///< what the user says that the model costs in real time, with the next
  std::optional<Price> output_price = {}; ///< one; nothing: as the price table has it
  std::optional<PicoUsd> max_cost = {};   ///< what the job may cost, both routes and the fallback; nothing: no cap
  bool strict_cap = false;                ///< what may be spent at worst is kept back, not what is to be expected
  bool operator==(const Policy&) const = default;
};

/// Whether the policy counts an answer that cannot be used, for this reason, as succeeded.
bool accepts(const Policy& policy, std::string_view code);

struct Job {
  std::string name = {};
  std::string uuid = {};
  Mode mode = Mode::batch;
  std::vector<PinnedInput> inputs = {};
  RequestSpec request = {};
  PartLimits limits = {};
  Policy policy = {};
  bool compress = false;      ///< outputs are packed on the disk, and request files go once they are at the server
  std::uint64_t skip_bad = 0; ///< how many bad records may be put aside
  std::vector<std::pair<std::string, std::string>> urgent = {}; ///< field and value: items of which one holds go in
                                                                ///< real time at once
  std::vector<Ordinal> probe = {};        ///< items that are tried in real time before anything else is sent, ascending
  bool awaits_word = false;               ///< once they were tried nothing more is sent before the user says so
  bool told_live_is_cheaper = false;      ///< what its user heard last of the two routes
  std::set<std::string> named_tiers = {}; ///< service tiers that its ready-made requests name
  std::uint64_t items = 0;
  std::string base_url = {};
  std::string account = {};                   ///< endpoint with organisation and project, else a digest of the key
  std::optional<PicoUsd> estimated = {};      ///< by what is known of it so far
  std::optional<PicoUsd> estimated_low = {};  ///< it was believed to be no less,
  std::optional<PicoUsd> estimated_high = {}; ///< and no more
  Instant created_at = {};
  std::string options = {}; ///< of a job that was recovered: the digest of what it sends
  Standing standing = Standing::consented;
  Pause pause = Pause::none;
  std::string message = {}; ///< why it is paused, or what the user should know
  Handover handover = {};
  std::optional<Instant> probe_at = {};    ///< paused for a reason that may pass: when one part tries again
  int probes = 0;                          ///< how often that was tried in vain: the waits grow with it
  std::optional<Instant> advanced_at = {}; ///< when a process last moved it: jobs that nobody moves claim no room
  std::optional<Instant> switched_at =
      {};                      ///< since then all that is left goes in real time: by `finish`, or for the deadline
  bool finish_has_cap = false; ///< the cap was named by `finish`, for what came from then on
  std::optional<Instant> ended_at = {}; ///< when its last item got its outcome; nothing: some are pending

  // Told by processes that need not hold the job; stored by calls of their own, never with the rest.
  Cancel cancel = Cancel::none;
  std::optional<Instant> fetched_at = {}; ///< when the user last got the whole result

  bool operator==(const Job&) const = default;
};

/// Whether so much of a settled part failed for good that the policy sends nothing more.
bool stops(const Policy& policy, const Part& part);

/// What came of the items that were tried first, so far.
struct ProbeTally {
  std::uint64_t items = 0;
  std::uint64_t answered = 0;
  std::uint64_t failed = 0;
  std::uint64_t failed_for_good = 0; ///< of those: permanently or unusably, unless the user goes on all the same
  Tokens output = {};                ///< of the answers
  bool is_over = true;               ///< nothing more will come of the parts that hold them

  /// Whether they say that the rest is not worth sending. Answers that are accepted since then say otherwise.
  bool has_failed() const { return items > 0 && is_over && failed_for_good == items && answered == 0; }
};

ProbeTally tally_of_probe(const std::vector<Part>& parts);

/// The model that the part's requests ask: the job's, where the part names none of its own.
inline const std::string& model_of(const Job& job, const Part& part)
{
  return part.model.empty() ? job.request.model : part.model;
}

/// The endpoint that they ask, likewise.
inline const std::string& endpoint_of(const Job& job, const Part& part)
{
  return part.endpoint.empty() ? job.request.endpoint : part.endpoint;
}

/// Whether the job's input and options are known, so that requests can be made of them.
inline bool knows_input(const Job& job)
{
  return job.standing == Standing::consented || job.standing == Standing::adopted;
}
/// Whether the job's requests are ready-made lines.
bool is_ready_made(const Job& job);
/// Whether the items' custom_ids are the user's: of an id column, or of ready-made lines.
bool has_user_ids(const Job& job);
/// Whether each request is for an item with an id of the user's, and carries that.
bool sends_user_ids(const Job& job);
/// Whether the ids of a part's items stand in a list, since its request file does not tell them, or does not stay.
bool lists_ids(const Job& job);

// One word for a thing, in both directions; the second form knows no other words.
std::string_view name(Mode mode);
std::string_view name(Fallback fallback);
std::string_view name(Pause pause);
std::string_view name(InputFormat format);
std::optional<Fallback> fallback_named(std::string_view word);
std::optional<InputFormat> input_format_named(std::string_view word);

/// Whether a text is a job name: [a-z0-9][a-z0-9_-]{0,39}.
bool is_job_name(std::string_view text);

/// A job name made from an input's name: "Reviews (Final).csv" becomes "reviews-final".
std::string job_name_from(std::string_view file_name);

/// What became of the items so far. `succeeded + failed + pending = items` holds at every commit.
struct Tally {
  std::uint64_t items = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0; ///< of the failed: those that nobody answered, as the user wished

  std::uint64_t pending() const { return items - succeeded - failed; }
  bool operator==(const Tally&) const = default;
};

/// Sums the settled parts. Throws `Fault::bug` where the sum rule does not hold: a pending item is in exactly one live
/// part.
Tally tally(const Job& job, const std::vector<Part>& parts);

} // namespace batchwright
