// Inside the room: one advance of one job, step by step. A step asks what is due and starts it; each effect has its
// pair of functions in effects_*.cpp, one that does it on a worker and one that records what came of it.
#pragma once

#include <batchwright/base/pack.hpp>
#include <batchwright/engine/budget.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/engine/hybrid.hpp>
#include <batchwright/engine/listing.hpp>
#include <batchwright/engine/processors.hpp>
#include <batchwright/engine/queue.hpp>
#include <batchwright/engine/workers.hpp>
#include <batchwright/input/pins.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::results {
class JournalBilling;
}

namespace batchwright::engine {

/// A reply that brought nothing of use, whatever it was to bring.
struct Setback {
  api::Ending ending = api::Ending::unknown;
  int status = 0;
  std::string code = {};
  std::string words = {}; ///< for people
  std::optional<Millis> retry_after = {};
};

template<class T>
Setback setback(const api::Reply<T>& reply)
{
  return {reply.ending, reply.status, reply.error.code, reply.trouble, reply.retry_after};
}

/// What came of bringing the files of an ended batch home.
struct Brought {
  std::optional<Setback> unanswered = {}; ///< the batch was to be asked again, and was not answered for
  std::optional<BatchStatus> seen = {};   ///< what it said when it was asked again
  std::optional<BatchStatus> runs = {};   ///< the same, where it has not ended: nothing was brought
  std::optional<Setback> failed = {};     ///< a file did not come
  std::optional<Setback> gone = {};       ///< a file is not there, though the batch is; the other one came, if any
};

/// What came of asking the server to stop a batch.
struct Stopped {
  api::Reply<wire::BatchObject> reply = {};
  std::optional<api::Reply<wire::BatchObject>> seen = {}; ///< how the batch stands, where it was refused to stop it
};

class Run {
public:
  /// `workers` and `processors` are shared with the other runs of this process; what they do for this run is over
  /// before it is.
  Run(Tools& tools, Server& server, Workers& workers, Processors& processors, Job job, std::vector<Part> parts,
      Goal goal);

  /// Starts what is due and has room. After the goal, an interrupt or a fault it starts nothing more.
  /// Returns how long it may be left alone if no completion comes before.
  Millis step();
  /// Nothing of it is in flight, and nothing more will be started.
  bool is_over() const { return m_course == Course::over; }
  bool is_idle() const { return m_busy.empty(); }
  /// How many real-time requests of it are in flight.
  std::uint64_t calls_in_flight() const;
  /// The job as it stands. Throws what stopped the run. REQUIRED: is_over().
  JobView result() const;

private:
  enum class Course : std::uint8_t {
    going,
    stopping, ///< nothing more is started; what is in flight is recorded
    over
  };

  /// How far a transfer is; written by its worker, read by the owner.
  struct Gauge {
    Phase phase = Phase::uploading;
    std::atomic<std::uint64_t> done{0};
    std::uint64_t total = 0;
  };

  // --- the steps (run.cpp) ---
  void look_at_clock();
  void lift_pause();
  void claim_room();
  const Part* stopping_part() const;
  bool is_held_by_failures() const;
  void tell_of_probe();
  void tell_of_cache(const Part& settled);
  void hold_after_failures();
  void look_for_wish();
  void look_for_late_wish();
  void hurry_to_cancel();
  Millis advance();
  void start(const Action& action);
  results::Cancelled cancelled(const Part& part) const;
  bool wanted(const Action& action) const;
  std::optional<Instant> shut_until(const Action& action) const;
  bool waits_for_room(const Part& part) const;
  bool reached() const;
  bool is_over(const Part& part) const;
  /// The run cannot go on; later faults of what is still in flight are told as warnings.
  void give_up(const std::exception_ptr& fault);
  void report_progress();

  // --- the disk (run_disk.cpp) ---
  bool lacks_room(const Part& part);
  bool lacks_room_for_rest();
  bool stores_first() const;
  void go_on_with_room();
  void pause_for_disk();

  // --- the cap (run_budget.cpp) ---
  void refresh_purse();
  bool may_give_back() const;
  const std::optional<Reserve>& reserve_for(const Part& part) const;
  bool is_too_dear(const Action& action) const;
  std::uint64_t fitting(const Part& part) const;
  std::uint64_t worth_cutting(const Part& part) const;
  void make_fit(const std::vector<int>& dear);
  std::string why_nothing_fits(const std::vector<int>& dear);
  realtime::Spending spending_of(const Part& part) const;

  // --- records (run_records.cpp) ---
  Part& part(int number);
  using Change = std::function<void(Part&, store::Transaction&)>;
  /// One transaction: the change is applied to a copy, committed, and then taken over.
  void record(int number, const Change& change);
  bool ends_with(const Part& changed) const;
  /// Within a change: another part, new or known, that goes with it.
  void also(store::Transaction& tx, const Part& other);
  void record_job(const std::function<void(Job&)>& change);
  void put_call(store::Transaction& tx, const std::string& uuid, CallState state);
  const Call* call_of(int part) const;
  /// A call that is about to be made.
  Call intent(CallKind kind, int part) const;
  void pause(Pause why, const std::string& message);
  void note(Note::Level level, std::string text);
  Instant now() const { return m_tools.clock.now(); }
  requests::PartFiles request_files(const Part& part) const;

  /// When a call for a part is to be tried again. A refused key or quota pauses the job; a refusal that waiting cannot
  /// mend, and a server that is out of reach for a goal that does not wait for it, are thrown.
  Instant later(int part, std::string_view doing, const Setback& setback);
  Instant trouble(int part, std::string_view doing, const Setback& setback);
  [[noreturn]] void reject(std::string_view doing, const Setback& setback) const;

  // --- effects: request files (effects_send.cpp) ---
  void build(const Part& part);
  void upload(const Part& part);
  void record_upload(int number, const std::string& uuid, const api::Reply<wire::FileObject>& reply);
  void look_for_file(const Part& part);
  void record_lost_file(int number, std::string_view words, const std::string& uuid);
  int uploads_of(int number) const;

  // --- effects: batches (effects_create.cpp) ---
  void create(const Part& part);
  void record_create(int number, const std::string& uuid, const api::Reply<wire::BatchObject>& reply);
  void look_for_batch(const Part& part);
  void record_look(int number, const Call& call, const BatchLook& look);
  void record_found(int number, const Call& call, std::vector<wire::BatchObject> found);
  void cancel_others(int number, std::vector<wire::BatchObject> others);
  void record_not_listed(int number, const Call& call);
  void watch(Call call);
  bool looks_for_twins() const;
  bool waits_for_twin_look(int part) const;
  void look_for_twins();
  void meet_twin(const wire::BatchObject& twin);
  void adopt(const wire::BatchObject& batch, const Call& call);
  void forget(Call call, CallState state);

  // --- effects: room at the server (effects_queue.cpp) ---
  const std::string& model_of(const Part& part) const;
  Room room_for(const Part& part) const;
  void let_earlier_go(std::vector<Action>& actions) const;
  bool wants_survey(const Part& part) const;
  void survey(const Part& part);
  std::vector<wire::BatchObject> foreign_among(const std::vector<wire::BatchObject>& listed,
                                               const std::string& model) const;
  void queue_says(const Part& part, Turn said);
  /// Within a change: what is known of the part's queue. Those who wait may ask again.
  void learn(store::Transaction& tx, const Part& part, const std::function<void(Queue&)>& change);
  void learn_admitted(store::Transaction& tx, const Part& part);
  void learn_what_was_seen(const Part& part);
  void record_no_room(int number, const std::string& message, PartEvent event, const std::string& uuid);
  void pause_if_nothing_goes(const Part& part);

  // --- effects: real time (effects_realtime.cpp) ---
  void call(const Part& part);
  void take_called(int number, const realtime::Result& result);
  struct Called;
  void record_called(int number, const Called& called, const realtime::Result& result);
  bool may_call() const;
  void tend_calls();
  void store_figures();
  void note_how_calls_go(const Part& part, const realtime::Condition& condition);
  void reroute(const Part& part);

  // --- the hybrid mode (run_hybrid.cpp) ---
  void look_at_deadline();
  void look_for_stalled();
  void tell_of_stuck();
  void learn_cancelling(store::Transaction& tx, const Part& part);
  Millis longest_between_polls() const;
  bool stays_for_deadline() const;

  // --- effects: other parts of the same items (join.cpp, cut.cpp) ---
  void join(const Part& part);
  void cut(const Part& part);
  void keep_rest(const Part& part);
  struct Made;
  /// New parts of the items of `members`, but for what later parts hold of them, as large as the limits of `within`
  /// allow; the first `items_apart` in parts of their own. 0 items a request: as many as now. `from` tells the job's
  /// history where they are from.
  void replace(const std::vector<Part>& members, const Job& within, std::uint64_t inputs_per_request,
               const std::string& from, Do as, std::uint64_t items_apart = 0);
  void record_replaced(const std::vector<Part>& members, Made& made, const std::string& from);

  // --- effects: collecting (effects_collect.cpp) ---
  void poll(const Part& part);
  void record_poll(int number, const api::Reply<wire::BatchObject>& reply, Instant asked_at);
  void record_unanswered(int number, std::string_view doing, const Setback& setback);
  bool record_nothing_of_abandoned(int number, std::string_view doing, const Setback& setback);
  void settle(const Part& part, const results::SettleFiles& files, results::Cancelled cancelled, Do as);
  void record_settled(int number, const results::Settled& settled);
  void judge(const Part& part);
  void deliver_anew();
  void note_how_it_goes(const Part& part, const results::Settled& settled);
  int highest_number() const;
  Part child_of(const Part& parent, int number, std::uint64_t items) const;
  Route route_after(const Part& parent, int attempt) const;
  Mark nearest_mark(const Part& parent, Ordinal first) const;
  void add_child(store::Transaction& tx, const Part& parent, const results::Left& left,
                 const std::filesystem::path& list, int attempt, std::uint64_t inputs_per_request);

  // --- effects: asking for many (effects_listing.cpp) ---
  void poll_together(std::vector<Action>& actions);
  void record_listed(const std::vector<Part>& asked, const Listed& listed, Instant asked_at);

  // --- effects: outputs (effects_outputs.cpp) ---
  void download(const Part& part);
  Brought bring(Part part, Packing packing, const http::OnBytes& on_received);
  void record_brought(int number, const Brought& brought);
  void record_gone(int number, const Brought& brought);
  void record_withdrawn(int number, const BatchStatus& runs);
  bool may_come_back(const Part& part) const;
  results::Demand demand(const Part& part) const;
  void record_wanting(int number, const results::Lines& lines);
  void tell_of_outputs(const Part& part, const results::Settled& settled);

  // --- effects: copies (effects_copies.cpp) ---
  void copy_outcomes(const Part& part);
  void record_copied(int number, const Settlement& sums);
  void reopen_copies(store::Transaction& tx);

  // --- effects: cancelling (effects_cancel.cpp) ---
  void cancel(const Part& part);
  void tell_stopped(int number, const BatchStatus& status);
  void record_cancel(int number, const Stopped& stopped, Instant asked_at);
  void give_up_part(const Part& part);
  void record_given_up(int number, const results::Settled& settled);

  /// The server's clock, where its answers tell.
  std::optional<Instant> server_time() const;
  template<class Result>
  void read_server_time(const Result& result);

  template<class Work, class Record>
  void on_worker(Do what, int part, Work work, Record record);
  /// One task for several parts.
  template<class Work, class Record>
  void on_worker(Do what, const std::vector<int>& parts, Work work, Record record);

  Tools& m_tools;
  Server& m_server;
  Workers& m_workers;
  Processors& m_processors;
  Job m_job;
  Goal m_goal;
  store::JobLayout m_files;
  std::vector<Part> m_parts = {};
  std::vector<Call> m_calls = {}; // those whose answer is not known
  std::vector<Part> m_also = {};  // of the record at work; taken over after its commit

  Course m_course = Course::going;
  std::exception_ptr m_fault = {};
  std::set<int> m_busy = {};
  std::set<int> m_asked = {};    // parts whose batch was asked for in this advance
  std::set<int> m_unlisted = {}; // parts whose batch the last listing did not show: it is asked for by itself
  std::map<int, std::shared_ptr<Gauge>> m_gauges = {};
  /// A real-time part that is being sent.
  struct Called {
    realtime::Processor* processor = nullptr;
    realtime::Processor::Id id = 0;
    std::int64_t failed_before = 0;   ///< requests that failed before this command
    std::int64_t answered_before = 0; ///< requests that were answered before it, as far as was recorded
    SoFar so_far_before = {};
    std::shared_ptr<results::JournalBilling> billing = {}; ///< of what came since
  };
  std::map<int, Called> m_called = {};
  std::optional<Instant> m_drain_until = {};
  Instant m_next_figures = {};
  std::optional<Instant> m_ends_at = {}; // nothing new is started then
  Instant m_next_deadline_look = {};
  std::set<int> m_told_stuck = {}; // parts whose batch does not stop: that was said
  input::Pins m_pins;
  std::vector<Call> m_watched = {}; // given up, but what they made may still show
  Instant m_next_twin_look = {};
  Instant m_next_claim = {};
  /// Live batches beside those of our parts, as a listing showed them.
  struct Survey {
    Foreign foreign = {};
    Instant at = {};
  };
  std::map<std::string, Survey> m_surveys = {}; // by model
  /// Why nothing of a model is sent now, and when that is asked again.
  struct Shut {
    Turn why = Turn::wait_for_room;
    Instant until = {};
  };
  std::map<std::string, Shut> m_shut = {}; // by model
  bool m_probing = false;                  // paused for want of quota: one part tries
  std::map<int, int> m_troubles = {};      // of a part, in a row: the waits grow with them
  Instant m_next_wish_look = {};
  Instant m_last_step = {};
  bool m_told_of_disk = false;
  std::shared_ptr<realtime::Purse> m_purse = {}; // null: there is no cap
  bool m_waits_for_money = false;
  mutable std::map<int, std::optional<Reserve>> m_reserves = {}; // of parts, since the last record
  std::map<int, PicoUsd> m_unpaid = {}; // of real-time parts that were stopped for want of money: what the next request
                                        // may cost
  Instant m_quiet_until = {};           // several calls that fail together are told once
  std::optional<Instant::duration> m_server_ahead = {}; // of our clock, by the last answer that told its time
};

/// In place of a part's number, for what belongs to the job as a whole.
inline constexpr int no_part = 0;

/// How often the listing is asked for what lost calls may have made.
inline constexpr Millis between_twin_looks{300'000};

/// Whether what a call made may still show: for a day and an hour.
bool is_watched(const Call& call, Instant now);
/// Those of a job.
std::vector<Call> watched_calls(const store::Store& store, const std::string& job, Instant now);

/// Whether the server has let a batch into its queue.
inline bool is_checked(const BatchStatus& status)
{
  return !status.status.empty() && status.status != "validating" &&
         wire::phase(status.status) != wire::BatchPhase::refused;
}

/// What a polled batch object says, as the part keeps it.
BatchStatus status_of(const wire::BatchObject& batch);
/// Whether the server says that it does nothing more for the batch.
bool has_ended(const BatchStatus& status);
/// When the server removes what an ended batch left.
Instant lapse_of(const BatchStatus& status, const wire::Profile& profile, Instant now);
/// Whether the server says that the batch failed its check.
bool failed_as_a_whole(const Part& part);

// ---------------------------------------------------------------------------------------------------------------------

template<class Result>
void Run::read_server_time(const Result& result)
{
  if constexpr (requires { result.server_time; }) {
    if (result.server_time) m_server_ahead = *result.server_time - now();
  }
}

template<class Work, class Record>
void Run::on_worker(Do what, int number, Work work, Record record)
{
  on_worker(what, std::vector{number}, std::move(work), std::move(record));
}

template<class Work, class Record>
void Run::on_worker(Do what, const std::vector<int>& numbers, Work work, Record record)
{
  m_busy.insert(numbers.begin(), numbers.end());
  const auto come_home = [this, numbers](const auto& take) {
    for (const int number : numbers) {
      m_busy.erase(number);
      m_gauges.erase(number);
    }
    try {
      take();
    } catch (...) {
      give_up(std::current_exception());
    }
  };
  m_workers.start(what, [this, come_home, work = std::move(work), record = std::move(record)]() -> Workers::Completion {
    try {
      auto result = work();
      return [this, come_home, record, result = std::move(result)] {
        come_home([&] {
          read_server_time(result);
          record(result);
        });
      };
    } catch (...) {
      return [come_home, fault = std::current_exception()] { come_home([&] { std::rethrow_exception(fault); }); };
    }
  });
}

} // namespace batchwright::engine
