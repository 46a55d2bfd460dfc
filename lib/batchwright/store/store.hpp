// The job database: jobs, parts and calls as rows, written in transactions that are there whole or not at all.
// It knows jobs and parts, not items (a row an item would make millions), and nothing of the server.
// One thread owns it; other processes may read and write beside it.
#pragma once

#include <batchwright/model/call.hpp>
#include <batchwright/model/experience.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/part.hpp>
#include <batchwright/model/queue.hpp>
#include <batchwright/model/rate.hpp>
#include <batchwright/model/spending.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::store {

class Transaction;

class Store {
public:
  /// Opens the database, making or migrating it. WAL, synchronous=FULL, mode 0600; its directory must exist.
  /// `patience`: how long it waits for other writers, now and at each transaction, before it throws `Fault::busy`.
  /// Throws `Fault::newer_state` for one that a newer program wrote (untouched), `Fault::storage` for a broken one.
  explicit Store(const std::filesystem::path& database, Millis patience = std::chrono::seconds{10});
  /// One of this process alone, empty, without a file: nothing is left of it, however the process ends.
  enum class In : std::uint8_t {
    memory
  };
  explicit Store(In place);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store();

  /// All jobs, newest first.
  std::vector<Job> jobs() const;
  std::optional<Job> job(const std::string& name) const;
  /// The parts of a job by number.
  std::vector<Part> parts(const std::string& job) const;
  /// The calls of a job in one state, oldest first.
  std::vector<Call> calls(const std::string& job, CallState state) const;
  /// Job::cancel alone: cheap enough to be asked every second.
  Cancel cancel_wish(const std::string& job) const;
  /// What is known of an account's room for a model; a fresh value where nothing is.
  Queue queue(const std::string& account, const std::string& model) const;
  /// The parts of all jobs of the account that ask for the model and are `queued` or in states from there to
  /// `cancelling`.
  std::vector<Enqueued> enqueued(const std::string& account, const std::string& model) const;
  /// What is known of the rate at which the model may be asked in real time; nothing: it was not yet.
  std::optional<RateSeen> rate(const std::string& account, const std::string& model) const;
  /// The processes that said that they send to it. Those that were killed stand there, too.
  std::vector<Sender> senders(const std::string& account, const std::string& model) const;
  /// What the settled parts of a job come to, by part, day and tier.
  std::vector<Spending> spending(const std::string& job) const;
  /// What answers of a prompt have taught, by job; what jobs of long ago taught together stands first.
  std::vector<Experience> experiences(const std::string& account, const std::string& model,
                                      const std::string& prompt) const;
  /// When the job's history last grew.
  std::optional<Instant> last_event(const std::string& job) const;

private:
  friend class Transaction;
  struct State;
  std::unique_ptr<State> m_state;
};

/// `BEGIN IMMEDIATE` ... commit(), or nothing happened. At the commit the sum rule is checked for every job touched:
/// settled outcomes and the items of live parts add up to the job's items; else `Fault::bug` and nothing is written.
/// All calls throw `Fault::storage` when the database refuses.
class Transaction {
public:
  explicit Transaction(Store& store);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// A new job; `Fault::busy` when there is one of that name already (another process was faster).
  void add(const Job& job);
  /// Everything of a job but its name and what other processes tell of it.
  void update(const Job& job);
  /// Job::cancel. Needs no lock of the job; a wish never becomes less.
  void wish_cancel(const std::string& job, Cancel wish);
  /// Job::cancel is none again: what a wish that was fulfilled failed is sent after all.
  void take_back_cancel(const std::string& job);
  /// Job::fetched_at; nothing: the result is another one than was fetched. Needs no lock of the job.
  void fetched(const std::string& job, std::optional<Instant> when);
  /// A job and all that belongs to it.
  void remove(const std::string& job);
  /// A part, new or known by its number.
  void put(const std::string& job, const Part& part);
  /// A call, new or known by its uuid.
  void put(const std::string& job, const Call& call);
  /// What a part comes to, in place of what was known of it.
  void put(const std::string& job, int part, const std::vector<Spending>& spending);
  /// What was taught, new or known by account, model, prompt and job.
  void put(const Experience& experience);
  void remove(const Experience& experience);
  /// All that a job's answers have taught, by its uuid.
  void forget(const std::string& job);
  /// What is known of a queue, new or known by account and model.
  void put(const Queue& queue);
  /// What is known of a rate, new or known by account and model.
  void put(const RateSeen& rate);
  /// A process that sends, new or known by account, model and process.
  void put(const Sender& sender);
  /// It sends no more.
  void remove(const Sender& sender);
  /// A line in the job's history, for people: "part 3: queued -> creating".
  void log(const std::string& job, int part, std::string_view what);

  void commit();

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::store
