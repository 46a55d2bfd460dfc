// Outcomes of some items become those of others that ask the same. Comes in: where they stand, in outcome files of this
// job or of others. Goes out: an outcome file of a part. Never: asks whether they ask the same.
#pragma once

#include <batchwright/results/gather.hpp>
#include <batchwright/results/results.hpp>

#include <filesystem>
#include <functional>
#include <vector>

namespace batchwright::results {

/// Takes an outcome, and where its line stands.
using OnOutcome = std::function<void(const Outcome& outcome, const Span& line)>;

/// Hands over each outcome of a file, in its order; `source` is the number that the spans give the file. Throws
/// `Fault::storage` where it cannot be read, or holds something else.
void each_outcome(const std::filesystem::path& file, std::size_t source, const OnOutcome& on_outcome);

/// Whether an answer is as good as a new one under a policy: nothing is against it, or what the policy accepts.
bool is_good(const Outcome& outcome, const Policy& policy);

/// Where the lines stand that become a part's outcomes.
struct LinesToTake {
  std::vector<std::filesystem::path> sources = {};
  std::vector<Span> lines = {}; ///< one for each item, in the order of the items
};

/// The files of the part that gets them.
struct TakeOverFiles {
  std::filesystem::path ordinals = {}; ///< its list
  std::filesystem::path ids = {};      ///< the user's ids, one JSON string a line; empty: the ids are ours
  std::filesystem::path outcomes = {}; ///< written, durably
};

/// Writes the outcomes: answers byte for byte, but for their custom_id; the policy says whether one that cannot be used
/// counts as succeeded. They used and cost nothing. Done again, it gives the same bytes. Memory: that of gather().
/// Throws `Fault::storage`, `Fault::disk`.
Settlement take_over(const Part& part, const TakeOverFiles& files, const LinesToTake& from, const Policy& policy);

} // namespace batchwright::results
