// Inside the room: items of a new job that are not sent. Those that ask what an item of an earlier job asked, of the
// same server, take its answer over, where that is of use; those that ask what another item of the job asks get its
// outcome. They stand in parts of the route `reused`, which cost nothing.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/spending.hpp>
#include <batchwright/requests/digest.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/results/take_over.hpp>
#include <batchwright/store/layout.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace batchwright::engine {

struct Tools;

/// What the user wants not to be sent.
struct ReuseAsk {
  /// In place of a job's name: every job that there is.
  static constexpr std::string_view all_jobs = "all";

  bool dedupe = false;    ///< what others of the job ask
  std::string reuse = {}; ///< what has an answer in this job; empty: nothing

  bool is_any() const { return dedupe || !reuse.empty(); }
};

/// The items that are not sent.
struct Reuse {
  /// Those of one part.
  struct Group {
    Part part = {}; ///< without a number yet
    std::vector<Ordinal> items = {};
    std::vector<requests::Digest> digests = {};
    results::LinesToTake answers = {}; ///< of those that have an answer
    std::vector<Ordinal> leaders = {}; ///< of copies: whose outcome each gets
  };

  std::vector<Group> groups = {};
  std::vector<Ordinal> items = {};    ///< of all groups, ascending
  std::uint64_t of = 0;               ///< how many items the job has, where all were read
  std::uint64_t reused = 0;           ///< items that have an answer
  std::uint64_t repeated = 0;         ///< copies
  std::vector<std::string> from = {}; ///< the jobs that have the answers
};

/// Reads all of the job's input once, then what earlier jobs asked and were answered. An answer is of use where nothing
/// is against it, or what the job's policy accepts; one that was to keep to another schema is of none. Of several jobs
/// the newest one counts. Of equal items the first is sent, or the first urgent one. Memory: about 30 bytes an item of
/// the job, and 100 more for each that is not sent; never by what earlier jobs hold. Throws `Fault::usage` where the
/// job to reuse is not there, is of another server, or nobody knows what its items asked; as requests::read_asked.
Reuse find_reuse(Tools& tools, const Job& job, const ReuseAsk& ask, const requests::OnRead& on_read);

/// Writes the files of the groups' parts, which have their numbers, into the job's directory, durably. Throws
/// `Fault::busy` where an answer is not there any more.
void write_reuse(const Job& job, const Reuse& reuse, const store::JobLayout& files);

/// The outcomes of a part of copies: those that its leaders have in `parts` by now. Writes its outcome file. REQUIRED:
/// each of them has one.
Settlement copy_outcomes(const Job& job, const Part& copies, const std::vector<Part>& parts,
                         const store::JobLayout& files);

/// Copies are to be made anew: what they were made of has become another.
void reopen(Part& copies);

/// What a part of the route came to: its items, for nothing.
std::vector<Spending> nothing_spent(const Part& part, Instant now);

} // namespace batchwright::engine
