// One request of a part on its way: read from the part's request file, sent, and written into its journal as an answer.
// Private to realtime/.
#pragma once

#include <batchwright/api/caller.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/model/money.hpp>
#include <batchwright/realtime/limiter.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::realtime {

struct Call {
  std::uint64_t request = 0;  ///< its line in the request file, from 0
  std::string custom_id = {}; ///< JSON, as it stands in the line
  std::string url = {};
  std::string body = {};
  bool names_tier = false; ///< the body has a `service_tier` of its own
  std::int64_t tokens = 0; ///< what it will be charged, our estimate
  PicoUsd most_cost = {};  ///< what it may cost; 0 where nobody counts

  int attempt = 1;
  int failures = 0;                       ///< in a row: the waits grow with them
  std::optional<Instant> counted_at = {}; ///< when a failure last used up an attempt
  std::uint64_t let_go_then = 0;          ///< how many requests of all had been sent by that time
  int timeouts = 0;
  bool lost_for_nothing = false; ///< a try that may have been billed used up no attempt: there is no second one
  int refusals_alone = 0;        ///< 429 though nothing else was in flight, and it asks for more than a minute has
  bool standard = false;         ///< the tier that was asked for was refused
  bool probe = false;            ///< sent to see whether anything is answered again
  bool alone = false;            ///< nothing else was in flight when it was sent
  Ticket ticket = {};
};

/// The requests of a part's file, one after the other.
class RequestFile {
public:
  using TokensOf = std::function<std::int64_t(std::string_view line)>;
  using CostOf = std::function<PicoUsd(std::string_view line)>;

  explicit RequestFile(const std::filesystem::path& path, TokensOf tokens_of, CostOf most_cost_of);

  /// The next one; nothing at the end. Throws `Fault::storage`; `Fault::bug` for a line that is no request.
  std::optional<Call> next();
  /// Leaves out the next one.
  void skip();
  /// The number of the next one.
  std::uint64_t position() const noexcept { return m_next; }

private:
  LineReader m_lines;
  TokensOf m_tokens_of;
  CostOf m_most_cost_of;
  json::Document m_document = {};
  std::uint64_t m_next = 0;
};

/// The body as it is sent: with a service tier, where one is asked for that the body does not name.
std::string body_to_send(const Call& call, std::string_view tier);

/// The journal's line for an answer, in the form of a batch's output file. An answer that is no JSON stands there in
/// words of ours.
std::string answer_line(const Call& call, const api::Answered& answered);
/// The line for a request that has no answer and is not sent again.
std::string unanswered_line(const Call& call, std::string_view code, std::string_view message);

struct TokensUsed {
  std::int64_t total = 0;
  std::optional<std::int64_t> input = {};
};
/// The tokens that an answer says were used; nothing where it does not.
std::optional<TokensUsed> tokens_used(const api::Answered& answered);

} // namespace batchwright::realtime
