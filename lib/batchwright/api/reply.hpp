// From an HTTP response to a Reply: how a call ended, and its words for people. No I/O.
#pragma once

#include <batchwright/api/client.hpp>
#include <batchwright/http/retry.hpp>
#include <batchwright/http/transport.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace batchwright::api {

/// Everything of a reply but the value; `ending` is ok for a whole 2xx.
struct Outcome {
  Ending ending = Ending::unknown;
  wire::ApiError error = {};
  std::string trouble = {};
};
Outcome judge(const http::Response& response);

/// The words for a 2xx whose body is not what was asked for.
std::string unreadable(const http::Response& response);
/// The words for a 2xx whose body is not even JSON.
std::string no_json(const http::Response& response);

/// Takes our key out of the words for people that a value holds: the errors of a batch. Others hold none.
template<class T>
void hide_key(const http::Response&, T&)
{
}
void hide_key(const http::Response& response, wire::BatchObject& batch);
void hide_key(const http::Response& response, wire::Page<wire::BatchObject>& page);

template<class T>
Reply<T> reply_to(const http::Response& response)
{
  auto outcome = judge(response);
  return {.ending = outcome.ending,
          .status = response.status,
          .error = std::move(outcome.error),
          .trouble = std::move(outcome.trouble),
          .retry_after = http::retry_after(response, system_clock().now()),
          .server_time = response.date(),
          .request_id = response.without_key(response.header("x-request-id"))};
}

/// A reply whose value `parse` reads from the body: what cannot be read is unknown, since the server may have acted.
template<class T, class Parse>
Reply<T> reply_to(const http::Response& response, Parse parse)
{
  auto reply = reply_to<T>(response);
  if (!reply.ok()) return reply;
  std::optional<T> value = parse(std::string_view{response.body});
  if (value) {
    hide_key(response, *value);
    reply.value = std::move(*value);
  } else {
    reply.ending = Ending::unknown;
    reply.trouble = unreadable(response);
  }
  return reply;
}

} // namespace batchwright::api
