// What may happen to a call: one rule of the faults, as a value. What decides about double billing is the phase:
// whether the server had done what it was asked when the client lost sight of it.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/emulator/which.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace batchwright::emulator {

enum class Phase : std::uint8_t {
  before_effect, ///< nothing is done
  after_effect,  ///< all is done, nothing of the answer was sent
  mid_body,      ///< all is done, and the answer is on its way
};

enum class Action : std::uint8_t {
  delay,        ///< goes on after `delay_ms`
  status,       ///< answers `status`, `headers` and `body` instead
  html,         ///< answers `status` with a gateway's HTML page instead
  slow_down,    ///< answers 503 "Slow Down" instead: too sudden a rise of traffic
  close,        ///< ends the connection (FIN); of an answer on its way the announced length is not reached
  reset,        ///< breaks the connection off (RST)
  hang,         ///< never goes on; until the client has left
  drip,         ///< goes on slowly, by `bytes_per_second`
  wrong_length, ///< announces some bytes more than there are, sends them all and closes
  garbage,  ///< bytes that are no JSON and no UTF-8 in place of the body, or of what is left of it; its length is kept
  truncate, ///< the body is shorter, and its length announced so
};

/// An action and when it comes, with names for the usual ones.
struct Effect {
  Phase phase = Phase::before_effect;
  Action action = Action::delay;

  bool operator==(const Effect&) const = default;

  static const Effect delay, status, html, close_before, close_after, short_body;
};
inline constexpr Effect Effect::delay{Phase::before_effect, Action::delay};
inline constexpr Effect Effect::status{Phase::before_effect, Action::status};
inline constexpr Effect Effect::html{Phase::before_effect, Action::html};
inline constexpr Effect Effect::close_before{Phase::before_effect, Action::close};
inline constexpr Effect Effect::close_after{Phase::after_effect, Action::close};
inline constexpr Effect Effect::short_body{Phase::mid_body, Action::close};

/// One rule for calls. Of several rules that match, the first that picks the call decides.
struct HttpFault {
  std::string method = {}; ///< empty: any
  std::string path = {};   ///< "/v1/files/*/content": a star stands for one segment; empty: any
  /// From when on, and for how long, the rule matches, by the server's clock since the faults took force (at the start,
  /// or by the last PUT). 0: from then on; until the end.
  std::int64_t from_ms = 0;
  std::int64_t for_ms = 0;
  Which calls = {}; ///< counts the calls that match method, path and time, answered or not
  Effect effect = {};
  std::int64_t delay_ms = 0; ///< waited at the phase, before the action, whatever it is
  /// Where in the answer's body, mid-body; half of it, where there is no number. Before the effect: so many bytes of
  /// the request's body are read first.
  std::optional<std::int64_t> at_byte = {};
  int status = 500;                                ///< of `status` and `html` (where 502 is the default of the file)
  std::string body = {};                           ///< of `status`; empty: the API's error body for that status
  std::map<std::string, std::string> headers = {}; ///< of `status`, `html` and `slow_down`
  std::int64_t bytes_per_second = 1000;            ///< of `drip`

  /// Whether it matches a call so long after the faults took force.
  bool holds_at(Millis after) const;
  /// Whether the client gets an answer of any kind, whole by its announced length.
  bool answers() const;
  /// Whether the client gets the answer that says what was done.
  bool tells() const { return effect.action == Action::delay || effect.action == Action::drip; }
};

/// Whether an action makes sense in a phase.
bool goes_with(Phase phase, Action action);

} // namespace batchwright::emulator
