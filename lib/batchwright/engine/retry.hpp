// Failed items again, as the user asks: taken out of the outcomes of their settled parts, they become new parts. Comes
// in: which items, and what is to be asked otherwise of them. Goes out: what that comes to, and, once the user
// consents, one commit that makes it so. Sends nothing: the next advance does.
#pragma once

#include <batchwright/base/files.hpp>
#include <batchwright/engine/engine.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace batchwright::engine {

struct RetryAsk {
  std::vector<std::string> where = {}; ///< conditions on records, as results::FailedItems takes them; all must hold
  // Overrides, for the items that are sent again only.
  std::string model = {}; ///< empty: as before
  std::optional<std::int64_t> max_output_tokens = {};
  std::vector<std::pair<std::string, std::string>> set = {}; ///< body fields: name and JSON text
  std::optional<PicoUsd> max_cost = {};                      ///< what the job may spend from now on; nothing: as before
};

/// What it comes to; nothing is changed yet.
struct Retry {
  /// A settled part that gives items back.
  struct Source {
    int part = 0;
    std::uint64_t items = 0;
  };

  RetryAsk ask = {};
  Job job = {};
  PlanView plan = {};
  Tokens output_allowed = {}; ///< what bounds allow the answers to hold
  std::vector<Source> sources = {};
  std::vector<Part> parts = {};   ///< that will hold them
  std::uint64_t copies = 0;       ///< items that are meant, but ask what others ask: they get what becomes of those
  std::uint64_t out_of_reach = 0; ///< items that are meant, but whose batch was given up and may still answer them
  std::unique_ptr<TemporaryDirectory> lists = {};
};

/// Finds the failed items that are meant, and cuts them into parts. Throws `Fault::usage` for conditions and overrides
/// that cannot be, and where all that is meant is out of reach; `Fault::unfinished` while the job is being cancelled;
/// `Fault::input` for an input that is not what it was. REQUIRED: the job's lock is held, until begin_retry().
Retry plan_retry(Tools& tools, const std::string& job, const RetryAsk& ask);

/// Makes it so: either all of it or, whatever happens, nothing. What was paid for these items stays in the sums. The
/// job is open again: its end is owed anew, and a pause for failures is over; so is a wish to cancel that was
/// fulfilled. Throws `Fault::disk`, before anything is changed, where the disk has no room for what this may bring.
void begin_retry(Tools& tools, const Retry& retry);

/// Batches of a job that is paused because nobody can tell whether the server made them.
struct Unknown {
  std::vector<int> parts = {};
  std::uint64_t items = 0;
};

/// None, where the job is not paused for that. REQUIRED: the job's lock is held.
Unknown unknown_batches(Tools& tools, const std::string& job);

/// The user says that these are to be sent again: their calls count as not arrived, and stay watched, since what they
/// made may yet show. The pause is over. REQUIRED: the job's lock is held since unknown_batches().
void give_up_unknown(Tools& tools, const std::string& job, const Unknown& unknown);

} // namespace batchwright::engine
