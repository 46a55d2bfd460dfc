#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <array>
#include <set>
#include <string_view>

namespace batchwright::wire {
namespace {

constexpr std::string_view bound_field = "max_completion_tokens";
constexpr std::string_view old_bound_field = "max_tokens"; // what other servers of this API know
constexpr std::string_view choices_field = "n";

/// What `--set` may not touch, and the option to use in its place.
void check_set(const RequestSpec& spec)
{
  std::set<std::string_view> seen;
  for (const auto& field : spec.set) {
    const auto& name = field.first;
    const auto refuse = [&](std::string_view why, std::string hint) {
      throw Error{Fault::usage, fmt::format("--set {}: {}", name, why), std::move(hint)};
    };
    if (name.empty() || !json::is_utf8(name)) refuse("the field has no usable name", "write --set name=json");
    if (name == "model") refuse("the model is not set this way", "use --model");
    if (name == "messages") refuse("that would drop the prompt", "use --prompt and --system");
    if (name == "stream") refuse("a batch cannot stream", "leave it out");
    if (spec.max_output_tokens && (name == bound_field || name == old_bound_field)) {
      refuse("the output is bounded by --max-output-tokens already", "give one of --max-output-tokens and --set");
    }
    if (!seen.insert(name).second) refuse("the field is set twice", "give each field once");
  }
}

/// The whole number above 0 that `--set` gives a field; nothing where it gives none.
std::optional<std::int64_t> number_set(const RequestSpec& spec, std::string_view name)
{
  for (const auto& [field, value] : spec.set) {
    json::Document document;
    if (field != name || !document.parse(value)) continue;
    const auto n = document.root().integer();
    if (n && *n > 0) return n;
  }
  return std::nullopt;
}

/// A marker that no JSON text holds unescaped: it stands for a hole while the frame is written.
constexpr char hole = '\x01';

} // namespace

ChatFrame chat_frame(const RequestSpec& spec)
{
  check_set(spec);
  const std::string_view gap{&hole, 1};
  std::string line;
  json::Writer w{line};
  const auto message = [&](std::string_view role) {
    w.begin_object().member("role", role).key("content").raw(fmt::format("\"{}\"", hole)).end_object();
  };
  w.begin_object().key("custom_id").raw(fmt::format("\"{}\"", hole));
  w.member("method", "POST").key("url").string(spec.endpoint);
  w.key("body").begin_object().key("model").string(spec.model).key("messages").begin_array();
  if (!spec.system.empty()) message("system");
  message("user");
  w.end_array();
  if (spec.max_output_tokens) w.member(bound_field, *spec.max_output_tokens);
  for (const auto& [name, value] : spec.set)
    w.key(name).raw(value);
  w.end_object().end_object();

  ChatFrame frame;
  std::array<std::string*, 4> texts{&frame.before_id, &frame.before_system, &frame.before_prompt, &frame.end};
  std::size_t at = 0;
  for (auto* text : texts) {
    if (text == &frame.before_system && spec.system.empty()) continue;
    const auto next = line.find(gap, at);
    *text = line.substr(at, next - at);
    at = next + 1;
  }
  return frame;
}

std::optional<Tokens> output_bound(const RequestSpec& spec)
{
  auto bound = spec.max_output_tokens;
  if (!bound) bound = number_set(spec, bound_field);
  if (!bound) bound = number_set(spec, old_bound_field);
  return bound ? std::optional{Tokens{*bound}} : std::nullopt;
}

std::int64_t choices_asked(const RequestSpec& spec)
{
  return number_set(spec, choices_field).value_or(1);
}

} // namespace batchwright::wire
