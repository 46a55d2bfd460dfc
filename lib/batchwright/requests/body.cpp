#include <batchwright/base/error.hpp>
#include <batchwright/json/json.hpp>
#include <batchwright/requests/body.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::requests {
namespace {

constexpr std::string_view option = "--body";

Error broken(std::string_view text, std::size_t byte, std::string_view what, std::string hint)
{
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(byte), '\n');
  return {Fault::usage, fmt::format("reading {}, line {} (byte {}): {}", option, line, byte, what), std::move(hint)};
}

/// Parses the template into `document`. Its text outlives it.
json::Value parsed(json::Document& document, const std::string& body)
{
  if (!document.parse(body)) {
    throw broken(
        body, document.fault().byte, fmt::format("not JSON: {}", document.fault().what),
        R"(a whole body as JSON: {"model": "gpt-5.4-mini", "messages": [{"role": "user", "content": "{{text}}"}]})");
  }
  const auto root = document.root();
  if (!root.is(json::Kind::object))
    throw broken(body, 0, "expected a JSON object", "it is the whole body of a request");
  return root;
}

/// Where a value stands in the text it came from.
std::size_t offset_in(const std::string& text, const json::Value& value)
{
  return static_cast<std::size_t>(value.raw().data() - text.data());
}

void check_member(const RequestSpec& spec, const std::string& name, const json::Value& value)
{
  const auto at = offset_in(spec.body, value);
  if (name == "stream" && value.raw() != "false")
    throw broken(spec.body, at, "a batch cannot stream", "leave `stream` out");
  if (name != "model") return;
  const auto model = value.text();
  if (!model || model->empty() || model->find("{{") != std::string::npos) {
    throw broken(spec.body, at, "the model is no fixed name: requests of a part have one model",
                 "write the name of the model, or leave it out and use --model");
  }
  if (*model != spec.model) {
    throw broken(spec.body, at, fmt::format("the model is `{}`, and --model says `{}`", *model, spec.model),
                 "give the model in one place");
  }
}

} // namespace

BodyTemplate::BodyTemplate(const RequestSpec& spec)
{
  json::Document document;
  const auto root = parsed(document, spec.body);
  auto options = wire::body_options(spec);
  add("{");
  auto key = [this, first = true](std::string_view name) mutable {
    std::string text{first ? "" : ","};
    json::append_string(text, name);
    add(text + ":");
    first = false;
  };
  bool has_model = false;
  for (const auto& member : root.members()) {
    const auto name = json::decode_lossy(member.key.token());
    check_member(spec, name, member.value);
    has_model = has_model || name == "model";
    key(name);
    const auto same = std::find_if(options.begin(), options.end(), [&](const auto& o) { return o.first == name; });
    if (same == options.end()) {
      add_value(fmt::format("{} ({})", option, name), member.value);
    } else { // what an option says goes before what the template says
      add(same->second);
      options.erase(same);
    }
  }
  if (!has_model) {
    key("model");
    std::string quoted;
    json::append_string(quoted, spec.model);
    add(quoted);
  }
  for (const auto& [name, value] : options) {
    key(name);
    add(value);
  }
  add("}");
}

void BodyTemplate::add(std::string_view json)
{
  if (m_pieces.back().filled) m_pieces.emplace_back();
  m_pieces.back().literal += json;
}

void BodyTemplate::add_value(const std::string& where, const json::Value& value)
{
  const auto list = [&](char open, char close, const auto& values, const auto& add_one) {
    add({&open, 1});
    bool first = true;
    for (const auto& one : values) {
      if (!first) add(",");
      first = false;
      add_one(one);
    }
    add({&close, 1});
  };
  if (value.is(json::Kind::object)) {
    list('{', '}', value.members(), [&](const json::Member& m) {
      add(m.key.raw());
      add(":");
      add_value(where, m.value);
    });
  } else if (value.is(json::Kind::array)) {
    list('[', ']', value.elements(), [&](const json::Value& v) { add_value(where, v); });
  } else if (!value.is(json::Kind::string) || value.token().find("{{") == std::string_view::npos) {
    add(value.raw());
  } else {
    if (m_pieces.back().filled) m_pieces.emplace_back();
    m_pieces.back().filled = Template{where, json::decode_lossy(value.token())};
  }
}

void BodyTemplate::append(std::string& out, const input::Item& item, std::size_t line_begin,
                          std::vector<LineTexts::Span>& texts) const
{
  for (const auto& piece : m_pieces) {
    out += piece.literal;
    if (!piece.filled) continue;
    const auto begin = out.size();
    if (const auto* column = piece.filled->only_column()) {
      column->append_json(out, item);
    } else {
      out += '"';
      piece.filled->append(out, item);
      out += '"';
    }
    texts.push_back({begin - line_begin, out.size() - begin});
  }
}

std::string model_of_body(const std::string& body)
{
  json::Document document;
  const auto model = parsed(document, body).get("model");
  return model && model->is(json::Kind::string) ? json::decode_lossy(model->token()) : std::string{};
}

} // namespace batchwright::requests
