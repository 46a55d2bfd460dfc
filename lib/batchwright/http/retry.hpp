// When to try again, and how long to wait: arithmetic. The loop around it is short and waits by a parameter.
#pragma once

#include <batchwright/base/clock.hpp>
#include <batchwright/base/interrupt.hpp>
#include <batchwright/http/transport.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace batchwright::http {

enum class Verdict : std::uint8_t {
  ok,
  transient, ///< 408, 409, 425, 499, 5xx, no answer, a cut body
  throttled, ///< 429 for a rate
  hopeless,  ///< asking again changes nothing: other 4xx, 3xx, a 429 for an empty quota
};

struct RetryPolicy {
  int attempts = 4; ///< in all
  Millis base{500};
  Millis throttled_base{2'000};
  Millis ceiling{30'000}; ///< caps our own growth, never the server's word
  /// A longer wait is no matter of one call, which sits silent meanwhile: whoever asked plans it, from the answer.
  Millis longest_hint{10'000};
};

/// Reads a response; `x-should-retry` overrides the status. `code` is the API's error code where one was read; an empty
/// quota is recognised in the body, too.
Verdict classify(const Response& response, std::string_view code = {});

/// `retry-after-ms`, else `retry-after` as seconds (decimals allowed) or HTTP date, counted from `now`.
std::optional<Millis> retry_after(const Response& response, Instant now);

/// A Go duration as the rate-limit headers write it: "1h2m3s", "6m0s", "1.5s", "20ms"; plain seconds are taken, too.
std::optional<Millis> parse_go_duration(std::string_view text);

/// The wait before the next attempt, or nothing when this was the last, be it that the server's hint is longer than the
/// policy waits for. `attempt` counts from 1. Our own share doubles from the base up to the ceiling, of which half is
/// certain and half scaled by `jitter` in [0, 1], drawn by the caller. The hint is a floor to which that is added; the
/// ceiling does not cap it.
std::optional<Millis> wait_before_retry(const RetryPolicy& policy, int attempt, Verdict verdict,
                                        std::optional<Millis> hint, double jitter);

/// Waits, and says whether it waited to the end: false means that the user asked to stop.
using Sleep = std::function<bool(Millis)>;
/// Waits in short steps, so that Ctrl-C is obeyed within a tenth of a second.
Sleep sleep_unless(const Interrupt& interrupt);

/// Wraps a transport: GET and DELETE are tried again by the policy, POST never (it may create something).
/// A call with a sink is tried again only until the sink saw its first byte. An answer that asks for a long wait comes
/// back at once: `retry_after` reads when to ask again.
std::unique_ptr<Transport> retrying(Transport& inner, RetryPolicy policy, Sleep sleep);

} // namespace batchwright::http
