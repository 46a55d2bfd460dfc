// The tables of the job database, as the scripts that made them.
//
// A database carries the number of scripts it has seen (`PRAGMA user_version`). Opening runs those it has not, in one
// transaction. A script that was released is never changed: what comes later is a script of its own, and so is a new
// value of a stored enum, since an older program would not know it. Times are milliseconds since 1970 UTC, money is in
// 10^-12 USD, enums stand by number, an unsigned number stands as the signed one of the same bits.
#pragma once

#include <array>
#include <string_view>

namespace batchwright::store {

inline constexpr std::string_view first_tables = R"sql(
CREATE TABLE jobs (
  name TEXT PRIMARY KEY NOT NULL,
  uuid TEXT NOT NULL,
  mode INTEGER NOT NULL,
  model TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  prompt TEXT NOT NULL,
  system TEXT NOT NULL,
  max_output_tokens INTEGER,
  id_column TEXT NOT NULL,
  limit_requests INTEGER NOT NULL,
  limit_bytes INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  fallback INTEGER NOT NULL,
  keep_requests INTEGER NOT NULL,
  skip_bad INTEGER NOT NULL,
  items INTEGER NOT NULL,
  base_url TEXT NOT NULL,
  account TEXT NOT NULL,
  estimated INTEGER,
  created_at INTEGER NOT NULL,
  pause INTEGER NOT NULL,
  message TEXT NOT NULL
);

CREATE TABLE inputs (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  position INTEGER NOT NULL,
  path TEXT NOT NULL,
  format INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  PRIMARY KEY (job, position)
);

CREATE TABLE body_fields (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (job, position)
);

CREATE TABLE parts (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  number INTEGER NOT NULL,
  route INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  state INTEGER NOT NULL,
  first_ordinal INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  items INTEGER NOT NULL,
  listed INTEGER NOT NULL,
  mark_ordinal INTEGER NOT NULL,
  mark_input INTEGER NOT NULL,
  mark_offset INTEGER NOT NULL,
  mark_line INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  estimated_tokens INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  file TEXT NOT NULL,
  batch TEXT NOT NULL,
  remote_status TEXT NOT NULL,
  remote_completed INTEGER NOT NULL,
  remote_failed INTEGER NOT NULL,
  output_file TEXT NOT NULL,
  error_file TEXT NOT NULL,
  remote_created_at INTEGER,
  remote_ended_at INTEGER,
  error_code TEXT NOT NULL,
  error_message TEXT NOT NULL,
  polls INTEGER NOT NULL,
  due INTEGER,
  refusals INTEGER NOT NULL,
  downloads INTEGER NOT NULL,
  lapses_at INTEGER,
  succeeded INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  left_over INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  spent INTEGER NOT NULL,
  realtime INTEGER NOT NULL,
  priced INTEGER NOT NULL,
  PRIMARY KEY (job, number)
);

CREATE TABLE calls (
  uuid TEXT PRIMARY KEY NOT NULL,
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  part INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  state INTEGER NOT NULL,
  begun_at INTEGER NOT NULL,
  server_time INTEGER,
  first_look_at INTEGER
);
CREATE INDEX calls_by_job ON calls (job, state, begun_at);

CREATE TABLE events (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  at INTEGER NOT NULL DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),
  part INTEGER NOT NULL,
  what TEXT NOT NULL
);
CREATE INDEX events_by_job ON events (job, at);
)sql";

inline constexpr std::string_view witness_of_inputs = R"sql(
ALTER TABLE inputs ADD COLUMN witness TEXT NOT NULL DEFAULT '';
)sql";

/// No table changes: `inputs.format` may be 4 (tsv), which an older program would not know.
inline constexpr std::string_view tsv_inputs;

/// What a request is made of beside prompt and system; parts with a pack size, model or endpoint of their own.
/// `inputs.format` may be 5 (files) and 6 (requests).
inline constexpr std::string_view every_endpoint = R"sql(
ALTER TABLE jobs ADD COLUMN messages TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN body TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN schema TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN inputs_per_request INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN inputs_per_request INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN endpoint TEXT NOT NULL DEFAULT '';
)sql";

/// What is done when a job ends, and the wish that it end early. `parts.state` may be 10 (abandoned).
inline constexpr std::string_view deliveries = R"sql(
ALTER TABLE jobs ADD COLUMN out TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN on_done TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN delivered_at INTEGER;
ALTER TABLE jobs ADD COLUMN hook_begun_at INTEGER;
ALTER TABLE jobs ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN fetched_at INTEGER;
)sql";

/// Which unusable answers count as succeeded.
inline constexpr std::string_view acceptance = R"sql(
ALTER TABLE jobs ADD COLUMN accept TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN accepted TEXT NOT NULL DEFAULT '';
)sql";

/// What is known of an account's queue, what waits and tries again, and parts with overrides.
inline constexpr std::string_view survival = R"sql(
ALTER TABLE jobs ADD COLUMN limit_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN adopt_grace INTEGER NOT NULL DEFAULT 60000;
ALTER TABLE jobs ADD COLUMN enqueued_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN stop_on_failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN probe_at INTEGER;
ALTER TABLE jobs ADD COLUMN probes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN advanced_at INTEGER;
ALTER TABLE parts ADD COLUMN file_created_at INTEGER;
ALTER TABLE parts ADD COLUMN max_output_tokens INTEGER;
ALTER TABLE parts ADD COLUMN set_fields TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN remote_total INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN short_since INTEGER;
ALTER TABLE parts ADD COLUMN reread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN gone_since INTEGER;
ALTER TABLE parts ADD COLUMN born_at INTEGER;
ALTER TABLE parts ADD COLUMN outcomes_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN failed_for_good INTEGER NOT NULL DEFAULT 0;
CREATE TABLE queues (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  named_tokens INTEGER,
  named_since INTEGER,
  own_tokens INTEGER,
  own_since INTEGER,
  admitted_tokens INTEGER NOT NULL,
  named_requests INTEGER,
  quiet_since INTEGER,
  refusals INTEGER NOT NULL,
  failing_since INTEGER,
  PRIMARY KEY (account, model)
);
CREATE VIEW enqueued AS
  SELECT jobs.account AS account,
         CASE parts.model WHEN '' THEN jobs.model ELSE parts.model END AS model,
         parts.job AS job,
         parts.number AS part,
         parts.state AS state,
         parts.estimated_tokens AS tokens,
         parts.requests AS requests,
         parts.batch AS batch,
         coalesce(parts.remote_created_at, (SELECT max(begun_at) FROM calls
           WHERE calls.job = parts.job AND calls.part = parts.number AND calls.kind = 1)) AS created_at,
         parts.remote_status AS remote_status,
         jobs.created_at AS job_created_at,
         jobs.advanced_at AS advanced_at,
         jobs.pause = 0 AND jobs.cancel = 0 AS may_send
  FROM parts JOIN jobs ON jobs.name = parts.job
  WHERE parts.state BETWEEN 2 AND 5 AND parts.route = 0;
)sql";

/// Jobs that were rebuilt from the server, or took over batches made elsewhere; when batches were seen in the queue.
inline constexpr std::string_view rebuilding = R"sql(
ALTER TABLE jobs ADD COLUMN standing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN elsewhere INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN admitted_at INTEGER;
ALTER TABLE parts ADD COLUMN seen_live_at INTEGER;
DROP VIEW enqueued;
CREATE VIEW enqueued AS
  SELECT jobs.account AS account,
         CASE parts.model WHEN '' THEN jobs.model ELSE parts.model END AS model,
         parts.job AS job,
         parts.number AS part,
         parts.state AS state,
         parts.estimated_tokens AS tokens,
         parts.requests AS requests,
         parts.batch AS batch,
         coalesce(parts.remote_created_at, (SELECT max(begun_at) FROM calls
           WHERE calls.job = parts.job AND calls.part = parts.number AND calls.kind = 1)) AS created_at,
         parts.remote_status AS remote_status,
         parts.admitted_at AS admitted_at,
         parts.seen_live_at AS seen_live_at,
         jobs.created_at AS job_created_at,
         jobs.advanced_at AS advanced_at,
         jobs.pause = 0 AND jobs.cancel = 0 AND jobs.standing = 0 AS may_send
  FROM parts JOIN jobs ON jobs.name = parts.job
  WHERE parts.state BETWEEN 2 AND 5 AND parts.route = 0;
)sql";

/// The real-time route and the switch to it.
inline constexpr std::string_view realtime = R"sql(
ALTER TABLE jobs ADD COLUMN service_tier TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN realtime_requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN realtime_tokens INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN max_in_flight INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN headroom INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN drain_timeout INTEGER NOT NULL DEFAULT 900000;
ALTER TABLE jobs ADD COLUMN deadline INTEGER;
ALTER TABLE jobs ADD COLUMN patience INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN switched_at INTEGER;
ALTER TABLE parts ADD COLUMN pick INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN billed_again INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN progress_at INTEGER;
ALTER TABLE parts ADD COLUMN cancelled_at INTEGER;
CREATE TABLE urgent (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  position INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (job, position)
);
CREATE TABLE rates (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  requests INTEGER,
  tokens INTEGER,
  latency INTEGER,
  cancelling INTEGER,
  seen_at INTEGER NOT NULL,
  PRIMARY KEY (account, model)
);
CREATE TABLE senders (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  process TEXT NOT NULL,
  at INTEGER NOT NULL,
  in_flight INTEGER NOT NULL,
  allowed INTEGER,
  why TEXT NOT NULL,
  PRIMARY KEY (account, model, process)
);
)sql";

/// When a job ended, and what of it was cancelled rather than answered.
inline constexpr std::string_view endings = R"sql(
ALTER TABLE jobs ADD COLUMN ended_at INTEGER;
ALTER TABLE parts ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
)sql";

/// When it was last seen that all is put off.
inline constexpr std::string_view put_off = R"sql(
ALTER TABLE queues ADD COLUMN failing_seen INTEGER;
)sql";

/// What was spent by day and tier, what answers of a prompt have taught, and the user's prices and cap.
inline constexpr std::string_view accounts = R"sql(
ALTER TABLE jobs ADD COLUMN input_price INTEGER;
ALTER TABLE jobs ADD COLUMN output_price INTEGER;
ALTER TABLE jobs ADD COLUMN max_cost INTEGER;
ALTER TABLE jobs ADD COLUMN strict_cap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN cache_write_tokens INTEGER NOT NULL DEFAULT 0;
CREATE TABLE spending (
  job TEXT NOT NULL REFERENCES jobs ON DELETE CASCADE,
  part INTEGER NOT NULL,
  day INTEGER NOT NULL,
  tier TEXT NOT NULL,
  items INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  cost INTEGER,
  realtime INTEGER,
  PRIMARY KEY (job, part, day, tier)
);
CREATE TABLE experiences (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  estimated INTEGER NOT NULL,
  input INTEGER NOT NULL,
  outputs TEXT NOT NULL,
  PRIMARY KEY (account, model, prompt)
);
)sql";

/// The items that are tried first, and whether the user is asked before the rest goes. `parts.pick` may be 3 (probe).
inline constexpr std::string_view probing = R"sql(
ALTER TABLE jobs ADD COLUMN probe TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN awaits_word INTEGER NOT NULL DEFAULT 0;
)sql";

/// What bounds the answers of a part's ready-made requests, the range of what a job was to cost, and requests beside
/// items.
inline constexpr std::string_view bounds = R"sql(
ALTER TABLE parts ADD COLUMN output_bound INTEGER;
ALTER TABLE parts ADD COLUMN largest_input INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN before_cap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN estimated_low INTEGER;
ALTER TABLE jobs ADD COLUMN estimated_high INTEGER;
ALTER TABLE spending ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
)sql";

/// What answers have taught, by the jobs that asked; what prompt caches did for them, by route.
inline constexpr std::string_view caching = R"sql(
ALTER TABLE jobs ADD COLUMN told_live_is_cheaper INTEGER NOT NULL DEFAULT 0;
ALTER TABLE experiences RENAME TO old_experiences;
CREATE TABLE experiences (
  account TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt TEXT NOT NULL,
  job TEXT NOT NULL,
  estimated INTEGER NOT NULL,
  input INTEGER NOT NULL,
  outputs TEXT NOT NULL,
  batch_answers INTEGER NOT NULL DEFAULT 0,
  batch_input INTEGER NOT NULL DEFAULT 0,
  batch_cached INTEGER NOT NULL DEFAULT 0,
  batch_cache_write INTEGER NOT NULL DEFAULT 0,
  live_answers INTEGER NOT NULL DEFAULT 0,
  live_input INTEGER NOT NULL DEFAULT 0,
  live_cached INTEGER NOT NULL DEFAULT 0,
  live_cache_write INTEGER NOT NULL DEFAULT 0,
  shared INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account, model, prompt, job)
);
INSERT INTO experiences (account, model, prompt, job, estimated, input, outputs)
  SELECT account, model, prompt, '', estimated, input, outputs FROM old_experiences;
DROP TABLE old_experiences;
)sql";

/// What a cap is of, and what its keeping needs to know of ready-made requests; what a part that is being sent in real
/// time came to so far.
inline constexpr std::string_view caps = R"sql(
ALTER TABLE jobs ADD COLUMN named_tiers TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN finish_has_cap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN choices INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN spent_before_cap INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN spent_so_far INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN realtime_so_far INTEGER NOT NULL DEFAULT 0;
ALTER TABLE parts ADD COLUMN priced_so_far INTEGER NOT NULL DEFAULT 1;
ALTER TABLE parts ADD COLUMN journal_read INTEGER NOT NULL DEFAULT 0;
)sql";

/// No table changes: outcome files say where lines stand (results/outcome_line.hpp), which older programs cannot read.
inline constexpr std::string_view lines_elsewhere;

/// Jobs that take little room on the disk.
inline constexpr std::string_view small_jobs = R"sql(
ALTER TABLE jobs ADD COLUMN compress INTEGER NOT NULL DEFAULT 0;
)sql";

/// The keys of an input's records, which a table has as its columns: a JSON array, empty where they are not known.
inline constexpr std::string_view columns_of_inputs = R"sql(
ALTER TABLE inputs ADD COLUMN columns TEXT NOT NULL DEFAULT '';
)sql";

inline constexpr std::array migrations{first_tables, witness_of_inputs, tsv_inputs, every_endpoint,   deliveries,
                                       acceptance,   survival,          rebuilding, realtime,         endings,
                                       put_off,      accounts,          probing,    bounds,           caching,
                                       caps,         lines_elsewhere,   small_jobs, columns_of_inputs};
inline constexpr int schema_version = static_cast<int>(migrations.size());

} // namespace batchwright::store
