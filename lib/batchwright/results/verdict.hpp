// What is said of items that have no line they can be read from. Comes in: why there is none. Goes out: a judgement and
// words for the line of ours that stands in its place. Private to results/.
#pragma once

#include <batchwright/model/outcome.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>

namespace batchwright::wire {
struct BatchError;
}

namespace batchwright::results {

struct Verdict {
  Judgement judgement = Judgement::transient;
  bool paid = false;
  std::string code = {};
  std::string message = {};
};

/// Of items without a line: one verdict for all, but for those a failed batch names by line.
class Unanswered {
public:
  /// `failed_batch` is the object of a batch that failed as a whole, else empty; `nameless` lines could not be read,
  /// and nobody knows whose they are. `lines`: so many requests have an item each, in its order; 0 where they have not.
  /// `lost`: a file of the part's is gone at the server.
  Unanswered(const std::filesystem::path& failed_batch, std::size_t lines, std::uint64_t nameless, bool lost);
  /// Of a real-time part: what it did not come to is for another.
  Unanswered();

  /// Of the item at this place of the part.
  const Verdict& of(std::size_t place) const;

private:
  void read_refusal(const std::filesystem::path& failed_batch, std::size_t lines);

  Verdict m_all = {};
  std::unordered_map<std::size_t, Verdict> m_named = {}; // by the place of the item, which is its line
};

/// Of an item whose line is there, and cannot be read.
Verdict verdict_on_unreadable();

/// Of an item that its pack's answer says nothing of use about.
Verdict verdict_on_no_element();

/// Of the items that a cancelled job does not try again.
Verdict verdict_on_cancelled(Cancelled cancelled);

/// The same of an item that had a request in flight: nobody can tell that it was not billed.
Verdict maybe_billed(Verdict verdict);

} // namespace batchwright::results
