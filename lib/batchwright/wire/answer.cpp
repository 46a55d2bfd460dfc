// The frame of an answer line and its failures; what a 2xx body says is read by one function for each endpoint.

#include <batchwright/wire/answer.hpp>
#include <batchwright/wire/answer_body.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::wire {
namespace {

/// How an endpoint's 2xx body is read into the answer.
struct Shape {
  std::string_view endpoint;
  void (*read)(Answer& answer, const json::Value& body);
};

constexpr Shape shapes[] = {{"/v1/chat/completions", read_chat_body},
                            {"/v1/responses", read_responses_body},
                            {"/v1/completions", read_completions_body},
                            {"/v1/embeddings", read_embeddings_body},
                            {"/v1/moderations", read_moderations_body}};

std::string decoded(const json::Value& value)
{
  return json::decode_lossy(value.token());
}

/// The decoded string under a key; empty where there is none.
std::string words(const json::Value& object, std::string_view key)
{
  const auto value = object.find(key);
  return value && value->is(json::Kind::string) ? decoded(*value) : std::string{};
}

/// Why it failed, in the server's words; empty where it had none.
struct Reason {
  std::string code = {};
  std::string message = {};
};

Reason reason_in(const json::Value& error)
{
  if (error.is(json::Kind::string)) return {{}, decoded(error)};
  Reason reason{words(error, "code"), words(error, "message")};
  if (reason.code.empty()) reason.code = words(error, "type");
  return reason;
}

/// The reason in a refusal's body: `{"error":{...}}`, the error without that frame (older vLLM), or the text of a
/// gateway. Words we cannot place are handed on whole: some words are better than none.
Reason reason_in_body(const json::Value& body)
{
  const auto error = body.get("error");
  auto reason = reason_in(error ? *error : body);
  if (reason.message.empty()) reason.message = body.raw();
  return reason;
}

bool says_slow_down(const Reason& reason)
{
  const auto lower = [](std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
  };
  return lower(reason.code).find("slow_down") != std::string::npos ||
         lower(reason.message).find("slow down") != std::string::npos;
}

/// REQUIRED: not a 2xx status.
Judgement judge(std::int64_t status, const Reason& reason)
{
  if (status == 429 || status == 401) return Judgement::free_retry;
  if (status == 503 && says_slow_down(reason)) return Judgement::free_retry;
  if (status == 408 || status == 409) return Judgement::transient;
  return status >= 300 && status < 500 ? Judgement::permanent : Judgement::transient;
}

Obstacle obstacle_in(std::int64_t status, const Reason& reason)
{
  if (status == 401) return Obstacle::key;
  if (status == 403) return Obstacle::forbidden;
  return status == 429 && reason.code == "insufficient_quota" ? Obstacle::quota : Obstacle::none;
}

void fail(Answer& answer, Judgement judgement, Reason reason)
{
  answer.judgement = judgement;
  answer.code = std::move(reason.code);
  answer.message = std::move(reason.message);
}

/// `error` is set: by the API's own rule the request never ran, unless a response tells that it was refused.
void read_error(Answer& answer, const json::Value& error)
{
  auto reason = reason_in(error);
  const bool refused = answer.http_status >= 300;
  if (reason.code.empty()) {
    reason.code = refused ? fmt::format("http_{}", answer.http_status) : std::string{code_not_executed};
  }
  if (reason.message.empty()) reason.message = error.raw();
  const auto judgement = refused ? judge(answer.http_status, reason) : Judgement::transient;
  answer.obstacle = obstacle_in(answer.http_status, reason);
  fail(answer, judgement, std::move(reason));
}

void read_refusal(Answer& answer, const std::optional<json::Value>& body)
{
  auto reason = body ? reason_in_body(*body) : Reason{};
  if (reason.code.empty()) reason.code = fmt::format("http_{}", answer.http_status);
  if (reason.message.empty()) {
    reason.message = fmt::format("the server answered with HTTP status {} and no words", answer.http_status);
  }
  const auto judgement = judge(answer.http_status, reason);
  answer.obstacle = obstacle_in(answer.http_status, reason);
  fail(answer, judgement, std::move(reason));
}

/// `created` or `created_at`, seconds since 1970; some servers write 0.
std::optional<Instant> made_at(const json::Value& body)
{
  constexpr std::int64_t furthest = 253'402'300'799; // the end of the year 9999
  for (const std::string_view name : {"created", "created_at"}) {
    const auto seconds = body.get(name) ? body.get(name)->integer() : std::nullopt;
    if (seconds && *seconds > 0 && *seconds <= furthest) return from_unix(*seconds);
  }
  return std::nullopt;
}

void read_success(Answer& answer, const std::optional<json::Value>& body, std::string_view endpoint)
{
  const auto* shape =
      std::find_if(std::begin(shapes), std::end(shapes), [&](const Shape& s) { return s.endpoint == endpoint; });
  if (!body || !body->is(json::Kind::object)) {
    fail_unreadable(answer, "the response has no body, or one that is not an object");
  } else {
    answer.paid = true;
    answer.made_at = made_at(*body);
    shape == std::end(shapes) ? read_other_body(answer, *body) : shape->read(answer, *body);
  }
}

} // namespace

void fail_unusable(Answer& answer, std::string_view code, std::string message)
{
  answer.paid = true;
  fail(answer, Judgement::unusable, {std::string{code}, std::move(message)});
}

void fail_unreadable(Answer& answer, std::string message)
{
  fail_unusable(answer, code_unreadable, std::move(message));
}

void read_other_body(Answer& answer, const json::Value& body)
{
  answer.model = token_in(body, "model");
  answer.tier = token_in(body, "service_tier");
  answer.usage = usage_in(body, responses_usage);
  answer.text = body.raw();
  answer.judgement = Judgement::success;
  const auto status = token_in(body, "status");
  if (status != "failed" && status != "expired") return;
  const auto error = body.get("error");
  const auto reason = error ? reason_in(*error) : Reason{};
  fail_unusable(answer, code_model_failed,
                reason.message.empty() ? fmt::format("it ended with status `{}`", status) : reason.message);
}

std::string with_custom_id(const json::Value& line, std::string_view custom_id)
{
  const auto id = line.find("custom_id");
  std::string text{line.raw()};
  if (!id) return text;
  std::string quoted;
  json::append_string(quoted, custom_id);
  const auto at = static_cast<std::size_t>(id->raw().data() - line.raw().data());
  return text.replace(at, id->raw().size(), quoted);
}

std::string_view token_in(const json::Value& object, std::string_view key)
{
  const auto value = object.find(key);
  return value && value->is(json::Kind::string) ? value->token() : std::string_view{};
}

Answer read_answer(const json::Value& line, std::string_view endpoint)
{
  Answer answer;
  answer.custom_id = words(line, "custom_id");
  const auto response = line.get("response");
  const auto error = line.get("error");
  const auto status = response ? response->find("status_code") : std::nullopt;
  answer.http_status = (status ? status->integer() : std::nullopt).value_or(0);
  if (response) answer.request_id = token_in(*response, "request_id");

  if (error) {
    read_error(answer, *error);
  } else if (!status || !status->integer()) {
    fail_unreadable(answer, "the line has neither an error nor a response with a status_code");
  } else if (answer.http_status >= 200 && answer.http_status < 300) {
    read_success(answer, response->get("body"), endpoint);
  } else {
    read_refusal(answer, response->get("body"));
  }
  return answer;
}

std::optional<std::string> custom_id_of(const json::Value& line)
{
  const auto id = line.find("custom_id");
  return id && id->is(json::Kind::string) ? std::optional{decoded(*id)} : std::nullopt;
}

std::optional<std::string> salvage_custom_id(std::string_view line)
{
  constexpr std::size_t near = 1024; // servers write the id first, or after an id of their own
  constexpr std::string_view key = "\"custom_id\"";
  // Inside a text the key would end in `\"`: what matches here is a key.
  const auto found = line.substr(0, near).find(key);
  if (found == std::string_view::npos) return std::nullopt;
  auto begin = line.find_first_not_of(" \t", found + key.size());
  if (begin == std::string_view::npos || line[begin] != ':') return std::nullopt;
  begin = line.find_first_not_of(" \t", begin + 1);
  if (begin == std::string_view::npos || line[begin] != '"') return std::nullopt;

  auto end = begin + 1;
  while (end < line.size() && line[end] != '"')
    end += line[end] == '\\' ? 2 : 1;
  if (end >= line.size()) return std::nullopt;
  const auto token = line.substr(begin + 1, end - begin - 1);
  if (token.find('\\') == std::string_view::npos && json::is_utf8(token)) return std::string{token};
  json::Document id;
  if (!id.parse(line.substr(begin, end + 1 - begin))) return std::nullopt;
  return decoded(id.root());
}

std::string unanswered_line(std::string_view custom_id, std::string_view code, std::string_view message)
{
  std::string line;
  json::Writer{line}
      .begin_object()
      .key("id")
      .null()
      .member("custom_id", custom_id)
      .key("response")
      .null()
      .key("error")
      .begin_object()
      .member("code", code)
      .member("message", message)
      .end_object()
      .end_object();
  return line;
}

} // namespace batchwright::wire
