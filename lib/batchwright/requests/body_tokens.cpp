#include <batchwright/money/images.hpp>
#include <batchwright/money/tokens.hpp>
#include <batchwright/requests/body_tokens.hpp>
#include <batchwright/wire/request.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace batchwright::requests {
namespace {

using json::Kind;
using json::Value;

template<std::size_t n>
bool is_one_of(const std::array<std::string_view, n>& names, std::string_view name)
{
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What a model never reads of a body.
constexpr auto switches = std::to_array<std::string_view>({"audio",
                                                           "background",
                                                           "context_management",
                                                           "conversation",
                                                           "dimensions",
                                                           "encoding_format",
                                                           "include",
                                                           "logit_bias",
                                                           "metadata",
                                                           "modalities",
                                                           "model",
                                                           "output_format",
                                                           "previous_response_id",
                                                           "prompt_cache_key",
                                                           "prompt_cache_options",
                                                           "prompt_cache_retention",
                                                           "quality",
                                                           "reasoning",
                                                           "reasoning_effort",
                                                           "safety_identifier",
                                                           "seconds",
                                                           "service_tier",
                                                           "size",
                                                           "stop",
                                                           "stream_options",
                                                           "style",
                                                           "tool_choice",
                                                           "truncation",
                                                           "user",
                                                           "verbosity",
                                                           "web_search_options"});

/// What it never reads of a message, nor of a part of one: which it is, and files as data.
constexpr auto labels = std::to_array<std::string_view>(
    {"call_id", "data", "file_data", "file_id", "file_url", "id", "role", "status", "tool_call_id", "type"});

bool is_text(const std::optional<Value>& value, std::string_view text)
{
  return value && value->is(Kind::string) && value->token() == text;
}

/// An image as chat words it, {"type": "image_url", "image_url": {"url": ..., "detail": ...}}, or as responses does,
/// {"type": "input_image", "image_url": "...", "detail": ...}.
bool is_image(const Value& part)
{
  const auto type = part.find("type");
  return is_text(type, "image_url") || is_text(type, "input_image");
}

/// Of requests to one model.
class Reader {
public:
  Reader(std::string_view model, Tokens per_message) : m_model(model), m_per_message(per_message) {}

  /// A text, or a list of texts, of messages, or of what texts were made to elsewhere: ids of tokens.
  Tokens content(const Value& value) const
  {
    if (!value.is(Kind::array)) return value.is(Kind::string) ? m_per_message + texts(value) : texts(value);
    Tokens tokens;
    for (const auto& element : value.elements()) {
      if (element.is(Kind::object)) tokens += m_per_message;
      tokens += element.is(Kind::array) ? ids(element) : element.is(Kind::number) ? Tokens{1} : texts(element);
    }
    return tokens;
  }

  /// All that is read of a value, wherever it stands in it.
  Tokens texts(const Value& value, int levels = most_levels) const
  {
    Tokens tokens;
    if (value.is(Kind::string)) return text(value);
    if (levels == 0) return tokens;
    if (value.is(Kind::array)) {
      for (const auto& element : value.elements())
        tokens += texts(element, levels - 1);
    } else if (value.is(Kind::object)) {
      if (is_image(value)) return image(value);
      for (const auto& member : value.members())
        if (!is_one_of(labels, member.key.token())) tokens += texts(member.value, levels - 1);
    }
    return tokens;
  }

private:
  static constexpr int most_levels = 100; // deeper JSON is no request that the API takes

  static Tokens ids(const Value& list) { return {static_cast<std::int64_t>(list.elements().size())}; }

  /// Files stand in bodies as data URLs, and are none of the texts that the model reads.
  static bool is_data_url(std::string_view text)
  {
    constexpr std::size_t longest_type = 200;
    return text.starts_with("data:") && text.substr(0, longest_type).find(";base64,") != std::string_view::npos;
  }

  static Tokens text(const Value& string)
  {
    return is_data_url(string.token()) ? Tokens{} : money::estimate_tokens_escaped(string.token());
  }

  Tokens image(const Value& part) const
  {
    auto url = part.get("image_url");
    auto detail = part.get("detail");
    if (url && url->is(Kind::object)) {
      detail = url->get("detail");
      url = url->get("url");
    }
    const auto size = url && url->is(Kind::string) ? money::image_size_in_url(url->token()) : std::nullopt;
    return money::image_tokens(m_model, size.value_or(money::assumed_image),
                               is_text(detail, "low") ? money::Detail::low : money::Detail::high);
  }

  std::string_view m_model;
  Tokens m_per_message;
};

/// The schema that answers must keep to, as chat words it and as responses does.
std::optional<Value> schema_in(std::string_view name, const Value& value)
{
  if (name == "response_format") return value.get("json_schema");
  const auto format = value.get("format");
  return format && format->get("schema") ? format : std::nullopt;
}

} // namespace

Tokens tokens_of_setting(std::string_view name, const Value& value)
{
  if (is_one_of(switches, name)) return {};
  if (name == "tools" || name == "functions") return money::estimate_tokens(value.raw());
  if ((name == "response_format" || name == "text") && value.is(Kind::object)) {
    const auto schema = schema_in(name, value);
    return schema ? money::estimate_tokens(schema->raw()) : Tokens{};
  }
  return Reader{{}, {}}.texts(value);
}

Tokens BodyTokens::of(const Value& body, std::string_view endpoint)
{
  const bool talks = wire::has_output_tokens(endpoint);
  const auto per_message = talks ? money::tokens_per_message : Tokens{};
  const auto model = body.get("model");
  const Reader reader{model && model->is(Kind::string) ? model->token() : std::string_view{}, per_message};
  auto tokens = talks ? money::tokens_per_reply : Tokens{};
  for (const auto& member : body.members()) {
    const auto name = member.key.token();
    if (name == "messages" || name == "input" || name == "prompt" || name == "instructions") {
      tokens += reader.content(member.value);
    } else {
      tokens += of_setting(name, member.value);
    }
  }
  return tokens;
}

Tokens BodyTokens::of_setting(std::string_view name, const Value& value)
{
  if (!value.is(Kind::object) && !value.is(Kind::array)) return tokens_of_setting(name, value);
  const auto same = std::find_if(m_known.begin(), m_known.end(), [&](const Known& k) { return k.name == name; });
  auto& known = same != m_known.end() ? *same : m_known.emplace_back(Known{.name = std::string{name}});
  if (known.json != value.raw()) {
    known.json = value.raw();
    known.tokens = tokens_of_setting(name, value);
  }
  return known.tokens;
}

} // namespace batchwright::requests
