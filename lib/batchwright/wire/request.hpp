// The shape of one request line. What stands between the user's texts is the provider's; the texts are slots.
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/job.hpp>
#include <batchwright/model/money.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace batchwright::wire {

/// What an item puts into its request line.
enum class Slot : std::uint8_t {
  none,
  custom_id, ///< the inside of a JSON string
  system,    ///< the inside of a JSON string
  prompt,    ///< the inside of a JSON string
  messages,  ///< a JSON array
  inputs,    ///< JSON strings with commas between them: those of all items of the request
  body,      ///< a JSON object
};

/// A request line cut where the items' own bytes go: each piece is a text and the slot behind it; the last has none.
struct FramePiece {
  std::string text = {};
  Slot slot = Slot::none;
};
using Frame = std::vector<FramePiece>;

/// The frame of a job's requests, without the newline: custom_id, method, url, and the body of its endpoint with the
/// members that its options add. Where the job gives a template of the whole body, that is one slot.
/// Throws `Fault::usage` for options that do not go together or that the endpoint does not take, and as `body_options`.
Frame request_frame(const RequestSpec& spec);

/// A member of a body: its name and its JSON text.
using BodyMember = std::pair<std::string, std::string>;

/// What a job's options add to each body beside the item's texts: the bound of the output, the form of the answers (a
/// schema, vectors in base64), then the `--set` fields in the order given. A `--set` field replaces a field of the
/// same name that comes from an option with a default of ours.
/// `Fault::usage` for a field that is set twice or may not be set: `model`, the item's texts, `stream` (a batch cannot
/// stream). JSON text of `--set` and of the schema must have been checked by the caller.
std::vector<BodyMember> body_options(const RequestSpec& spec);

/// Whether a field of a body bounds the answers.
bool bounds_output(std::string_view field);

/// What bounds each answer: `max_output_tokens`, else the field of `--set` or of the body template that does; nothing
/// where none is given.
std::optional<Tokens> output_bound(const RequestSpec& spec);

/// What a ready-made body bounds each answer by; nothing where it does not.
std::optional<Tokens> output_bound(const json::Value& body);

/// How many answers a request asks for, and is billed for: the fields `n` and `best_of`, else one. Nothing where a
/// template leaves that to the items.
std::optional<std::int64_t> choices_asked(const RequestSpec& spec);
std::int64_t choices_asked(const json::Value& body);

/// The service tier that bodies name themselves; empty: none. Of a template perhaps a placeholder.
std::string tier_named(const RequestSpec& spec);
std::string tier_named(const json::Value& body);

/// Whether answers are texts that take output tokens: not vectors, nor judgements.
bool has_output_tokens(std::string_view endpoint);

} // namespace batchwright::wire
