#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/chat.hpp>
#include <batchwright/emulator/reply.hpp>
#include <batchwright/emulator/schema.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace batchwright::emulator {
namespace {

ChatReply refused(const ApiError& error)
{
  return {.status = error.status, .body = error.body()};
}

ChatReply refused(int status, std::string message, ErrorWords words)
{
  return refused({.status = status, .message = std::move(message), .words = std::move(words)});
}

ChatReply missing(const std::string& parameter)
{
  return refused(missing_parameter(parameter));
}

/// Reasoning models take `max_completion_tokens` only.
bool reasons(std::string_view model)
{
  constexpr std::array families{"gpt-5", "gpt-6", "o1", "o3", "o4"};
  return std::any_of(families.begin(), families.end(), [&](std::string_view f) { return model.starts_with(f); });
}

std::optional<ChatReply> refusal_of_messages(const json::Value& body)
{
  const auto messages = body.find("messages");
  if (!messages) return missing("messages");
  if (!messages->is(json::Kind::array)) {
    return refused(400, "Invalid type for 'messages': expected an array of objects.",
                   {.param = "messages", .code = "invalid_type"});
  }
  if (!messages->front()) {
    return refused(400,
                   "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array "
                   "instead.",
                   {.param = "messages", .code = "empty_array"});
  }
  std::size_t n = 0;
  for (const auto& message : messages->elements()) {
    const auto role = message.find("role");
    if (!role || !role->is(json::Kind::string)) return missing(fmt::format("messages[{}].role", n));
    ++n;
  }
  return std::nullopt;
}

std::optional<ChatReply> refusal_of_caps(const json::Value& body, std::string_view model)
{
  if (body.get("max_tokens") && reasons(model)) {
    return refused(400,
                   "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                   "instead.",
                   {.param = "max_tokens", .code = "unsupported_parameter"});
  }
  for (const auto* key : {"max_tokens", "max_completion_tokens"}) {
    const auto cap = body.get(key);
    if (!cap) continue;
    const auto n = cap->integer();
    if (!n) {
      return refused(400, fmt::format("Invalid type for '{}': expected an integer.", key),
                     {.param = key, .code = "invalid_type"});
    }
    if (*n < 1) {
      return refused(
          400,
          fmt::format("Invalid '{}': integer below minimum value. Expected a value >= 1, but got {} instead.", key, *n),
          {.param = key, .code = "integer_below_min_value"});
    }
  }
  return std::nullopt;
}

std::optional<ChatReply> refusal_of_schema(const json::Value& body)
{
  const auto schema = schema_in(body);
  const auto fault = schema ? schema_fault(*schema) : "";
  if (fault.empty()) return std::nullopt;
  const auto name = body.find("response_format", "json_schema", "name");
  return refused(400,
                 fmt::format("Invalid schema for response_format '{}': {}.",
                             name ? name->text().value_or("") : std::string{}, fault),
                 {.param = "response_format", .code = "invalid_json_schema"});
}

/// What the API says to a body that it will not run, or nothing.
std::optional<ChatReply> refusal_of(const json::Value& body)
{
  const auto model = body.find("model");
  const auto name = model ? model->text() : std::nullopt;
  if (!name || name->empty()) return refused(400, "you must provide a model parameter", {});
  if (!model_exists(*name)) return refused(no_such_model(*name));
  if (auto refusal = refusal_of_messages(body)) return refusal;
  if (auto refusal = refusal_of_caps(body, *name)) return refusal;
  if (auto refusal = refusal_of_schema(body)) return refusal;
  if (const auto stream = body.find("stream"); stream && stream->boolean() == true) {
    return refused(400, "Streaming is not supported here.", {.param = "stream", .code = "unsupported_value"});
  }
  if (const auto n = body.get("n"); n && (!n->integer() || *n->integer() < 1 || *n->integer() > 128)) {
    return refused(400, "Invalid 'n': expected an integer from 1 to 128.", {.param = "n", .code = "invalid_value"});
  }
  return std::nullopt;
}

std::int64_t output_cap(const json::Value& body)
{
  for (const auto* key : {"max_completion_tokens", "max_tokens"}) {
    if (const auto cap = body.get(key)) return cap->integer().value_or(0);
  }
  return std::numeric_limits<std::int64_t>::max();
}

struct Choice {
  std::optional<std::string> content = {};
  std::optional<std::string> refusal = {};
  std::string finish_reason = "stop";

  std::int64_t tokens() const { return token_count(content ? *content : refusal.value_or("")); }
};

Choice choice_of(const json::Value& body, Fate fate)
{
  if (fate == Fate::refused) return {.refusal = "I'm sorry, but I can't help with that."};
  if (fate == Fate::filtered) return {.content = "", .finish_reason = "content_filter"};
  const auto answer = answer_to(body);
  auto cap = output_cap(body);
  if (fate == Fate::truncated) cap = std::min(cap, token_count(answer) / 2);
  const auto said = cut_to_tokens(answer, cap);
  return {.content = std::string{said}, .finish_reason = said.size() < answer.size() ? "length" : "stop"};
}

void write_choices(json::Writer& w, const Choice& choice, std::int64_t count)
{
  w.key("choices").begin_array();
  for (std::int64_t i = 0; i < count; ++i) {
    w.begin_object().member("index", i);
    w.key("message").begin_object().member("role", "assistant");
    w.member("content", choice.content).member("refusal", choice.refusal);
    w.key("annotations").begin_array().end_array().end_object();
    w.key("logprobs").null();
    w.member("finish_reason", choice.finish_reason).end_object();
  }
  w.end_array();
}

void write_usage(json::Writer& w, const Usage& usage)
{
  w.key("usage").begin_object();
  w.member("prompt_tokens", usage.input_tokens).member("completion_tokens", usage.output_tokens);
  w.member("total_tokens", usage.input_tokens + usage.output_tokens);
  w.key("prompt_tokens_details").raw(R"({"cached_tokens":0,"audio_tokens":0,"cache_write_tokens":0})");
  w.key("completion_tokens_details");
  w.raw(R"({"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0})");
  w.end_object();
}

ChatReply completed(const json::Value& body, Fate fate, const ChatFrame& frame)
{
  const auto choice = choice_of(body, fate);
  const auto n = body.get("n");
  const auto count = n ? *n->integer() : 1;
  ChatReply reply{.usage = {.input_tokens = prompt_tokens(body), .output_tokens = choice.tokens() * count}};
  json::Writer w{reply.body};
  w.begin_object().member("id", frame.id).member("object", "chat.completion").member("created", frame.created);
  w.member("model", snapshot_of(*body.find("model")->text()));
  write_choices(w, choice, count);
  write_usage(w, reply.usage);
  w.member("service_tier", "default").key("system_fingerprint").null();
  w.end_object();
  return reply;
}

} // namespace

bool model_exists(std::string_view model)
{
  return !model.starts_with("no-such-");
}

std::int64_t charged_tokens(const json::Value& body)
{
  const auto cap = output_cap(body);
  return std::max(prompt_tokens(body), cap == std::numeric_limits<std::int64_t>::max() ? 0 : cap);
}

ChatReply chat(const json::Value& body, Fate fate, const ChatFrame& frame)
{
  if (auto refusal = refusal_of(body)) return *refusal;
  if (fate == Fate::failed) {
    return refused(400, "Invalid prompt: your prompt was flagged as not acceptable to this model.",
                   {.param = "messages", .code = "invalid_prompt"});
  }
  if (fate == Fate::transient) {
    return refused(500, "The server had an error while processing your request. Sorry about that!",
                   {.type = "server_error"});
  }
  return completed(body, fate, frame);
}

} // namespace batchwright::emulator
