// One line of an output or error file, read and judged. The same code reads both routes: a real-time answer is kept as
// such a line, too. Comes in: a parsed line and the endpoint it answers for. Goes out: a judgement, and views of what a
// reader wants. Never: re-writes a text, or decides what follows from a judgement; that is the policy's, in results/.
//
// Two shapes of failure exist: refused by the model API (`error` null, `response.status_code` not 2xx, the reason in
// `response.body.error`) and never run (`response` null, `error` set).
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/model/outcome.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace batchwright::wire {

// Codes of our own, where the server has no word for what happened.

inline constexpr std::string_view code_truncated = "truncated";           ///< cut at the limit of output tokens
inline constexpr std::string_view code_content_filter = "content_filter"; ///< cut by the provider's filter
inline constexpr std::string_view code_refused = "refused";               ///< the model refused
inline constexpr std::string_view code_model_failed = "model_failed";     ///< HTTP 200, and a status that says failed
inline constexpr std::string_view code_schema = "schema_violation";       ///< the answer does not keep to the schema
inline constexpr std::string_view code_unreadable = "unreadable_output";  ///< the answer cannot be read
inline constexpr std::string_view code_cancelled = "cancelled";           ///< nobody answered, as the user wished
inline constexpr std::string_view code_missing = "missing";               ///< no line came for the request
inline constexpr std::string_view code_lost = "lost_remote";              ///< the server no longer holds the answer
inline constexpr std::string_view code_not_executed = "not_executed";     ///< never run, and the server gave no code

/// Codes of answers that were paid for and cannot be used, but say something all the same: a user may take them.
inline constexpr std::array acceptable_codes{code_truncated, code_content_filter, code_refused, code_model_failed,
                                             code_schema};

/// What stands in the way of every request of the account, not only of this one.
enum class Obstacle : std::uint8_t {
  none,
  quota,    ///< credit or budget is used up
  key,      ///< 401
  forbidden ///< 403: a matter of the account only where every answer of a part says so
};

/// What one answer says. Views point into the parsed line and live as long as its text. Those called tokens are the
/// inside of a JSON string with its escapes as they stand, empty where the line has none.
struct Answer {
  std::string custom_id = {}; ///< decoded, half surrogates as U+FFFD; empty: the line has none
  Judgement judgement = Judgement::permanent;
  Obstacle obstacle = Obstacle::none;
  std::string code = {};    ///< "truncated", "content_filter", the server's own code, "http_400", ...; empty on success
  std::string message = {}; ///< the server's words, never cut; empty on success
  std::int64_t http_status = 0;        ///< 0: it never ran
  std::string_view request_id = {};    ///< token
  bool paid = false;                   ///< the model worked on it: a 2xx answer, with or without usage
  std::string_view text = "null";      ///< what it says, as JSON as it stands: a string with its quotes, null, a vector
                                       ///< in the API's own form, a moderation result, the body of other endpoints
  std::string texts = {};              ///< the same where it had to be put together: several choices, parts of a text
  bool is_vector = false;              ///< what it says is an embedding (or an array of them), see wire/vector.hpp
  bool is_several = false;             ///< `texts` is an array of what several choices say
  std::string calls = {};              ///< a JSON array of tool calls, each as it stands; empty: none
  std::string_view finish_reason = {}; ///< token
  std::string_view model = {};         ///< token
  std::string_view tier = {};          ///< token: the service tier that answered
  std::optional<Usage> usage = {};     ///< nothing where the answer has none
  std::optional<Instant> made_at = {}; ///< nothing where the answer does not say

  /// JSON: the text, vector or result, an array of them where several were asked for, or null.
  std::string_view output() const { return texts.empty() ? text : std::string_view{texts}; }
};

/// Reads and judges a parsed line for an endpoint ("/v1/chat/completions"). Never throws: a line without the expected
/// members is `unusable` with code `unreadable_output`, and counts as paid, since nobody can tell that it was not.
///
/// Judgements of failures, by the API's error guide: 408, 409, 5xx and whatever never ran are `transient`; 429, 401
/// (the key, never the item) and 503 "Slow Down" are `free_retry`; every other 4xx, 403 included, is `permanent`.
Answer read_answer(const json::Value& line, std::string_view endpoint);

/// What a 2xx body says that it used, of whatever endpoint, and the service tier that answered.
struct BodyUsage {
  std::optional<Usage> usage = {};
  std::string_view tier = {}; ///< token
};
BodyUsage usage_of(const json::Value& body);

/// What a 2xx answer of a request that packs several inputs gives each of them, by position: JSON as it stands, empty
/// where the answer has nothing of use for that input. REQUIRED: an endpoint that packs.
std::vector<std::string_view> packed_elements(const json::Value& line, std::string_view endpoint, std::size_t inputs);

/// The answer line of one input of such a request: the line it came in, with its custom_id, its element and its share
/// of the usage.
std::string element_line(const json::Value& line, std::string_view endpoint, std::string_view custom_id,
                         std::string_view element, const Usage& share);

/// A line with another custom_id; all else as it stands.
std::string with_custom_id(const json::Value& line, std::string_view custom_id);

/// The custom_id alone, decoded, half surrogates as U+FFFD; nothing where the line has none.
std::optional<std::string> custom_id_of(const json::Value& line);

/// The custom_id of a line that need not be JSON as a whole: what stands first after `"custom_id":` near its start.
/// Finds the id of a line that was cut, and of a request line without parsing the rest of it.
std::optional<std::string> salvage_custom_id(std::string_view line);

/// An answer line for an item the server never answered: `{"id":null,"custom_id":...,"response":null,"error":{...}}`.
std::string unanswered_line(std::string_view custom_id, std::string_view code, std::string_view message);

} // namespace batchwright::wire
