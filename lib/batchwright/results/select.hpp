// Which failed items are meant: conditions on their merged records. Comes in: `error.code=truncated`, as the user
// writes it. Goes out: whether an outcome keeps to all of them; and outcome files without those that do.
#pragma once

#include <batchwright/model/job.hpp>
#include <batchwright/results/results.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace batchwright::results {

class FailedItems {
public:
  /// Throws `Fault::usage` for what is no condition on a member of a record. None: all that failed.
  FailedItems(const Job& job, const std::vector<std::string>& where);
  FailedItems(const FailedItems&) = delete;
  FailedItems& operator=(const FailedItems&) = delete;
  ~FailedItems();

  /// Whether the item failed and its record has, at each path, the value: a text as it reads, anything else as its
  /// JSON stands; `null` where nothing stands there. REQUIRED: the outcome has a source, where it has an answer.
  bool has(const Outcome& outcome);

private:
  struct State;
  std::unique_ptr<State> m_state;
};

/// Writes a part's outcomes without those that go, durably, into another file. Returns the sums: what went is left.
/// Throws `Fault::storage`.
Settlement take_out(const OutcomeFile& from, const std::filesystem::path& to, const Settlement& sums,
                    const std::function<bool(const Outcome& outcome)>& goes);

} // namespace batchwright::results
