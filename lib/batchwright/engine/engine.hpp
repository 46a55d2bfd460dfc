// The engine moves jobs. Comes in: a job's name and how far to go. What is due is asked from a pure function (due.hpp);
// effects happen on workers, and one thread records them, intent before effect, so that a job interrupted anywhere is
// continued by the next advance. Only this room knows both the store and the API.
#pragma once

#include <batchwright/api/caller.hpp>
#include <batchwright/api/client.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/base/lock.hpp>
#include <batchwright/engine/due.hpp>
#include <batchwright/engine/reuse.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/view.hpp>
#include <batchwright/money/prices.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/results/results.hpp>
#include <batchwright/store/layout.hpp>
#include <batchwright/store/store.hpp>
#include <batchwright/wire/profile.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What the engine works with. All of it outlives the calls.
struct Tools {
  store::Store& store;
  const store::Layout& layout;
  const money::PriceTable& prices;
  const wire::Profile& profile;
  const Clock& clock;
  const Interrupt& interrupt;
  Observer& observer;
};

/// The server as somebody: the client with the account it speaks for.
struct Server {
  api::Client& client;
  std::string account = {};  ///< as Job::account
  std::string base_url = {}; ///< as Job::base_url
  /// Opens what real-time requests go through; asked where there are any.
  std::function<std::unique_ptr<api::Caller>()> open_caller = {};
  Millis burst{1'000}; ///< as many real-time requests as so long a time brings may go at once
};

// --- making a job ----------------------------------------------------------------------------------------------------

/// What the user asked for. Of `job`, the name, request, limits, policy, skip_bad and handover are set. `draft`
/// completes what is left open: a name made from the input's, chat as the endpoint, as many inputs a request as suit
/// it, and the largest parts that the provider takes.
struct Ask {
  Job job = {.request = {.endpoint = {}, .inputs_per_request = 0}};
  std::vector<std::string> inputs = {}; ///< paths of files and folders; `-`, once at most, is what is piped in
  InputFormat format = InputFormat::automatic;
  input::Empty empty = input::Empty::refuse; ///< whether no item at all makes a job, done at once
  int pipe = 0;                              ///< the descriptor that `-` reads: standard input
  requests::ProbeAsk probe = {};             ///< items of a new job that are tried in real time before the others;
                                             ///< none: a job that was held since those failed goes on
  bool awaits_word = false;                  ///< a new job sends nothing else before `send_rest`
  ReuseAsk reuse = {};                       ///< what a new job does not send
};

/// What a job would come to.
struct Draft {
  Job job = {}; ///< named, inputs pinned, items counted, cost estimated
  std::vector<Part> parts = {};
  Estimate estimate = {};                          ///< of what is to be sent
  std::map<std::string, Workload> by_model = {};   ///< the same, as it is expected, by the models that are asked
  std::map<std::string, SharedPrompt> shared = {}; ///< what prompts have in common, by model, where they were looked at
  Tokens output_allowed = {}; ///< what bounds allow the answers to hold, or, without bounds, what is assumed
  std::uint64_t request_bytes = 0;
  RestSpan rest = {};                 ///< all of it, were it sent in real time
  Fills fills = {};                   ///< of its batches
  std::optional<Switch> leaving = {}; ///< when it leaves its batches; nothing: there is no deadline
  Instant drafted_at = {};
  std::optional<Millis> time_for_batches = {}; ///< until then; nothing: there is no deadline
  std::vector<std::uint64_t> urgent = {}; ///< for how many items each condition of Job::urgent holds; empty: not read
  std::vector<Error> skipped = {};
  std::uint64_t skipped_count = 0;
  Reuse reuse = {};                          ///< items that are not sent; of a new job
  bool has_probe = false;                    ///< whether items were asked to be tried first
  Job asked = {};                            ///< where it continues a job: what was asked for now
  bool continues = false;                    ///< there is such a job already: `job` is that one, with the new policy
  bool costs_more = false;                   ///< of such a job: from now on its rest may go in real time
  bool needs_consent = false;                ///< that job was rebuilt, or took batches over: this is what lets it send
  std::uint64_t unsent = 0;                  ///< of such a job: items that no batch holds
  std::uint64_t pending = 0;                 ///< of such a job: items without an outcome
  std::vector<Part> planned = {};            ///< of such a job: what the input is cut into; `parts` are those there are
  std::unique_ptr<UnnamedFile> spooled = {}; ///< what was piped in, until the job keeps it
};

/// A draft as the user is shown it.
PlanView plan_view(const Tools& tools, const Draft& draft);

/// Pins the inputs, reads all of them, cuts parts, estimates. Sends nothing, and leaves nothing: what is piped in is
/// kept in a file without a name. A job of the same name that is equal is continued; one that differs is `Fault::usage`
/// for a given name, and a made name gets the next free `-2`. Throws `Fault::input`, `Fault::usage` as requests::plan
/// and find_reuse.
Draft draft(Tools& tools, const Ask& ask);

/// Makes the drafted job real: directory, what was piped in, answers that are taken over, and rows. Or, where it
/// continues one, takes over the new policy, and of one that was rebuilt or took batches over, input, options and
/// consent. Returns the job's lock, for `advance` to go on with. Throws `Fault::busy` where another process holds a job
/// of that name, or answers that were to be taken over are not there any more, `Fault::disk` where the disk has no room
/// for what a new one may bring.
FileLock found(Tools& tools, const Draft& draft);

// --- moving a job ----------------------------------------------------------------------------------------------------

enum class Until : std::uint8_t {
  idle,     ///< nothing is due now; each live batch was asked for once
  sent,     ///< every part that there is room for has a batch
  admitted, ///< as sent, and the server has checked the inputs
  ended,    ///< no item is pending, or only another command could go on
};

struct Goal {
  Until until = Until::idle;
  Sending sending = Sending::no;
  std::optional<Millis> every = {}; ///< between polls; nothing: short at first, growing
  std::optional<Millis> at_most =
      {}; ///< starts nothing new after so long a time; a job with a deadline is not held to it
};

/// Moves the job as far as the goal says, under its lock. Ctrl-C starts nothing new, records what is in flight and
/// returns. Throws `Fault::busy` where another process holds the job, `Fault::usage` for an unknown job,
/// `Fault::config` for another account than the job's, `Fault::rejected` where the server refuses what cannot be mended
/// by waiting, `Fault::network` where it cannot be reached and the goal is not `ended`. `held`: the lock, where the
/// caller has it already.
JobView advance(Tools& tools, Server& server, const std::string& job, const Goal& goal,
                std::optional<FileLock> held = {});

/// What came of one of several jobs.
struct Advanced {
  std::string job = {};
  std::optional<JobView> view = {}; ///< nothing: `fault` says why
  std::optional<Error> fault = {};
};

/// Moves several jobs side by side, each as `advance` does, in one thread and with shared workers; one that cannot go
/// on does not hold up the others. In the order of `jobs`, which are distinct.
std::vector<Advanced> advance_all(Tools& tools, Server& server, const std::vector<std::string>& jobs, const Goal& goal);

/// Stores the user's wish that the job be cancelled. The process that holds the job obeys it within a second; else the
/// next advance does, whatever command makes it: from here on the job sends nothing more. `harvest`: batches are
/// cancelled, and what they finished is collected; `abandon`: items of batches that have not ended fail at once, and
/// what comes home later replaces that. Of a job that was rebuilt without the ids of its items nothing fails before a
/// `submit` tells them, and it is waited for batches. Throws `Fault::usage` for an unknown job.
void wish_cancel(Tools& tools, const std::string& job, Cancel wish);

/// The jobs with something left to do that no process works on now, newest first: items pending, batches that were
/// given up and may still bring answers, a result not handed over.
std::vector<std::string> open_jobs(Tools& tools);

/// How a job stands by the store alone. Throws `Fault::usage` for an unknown job, naming near ones.
JobView look(Tools& tools, const std::string& job);
/// The same of a job that was just read.
JobView look(Tools& tools, const Job& job);

/// Asks the server for the live batches of these jobs, where there are many by one listing for all, and puts what it
/// says into the views, unrecorded. What cannot be asked stays as it was, with a warning; jobs of another server are
/// left alone.
void refresh(Tools& tools, Server& server, std::vector<JobView>& views);

/// The job's lock. Throws `Fault::busy` where another process holds it.
FileLock take_lock(Tools& tools, const std::string& job);

/// Whether a process works on the job now.
bool is_held(Tools& tools, const std::string& job);

/// Whether collecting could bring anything: a batch that may still run, outputs not yet home, or copies of what is.
bool needs_server(const JobView& view);

// --- bringing results home -------------------------------------------------------------------------------------------

/// The items of one file of ready-made requests.
struct InputSpan {
  std::string path = {};
  Ordinal first = 0;
  Ordinal last = 0;
  std::uint64_t items = 0;
};

/// Those of all files of a job of ready-made requests, in order. Throws `Fault::usage` for another job.
std::vector<InputSpan> input_spans(Tools& tools, const std::string& job);

/// Merges what the settled parts hold into `sink`, in input order. Reads the store and files only; all of it as one
/// commit left it, whatever other processes do meanwhile. Throws `Fault::unfinished` where items are pending that are
/// not to be left out.
results::Merged merge(Tools& tools, const std::string& job, const results::MergeOptions& options,
                      const results::Sink& sink);

/// The result stands where Job::handover wants it: nobody writes it there again. REQUIRED: the job's lock is held.
void record_delivered(Tools& tools, const std::string& job);

/// The command that waits for the job's end is about to be run. Said before, so that it is run once at most: a process
/// that is killed at the wrong moment leaves it unrun rather than run twice. REQUIRED: the job's lock is held.
void record_hook_begun(Tools& tools, const std::string& job);

/// The user got the whole result, unless items of it are sent again by now. Needs no lock; where it cannot be recorded,
/// that is no failure of the fetching.
void record_fetched(Tools& tools, const std::string& job);

} // namespace batchwright::engine
