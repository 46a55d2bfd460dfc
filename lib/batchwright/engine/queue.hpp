// Whether a part may ask the server for room now. Comes in: what is known of the account's room for a model, and every
// part that takes room or waits for it, of whichever job. Goes out: a decision. Pure: what it is asked inside the
// transaction of the create intent holds for all processes of a state root.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/model/queue.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace batchwright::engine {

/// What batches take that are none of our parts', as a listing shows it: others', and ours that were given up or made
/// twice.
struct Foreign {
  int batches = 0;
  std::int64_t tokens = 0; ///< where the batch tells none: its requests times what ours have each
  std::int64_t requests = 0;
  std::optional<Instant> seen_at = {}; ///< when the listing was read
};

struct Room {
  Queue known = {};
  std::vector<Enqueued> parts = {}; ///< ours: those that wait, and those that take room
  Foreign foreign = {};
  std::optional<std::int64_t> given = {};         ///< the user's limit of tokens, which goes before what is learned
  std::optional<std::int64_t> most_requests = {}; ///< the API's, where it has one for this endpoint
};

/// Whether what is known of a queue makes others' batches count, so that a listing is worth its call.
bool counts_others(const Queue& known, bool has_given_limit);

enum class Turn : std::uint8_t {
  go,
  wait_for_check, ///< until a batch that was sent has passed the server's check: soon
  wait_for_room,  ///< until a batch ends, or, with none live, until the pause is over
  wait_for_other, ///< another job's part has the next room
  cut,            ///< its own tokens exceed the limit that the server named: it will never fit
};

/// The limit is the user's, else what the server named, else, where it refused below that, the largest sum it ever
/// admitted; what is learned holds for a day, since limits grow. Batches older than any lives take no room. A sum that
/// was admitted once is safe. Where nothing is known beyond it, one part goes first, then at a time up to half as many
/// as are admitted, rounded up. After a refusal nothing goes until a batch ends or, with none live, until the pause is
/// over. Room goes to the job with the fewest enqueued tokens, then to the oldest; jobs that nobody moved for 15
/// minutes claim none. REQUIRED: the part is among `room.parts`, queued.
Turn turn(const Room& room, const std::string& job, int part, Instant now);

/// Input tokens that live batches take: ours and, as far as known, others'.
std::int64_t enqueued_tokens(const Room& room, Instant now);

/// Whether so many tokens more find room; nothing where no limit is known.
std::optional<bool> finds_room(const Room& room, std::int64_t tokens, Instant now);

/// The most tokens that are known to have been in the queue at one moment, of the batches that are there now. A batch
/// that was in the queue when it was last asked for may have left it since.
std::int64_t most_at_once(const Room& room);

/// What a refusal of this sum teaches, in the server's words. `sum`: with the refused part's own tokens.
void learn_refusal(Queue& known, std::int64_t sum, std::string_view message, Instant now);

/// All that is sent is put off, since then as far as is seen. What was seen so earlier counts on, unless nothing was
/// tried for hours: then nobody knows what would have been answered.
void learn_put_off(Queue& known, Instant since, Instant now);
/// What the admission of batches teaches: `sum`, all that were in the queue together.
void learn_admission(Queue& known, std::int64_t sum);
/// A batch ended: there is room again.
void learn_end(Queue& known);

/// When, with no batch live, a part may be tried again after so many refusals in a row: 1 to 30 minutes.
Millis refusal_wait(int refusals);

} // namespace batchwright::engine
