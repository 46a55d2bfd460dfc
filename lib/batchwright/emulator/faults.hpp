// What goes wrong on purpose, and how fast things go.
//
// In: the JSON of `emulator --faults FILE` or of `PUT /emulator/faults`, or a value built in a test; the members and
// the keys of the file have the same names. Out: one value that the server only reads. Anything not named keeps its
// default: a fast server that makes no mistakes. Chance is never drawn: whether a request is hit follows from its body
// and the seed, so that a test can be repeated, two runs can be compared, and a request has the same fate in a batch
// and in real time. Equal bodies share a fate, and meet it one after the other. Whether a rule with a probability picks
// a call or a batch follows from the seed, the rule's place in its list, and the number of the call or the batch.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/batch_rules.hpp>
#include <batchwright/emulator/http_rule.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::emulator {

/// Limits of the real-time route for each account and model; `x-ratelimit-*` tell them.
struct Rate {
  std::int64_t rpm = 30'000;
  std::int64_t tpm = 150'000'000;
  std::int64_t project_tpm = 0; ///< of all models of an account together; 0: no such limit, and no headers of it
  // Other traffic on the same key, which takes so much of each limit all the time. What it leaves is the client's;
  // where it takes all that comes back, the client gets no more than what was in the buckets.
  std::int64_t foreign_rpm = 0;
  std::int64_t foreign_tpm = 0;
  /// Over how long the limits are enforced: of 1000, no more than a second's worth may be used up at a time, while
  /// headers tell the minute's. A request that is larger than that waits for a bucket that is full. 0: over a minute.
  std::int64_t window_ms = 0;
  bool headers = true;     ///< whether `x-ratelimit-*` are sent
  bool retry_after = true; ///< whether a 429 says how long to wait: `retry-after`, `retry-after-ms`, and in its message
};

/// What a batch meets that finds no room among the enqueued tokens or requests.
enum class NoRoom : std::uint8_t {
  failed,     ///< it is created, and fails its validation
  status_429, ///< it is not created: HTTP 429
  status_400, ///< the same with HTTP 400
};

/// How the id of an output or error file is written when there is no such file.
enum class AbsentFileId : std::uint8_t {
  null,
  empty,   ///< ""
  missing, ///< the member is left out
};

struct Faults {
  // Speeds, in milliseconds. A batch that is not cancelled takes at least as long in each state; a large file takes
  // longer, as does one that waits while others work (a few do at once).
  std::int64_t validating_ms = 50;
  std::int64_t in_progress_ms = 200;
  std::int64_t finalizing_ms = 50;
  std::int64_t cancelling_ms = 50;
  std::int64_t chat_latency_ms = 0; ///< of each real-time call, and
  /// up to so much more, the same for the same body: `chat_latency_spread_ms` times the chance_of(fnv1a(body_sha256),
  /// salt_of(seed, "chat_latency_spread_ms", 1)) (which.hpp).
  std::int64_t chat_latency_spread_ms = 0;
  std::int64_t requests_per_second = 0; ///< of each batch; 0: spread over `in_progress_ms`

  // Shares of requests, 0 to 1, together at most 1: a request is hit by one of them or by none. In real time, where
  // there are no files, those of `never_ran_share` to `garbage_share` but for `transient_share` are answered well.
  /// HTTP 400 in `response`, `error` null, in the error file, every time. Of a request that holds several inputs
  /// (embeddings, moderations) it is not the request that is hit but each input for itself, wherever it stands: one
  /// that is hit has the whole request refused, and the message does not say which it was.
  double fail_share = 0;
  double never_ran_share = 0;  ///< `response` null and `error` server_error, in the error file
  double transient_share = 0;  ///< HTTP 500 in `response`, in the error file
  double drop_share = 0;       ///< in neither file and in no count
  double duplicate_share = 0;  ///< its line comes twice
  double unreadable_share = 0; ///< its line is cut in the middle
  double stranger_share = 0;   ///< behind its line stands one with a custom_id that no request has
  double garbage_share = 0;    ///< behind its line stands one that is no JSON
  // Those below show in the endpoint's own form (responses.hpp, completions.hpp, media.hpp), and where it has none the
  // request is answered well.
  double truncate_share = 0;       ///< half an answer, finish_reason `length`; `incomplete`
  double refuse_share = 0;         ///< content null, `refusal` set
  double content_filter_share = 0; ///< empty content, finish_reason `content_filter`; `incomplete`
  double model_fail_share = 0;     ///< HTTP 200 with status `failed`: responses and videos
  double tool_call_share = 0;      ///< a function called though `tool_choice` is `auto` (tool_calls.hpp)
  /// As if hit by `fail_share`: requests whose prompt, messages or input hold this text, as it stands in the JSON.
  /// Empty: none.
  std::string bad_text = {};
  /// How often a request of `never_ran_share`, `transient_share` or `drop_share` meets its fault before all goes well.
  std::int64_t passing_after = 1;

  std::vector<BatchesAt> expire_batches = {};
  std::vector<FailBatches> fail_batches = {};
  std::vector<StuckBatches> stuck_batches = {};
  std::vector<CancelFaults> cancel_faults = {};
  std::vector<Miscount> miscount_batches = {};
  std::vector<VanishFiles> vanish_files = {};

  /// Enqueued input tokens of all live batches of an account and model; a batch beyond it finds no room. 0: no limit.
  std::int64_t enqueued_token_limit = 0;
  std::map<std::string, std::int64_t> enqueued_token_limits = {}; ///< of single models, in place of it
  std::int64_t enqueued_request_limit = 0;                        ///< the same of requests to /v1/embeddings
  NoRoom no_room = NoRoom::failed;
  std::vector<ForeignBatch> foreign_batches = {};

  AbsentFileId absent_file_id = AbsentFileId::null;
  bool null_request_counts = false;
  bool extra_fields = false;          ///< unknown members in every object of every answer and line, `metadata` apart
  std::string unknown_status = {};    ///< said in place of `in_progress`
  std::int64_t list_lag_ms = 0;       ///< how late new files and batches show in listings
  bool list_ignores_after = false;    ///< every page of a listing is the first
  bool list_ignores_limit = false;    ///< a page of a listing is as long as the default says
  bool list_without_metadata = false; ///< batches in listings say `metadata` null
  bool no_range = false;              ///< a `Range` is answered 200 with all of the file
  bool no_prompt_cache = false;       ///< no part of a prompt is cached, as by servers that do not (prompt_cache.hpp)
  std::int64_t ids_late_ms = 0;       ///< how long after its end a batch names its files
  std::int64_t files_expire_ms = 0;   ///< output and error files are gone after it; 0: never

  std::vector<HttpFault> http = {};
  Rate rate = {};
  /// Of real-time calls for `service_tier` flex, those that are refused for want of resources. The Nth such call of a
  /// body is refused where chance_of(salt_of(seed, "flex_unavailable_share", N), fnv1a(body_sha256)) is below it.
  double flex_unavailable_share = 0;

  /// No fault, but what the ledger must be told of the input to judge it: how often the same body stands in it, at
  /// most; likewise the same text, where requests hold several.
  std::int64_t copies = 1;

  /// The JSON that these faults were read from; empty: they were made in code.
  std::string source = {};
  /// Since when they are in force, by the server's clock; the server sets it.
  Instant since = {};
};

/// Reads the text of a faults file. Throws `Error{Fault::input}` that names the file, the key and what was expected.
/// Batch rules: `{"batch":2,"after_share":0.5}`, `{"batch":[1,3]}`, `{"every":2}`, `{"first":1}`,
/// `{"probability":0.1}`. HTTP rules:
/// `{"method":"POST","path":"/v1/batches","nth":[1,3],"phase":"after-effect","action":"status","status":500}`; a member
/// that the rule's action does not look at is refused, as is an action that makes no sense in its phase. Both may be
/// left out: the action is then `delay`, and the phase `before-effect`, but `after-effect` for actions on the answer
/// (drip, wrong_length, garbage, truncate). Some spells of bad weather:
/// `{"path":"/v1/chat/completions","for_ms":60000,"action":"status","status":429}` a minute of 429,
/// `{"from_ms":5000,"for_ms":20000,"action":"reset"}` dead for 20 s from the fifth on,
/// `{"for_ms":10000,"action":"html","status":200}` pages for JSON, and until other faults are put in force
/// `{"path":"/v1/chat/completions","action":"status","status":429,"body":{"error":{"message":"You exceeded your current
/// quota, please check your plan and billing details.","type":"insufficient_quota","code":"insufficient_quota"}}}`.
Faults parse_faults(std::string_view json, std::string_view file_name);

/// What happens to one item.
enum class Fate : std::uint8_t {
  fine,
  failed,
  never_ran,
  transient,
  dropped,
  duplicate,
  unreadable,
  stranger,
  garbage,
  truncated,
  refused,
  filtered,
  model_failed,
  tool_call,
};

/// The fate of a request that holds one input, the same on both routes; for all others see endpoint.hpp. `body_sha256`
/// is the digest of its body (identity.hpp), 64 hexadecimal digits; `met` is how often that body was given to the
/// server before, on either route. The place on the line from 0 to 1 that the shares divide, in the order above, is the
/// upper 53 bits of mixed(fnv1a(body_sha256) ^ mixed(seed)) (hash.hpp) as a fraction.
Fate fate_of(const Faults& faults, std::uint64_t seed, std::string_view body_sha256, std::int64_t met);

} // namespace batchwright::emulator
