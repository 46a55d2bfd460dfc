// What is due: one pure function of a job's state and the time. A first run and a resumed run ask the same question, so
// there is no resume path.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace batchwright::engine {

/// One thing that can be done for a part now. In the order in which they are wanted: what was paid for comes home
/// first.
enum class Do : std::uint8_t {
  settle,         ///< both files are whole on disk: fix the outcomes
  judge,          ///< another policy of what is accepted: count the outcomes anew
  copy,           ///< all that was sent has its outcome: items that ask the same get it, too
  download,       ///< the batch ended: bring its files home
  cancel,         ///< POST /batches/{id}/cancel
  poll,           ///< ask for the batch
  look_for_batch, ///< a POST /batches has no known answer: ask the listing
  give_up,        ///< the job is cancelled: fix the outcomes of what is not waited for
  reroute,        ///< all that is left goes in real time: a part without a batch, too
  call,           ///< send the requests of a real-time part
  create,         ///< POST /batches
  look_for_file,  ///< a POST /files has no known answer: ask the listing
  upload,         ///< POST /files
  build,          ///< write the request file
  join,           ///< gather children into one part
};

std::string_view name(Do what);

struct Action {
  Do what = Do::poll;
  int part = 0;

  auto operator<=>(const Action&) const = default;
};

/// Whether the command at work may send requests that cost money. `fetch` may not.
enum class Sending : std::uint8_t {
  no,
  yes
};

struct Due {
  std::vector<Action> now = {};     ///< most wanted first
  std::optional<Instant> next = {}; ///< when something else becomes due; nothing: only after an answer, or never
};

/// Whether a part was settled when other answers were accepted than are now.
bool is_judged_otherwise(const Part& part, const Policy& policy);

/// Whether copies have to wait: what was sent is not over, or not judged as the policy has it now.
bool waits_for_leaders(const std::vector<Part>& parts, const Policy& policy);

/// Whether items can fail that no answer came for: under custom_ids, which of a job without its input may be unknown.
bool may_give_up(const Job& job);

/// The question. `busy` parts are being worked on and are left alone.
Due due(const Job& job, const std::vector<Part>& parts, const std::set<int>& busy, Instant now, Sending sending);

/// None of our waits is longer, but for the grace time: what is due later than that was recorded by a clock that was
/// ahead, and is due now.
inline constexpr Millis longest_wait{2 * 3'600'000};

/// How many real-time parts of a model are sent at once: while the last answers of one are waited for, the next ones
/// go.
inline constexpr int called_at_once = 3;

/// How many request files of a model may stand built, uploaded or not, without a batch. Disks, ours and the server's,
/// are not filled with what cannot go yet.
int built_ahead(const Job& job);

/// The wait before a batch is asked for again: short at first, growing to three minutes. `polls` so far.
Millis poll_wait(int polls);

/// How long a job that is paused for want of quota leaves it alone: 5 minutes, doubling to an hour.
Millis probe_wait(int probes);

/// The wait before outputs that were found wanting are looked for again: 5 s, growing to 5 minutes. `looks` so far.
Millis second_look_wait(int looks);

/// The wait after network trouble, growing from 1 s to a minute.
Millis trouble_wait(int troubles);

} // namespace batchwright::engine
