// The real-time calls: one request, one answer. Comes in: a path and a body. Goes out: what the server said, with its
// word on rates, or how certain it is that it did nothing. Knows no store and no job, retries nothing.
#pragma once

#include <batchwright/api/client.hpp>
#include <batchwright/base/clock.hpp>
#include <batchwright/base/files.hpp>
#include <batchwright/http/transport.hpp>
#include <batchwright/wire/objects.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace batchwright::api {

/// What the nine `x-ratelimit-*` headers tell; nothing where one is absent or cannot be read. Where a project's token
/// limit is told, too, the smaller limit and the smaller rest stand here.
struct RateHeaders {
  std::optional<std::int64_t> limit_requests = {}; ///< a minute
  std::optional<std::int64_t> limit_tokens = {};   ///< a minute
  std::optional<std::int64_t> remaining_requests = {};
  std::optional<std::int64_t> remaining_tokens = {};
  std::optional<Millis> reset_requests = {}; ///< until the bucket is full again
  std::optional<Millis> reset_tokens = {};

  bool operator==(const RateHeaders&) const = default;
};

/// Reads them from a response. Source: openai-batch.md section 15.
RateHeaders read_rate_headers(const http::Response& response);

/// An answer of a real-time call.
struct Answered {
  Ending ending = Ending::unknown; ///< ok: a 2xx whose body is whole, and JSON
  int status = 0;                  ///< of the answer, whatever the ending; 0: none came
  std::string body = {};           ///< JSON in one line, as `json::minify` gives it; where it is no JSON, as it came
  bool is_json = false;
  wire::ApiError error = {};
  std::string trouble = {}; ///< for people, always set where not ok
  std::optional<Millis> retry_after = {};
  std::string request_id = {};
  RateHeaders rates = {};
  Millis took{0};
};

class Caller {
public:
  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  virtual ~Caller() = default;

  /// POST `body` to `url` as request lines name it ("/v1/chat/completions"), and waits. Safe from many threads. Network
  /// trouble is a value. Answers above 1 MiB are held in files, and read back one at a time, so that many large ones
  /// in flight do not fill the memory.
  virtual Answered call(std::string_view url, const std::string& body, Millis timeout) = 0;

  /// Ends all calls in flight, and those that begin from now on: they come back as `unknown`, or `not_sent`.
  virtual void end_all() = 0;
};

} // namespace batchwright::api
