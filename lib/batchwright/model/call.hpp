// A call that creates something at the server and cannot be taken back: its intent is recorded before it is sent.
#pragma once

#include <batchwright/base/clock.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace batchwright {

// Stored in the job database: add at the end, never renumber.

enum class CallKind : std::uint8_t {
  upload = 0,
  create = 1
};

enum class CallState : std::uint8_t {
  intended = 0,  ///< recorded; whether it was sent, and what the server did, is not known
  answered = 1,  ///< the server's answer was read
  not_sent = 2,  ///< known never to have reached the server, or cleanly refused by it
  adopted = 3,   ///< unanswered, but what it made was found in a listing
  abandoned = 4, ///< unanswered, and the listings did not show it within the grace time
  twin = 5,      ///< the same, but what it made showed late, and was not needed any more
};

struct Call {
  std::string uuid = {}; ///< fresh for each POST, never reused; the server sees it in a file name or in metadata
  int part = 0;
  CallKind kind = CallKind::upload;
  CallState state = CallState::intended;
  Instant begun_at = {};
  std::optional<Instant> server_time = {};   ///< the same by the server's clock, as listings are, where it was known
  std::optional<Instant> first_look_at = {}; ///< when a listing first did not show it

  bool operator==(const Call&) const = default;
};

} // namespace batchwright
