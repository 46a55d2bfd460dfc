#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/chat.hpp>
#include <batchwright/emulator/logprobs.hpp>
#include <batchwright/emulator/tool_calls.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

std::optional<ApiError> fault_of_messages(const json::Value& body)
{
  const auto messages = body.find("messages");
  if (!messages) return missing_parameter("messages");
  if (!messages->is(json::Kind::array)) return wrong_type("messages", "an array of objects");
  if (!messages->front()) return empty_array("messages");
  std::size_t n = 0;
  for (const auto& message : messages->elements()) {
    const auto role = message.find("role");
    if (!role || !role->is(json::Kind::string)) return missing_parameter(fmt::format("messages[{}].role", n));
    ++n;
  }
  return std::nullopt;
}

std::optional<ApiError> fault_of_caps(const json::Value& body)
{
  if (body.get("max_tokens") && reasons(*body.find("model")->text())) {
    return ApiError{
        .message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                   "instead.",
        .words = {.param = "max_tokens", .code = "unsupported_parameter"}};
  }
  for (const auto* key : {"max_tokens", "max_completion_tokens"})
    if (auto fault = fault_of_number(body, key)) return fault;
  return std::nullopt;
}

std::optional<ApiError> fault_of_format(const json::Value& body)
{
  const auto type = body.find("response_format", "type");
  if (!type || type->text() != "json_schema") return std::nullopt;
  const auto format = body.find("response_format")->get("json_schema");
  if (!format) return missing_parameter("response_format.json_schema");
  if (!format->get("name")) return missing_parameter("response_format.json_schema.name");
  return fault_of_schema(*format, "response_format");
}

bool asks_logprobs(const json::Value& body)
{
  const auto asked = body.get("logprobs");
  return asked && asked->boolean() == true;
}

std::optional<ApiError> fault_of_logprobs(const json::Value& body)
{
  const auto asked = body.get("logprobs");
  if (asked && !asked->is(json::Kind::boolean)) return wrong_type("logprobs", "a boolean");
  if (auto fault = fault_of_top_logprobs(body)) return fault;
  if (!body.get("top_logprobs") || asks_logprobs(body)) return std::nullopt;
  return ApiError{.message =
                      "Invalid value for 'top_logprobs': 'top_logprobs' is only allowed when 'logprobs' is true.",
                  .words = {.param = "top_logprobs", .code = "invalid_value"}};
}

std::optional<ApiError> fault_of_chat(const json::Value& body)
{
  if (auto fault = fault_of_messages(body)) return fault;
  if (auto fault = fault_of_caps(body)) return fault;
  if (auto fault = fault_of_format(body)) return fault;
  if (auto fault = fault_of_tools(body, ToolForm::nested)) return fault;
  if (auto fault = fault_of_logprobs(body)) return fault;
  if (const auto n = body.get("n"); n && (!n->integer() || *n->integer() < 1 || *n->integer() > 128)) {
    return ApiError{.message = "Invalid 'n': expected an integer from 1 to 128.",
                    .words = {.param = "n", .code = "invalid_value"}};
  }
  return std::nullopt;
}

std::int64_t output_cap(const json::Value& body)
{
  return cap_in(body, "max_completion_tokens", cap_in(body, "max_tokens"));
}

struct Choice {
  std::optional<std::string> content = {};
  std::optional<std::string> refusal = {};
  std::optional<ToolCall> call = {};
  std::string finish_reason = "stop";

  std::int64_t tokens() const
  {
    return call ? token_count(call->arguments) : token_count(content ? *content : refusal.value_or(""));
  }
};

/// The most output tokens of an answer, which a body or its fate may cut.
std::int64_t cap_of(const json::Value& body, Fate fate, std::string_view answer)
{
  const auto cap = output_cap(body);
  return fate == Fate::truncated ? std::min(cap, token_count(answer) / 2) : cap;
}

Choice calling(ToolCall call, const json::Value& body, Fate fate)
{
  const auto said = cut_to_tokens(call.arguments, cap_of(body, fate, call.arguments));
  const bool whole = said.size() == call.arguments.size();
  const auto* const reason = !whole ? "length" : call.named ? "stop" : "tool_calls";
  call.arguments.resize(said.size());
  return {.call = std::move(call), .finish_reason = reason};
}

Choice choice_of(const json::Value& body, Fate fate)
{
  if (fate == Fate::refused) return {.refusal = "I'm sorry, but I can't help with that."};
  if (fate == Fate::filtered) return {.content = "", .finish_reason = "content_filter"};
  if (auto call = tool_call_in(body, ToolForm::nested, hash_of(body), fate))
    return calling(std::move(*call), body, fate);
  const auto answer = answer_to(body);
  const auto said = cut_to_tokens(answer, cap_of(body, fate, answer));
  return {.content = std::string{said}, .finish_reason = said.size() < answer.size() ? "length" : "stop"};
}

/// `id` tells the calls of one choice from those of another.
void write_call(json::Writer& w, const ToolCall& call, const std::string& id)
{
  w.key("tool_calls").begin_array().begin_object().member("id", id).member("type", "function");
  w.key("function").begin_object().member("name", call.name).member("arguments", call.arguments).end_object();
  w.end_object().end_array();
}

void write_choice_logprobs(json::Writer& w, const Choice& choice, const json::Value& body)
{
  w.key("logprobs");
  if (!asks_logprobs(body) || choice.call) {
    w.null();
    return;
  }
  const auto tokens = [&](std::string_view key, const std::optional<std::string>& text) {
    w.key(key);
    if (text)
      write_logprobs(w, *text, body);
    else
      w.null();
  };
  w.begin_object();
  tokens("content", choice.content);
  tokens("refusal", choice.refusal);
  w.end_object();
}

void write_choices(json::Writer& w, const Choice& choice, const json::Value& body, const Frame& frame)
{
  const auto count = cap_in(body, "n", 1);
  w.key("choices").begin_array();
  for (std::int64_t i = 0; i < count; ++i) {
    w.begin_object().member("index", i);
    w.key("message").begin_object().member("role", "assistant");
    w.member("content", choice.content).member("refusal", choice.refusal);
    if (choice.call) write_call(w, *choice.call, fmt::format("call_{}{}", frame.digits, i));
    w.key("annotations").begin_array().end_array().end_object();
    write_choice_logprobs(w, choice, body);
    w.member("finish_reason", choice.finish_reason).end_object();
  }
  w.end_array();
}

void write_usage(json::Writer& w, const Usage& usage)
{
  w.key("usage").begin_object();
  w.member("prompt_tokens", usage.input_tokens).member("completion_tokens", usage.output_tokens);
  w.member("total_tokens", usage.input_tokens + usage.output_tokens);
  w.key("prompt_tokens_details").begin_object().member("cached_tokens", usage.cache.read);
  w.key("audio_tokens").integer(0).member("cache_write_tokens", usage.cache.written).end_object();
  w.key("completion_tokens_details");
  w.raw(R"({"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0})");
  w.end_object();
}

ModelReply completed(const json::Value& body, Fate fate, const Frame& frame)
{
  const auto choice = choice_of(body, fate);
  const auto count = cap_in(body, "n", 1);
  ModelReply reply{.usage = {.input_tokens = prompt_tokens(body),
                             .output_tokens = choice.tokens() * count,
                             .cache = frame.use_cache(body, body.find("messages")->raw())}};
  json::Writer w{reply.body};
  w.begin_object()
      .member("id", "chatcmpl-" + frame.digits)
      .member("object", "chat.completion")
      .member("created", frame.created);
  w.member("model", snapshot_of(*body.find("model")->text()));
  write_choices(w, choice, body, frame);
  write_usage(w, reply.usage);
  w.member("service_tier", frame.service_tier).key("system_fingerprint").null();
  w.end_object();
  return reply;
}

} // namespace

Endpoint chat_endpoint()
{
  return {.path = "/v1/chat/completions",
          .asked = "messages",
          .tiers = Endpoint::Tiers::several,
          .named = Endpoint::Named::dated,
          .fault_of = fault_of_chat,
          .input_tokens = prompt_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
