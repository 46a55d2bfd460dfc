// A chat completion's body: `choices`, each with a message and a finish reason, and `usage`.

#include <batchwright/wire/answer_body.hpp>
#include <batchwright/wire/profile.hpp>

#include <algorithm>

namespace batchwright::wire {
namespace {

/// A count of tokens under a key. What is no whole number, is below zero or beyond any request's size counts as 0: a
/// sum must not be spoilt by a server's slip.
Tokens tokens_in(const std::optional<json::Value>& object, std::string_view key)
{
  const auto value = object ? object->find(key) : std::nullopt;
  const auto n = value ? value->integer() : std::nullopt;
  return {n && *n > 0 && *n <= openai().tokens_per_request ? *n : 0};
}

std::optional<Usage> chat_usage(const json::Value& body)
{
  const auto usage = body.get("usage");
  if (!usage || !usage->is(json::Kind::object)) return std::nullopt;
  Usage used{
      .input = tokens_in(usage, "prompt_tokens"),
      .cached = tokens_in(usage->find("prompt_tokens_details"), "cached_tokens"),
      .output = tokens_in(usage, "completion_tokens"),
      .reasoning = tokens_in(usage->find("completion_tokens_details"), "reasoning_tokens"),
  };
  // They are parts of the others; a server that says more would make the rest negative.
  used.cached.n = std::min(used.cached.n, used.input.n);
  used.reasoning.n = std::min(used.reasoning.n, used.output.n);
  return used;
}

/// Judges one choice; false where its message is missing. A choice that is fine leaves the answer as it was.
bool judge_choice(Answer& answer, const json::Value& choice)
{
  const auto message = choice.get("message");
  if (!message || !message->is(json::Kind::object)) return false;
  const auto finish = token_in(choice, "finish_reason");
  const auto refusal = token_in(*message, "refusal");
  if (!refusal.empty()) {
    answer.code = code_refused;
    answer.message = json::decode_lossy(refusal);
  } else if (finish == "content_filter") {
    answer.code = code_content_filter;
    answer.message = "the provider's content filter cut the answer";
  } else if (finish == "length") {
    answer.code = code_truncated;
    answer.message = "the answer was cut at its limit of output tokens (finish_reason `length`)";
  } else {
    return true;
  }
  answer.judgement = Judgement::unusable;
  answer.finish_reason = finish;
  return true;
}

std::string_view content_of(const json::Value& choice)
{
  const auto content = choice.find("message", "content");
  return content ? content->raw() : std::string_view{"null"};
}

} // namespace

void read_chat_body(Answer& answer, const json::Value& body)
{
  answer.model = token_in(body, "model");
  answer.usage = chat_usage(body);
  const auto list = body.find("choices");
  const auto choices = list ? list->elements() : std::vector<json::Value>{};
  if (choices.empty()) return fail_unreadable(answer, "the answer has no choices");

  answer.text = content_of(choices.front());
  if (choices.size() > 1) {
    json::Writer texts{answer.texts};
    texts.begin_array();
    for (const auto& choice : choices)
      texts.raw(content_of(choice));
    texts.end_array();
  }
  const auto calls = choices.front().find("message", "tool_calls");
  if (calls && calls->front()) answer.tool_calls = calls->raw();

  answer.judgement = Judgement::success;
  answer.finish_reason = token_in(choices.front(), "finish_reason");
  for (const auto& choice : choices) {
    if (!judge_choice(answer, choice)) return fail_unreadable(answer, "a choice of the answer has no message");
    if (answer.judgement != Judgement::success) return; // the first fault is the one that is told
  }
}

} // namespace batchwright::wire
