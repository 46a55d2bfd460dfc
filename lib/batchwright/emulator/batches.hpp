// The Batches endpoints and the life of each batch.
//
// In: calls, and the files they name. Out: batch objects, listings by pages, output and error files in the file store.
// Each live batch has a thread that takes it through validating, in_progress, finalizing to its end, at the speeds of
// the faults, so that a client sees progress between two looks; what is not done 24 hours after its creation, by the
// server's clock, is expired. A few of them work at a time, the others wait in their state for a turn: a live batch
// costs 8 bytes a request, those at work a few megabytes each, an ended one its object. Foreign batches (faults.hpp)
// stand among the others and have no thread.
// Never: runs a request itself (execution.hpp) or judges a line (validation.hpp).
//
// Bodies: batches.cpp the endpoints, batch_life.cpp the thread, batch_room.cpp the room for enqueued work,
// batch_book.cpp what the ledger tells of batches.
#pragma once

#include <batchwright/emulator/batch_object.hpp>
#include <batchwright/emulator/execution.hpp>
#include <batchwright/emulator/file_store.hpp>
#include <batchwright/emulator/ledger.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/setting.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace batchwright::emulator {

class Batches {
public:
  Batches(const Setting& setting, FileStore& files, Ledger& ledger, PromptCache& cache);
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;
  ~Batches();

  Reply create(Call& call);
  Reply list(const Call& call) const;
  Reply retrieve(const std::string& id) const;
  Reply cancel(const std::string& id);

  /// Must be called when other faults are in force: ends their foreign batches, makes the new ones, and has every batch
  /// look at its rules again.
  void faults_changed();
  /// Must be called when the clock was moved: has every batch look at it again.
  void clock_moved();

  /// Ends all threads; batches stay in the state they are in. May be called again.
  void stop();

  /// The members that ledger.hpp tells of batches, of an open object.
  void write_ledger(json::Writer& w) const;

private:
  /// Whose a batch is.
  enum class Owner {
    client,
    stranger
  };
  struct Live {
    Batch batch = {};
    Owner owner = Owner::client;
    std::optional<Instant> until = {}; ///< when a stranger's batch is completed
    Millis ahead = {};                 ///< of the clock, at its creation
    bool cancel_asked = false;
    std::jthread thread = {};
  };
  /// What only the ledger wants to know. Peaks are of batches that had not ended when another was created.
  struct Book {
    std::int64_t created = 0;
    std::int64_t refused_for_room = 0;
    std::int64_t cancels_asked = 0;
    std::int64_t foreign_cancelled = 0;
    std::int64_t peak_live = 0;
    std::int64_t peak_live_per_file = 0;
    std::int64_t peak_live_per_content = 0;
  };

  Batch* find(const std::string& id) const;

  /// What ends a wait early: a cancel or the server's stop, or the stop alone.
  enum class Until {
    cancel,
    stop
  };
  /// One of the few turns at work, for the length of a scope.
  class Turn {
  public:
    Turn(Batches& batches, Live& live, Until until) : m_batches(batches), m_taken(batches.take_turn(live, until)) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn()
    {
      if (m_taken) m_batches.end_turn();
    }
    /// False where what ends a wait came first.
    explicit operator bool() const noexcept { return m_taken; }

  private:
    Batches& m_batches;
    bool m_taken;
  };
  struct OutputIds {
    std::string output = {};
    std::string error = {};
  };

  /// What became of a batch's validation. After `ended` its thread has nothing left to do.
  enum class Start {
    go,
    ended,
    cancelled,
    stopped
  };
  /// How a batch came out of a state that rules may keep it in.
  enum class Held {
    free,     ///< no rule keeps it
    over,     ///< its 24 hours are over
    cut_short ///< by a cancel or the stop
  };

  // For the endpoints. REQUIRED: the lock is held.
  std::vector<std::jthread> take_ended();
  std::optional<Reply> refusal_for_room(Batch& batch, const Checked& checked);
  Live& add(Batch batch);
  BatchView view_of(const Faults& faults) const;
  std::optional<Reply> refusal_of_cancel(const Batch& batch) const;

  // Room and strangers. REQUIRED: the lock is held.
  std::optional<BatchError> lack_of_room(const Batch& batch, const Load& own) const;
  Load load_beside(const Batch& batch) const;
  void add_foreign();
  void end_foreign() const;
  void note_twins(const Batch& batch);

  // On the batch's own thread.
  void run(Live& live);
  void live_through(Live& live);
  Start validate(Live& live, Checked& checked);
  Start judge(Live& live, Checked& checked);
  Start admit(Live& live, const Checked& checked);
  Start expire_early(Live& live);
  bool stuck(const Batch& batch, StuckIn state) const;
  Held hold(Live& live, StuckIn state, Until until = Until::cancel);
  void execute(Live& live, Execution& execution, Instant begun);
  bool expires(const Live& live, const Execution& execution) const;
  std::size_t last_of(const Live& live, std::size_t size) const;
  void run_stride(Live& live, Execution& execution, std::size_t target);
  std::optional<BatchState> wind_up(Live& live, Execution& execution);
  bool linger_cancelling(Live& live);
  bool leave_rest(Live& live, Execution& execution, BatchState end);
  void publish(Live& live, Execution& execution, const OutputIds& ids, BatchState end);
  std::string keep_output(const Batch& batch, const std::string& id, std::uint64_t bytes, FileObject::Kind kind);
  Start fail(Live& live, std::vector<BatchError> errors);
  void end_cancelled(Live& live);
  void show_progress(Live& live, const Execution& execution);
  void enter(Live& live, BatchState state);
  bool ends_wait(const Live& live, Until until) const;
  bool take_turn(const Live& live, Until until);
  void end_turn();
  void wake_all();
  bool wait_until(Live& live, Instant t, Until until = Until::cancel);
  bool spend(Live& live, Instant from, std::int64_t Faults::*speed, Until until = Until::cancel);
  bool cancelled(const Live& live) const;

  const Setting& m_setting;
  FileStore& m_files;
  Ledger& m_ledger;
  PromptCache& m_cache;
  mutable std::mutex m_mutex;          // of all below
  std::condition_variable m_changed;   // a cancel, the stop
  std::condition_variable m_turn_free; // those, and a turn given back
  bool m_stopping = false;
  int m_turns = 0; // taken
  Book m_book = {};
  mutable std::deque<Live> m_batches = {}; // in order of creation; addresses stay
  std::map<std::string, std::size_t> m_places = {};
};

} // namespace batchwright::emulator
