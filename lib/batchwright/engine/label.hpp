// What a batch at the server says of the part it was made of: its metadata, written and read in one place. It holds
// enough that a job can be rebuilt from the server alone.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/wire/objects.hpp>

#include <optional>
#include <string>

namespace batchwright::engine {

/// The pairs `bw_...` of a batch's metadata:
///
///   bw_call        the uuid of the POST that created it
///   bw_job         the job's name; bw_job_uuid tells it from others of that name
///   bw_part        the part's number; bw_attempt, bw_tokens (our estimate)
///   bw_first, bw_last, bw_count   its items; bw_items: those of the job
///   bw_mark        where its first item stands in the input: "ordinal:input:offset:line"
///   bw_options     the digest of what the job sends
///   bw_form        JSON, what cannot be read off its requests: {"model","pack","requests","ids","lines","schema"}, and
///   of
///                  the job's policy, where it is not the usual one, {"attempts","fallback"}, and "without", the items
///                  of its range that are not its own, where it holds all but those that were tried first
///   bw_overrides   JSON, where it is asked otherwise than the job; bw_overrides_2, bw_overrides_3 go on where that is
///                  long
struct Label {
  std::string call = {};
  std::string job = {};
  std::string job_uuid = {};
  std::uint64_t job_items = 0;
  std::string options = {};
  std::string id_column = {};               ///< of the job
  bool ready_made = false;                  ///< the job's requests are
  bool has_schema = false;                  ///< the job's answers keep to one
  int max_attempts = Policy{}.max_attempts; ///< of the job when the batch was made
  Fallback fallback = Policy{}.fallback;    ///< likewise
  std::vector<Ordinal> without = {};        ///< the only items of its range that are not its own; empty: not told
  bool overrides_lost = false; ///< the part is asked otherwise than the job, in more words than the metadata takes
  Part part = {}; ///< number, attempt, ordinals, mark, size of packs, model, endpoint, overrides, tokens, requests
};

/// The metadata of a call that creates the batch of a part.
wire::Metadata metadata_of(const Job& job, const Part& part, const std::string& call);

/// What a batch's metadata says; nothing where it is none of ours, or not whole.
std::optional<Label> label_of(const wire::BatchObject& batch);

/// Of two batches of one part, the one to keep: one that lives or has finished before one that failed or was cancelled;
/// of equals the older.
bool is_better(const wire::BatchObject& a, const wire::BatchObject& b);

} // namespace batchwright::engine
