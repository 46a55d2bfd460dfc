// Bodies with `choices`, each with a finish reason: of chat completions, which hold a message, and of the older
// completions, which hold a text.

#include <batchwright/wire/answer_body.hpp>

namespace batchwright::wire {
namespace {

/// A finish reason that makes an answer unusable; any other leaves it as it was.
void judge_finish(Answer& answer, std::string_view finish)
{
  if (finish == "content_filter") {
    fail_unusable(answer, code_content_filter, "the provider's content filter cut the answer");
  } else if (finish == "length") {
    fail_unusable(answer, code_truncated, "the answer was cut at its limit of output tokens (finish_reason `length`)");
  } else {
    return;
  }
  answer.finish_reason = finish;
}

/// Judges one choice; false where its message is missing. A choice that is fine leaves the answer as it was.
bool judge_choice(Answer& answer, const json::Value& choice)
{
  const auto message = choice.get("message");
  if (!message || !message->is(json::Kind::object)) return false;
  const auto finish = token_in(choice, "finish_reason");
  const auto refusal = token_in(*message, "refusal");
  if (!refusal.empty()) {
    fail_unusable(answer, code_refused, json::decode_lossy(refusal));
    answer.finish_reason = finish;
  } else {
    judge_finish(answer, finish);
  }
  return true;
}

/// A text of each choice: as it stands where there is one, as an array where there are several.
void take_texts(Answer& answer, const std::vector<json::Value>& choices,
                std::string_view (*text_of)(const json::Value& choice))
{
  answer.text = text_of(choices.front());
  if (choices.size() == 1) return;
  answer.is_several = true;
  json::Writer texts{answer.texts};
  texts.begin_array();
  for (const auto& choice : choices)
    texts.raw(text_of(choice));
  texts.end_array();
}

std::string_view content_of(const json::Value& choice)
{
  const auto content = choice.find("message", "content");
  return content ? content->raw() : std::string_view{"null"};
}

std::string_view text_of(const json::Value& choice)
{
  const auto text = choice.find("text");
  return text ? text->raw() : std::string_view{"null"};
}

} // namespace

void read_chat_body(Answer& answer, const json::Value& body)
{
  answer.model = token_in(body, "model");
  answer.tier = token_in(body, "service_tier");
  answer.usage = usage_in(body, chat_usage);
  const auto list = body.find("choices");
  const auto choices = list ? list->elements() : std::vector<json::Value>{};
  if (choices.empty()) return fail_unreadable(answer, "the answer has no choices");

  take_texts(answer, choices, content_of);
  const auto calls = choices.front().find("message", "tool_calls");
  if (calls && calls->front()) answer.calls = calls->raw();

  answer.judgement = Judgement::success;
  answer.finish_reason = token_in(choices.front(), "finish_reason");
  for (const auto& choice : choices) {
    if (!judge_choice(answer, choice)) return fail_unreadable(answer, "a choice of the answer has no message");
    if (answer.judgement != Judgement::success) return; // the first fault is the one that is told
  }
}

void read_completions_body(Answer& answer, const json::Value& body)
{
  answer.model = token_in(body, "model");
  answer.tier = token_in(body, "service_tier");
  answer.usage = usage_in(body, chat_usage);
  const auto list = body.find("choices");
  const auto choices = list ? list->elements() : std::vector<json::Value>{};
  if (choices.empty()) return fail_unreadable(answer, "the answer has no choices");

  take_texts(answer, choices, text_of);
  answer.judgement = Judgement::success;
  answer.finish_reason = token_in(choices.front(), "finish_reason");
  for (const auto& choice : choices) {
    if (text_of(choice) == "null") return fail_unreadable(answer, "a choice of the answer has no text");
    judge_finish(answer, token_in(choice, "finish_reason"));
    if (answer.judgement != Judgement::success) return;
  }
}

} // namespace batchwright::wire
