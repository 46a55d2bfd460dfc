// One line of an output or error file, read and judged. The same code reads both routes: a real-time answer is kept as
// such a line, too.
//
// Two shapes of failure exist: refused by the model API (`error` null, `response.status_code` not 2xx, the reason in
// `response.body.error`) and never run (`response` null, `error` set).
#pragma once

#include <batchwright/json/json.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/model/outcome.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::wire {

/// What one answer says. Views point into the parsed line.
struct Answer {
  std::string custom_id = {}; ///< decoded, half surrogates as U+FFFD; empty: the line has none
  Judgement judgement = Judgement::permanent;
  std::string code = {};    ///< "truncated", "content_filter", the server's own code, "http_400", ...; empty on success
  std::string message = {}; ///< the server's words; empty on success
  std::int64_t http_status = 0; ///< 0: it never ran
  std::string request_id = {};
  bool paid = false;                ///< the model worked on it: a 2xx answer with or without usage
  std::string_view output = "null"; ///< JSON as it stands in the line: the text (a string token with quotes), or null
  std::string_view finish_reason = {}; ///< decoded is the same as raw for the API's words
  std::string_view model = {};
  Usage usage = {};
};

/// Reads and judges a parsed line for an endpoint ("/v1/chat/completions"). Never throws: a line without
/// the expected members is a permanent failure `unreadable_output`.
Answer read_answer(const json::Value& line, std::string_view endpoint);

/// The custom_id alone, decoded; nothing where the line has none.
std::optional<std::string> custom_id_of(const json::Value& line);

/// An answer line for an item the server never answered: `{"id":null,"custom_id":...,"response":null,"error":{...}}`.
std::string unanswered_line(std::string_view custom_id, std::string_view code, std::string_view message);

} // namespace batchwright::wire
