// Sends the requests of real-time parts, many at once, within the rates of one model of an account. Comes in: parts as
// files of request lines, and how many may be in flight. Goes out: their journals, filled; what stands in the way; and
// figures for people. Never: knows a job, a store or a policy; decides an outcome.
//
// One thread deals out requests as the limiter lets them go, and each request in flight has a thread of its own: Poco's
// sockets block, and the measurements (2,000 in flight: 97% of the ideal rate) say that this carries what the API
// allows. Waits are computed; nothing polls.
#pragma once

#include <batchwright/api/caller.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/realtime/decide.hpp>
#include <batchwright/realtime/limiter.hpp>
#include <batchwright/realtime/purse.hpp>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::realtime {

/// What the requests of a work may cost, and what their answers did.
struct Spending {
  std::shared_ptr<Purse> purse = {};                                         ///< null: anything
  int key = 0;                                                               ///< of the work in the purse
  std::function<PicoUsd(std::string_view line)> most_of = {};                ///< a request may cost
  std::function<std::optional<PicoUsd>(std::string_view body)> cost_of = {}; ///< an answer; nothing: it does not tell
};

/// The requests of one part.
struct Work {
  std::string owner = {};              ///< works of different owners take turns, those of one go in the order they came
  std::filesystem::path requests = {}; ///< request lines, one after the other
  std::filesystem::path journal = {};
  std::uint64_t count = 0; ///< request lines in the file
  int first_attempt = 1;   ///< which attempt of its items the first sending is
  int max_attempts = 3;    ///< the last attempt
  bool is_trial = false;   ///< an attempt counts though the server is in trouble: others wait for what comes of it
  Millis timeout{600'000}; ///< of one request
  std::string service_tier = {}; ///< written into bodies that name none; empty: none
  bool careful = false;          ///< one at a time until one is answered: something stood in the way before
  std::function<std::int64_t(std::string_view line)> tokens_of = {}; ///< what a request will be charged, our estimate
  Spending spending = {};
};

/// Why a work is over.
enum class End : std::uint8_t {
  answered, ///< the journal holds an answer to each request
  stopped,  ///< it was asked to; what was in flight is in the journal, as far as it came home
  obstacle, ///< something stands in the way of every request
  broken    ///< an exception says why: the disk is full, the request file is not what it was
};

struct Result {
  End end = End::answered;
  Obstacle obstacle = Obstacle::none;
  std::string words = {}; ///< of the obstacle
  PicoUsd lacking = {};   ///< where it is money: what the next request may cost
  std::exception_ptr fault = {};
  std::uint64_t answered = 0;     ///< requests
  std::uint64_t failed = 0;       ///< of those, since the work began
  std::uint64_t billed_again = 0; ///< requests that may have been billed twice
  std::uint64_t in_flight = 0;    ///< given up while they were in flight: they may be billed again
};

/// How a work goes.
struct Pulse {
  std::uint64_t answered = 0;
  std::uint64_t failed = 0; ///< of those: refused for good, or failed as often as they may; since the work began
  std::uint64_t in_flight = 0;
  std::uint64_t billed_again = 0;
};

/// How the model is doing, for people and for other processes.
struct Condition {
  Rates told = {};      ///< the limits as the server said; nothing: it did not
  Rates limits = {};    ///< as known; nothing: not known
  Rates allowed = {};   ///< what goes at present, a minute
  bool is_idle = false; ///< there is no work
  std::uint64_t in_flight = 0;
  std::uint64_t most_in_flight = 0;        ///< may be in flight now
  std::optional<Millis> latency = {};      ///< of answers, smoothed
  std::optional<Instant> waits_until = {}; ///< nothing goes before
  std::string why = {};                    ///< what it waits for; empty: it does not
  std::optional<Instant> last_answer = {}; ///< of use
  std::optional<Instant> putting_off = {}; ///< since then nothing was answered, only put off
};

struct ProcessorOptions {
  LimiterOptions limits = {};
  std::uint64_t max_in_flight = 0; ///< 0: from the limits and the latency
};

class Processor {
public:
  /// `caller` and `clock` outlive it.
  Processor(api::Caller& caller, const ProcessorOptions& options, const Clock& clock);
  Processor(const Processor&) = delete;
  Processor& operator=(const Processor&) = delete;
  /// Ends all calls in flight.
  ~Processor();

  using Id = std::uint64_t;
  /// Called once, from a thread of the processor's, or from within drop().
  using OnOver = std::function<void(const Result&)>;

  /// Begins a work, or goes on with it where its journal ends. Throws as the journal and the request file do.
  Id start(Work work, OnOver on_over);
  /// Nothing of it is sent any more; it is over when what is in flight has come home.
  void stop(Id id);
  /// It is over at once: what is in flight is given up.
  void drop(Id id);
  std::optional<Pulse> pulse(Id id) const;

  Condition condition() const;
  /// Our share of the limits, beside other processes: from 0 to 1.
  void set_share(double share);
  /// Another bound of what may be in flight; the rates stay as they are.
  void adjust(const ProcessorOptions& options);

private:
  struct State;
  std::unique_ptr<State> m_state;
};

} // namespace batchwright::realtime
