#include <batchwright/api/reply.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace batchwright::api {
namespace {

// Enough to tell a gateway's page from the API's words, short enough for a line.
constexpr std::size_t body_excerpt = 200;
// The API's own words count for more.
constexpr std::size_t message_excerpt = 1000;

/// The beginning of a text on one line, control characters as spaces.
std::string excerpt(std::string_view text, std::size_t longest)
{
  std::string out{text.substr(0, longest)};
  // A character that the cut went through goes with it.
  while (out.size() < text.size() && !out.empty() && (static_cast<unsigned char>(text[out.size()]) & 0xC0U) == 0x80U)
    out.pop_back();
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return out.size() < text.size() ? out + "..." : out;
}

std::string excerpt_of_body(const http::Response& response)
{
  return excerpt(response.without_key(response.body), body_excerpt);
}

/// "HTTP 400 invalid_value: Invalid value for ..."
std::string words(const http::Response& response, const std::optional<wire::ApiError>& error)
{
  auto text = fmt::format("HTTP {}", response.status);
  if (!error) return response.body.empty() ? text : fmt::format("{}: {}", text, excerpt_of_body(response));
  const auto& name = error->code.empty() ? error->type : error->code;
  if (!name.empty()) text = fmt::format("{} {}", text, excerpt(name, body_excerpt));
  if (!error->message.empty()) text = fmt::format("{}: {}", text, excerpt(error->message, message_excerpt));
  return text;
}

/// The error of an answer, its words without our key.
std::optional<wire::ApiError> error_of(const http::Response& response)
{
  auto error = wire::parse_error(response.body);
  if (!error) return error;
  for (auto* word : {&error->code, &error->type, &error->message, &error->param})
    *word = response.without_key(*word);
  return error;
}

/// Statuses that leave open whether the server did something.
bool leaves_open(int status)
{
  constexpr std::array open{408, 409, 425, 499};
  return std::find(open.begin(), open.end(), status) != open.end();
}

} // namespace

void hide_key(const http::Response& response, wire::BatchObject& batch)
{
  for (auto& error : batch.errors) {
    error.code = response.without_key(error.code);
    error.message = response.without_key(error.message);
  }
}

void hide_key(const http::Response& response, wire::Page<wire::BatchObject>& page)
{
  for (auto& batch : page.data)
    hide_key(response, batch);
}

std::string unreadable(const http::Response& response)
{
  return fmt::format("HTTP {}, but its body cannot be read: {}", response.status, excerpt_of_body(response));
}

std::string no_json(const http::Response& response)
{
  if (response.body.empty()) return fmt::format("HTTP {}, but the answer is empty", response.status);
  return fmt::format("HTTP {}, but the answer is no JSON: {}", response.status, excerpt_of_body(response));
}

Outcome judge(const http::Response& response)
{
  if (response.delivery == http::Delivery::not_sent) return {Ending::not_sent, {}, response.trouble};
  if (response.delivery == http::Delivery::unknown) return {Ending::unknown, {}, response.trouble};
  if (response.ok()) return {Ending::ok, {}, {}};
  if (!response.whole && response.status < 300) {
    return {Ending::unknown, {}, fmt::format("HTTP {}, but {}", response.status, response.trouble)};
  }
  if (response.status >= 300 && response.status < 400) {
    const auto to = excerpt(response.without_key(response.header("Location")), body_excerpt);
    return {
        Ending::refused, {}, fmt::format("HTTP {}: redirected to \"{}\"; is the base URL right?", response.status, to)};
  }
  auto error = error_of(response);
  auto text = words(response, error);
  const bool clean = error && response.status < 500 && !leaves_open(response.status);
  return {clean ? Ending::refused : Ending::unknown, error.value_or(wire::ApiError{}), std::move(text)};
}

} // namespace batchwright::api
