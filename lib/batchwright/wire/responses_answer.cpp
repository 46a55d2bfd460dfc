// A response's body: `output`, a list of items of which messages hold texts and refusals and function calls stand by
// themselves; `status` tells how it ended. An HTTP 200 with status `failed` is possible (OpenAI API reference).

#include <batchwright/wire/answer_body.hpp>

#include <fmt/format.h>

namespace batchwright::wire {
namespace {

/// What the items of `output` come to. Tokens are the insides of JSON strings.
struct Output {
  std::vector<std::string_view> texts = {};
  std::string_view refusal = {};
  bool has_refusal = false;
};

void read_message(Output& output, const json::Value& message)
{
  const auto content = message.get("content");
  if (!content) return;
  for (const auto& part : content->elements()) {
    const auto type = token_in(part, "type");
    if (type == "output_text") output.texts.push_back(token_in(part, "text"));
    if (type == "refusal") {
      output.refusal = token_in(part, "refusal");
      output.has_refusal = true;
    }
  }
}

bool is_call(std::string_view type)
{
  return type.ends_with("_call");
}

/// The texts joined: tokens of JSON strings join to a token.
void take_texts(Answer& answer, const Output& output)
{
  if (output.texts.empty()) return;
  answer.texts = '"';
  for (const auto text : output.texts)
    answer.texts += text;
  answer.texts += '"';
}

void judge_status(Answer& answer, const json::Value& body, std::string_view status)
{
  if (status == "incomplete") {
    const auto why = body.find("incomplete_details", "reason");
    const auto reason = why && why->is(json::Kind::string) ? why->token() : std::string_view{};
    answer.finish_reason = reason;
    if (reason == "content_filter")
      return fail_unusable(answer, code_content_filter, "the provider's content filter cut the answer");
    return fail_unusable(answer, code_truncated,
                         fmt::format("the answer was cut (status `incomplete`, reason `{}`)", reason));
  }
  const auto error = body.get("error");
  const auto message = error ? json::decode_lossy(token_in(*error, "message")) : std::string{};
  const auto code = error ? json::decode_lossy(token_in(*error, "code")) : std::string{};
  fail_unusable(answer, code_model_failed,
                message.empty() ? fmt::format("the response ended with status `{}`", status)
                : code.empty()  ? message
                                : fmt::format("{}: {}", code, message));
}

} // namespace

void read_responses_body(Answer& answer, const json::Value& body)
{
  answer.model = token_in(body, "model");
  answer.tier = token_in(body, "service_tier");
  answer.usage = usage_in(body, responses_usage);
  const auto status = token_in(body, "status");
  answer.finish_reason = status;
  const auto items = body.get("output");
  if (status == "failed" || status == "cancelled") return judge_status(answer, body, status);
  if (!items || !items->is(json::Kind::array)) return fail_unreadable(answer, "the answer has no output");

  Output output;
  std::string calls;
  json::Writer list{calls};
  list.begin_array();
  for (const auto& item : items->elements()) {
    const auto type = token_in(item, "type");
    if (type == "message") read_message(output, item);
    if (is_call(type)) list.raw(item.raw());
  }
  list.end_array();
  if (calls != "[]") answer.calls = std::move(calls);
  take_texts(answer, output);

  answer.judgement = Judgement::success;
  if (output.has_refusal) return fail_unusable(answer, code_refused, json::decode_lossy(output.refusal));
  if (status == "incomplete") return judge_status(answer, body, status);
  if (output.texts.empty() && answer.calls.empty()) fail_unreadable(answer, "the answer has neither a text nor a call");
}

} // namespace batchwright::wire
