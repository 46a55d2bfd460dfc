#include <batchwright/emulator/answer.hpp>
#include <batchwright/emulator/completions.hpp>

#include <algorithm>

namespace batchwright::emulator {
namespace {

constexpr std::int64_t usual_cap = 16;

std::optional<ApiError> fault_of_completion(const json::Value& body)
{
  const auto prompt = body.get("prompt");
  if (!prompt) return missing_parameter("prompt");
  if (!prompt->is(json::Kind::string) && !prompt->is(json::Kind::array))
    return wrong_type("prompt", "a string or an array of strings");
  if (prompt->is(json::Kind::array)) {
    const auto first = prompt->front();
    if (!first) return empty_array("prompt");
    for (const auto& one : prompt->elements())
      if (one.kind() != first->kind() || one.is(json::Kind::object))
        return wrong_type("prompt", "a string or an array of strings");
  }
  if (auto fault = fault_of_number(body, "max_tokens")) return fault;
  return fault_of_number(body, "n", 1, 128);
}

std::vector<json::Value> prompts_in(const json::Value& body)
{
  const auto prompt = *body.find("prompt");
  const auto first = prompt.front();
  if (first && !first->is(json::Kind::number)) return prompt.elements();
  return {prompt};
}

std::int64_t input_tokens(const json::Value& body)
{
  return token_count(body.find("prompt")->raw());
}

std::int64_t output_cap(const json::Value& body)
{
  return cap_in(body, "max_tokens", usual_cap);
}

void write_choice(json::Writer& w, std::int64_t index, std::string_view text, std::string_view finish_reason)
{
  w.begin_object().member("text", text).member("index", index);
  w.key("logprobs").null().member("finish_reason", finish_reason).end_object();
}

/// Writes the choices of one prompt, and gives back their tokens.
std::int64_t write_choices(json::Writer& w, const json::Value& prompt, const json::Value& body, Fate fate,
                           std::int64_t first)
{
  const auto answer = answer_to_prompt(prompt);
  auto cap = output_cap(body);
  if (fate == Fate::truncated) cap = std::min(cap, token_count(answer) / 2);
  const auto said = fate == Fate::filtered ? std::string_view{} : cut_to_tokens(answer, cap);
  const auto* const cut = said.size() < answer.size() ? "length" : "stop";
  const auto count = cap_in(body, "n", 1);
  for (std::int64_t i = 0; i < count; ++i)
    write_choice(w, first + i, said, fate == Fate::filtered ? "content_filter" : cut);
  return count * token_count(said);
}

ModelReply completed(const json::Value& body, Fate fate, const Frame& frame)
{
  ModelReply reply{.usage = {.input_tokens = input_tokens(body)}};
  json::Writer w{reply.body};
  w.begin_object().member("id", "cmpl-" + frame.digits).member("object", "text_completion");
  w.member("created", frame.created).member("model", *body.find("model")->text()).key("choices").begin_array();
  std::int64_t index = 0;
  for (const auto& prompt : prompts_in(body)) {
    reply.usage.output_tokens += write_choices(w, prompt, body, fate, index);
    index += cap_in(body, "n", 1);
  }
  w.end_array().key("usage").begin_object().member("prompt_tokens", reply.usage.input_tokens);
  w.member("completion_tokens", reply.usage.output_tokens);
  w.member("total_tokens", reply.usage.input_tokens + reply.usage.output_tokens).end_object().end_object();
  return reply;
}

} // namespace

Endpoint completions_endpoint()
{
  return {.path = "/v1/completions",
          .asked = "prompt",
          .fault_of = fault_of_completion,
          .input_tokens = input_tokens,
          .output_cap = output_cap,
          .complete = completed};
}

} // namespace batchwright::emulator
