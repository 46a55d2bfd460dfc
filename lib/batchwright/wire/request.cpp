#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

namespace batchwright::wire {
namespace {

/// Fields that bound the output, in the words of the endpoints and of other servers of this API.
constexpr std::array<std::string_view, 3> bound_fields = {"max_completion_tokens", "max_output_tokens", "max_tokens"};
/// Fields that ask for several answers; `best_of` of the completions endpoint, which bills all and returns some.
constexpr std::array<std::string_view, 2> choices_fields = {"n", "best_of"};
constexpr std::string_view schema_name = "answer";

[[noreturn]] void refuse(std::string_view option, std::string_view why, std::string hint)
{
  throw Error{Fault::usage, fmt::format("{}: {}", option, why), std::move(hint)};
}

/// Body fields that hold the item's own texts.
bool holds_texts(std::string_view field)
{
  constexpr std::array<std::string_view, 4> texts = {"messages", "input", "instructions", "prompt"};
  return std::find(texts.begin(), texts.end(), field) != texts.end();
}

/// What `--set` may not touch, and the option to use in its place.
void check_set(const RequestSpec& spec, std::string_view name)
{
  const auto option = fmt::format("--set {}", name);
  if (name.empty() || !json::is_utf8(name)) refuse(option, "the field has no usable name", "write --set name=json");
  if (name == "model") refuse(option, "the model is not set this way", "use --model");
  if (name == "stream") refuse(option, "a batch cannot stream", "leave it out");
  if (spec.body.empty() && holds_texts(name)) {
    refuse(option, "that would drop the prompt", "use --prompt and --system, or --body for a body of your own");
  }
  if (spec.max_output_tokens && bounds_output(name)) {
    refuse(option, "the output is bounded by --max-output-tokens already", "give one of --max-output-tokens and --set");
  }
}

/// The JSON that a field is set to; nothing where it is not.
const std::string* set_value(const RequestSpec& spec, std::string_view name)
{
  const auto found = std::find_if(spec.set.begin(), spec.set.end(), [&](const auto& f) { return f.first == name; });
  return found == spec.set.end() ? nullptr : &found->second;
}

/// What `read` makes of the value that `--set` or the body template gives a field; nothing where neither gives one.
template<class Read>
std::invoke_result_t<Read, const json::Value&> read_field(const RequestSpec& spec, std::string_view name, Read read)
{
  json::Document document;
  if (const auto* value = set_value(spec, name)) return document.parse(*value) ? read(document.root()) : std::nullopt;
  if (spec.body.empty() || !document.parse(spec.body)) return std::nullopt;
  const auto value = document.root().find(name);
  return value ? read(*value) : std::nullopt;
}

std::optional<std::int64_t> number_above_0(const json::Value& value)
{
  const auto n = value.integer();
  return n && *n > 0 ? n : std::nullopt;
}

std::optional<std::int64_t> number_set(const RequestSpec& spec, std::string_view name)
{
  return read_field(spec, name, number_above_0);
}

constexpr std::string_view tier_field = "service_tier";

/// "format": the schema as the responses endpoint words it; "json_schema": as chat does.
std::string schema_object(const RequestSpec& spec, bool is_chat)
{
  std::string text;
  json::Writer w{text};
  const auto members = [&] { w.member("name", schema_name).flag("strict", true).key("schema").raw(spec.schema); };
  w.begin_object().member("type", "json_schema");
  if (is_chat) {
    w.key("json_schema").begin_object();
    members();
    w.end_object();
  } else {
    members();
  }
  w.end_object();
  return text;
}

/// `text` of a responses request: the schema, with what `--set text={...}` asks for beside it.
std::string text_with_schema(const RequestSpec& spec)
{
  std::string text;
  json::Writer w{text};
  w.begin_object().key("format").raw(schema_object(spec, false));
  json::Document document;
  if (const auto* more = set_value(spec, "text"); more && document.parse(*more)) {
    if (!document.root().is(json::Kind::object))
      refuse("--set text", "is no object", "--set 'text={\"verbosity\":\"low\"}'");
    for (const auto& member : document.root().members()) {
      if (member.key.token() == "format") refuse("--set text", "sets the format, as --schema does", "give one of them");
      w.key(*member.key.text()).raw(member.value.raw());
    }
  }
  w.end_object();
  return text;
}

/// Puts a member in, or gives the one of that name the new value.
void put(std::vector<BodyMember>& members, std::string_view name, std::string value)
{
  const auto same = std::find_if(members.begin(), members.end(), [&](const BodyMember& m) { return m.first == name; });
  if (same == members.end()) {
    members.emplace_back(name, std::move(value));
  } else {
    same->second = std::move(value);
  }
}

void add_bound(std::vector<BodyMember>& members, const RequestSpec& spec, const Endpoint* endpoint)
{
  if (!spec.max_output_tokens) return;
  if (!endpoint || endpoint->bound_field.empty()) {
    refuse("--max-output-tokens", fmt::format("the endpoint {} has no such bound", spec.endpoint), "leave it out");
  }
  put(members, endpoint->bound_field, fmt::format("{}", *spec.max_output_tokens));
}

void add_schema(std::vector<BodyMember>& members, const RequestSpec& spec, const Endpoint* endpoint)
{
  if (spec.schema.empty()) return;
  if (!endpoint || !endpoint->has_schema) {
    refuse("--schema", fmt::format("answers of the endpoint {} keep to no schema", spec.endpoint),
           "use it with --endpoint chat or responses");
  }
  if (endpoint->word == "responses") return put(members, "text", text_with_schema(spec));
  if (set_value(spec, "response_format")) {
    refuse("--set response_format", "sets the format, as --schema does", "give one of them");
  }
  put(members, "response_format", schema_object(spec, true));
}

/// A marker that no JSON text holds unescaped: it stands for a slot while the frame is written, its number behind it.
constexpr char hole = '\x01';

std::string gap(Slot slot)
{
  return {hole, static_cast<char>('0' + static_cast<int>(slot))};
}

std::string text_gap(Slot slot)
{
  return '"' + gap(slot) + '"';
}

Frame cut(std::string_view line)
{
  Frame frame;
  for (auto at = line.find(hole); at != std::string_view::npos; at = line.find(hole)) {
    frame.push_back({std::string{line.substr(0, at)}, static_cast<Slot>(line[at + 1] - '0')});
    line.remove_prefix(at + 2);
  }
  frame.push_back({std::string{line}, Slot::none});
  return frame;
}

void write_message(json::Writer& w, std::string_view role, Slot slot)
{
  w.begin_object().member("role", role).key("content").raw(text_gap(slot)).end_object();
}

/// The members that hold the item's texts, by endpoint.
void write_texts(json::Writer& w, const RequestSpec& spec, const Endpoint& endpoint)
{
  const bool has_system = !spec.system.empty();
  if (endpoint.packs()) {
    w.key("input").raw('[' + gap(Slot::inputs) + ']');
  } else if (endpoint.word == "completions") {
    w.key("prompt").raw(text_gap(Slot::prompt));
  } else if (endpoint.word == "responses") {
    if (has_system) w.key("instructions").raw(text_gap(Slot::system));
    w.key("input").raw(spec.messages.empty() ? text_gap(Slot::prompt) : gap(Slot::messages));
  } else if (!spec.messages.empty()) {
    w.key("messages").raw(gap(Slot::messages));
  } else {
    w.key("messages").begin_array();
    if (has_system) write_message(w, "system", Slot::system);
    write_message(w, "user", Slot::prompt);
    w.end_array();
  }
}

void check_texts(const RequestSpec& spec, const Endpoint* endpoint)
{
  if (!spec.body.empty()) {
    if (!spec.prompt.empty() || !spec.system.empty() || !spec.messages.empty()) {
      refuse("--body", "it is the whole body, and goes with none of --prompt, --system, --messages", "leave those out");
    }
    return;
  }
  if (!endpoint) {
    refuse(fmt::format("--endpoint {}", spec.endpoint), "its requests need a template of the whole body",
           "give --body FILE");
  }
  if (!spec.messages.empty() && !spec.prompt.empty()) {
    refuse("--messages", "the column holds all messages, and goes with no --prompt",
           "give one of --prompt and --messages");
  }
  if (!spec.messages.empty() && !endpoint->has_messages) {
    refuse("--messages", fmt::format("the endpoint {} takes no messages", spec.endpoint), "use --prompt");
  }
  if (!spec.messages.empty() && endpoint->word == "chat" && !spec.system.empty()) {
    refuse("--messages", "the column holds all messages, and goes with no --system", "put it into the messages");
  }
  if (!spec.system.empty() && !endpoint->has_system) {
    refuse("--system", fmt::format("the endpoint {} takes no system message", spec.endpoint),
           "put it into the --prompt");
  }
  if (spec.prompt.empty() && spec.messages.empty()) {
    refuse("making requests", "no prompt given", "use --prompt, --messages or --body");
  }
}

} // namespace

std::vector<BodyMember> body_options(const RequestSpec& spec)
{
  const auto* endpoint = find_endpoint(spec.endpoint);
  std::vector<BodyMember> members;
  if (endpoint && endpoint->word == "embeddings") members.emplace_back("encoding_format", "\"base64\"");
  add_bound(members, spec, endpoint);
  add_schema(members, spec, endpoint);
  for (auto field = spec.set.begin(); field != spec.set.end(); ++field) {
    const auto& [name, value] = *field;
    check_set(spec, name);
    const auto same = [&name = name](const auto& other) { return other.first == name; };
    if (std::any_of(spec.set.begin(), field, same)) {
      refuse(fmt::format("--set {}", name), "the field is set twice", "give each field once");
    }
    if (name == "text" && !spec.schema.empty() && endpoint && endpoint->word == "responses")
      continue; // is in it already
    put(members, name, value);
  }
  return members;
}

Frame request_frame(const RequestSpec& spec)
{
  const auto* endpoint = find_endpoint(spec.endpoint);
  check_texts(spec, endpoint);
  const auto options = body_options(spec);

  std::string line;
  json::Writer w{line};
  w.begin_object().key("custom_id").raw(text_gap(Slot::custom_id));
  w.member("method", "POST").key("url").string(spec.endpoint).key("body");
  if (!spec.body.empty()) {
    w.raw(gap(Slot::body));
  } else {
    w.begin_object().key("model").string(spec.model);
    write_texts(w, spec, *endpoint);
    for (const auto& [name, value] : options)
      w.key(name).raw(value);
    w.end_object();
  }
  w.end_object();
  return cut(line);
}

bool bounds_output(std::string_view field)
{
  return std::find(bound_fields.begin(), bound_fields.end(), field) != bound_fields.end();
}

std::optional<Tokens> output_bound(const RequestSpec& spec)
{
  auto bound = spec.max_output_tokens;
  for (const auto field : bound_fields)
    if (!bound) bound = number_set(spec, field);
  return bound ? std::optional{Tokens{*bound}} : std::nullopt;
}

std::optional<Tokens> output_bound(const json::Value& body)
{
  const auto number = [&](std::string_view field) {
    const auto value = body.find(field);
    return value ? number_above_0(*value) : std::nullopt;
  };
  for (const auto field : bound_fields)
    if (const auto bound = number(field)) return Tokens{*bound};
  return std::nullopt;
}

std::optional<std::int64_t> choices_asked(const RequestSpec& spec)
{
  static constexpr std::int64_t unreadable = 0;
  const auto number = [](const json::Value& value) {
    return std::optional{value.is(json::Kind::null) ? 1 : number_above_0(value).value_or(unreadable)};
  };
  std::int64_t most = 1;
  for (const auto field : choices_fields) {
    const auto asked = read_field(spec, field, number);
    if (asked == unreadable) return std::nullopt;
    most = std::max(most, asked.value_or(1));
  }
  return most;
}

std::int64_t choices_asked(const json::Value& body)
{
  std::int64_t most = 1;
  for (const auto field : choices_fields) {
    if (const auto value = body.find(field)) most = std::max(most, number_above_0(*value).value_or(1));
  }
  return most;
}

std::string tier_named(const RequestSpec& spec)
{
  return read_field(spec, tier_field, [](const json::Value& value) { return value.text(); }).value_or("");
}

std::string tier_named(const json::Value& body)
{
  const auto tier = body.find(tier_field);
  return tier ? tier->text().value_or("") : "";
}

bool has_output_tokens(std::string_view path)
{
  const auto* endpoint = find_endpoint(path);
  return !endpoint || !endpoint->bound_field.empty();
}

} // namespace batchwright::wire
