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

} // namespace

std::optional<Usage> usage_in(const json::Value& body, const UsageWords& words)
{
  const auto usage = body.get("usage");
  if (!usage || !usage->is(json::Kind::object)) return std::nullopt;
  Usage used{
      .input = tokens_in(usage, words.input),
      .cached = tokens_in(usage->find(words.input_details), "cached_tokens"),
      .output = tokens_in(usage, words.output),
      .reasoning = tokens_in(usage->find(words.output_details), "reasoning_tokens"),
      .cache_write = tokens_in(usage->find(words.input_details), "cache_write_tokens"),
  };
  // They are parts of the others; a server that says more would make the rest negative.
  used.cached.n = std::min(used.cached.n, used.input.n);
  used.cache_write.n = std::min(used.cache_write.n, used.input.n - used.cached.n);
  used.reasoning.n = std::min(used.reasoning.n, used.output.n);
  return used;
}

BodyUsage usage_of(const json::Value& body)
{
  const auto usage = body.get("usage");
  const bool is_chat = usage && usage->find(chat_usage.input);
  return {.usage = usage_in(body, is_chat ? chat_usage : responses_usage), .tier = token_in(body, "service_tier")};
}

} // namespace batchwright::wire
