// What the engine tells while it works. Rooms emit values; whoever shows them decides how.
#pragma once

#include <batchwright/model/caching.hpp>
#include <batchwright/model/estimate.hpp>
#include <batchwright/model/outlook.hpp>
#include <batchwright/model/part.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace batchwright {

enum class Phase : std::uint8_t {
  reading,
  building,
  uploading,
  running,
  downloading,
  settling,
  merging
};

std::string_view name(Phase phase);

/// How far a phase is. `total` 0: not known.
struct Progress {
  Phase phase = Phase::reading;
  std::string job = {};
  int part = 0; ///< 0: the job as a whole
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

/// A part went from one state to the next.
struct PartMoved {
  std::string job = {};
  int part = 0;
  PartState from = PartState::planned;
  PartState to = PartState::planned;
};

/// Something a person may want to know. Warnings are shown always, details only with --verbose.
struct Note {
  enum class Level : std::uint8_t {
    detail,
    info,
    warning
  };
  Level level = Level::info;
  std::string text = {};
};

/// A job leaves its batches for its deadline: what is left goes in real time now.
struct BatchesLeft {
  std::string job = {};
  Instant deadline = {};
  Switch why = {};
};

/// The items that were tried first are over.
struct ProbeOver {
  std::string job = {};
  std::uint64_t items = 0;
  std::uint64_t answered = 0;
  std::optional<double> output = {};     ///< tokens of an answer on average; nothing: none was answered
  Estimate whole = {};                   ///< of the job, by what they taught, with what they cost
  std::optional<RouteCosts> routes = {}; ///< of what is left, where another one is the cheaper now
};

/// By its first batch, what is left of a job costs less in real time.
struct LiveIsCheaper {
  std::string job = {};
  RouteCosts routes = {};
};

using Event = std::variant<Progress, PartMoved, Note, BatchesLeft, Stuck, ProbeOver, LiveIsCheaper>;

class Observer {
public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// Called from the thread that owns the store, never from workers.
  virtual void on(const Event& event) = 0;
};

} // namespace batchwright
