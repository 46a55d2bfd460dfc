#include <batchwright/base/id.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/json/json.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace batchwright::emulator {
namespace {

std::optional<std::string> known(const std::string& text)
{
  return text.empty() ? std::nullopt : std::optional{text};
}

} // namespace

std::string_view Call::header(const std::string& name) const
{
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view{} : found->second;
}

std::string Call::account() const
{
  return fmt::format("{}\n{}\n{}", header("authorization"), header("openai-organization"), header("openai-project"));
}

std::string error_body(std::string_view message, const ErrorWords& words)
{
  std::string out;
  json::Writer w{out};
  w.begin_object().key("error").begin_object();
  w.member("message", message).member("type", words.type);
  w.member("param", known(words.param)).member("code", known(words.code));
  w.end_object().end_object();
  return out;
}

Reply error_reply(int status, std::string_view message, const ErrorWords& words)
{
  return {.status = status, .body = error_body(message, words)};
}

ApiError missing_parameter(const std::string& parameter)
{
  return {.message = fmt::format("Missing required parameter: '{}'.", parameter),
          .words = {.param = parameter, .code = "missing_required_parameter"}};
}

ApiError no_such_model(std::string_view model)
{
  return {.status = 404,
          .message = fmt::format("The model `{}` does not exist or you do not have access to it.", model),
          .words = {.code = "model_not_found"}};
}

Body read_body(Call& call)
{
  Body body;
  std::string block(1 << 16, '\0');
  std::uint64_t size = call.content_length.value_or(0);
  while (size <= largest_body &&
         (call.body->read(block.data(), static_cast<std::streamsize>(block.size())), call.body->gcount() > 0)) {
    body.text.append(block.data(), static_cast<std::size_t>(call.body->gcount()));
    size = std::max<std::uint64_t>(size, body.text.size());
  }
  if (size > largest_body)
    body = {.refusal = error_reply(413, fmt::format("The request body is larger than {} bytes.", largest_body))};
  else if (body.text.size() != size)
    body = {.refusal = no_json()};
  return body;
}

Reply no_json()
{
  return error_reply(400, "We could not parse the JSON body of your request.");
}

std::optional<std::int64_t> whole_number(std::string_view digits)
{
  std::int64_t n = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (fault != std::errc{} || end != digits.data() + digits.size() || digits.starts_with('-')) return std::nullopt;
  return n;
}

Limit limit_of(const Call& call, std::int64_t most, std::int64_t otherwise)
{
  const auto given = call.query.find("limit");
  if (given == call.query.end()) return {.value = otherwise};
  const auto& digits = given->second;
  const bool negative = digits.starts_with('-');
  const auto size = whole_number(std::string_view{digits}.substr(negative ? 1 : 0));
  if (!size) {
    return {.refusal = error_reply(400, "Invalid type for 'limit': expected an integer.",
                                   {.param = "limit", .code = "invalid_type"})};
  }
  const auto n = negative ? -*size : *size;
  if (n >= 1 && n <= most) return {.value = n};
  const bool small = n < 1;
  return {.refusal = error_reply(
              400,
              fmt::format("Invalid 'limit': integer {} {} value. Expected a value {} {}, but got {} instead.",
                          small ? "below" : "above", small ? "minimum" : "maximum",
                          small ? ">=" : "<=", small ? 1 : most, n),
              {.param = "limit", .code = small ? "integer_below_min_value" : "integer_above_max_value"})};
}

bool path_matches(std::string_view pattern, std::string_view path)
{
  while (!pattern.empty() && !path.empty()) {
    if (pattern.front() == '*') {
      const auto end = std::min(path.find('/'), path.size());
      if (end == 0) return false;
      path.remove_prefix(end);
    } else if (pattern.front() == path.front()) {
      path.remove_prefix(1);
    } else {
      return false;
    }
    pattern.remove_prefix(1);
  }
  return pattern.empty() && path.empty();
}

std::string fresh_id(std::string_view prefix)
{
  auto digits = make_uuid();
  digits.erase(std::remove(digits.begin(), digits.end(), '-'), digits.end());
  return fmt::format("{}{}", prefix, digits);
}

} // namespace batchwright::emulator
