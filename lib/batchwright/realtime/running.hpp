// A work in progress: which of its requests goes next, and what becomes of one that comes home. Private to realtime/.
// Knows neither threads nor rates; its owner guards it. Only the journal is safe from many threads.
#pragma once

#include <batchwright/realtime/call.hpp>
#include <batchwright/realtime/decide.hpp>
#include <batchwright/realtime/journal.hpp>
#include <batchwright/realtime/processor.hpp>

#include <exception>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::realtime {

class Running {
public:
  /// Opens the journal, and goes on where it ends. Throws as the journal and the request file do.
  Running(Work work, Processor::OnOver on_over);

  const Work& work() const { return m_work; }

  // --- what goes next ---

  /// Whether a request may go now; where one may go later, `next` is no later than that. Of those that are sent again
  /// `most_waiting` wait at most before new ones wait, too. A file that cannot be read breaks the work off.
  bool has_next(Instant now, std::uint64_t most_waiting, Instant& next);
  /// The same, but first one that was never sent, where there is any and no more than `most_waiting` wait: those that
  /// fail again and again tell less of whether the server is back.
  bool has_probe(Instant now, std::uint64_t most_waiting, Instant& next);
  /// The request that was found. REQUIRED: has_next() or has_probe().
  const Call& next(Instant now) const;
  /// Takes it, with its begin line in the journal. Nothing where the disk takes no such line: then nothing more goes.
  std::optional<Call> begin_next(Instant now);

  // --- what it costs ---
  /// Whether enough is left in the purse for the request that was found.
  bool can_pay(Instant now) const;
  /// Takes it out. False where it is not left any more.
  bool pay(Instant now);
  /// Puts back what was taken for a request that was not sent.
  void refund(PicoUsd price);
  /// What came home cost so much and no more, or may have been billed and counts whole.
  void account(const Call& call, const api::Answered& answered, const Decision& decision);

  // --- what came home ---

  /// 403, and no other answer yet: whether it counts is known when there is another.
  bool is_to_be_held(const Decision& decision) const { return decision.then == Then::hold && !m_has_answers; }
  void hold(const Call& call, const api::Answered& answered, const Decision& decision);
  /// The answer stands in the journal.
  void was_answered(const api::Answered& answered, const Decision& decision);
  /// It brought nothing that counts, and goes again at that time.
  void send_again(Call call, const Decision& decision, Instant at);
  /// It was begun, and surely never sent.
  void take_back(const Call& call);

  // --- its end ---

  void stop() { m_is_stopping = true; }
  bool is_stopping() const { return m_is_stopping; }
  /// Something stands in the way of all requests.
  void meet(Obstacle obstacle, const std::string& words);
  /// The request that was found cannot be paid.
  void lack_money(Instant now);
  /// An exception ends it; the first one is told.
  void break_off(std::exception_ptr fault);
  /// Whether nothing is in flight and nothing more goes.
  bool is_over();
  /// Settles and closes the journal, and tells. Once; nobody may have it any more.
  void conclude();

  Pulse pulse() const;

  std::optional<Journal> journal = {}; ///< until the work is concluded
  std::uint64_t in_flight = 0;
  std::uint64_t given_up = 0; ///< of those, when the work was dropped
  int storing = 0;            ///< threads that write answers into the journal now
  bool is_dropped = false;
  bool is_careful = false; ///< nothing goes beside another request

private:
  struct Held {
    Call call = {};
    std::string line = {};
    std::string why = {};
  };

  bool all_forbidden() const;
  bool read_head();
  void find_head();
  bool is_due(Instant now) const;
  bool goes_again(Instant now) const;
  void store_held();
  void miss_held();

  Work m_work;
  Processor::OnOver m_on_over;
  RequestFile m_file;
  std::optional<Call> m_head = {};           // read, and not sent yet
  std::multimap<Instant, Call> m_again = {}; // to be sent again, by their time
  std::vector<Held> m_held = {};
  bool m_prefers_new = false; // what goes next is one that was never sent, where there is any
  bool m_is_stopping = false;
  bool m_has_answers = false; // some that are no 403
  std::uint64_t m_failed = 0;
  Result m_result = {};
};

/// The journal's line for what is kept of an answer.
std::string line_of(const Call& call, const api::Answered& answered, const Decision& decision);

} // namespace batchwright::realtime
