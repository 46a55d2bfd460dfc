// The journal of a real-time part, which is its output file: begins, misses and answers, appended. A line is in the
// system's hands before the call that writes it returns, so that a killed process loses none; answers are made durable
// in groups, a few milliseconds and a sync of the disk later, or at once where a caller waits for it. Comes in: the
// path, and how many requests the part has. Goes out: what is known of each request. Never: knows what an answer means.
#pragma once

#include <batchwright/model/journal_line.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace batchwright::realtime {

/// What the journal says of one request.
struct Known {
  bool answered = false;
  int attempt = 0;        ///< the highest that was begun or answered; 0: none
  bool open = false;      ///< the last one begun is neither missed nor answered: it was in flight when we were killed
  bool timed_out = false; ///< one that was missed took as long as it may
};

/// Room on the disk is reserved before each begin, so that a full disk shows before a request is sent, and not when its
/// answer comes, which is paid for. Where the file system reserves nothing, it shows when it does.
class Journal {
public:
  /// Opens or makes it, mode 0600, and reads what it holds. A torn tail is cut off: what stands behind the last
  /// newline, zeros after a loss of power included. Lines that are none of ours stay, and say nothing. Memory: four
  /// bytes a request. Throws `Fault::disk`, `Fault::storage`, `Fault::bug` for lines of requests that the part does not
  /// have.
  Journal(const std::filesystem::path& path, std::uint64_t requests);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  /// Syncs what is not yet, and gives back the room that was reserved and not needed; never throws.
  ~Journal();

  Known known(std::uint64_t request) const;
  std::uint64_t answered() const;
  /// How many begins there are that nothing followed, or that were missed and may have been billed, though another
  /// begin of that request came later: what may have been billed twice.
  std::uint64_t billed_again() const;

  // Safe from many threads. Throw `Fault::disk` where the disk is full; what was half written is taken back, and they
  // may be called again. Where written bytes could not be made durable, nobody knows which: every later call throws it.

  void begin(std::uint64_t request, int attempt);
  /// The kind of the line goes without saying.
  void missed(const JournalLine& missed, std::string_view why);
  /// `line` is whole, newline included, and begins as `append_answer_id` makes it.
  void answer(std::uint64_t request, std::string_view line);
  /// Waits until all that was written so far is durable. Throws `Fault::disk`.
  void sync();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::realtime
