// The front door of the library. Comes in: settings, and what is asked. Goes out: jobs, made, moved and brought home.
// It opens the state root and the server and hands on to the engine; it decides nothing of its own.
//
//   batchwright::Workspace workspace;                   // as the environment and config.toml say
//   const auto job = workspace.submit(ask);             // sends: calling it is the consent to spend
//   workspace.wait(job);
//   workspace.fetch(job, {.out = "answers.jsonl"});
//
// A process that is killed anywhere makes the same calls again and goes on where it was.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/config/settings.hpp>
#include <batchwright/engine/delivery.hpp>
#include <batchwright/engine/engine.hpp>
#include <batchwright/model/events.hpp>
#include <batchwright/model/reconciliation.hpp>
#include <batchwright/model/view.hpp>
#include <batchwright/results/results.hpp>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace batchwright {

/// What the process's environment and the configuration file say, after what is given: "home", "profile", "cacert" and
/// the other names of `config.toml`. Throws `Fault::config` where the file cannot be used.
config::Settings process_settings(const config::Given& given = {});

/// For those who do not want to be told anything.
Observer& no_observer();

/// What to do while another process holds a job.
enum class WhileHeld : std::uint8_t {
  look, ///< say how it stands
  wait, ///< watch the store until it is done or free
};

/// A state root and the server that its jobs are sent to, both opened when first needed.
///
/// Threads: one at a time; the observer is told in that thread. Other threads, and other processes, open a workspace of
/// their own on the same root: a job is moved by one of them at a time, the others get `Fault::busy`.
///
/// Signals: calls that take long watch `process_interrupt()`, which `catch_signals()` ties to Ctrl-C and SIGTERM, and
/// which any thread may ask. SIGPIPE ends no process: Poco blocks it in the main thread, whose threads inherit that.
///
/// Throws `Error`. The faults that are named come beside `storage`, for files that cannot be read or written, and
/// `newer_state`, for a root that a newer version wrote.
class Workspace {
public:
  /// Opens nothing yet. The observer outlives the workspace. Throws `Fault::config` where nothing says where the state
  /// root is.
  explicit Workspace(config::Settings settings = process_settings(), Observer& observer = no_observer());
  /// The same with another state root than the settings name.
  Workspace(config::Settings settings, std::filesystem::path root, Observer& observer);
  /// One to draft in, where there is no state root yet: no job is in it, and nothing of it is left, however the process
  /// ends.
  enum class Without : std::uint8_t {
    root
  };
  Workspace(config::Settings settings, Without without, Observer& observer);
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace();

  const std::filesystem::path& root() const;
  /// Whether there is a state root already.
  bool exists() const;

  /// Makes a job of what is asked, sends what there is room for, and stays until the server has checked it. Returns the
  /// job's name. The same ask again continues the job and sends nothing twice. Of `ask.job`, what is left open is
  /// completed as `engine::Ask` says; account and server are this workspace's. Records that were put aside are told as
  /// warnings. A job that had to stop is no error: `status` says why. Throws `Fault::auth` without a key, and as
  /// `engine::draft`, `engine::found` and `engine::advance` do; when it throws after the job was made, the same call
  /// continues it.
  std::string submit(engine::Ask ask);

  /// Moves the job, sending what is left to send, until no item is pending or only the user can help: the view's
  /// `state` and `pause` tell which. `every`: between polls; nothing: short at first, growing. A job that is done needs
  /// neither key nor network. Returns early when interrupted. What `Job::handover` wants is left to the program's next
  /// command for the job. Throws as `engine::advance`.
  JobView wait(const std::string& job, std::optional<Millis> every = {});

  /// Brings home what has ended and never sends, whatever the goal says of sending. A job that is done needs neither
  /// lock nor key nor network; where answers may still come for batches of it that were given up, those are asked for,
  /// and no answer is only a warning. Throws as `engine::advance`, but not `Fault::busy`.
  JobView collect(const std::string& job, engine::Goal goal = {}, WhileHeld held = WhileHeld::look);

  /// How the job stands by what is known here; needs neither key nor network. Throws `Fault::usage` for an unknown job.
  JobView status(const std::string& job);

  /// Collects, and writes the merged result where the delivery wants it: into a file that appears whole or not at all,
  /// in the format and packed as its name asks for; `-` is the process's standard output. Throws as `collect`, as
  /// `engine::deliver`, and `Fault::unfinished` where items are pending that are not to be left out.
  JobView fetch(const std::string& job, const engine::Delivery& delivery);

  /// Gives the merged result of what is home, in input order; asks nobody. Throws `Fault::unfinished` as `fetch` does,
  /// and as `results::merge`. What the sink throws comes through.
  results::Merged merge(const std::string& job, const results::Sink& sink, const results::MergeOptions& options = {});

  /// Compares what jobs used with the organisation's usage at the provider, by day, model and route: all jobs of our
  /// account, or of the named job's, of whose days and models alone it tells then. Needs an admin key, and, without a
  /// name, what else says which account is ours. Throws `Fault::auth` without a key or where it may not read the usage,
  /// and as `engine::reconcile`.
  Reconciliation reconcile(const std::string& job = {});

  /// For everything else: the functions of engine.hpp. Opened, and the state root made, when first asked for.
  engine::Tools& tools();
  /// The server with our key. Throws `Fault::auth` without one, and `Fault::config` for what leads nowhere.
  engine::Server& server();

private:
  struct State;
  struct Connection;

  config::Settings m_settings;
  std::filesystem::path m_root;
  bool m_has_root = true;
  Observer& m_observer;
  std::unique_ptr<State> m_state;
  std::unique_ptr<Connection> m_connection;
};

} // namespace batchwright
