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
/// limit is told, too, the smaller limit, the smaller rest and the longer time stand here.
struct RateHeaders {
  std::optional<std::int64_t> limit_requests = {}; ///< a minute
  std::optional<std::int64_t> limit_tokens = {};   ///< a minute
  std::optional<std::int64_t> remaining_requests = {};
  std::optional<std::int64_t> remaining_tokens = {};
  std::optional<Millis> reset_requests = {}; ///< until the bucket is full again
  std::optional<Millis> reset_tokens = {};

  bool operator==(const RateHeaders&) const = default;
};

/// Reads them from a response: counts; times as Go durations ("6m0s"), seconds, or, at compatible servers, moments in
/// RFC 3339, counted from the server's own `Date`.
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
  /// Held by an answer above 1 MiB: there is one such in memory at a time, and other threads with a large one wait
  /// until this, and all copies of it, are gone.
  std::shared_ptr<const void> turn = {};
};

class Caller {
public:
  Caller() = default;
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  virtual ~Caller() = default;

  /// POST `body` to `url` as request lines name it ("/v1/chat/completions"), and waits, up to `timeout`, however silent
  /// the server is meanwhile. Safe from many threads. Network trouble is a value; throws `Fault::disk` where an answer
  /// cannot be held. Answers above 1 MiB come in by way of files without a name, and only one of them is in memory at a
  /// time, so that many in flight do not fill it: let go of such an answer before the same thread calls again, and
  /// soon. One above 64 MiB is not taken: it is `unknown`.
  virtual Answered call(std::string_view url, const std::string& body, Millis timeout) = 0;

  /// Ends all calls in flight, and those that begin from now on: they come back as `unknown`, or `not_sent`.
  virtual void end_all() = 0;
};

/// Calls over connections of their own, of which so many are kept for the next call. Large answers are spooled to
/// `spool_directory`, which exists. The base URL ends in the version that the URLs of request lines begin with, so that
/// goes out once. Raises the limit of open files, as far as the system allows. Throws as http::open does.
std::unique_ptr<Caller> open_caller(const http::Endpoint& endpoint, const std::filesystem::path& spool_directory,
                                    std::size_t kept_connections = 5'000);

} // namespace batchwright::api
