#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/chat.hpp>

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

std::optional<ApiError> fault_of_chat(const json::Value& body)
{
  if (auto fault = fault_of_messages(body)) return fault;
  if (auto fault = fault_of_caps(body)) return fault;
  if (auto fault =
          fault_of_schema(schema_in(body), body.find("response_format", "json_schema", "name"), "response_format"))
    return fault;
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

ModelReply completed(const json::Value& body, Fate fate, const Frame& frame)
{
  const auto choice = choice_of(body, fate);
  const auto n = body.get("n");
  const auto count = n ? *n->integer() : 1;
  ModelReply reply{.usage = {.input_tokens = prompt_tokens(body), .output_tokens = choice.tokens() * count}};
  json::Writer w{reply.body};
  w.begin_object()
      .member("id", "chatcmpl-" + frame.digits)
      .member("object", "chat.completion")
      .member("created", frame.created);
  w.member("model", snapshot_of(*body.find("model")->text()));
  write_choices(w, choice, count);
  write_usage(w, reply.usage);
  w.member("service_tier", "default").key("system_fingerprint").null();
  w.end_object();
  return reply;
}

} // namespace

Endpoint chat_endpoint()
{
  return {.path = "/v1/chat/completions",
          .asked = "messages",
          .named = Endpoint::Named::dated,
          .fault_of = fault_of_chat,
          .input_tokens = prompt_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
