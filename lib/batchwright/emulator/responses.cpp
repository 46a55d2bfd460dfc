#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/logprobs.hpp>
#include <batchwright/emulator/responses.hpp>
#include <batchwright/emulator/tool_calls.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::emulator {
namespace {

std::optional<ApiError> fault_of_input(const json::Value& body)
{
  const auto input = body.get("input");
  if (!input) return missing_parameter("input");
  if (input->is(json::Kind::string)) return std::nullopt;
  if (!input->is(json::Kind::array)) return wrong_type("input", "a string or an array of items");
  if (!input->front()) return empty_array("input");
  std::size_t n = 0;
  for (const auto& item : input->elements()) {
    if (!item.is(json::Kind::object)) return wrong_type(fmt::format("input[{}]", n), "an object");
    if (!item.get("role") && !item.get("type")) return missing_parameter(fmt::format("input[{}].role", n));
    ++n;
  }
  return std::nullopt;
}

std::optional<ApiError> fault_of_format(const json::Value& body)
{
  const auto format = body.find("text", "format");
  if (!format) return std::nullopt;
  const auto type = format->get("type");
  if (!type) return missing_parameter("text.format.type");
  const auto name = type->text();
  if (name == "text" || name == "json_object") return std::nullopt;
  if (name != "json_schema")
    return wrong_value("text.format.type", name.value_or(""), "'text', 'json_object', and 'json_schema'");
  for (const auto* key : {"name", "schema"})
    if (!format->get(key)) return missing_parameter(fmt::format("text.format.{}", key));
  return fault_of_schema(*format, "text.format.schema");
}

std::optional<ApiError> fault_of_response(const json::Value& body)
{
  if (auto fault = fault_of_input(body)) return fault;
  if (const auto said = body.get("instructions"); said && !said->is(json::Kind::string))
    return wrong_type("instructions", "a string");
  if (auto fault = fault_of_number(body, "max_output_tokens")) return fault;
  for (const auto* key : {"max_tokens", "max_completion_tokens", "messages", "response_format"}) {
    if (!body.get(key)) continue;
    return ApiError{.message = fmt::format("Unsupported parameter: '{}' is not supported with the Responses API.", key),
                    .words = {.param = key, .code = "unsupported_parameter"}};
  }
  if (auto fault = fault_of_format(body)) return fault;
  if (auto fault = fault_of_tools(body, ToolForm::flat)) return fault;
  if (auto fault = fault_of_top_logprobs(body)) return fault;
  if (const auto later = body.get("background"); later && later->boolean() == true) {
    return ApiError{.message = "Background responses are not supported here.",
                    .words = {.param = "background", .code = "unsupported_value"}};
  }
  return std::nullopt;
}

std::int64_t input_tokens(const json::Value& body)
{
  std::int64_t tokens = 0;
  for (const auto* key : {"input", "instructions"})
    if (const auto value = body.get(key)) tokens += token_count(value->raw());
  return tokens;
}

/// What the model reads, in its order.
std::string prompt_of(const json::Value& body)
{
  std::string prompt;
  for (const auto* key : {"instructions", "input"})
    if (const auto value = body.get(key)) prompt += value->raw();
  return prompt;
}

std::int64_t output_cap(const json::Value& body)
{
  return cap_in(body, "max_output_tokens");
}

/// How a response ended, and what it says.
struct Outcome {
  std::string status = "completed";
  std::string incomplete = {}; ///< the reason
  std::string text = {};
  std::string refusal = {};          ///< in place of the text
  std::optional<ToolCall> call = {}; ///< in place of the message
  std::int64_t reasoning = 0;

  const std::string& said() const { return call ? call->arguments : refusal.empty() ? text : refusal; }
};

Outcome outcome_of(const json::Value& body, Fate fate)
{
  if (fate == Fate::model_failed) return {.status = "failed"};
  const auto cap = output_cap(body);
  const std::int64_t reasoning = reasons(*body.find("model")->text()) ? std::min<std::int64_t>(8, cap / 2) : 0;
  if (fate == Fate::refused) return {.refusal = "I'm sorry, but I can't help with that.", .reasoning = reasoning};
  if (fate == Fate::filtered) return {.status = "incomplete", .incomplete = "content_filter", .reasoning = reasoning};
  Outcome outcome{.call = tool_call_in(body, ToolForm::flat, hash_of_response(body), fate), .reasoning = reasoning};
  if (!outcome.call) outcome.text = answer_to_response(body);
  auto& answer = outcome.call ? outcome.call->arguments : outcome.text;
  auto left = cap - reasoning;
  if (fate == Fate::truncated) left = std::min(left, token_count(answer) / 2);
  const auto whole = answer.size();
  answer.resize(cut_to_tokens(answer, left).size());
  if (answer.size() == whole) return outcome;
  outcome.status = "incomplete";
  outcome.incomplete = "max_output_tokens";
  return outcome;
}

void write_reasoning(json::Writer& w, const Frame& frame)
{
  w.begin_object().member("type", "reasoning").member("id", "rs_" + frame.digits);
  w.key("summary").begin_array().end_array().end_object();
}

void write_call(json::Writer& w, const Outcome& outcome, const Frame& frame)
{
  w.begin_object().member("type", "function_call").member("id", "fc_" + frame.digits);
  w.member("call_id", "call_" + frame.digits).member("name", outcome.call->name);
  w.member("arguments", outcome.call->arguments).member("status", outcome.status).end_object();
}

bool asks_logprobs(const json::Value& body)
{
  const auto include = body.get("include");
  if (!include) return false;
  const auto wanted = include->elements();
  return std::any_of(wanted.begin(), wanted.end(),
                     [](const json::Value& one) { return one.text() == "message.output_text.logprobs"; });
}

void write_message(json::Writer& w, const Outcome& outcome, const json::Value& body, const Frame& frame)
{
  w.begin_object().member("type", "message").member("id", "msg_" + frame.digits).member("status", outcome.status);
  w.member("role", "assistant").key("content").begin_array().begin_object();
  if (outcome.refusal.empty()) {
    w.member("type", "output_text").member("text", outcome.text);
    w.key("annotations").begin_array().end_array();
    w.key("logprobs");
    write_logprobs(w, asks_logprobs(body) ? std::string_view{outcome.text} : std::string_view{}, body);
  } else {
    w.member("type", "refusal").member("refusal", outcome.refusal);
  }
  w.end_object().end_array().end_object();
}

void write_ending(json::Writer& w, const Outcome& outcome, const Frame& frame)
{
  w.member("status", outcome.status).key("completed_at");
  if (outcome.status == "completed")
    w.integer(frame.created);
  else
    w.null();
  w.key("error");
  if (outcome.status == "failed") {
    w.begin_object().member("code", "server_error");
    w.member("message", "The model failed to generate a response.").end_object();
  } else {
    w.null();
  }
  w.key("incomplete_details");
  if (outcome.incomplete.empty())
    w.null();
  else
    w.begin_object().member("reason", outcome.incomplete).end_object();
}

void write_output(json::Writer& w, const Outcome& outcome, const json::Value& body, const Frame& frame)
{
  w.key("output").begin_array();
  if (outcome.status != "failed") {
    if (outcome.reasoning > 0) write_reasoning(w, frame);
    if (outcome.call)
      write_call(w, outcome, frame);
    else
      write_message(w, outcome, body, frame);
  }
  w.end_array();
}

/// What the body asked for, told again; `otherwise` where it did not.
void write_asked(json::Writer& w, const json::Value& body)
{
  const auto again = [&](std::string_view key, std::string_view otherwise) {
    const auto value = body.get(key);
    w.key(key).raw(value ? value->raw() : otherwise);
  };
  again("instructions", "null");
  again("max_output_tokens", "null");
  again("previous_response_id", "null");
  again("reasoning", R"({"effort":null,"summary":null})");
  again("text", R"({"format":{"type":"text"}})");
  again("parallel_tool_calls", "true");
  again("tool_choice", "\"auto\"");
  again("tools", "[]");
  again("temperature", "1.0");
  again("top_logprobs", "0");
  again("top_p", "1.0");
  again("truncation", "\"disabled\"");
  again("store", "true");
  again("metadata", "{}");
  w.flag("background", false);
}

void write_usage(json::Writer& w, const Usage& usage)
{
  w.key("usage").begin_object().member("input_tokens", usage.input_tokens);
  w.key("input_tokens_details").begin_object().member("cached_tokens", usage.cache.read);
  w.member("cache_write_tokens", usage.cache.written).end_object();
  w.member("output_tokens", usage.output_tokens);
  w.key("output_tokens_details").begin_object().member("reasoning_tokens", usage.reasoning_tokens).end_object();
  w.member("total_tokens", usage.input_tokens + usage.output_tokens).end_object();
}

ModelReply completed(const json::Value& body, Fate fate, const Frame& frame)
{
  const auto outcome = outcome_of(body, fate);
  const auto& said = outcome.said();
  const auto spoken = said.empty() ? 0 : token_count(said);
  ModelReply reply{.usage = {.input_tokens = input_tokens(body),
                             .output_tokens = outcome.reasoning + spoken,
                             .reasoning_tokens = outcome.reasoning,
                             .cache = frame.use_cache(body, prompt_of(body))}};
  json::Writer w{reply.body};
  w.begin_object().member("id", "resp_" + frame.digits).member("object", "response");
  w.member("created_at", frame.created);
  write_ending(w, outcome, frame);
  w.member("model", snapshot_of(*body.find("model")->text()));
  write_output(w, outcome, body, frame);
  write_asked(w, body);
  w.member("service_tier", frame.service_tier);
  write_usage(w, reply.usage);
  w.end_object();
  return reply;
}

} // namespace

Endpoint responses_endpoint()
{
  return {.path = "/v1/responses",
          .asked = "input",
          .tiers = Endpoint::Tiers::several,
          .named = Endpoint::Named::dated,
          .fault_of = fault_of_response,
          .input_tokens = input_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
