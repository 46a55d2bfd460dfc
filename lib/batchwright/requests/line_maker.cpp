// The hot path: pieces and fields appended to one string, nothing else allocated for an item.

#include <batchwright/json/json.hpp>
#include <batchwright/model/pack_id.hpp>
#include <batchwright/requests/body.hpp>
#include <batchwright/requests/body_tokens.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/requests/template.hpp>
#include <batchwright/wire/endpoint.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace batchwright::requests {
namespace {

/// JSON as one line. Line ends inside JSON text are always spaces between its parts.
std::string one_line(std::string_view json)
{
  std::string text{json};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

/// The JSON of an option as one line.
std::string json_of(const std::string& option, const std::string& value, std::string hint)
{
  json::Document document;
  if (!document.parse(value)) {
    throw Error{
        Fault::usage,
        fmt::format("reading {}: not JSON at byte {}: {}", option, document.fault().byte, document.fault().what),
        std::move(hint)};
  }
  return one_line(document.root().raw());
}

/// The spec with all its JSON checked, on one line each.
RequestSpec checked(RequestSpec spec)
{
  if (spec.model.empty()) throw Error{Fault::usage, "making requests: no model given", "use --model"};
  if (!json::is_utf8(spec.model)) throw Error{Fault::usage, "making requests: the model's name is not UTF-8"};
  for (auto& [name, value] : spec.set)
    value = json_of("--set " + name, value, fmt::format("a text needs its quotes: --set '{}=\"text\"'", name));
  if (!spec.schema.empty()) spec.schema = json_of("--schema", spec.schema, "a JSON schema, as an object");
  return spec;
}

} // namespace

struct LineMaker::Pieces {
  explicit Pieces(const RequestSpec& given)
      : spec(checked(given)),
        frame(wire::request_frame(spec)),
        system("--system", spec.system),
        prompt("--prompt", spec.prompt)
  {
    if (!spec.body.empty()) body.emplace(spec);
    find_body();
  }

  void find_body();

  void append_id(std::string& out, const input::Item& item) const;
  void append_messages(std::string& out, const input::Item& item) const;
  void append_slot(wire::Slot slot, std::string& out, const input::Item& item) const;

  RequestSpec spec;
  wire::Frame frame;
  Template system;
  Template prompt;
  std::optional<BodyTemplate> body = {};
  std::size_t body_behind_id = 0; // where the body begins, from the end of the custom_id
};

/// No text of a frame holds it elsewhere: inside a string its quotes would be escaped.
void LineMaker::Pieces::find_body()
{
  constexpr std::string_view key = R"(,"body":)";
  const auto id = std::find_if(frame.begin(), frame.end(),
                               [](const wire::FramePiece& piece) { return piece.slot == wire::Slot::custom_id; });
  ensure(id != frame.end() && id + 1 != frame.end(), "a request has a custom_id, and more");
  const auto found = (id + 1)->text.find(key);
  ensure(found != std::string::npos, "a request's body stands behind its custom_id");
  body_behind_id = found + key.size();
}

void LineMaker::Pieces::append_id(std::string& out, const input::Item& item) const
{
  const auto& column = spec.id_column;
  if (column.empty()) {
    out.append(default_custom_id(item.mark.ordinal));
    return;
  }
  const auto field = item.field(column);
  if (!field) throw unknown_column(item, "--id-column needs", column);
  const auto refuse = [&](std::string_view what) {
    throw input::fault_at(item, fmt::format("the id in column `{}` {}", column, what),
                          "ids are texts or numbers, each its own; without --id-column they are made");
  };
  const auto bytes = field->bytes;
  if (bytes.empty() || bytes == "\"\"") refuse("is empty");
  if (field->form == input::Field::Form::json) {
    const char kind = bytes.front();
    if (kind != '"' && kind != '-' && (kind < '0' || kind > '9')) refuse(fmt::format("is {}", bytes.substr(0, 100)));
    if (kind == '"' && !json::decode(bytes.substr(1, bytes.size() - 2))) {
      refuse("holds half a surrogate pair: no answer could be matched with it");
    }
  }
  append_inside(out, *field);
}

/// A list of messages: JSON as it stands in the record, or the JSON that a text holds.
void LineMaker::Pieces::append_messages(std::string& out, const input::Item& item) const
{
  const auto field = item.field(spec.messages);
  if (!field) throw unknown_column(item, "--messages needs", spec.messages);
  const auto refuse = [&](std::string_view what) {
    throw input::fault_at(item, fmt::format("the messages in column `{}` {}", spec.messages, what),
                          R"(expected a list of messages: [{"role": "user", "content": "..."}])");
  };
  auto json = field->bytes;
  std::optional<std::string> text; // a list in a text: a CSV cell, or a JSON string
  if (field->form == input::Field::Form::json && json.starts_with('"')) {
    text = json::decode(json.substr(1, json.size() - 2));
    if (!text) refuse("hold half a surrogate pair");
    json = *text;
  }
  json::Document document;
  if (!document.parse(json))
    refuse(fmt::format("are not JSON at byte {}: {}", document.fault().byte, document.fault().what));
  const auto is_message = [](const json::Value& v) { return v.is(json::Kind::object) && v.find("role"); };
  const auto root = document.root();
  const auto messages = root.elements();
  if (!root.is(json::Kind::array) || messages.empty()) refuse("are no list, or an empty one");
  if (spec.endpoint == "/v1/chat/completions" && !std::all_of(messages.begin(), messages.end(), is_message))
    refuse("hold something without a role");
  out += one_line(root.raw());
}

void LineMaker::Pieces::append_slot(wire::Slot slot, std::string& out, const input::Item& item) const
{
  switch (slot) {
  case wire::Slot::custom_id:
    return append_id(out, item);
  case wire::Slot::system:
    return system.append(out, item);
  case wire::Slot::prompt:
    return prompt.append(out, item);
  case wire::Slot::messages:
    return append_messages(out, item);
  case wire::Slot::inputs:
    out += '"';
    prompt.append(out, item);
    out += '"';
    return;
  case wire::Slot::body:
  case wire::Slot::none:
    return;
  }
}

namespace {

/// The body ends before the brace that ends the line.
void end_line(std::string& out, std::size_t begin, LineTexts& texts)
{
  texts.body.size = out.size() - begin - texts.body.begin - 1;
  out += '\n';
}

} // namespace

LineMaker::LineMaker(const RequestSpec& spec) : m_pieces(std::make_unique<Pieces>(spec)) {}
LineMaker::LineMaker(LineMaker&&) noexcept = default;
LineMaker& LineMaker::operator=(LineMaker&&) noexcept = default;
LineMaker::~LineMaker() = default;

void LineMaker::append(std::string& out, const input::Item& item, LineTexts& texts) const
{
  const auto begin = out.size();
  texts.filled.clear();
  for (const auto& [text, slot] : m_pieces->frame) {
    out += text;
    const auto from = out.size();
    if (slot == wire::Slot::body) {
      m_pieces->body->append(out, item, begin, texts.filled);
      continue;
    }
    m_pieces->append_slot(slot, out, item);
    if (slot == wire::Slot::custom_id) texts.body.begin = out.size() - begin + m_pieces->body_behind_id;
    if (slot != wire::Slot::custom_id && slot != wire::Slot::none)
      texts.filled.push_back({from - begin, out.size() - from});
  }
  end_line(out, begin, texts);
}

void LineMaker::append_input(std::string& out, const input::Item& item) const
{
  m_pieces->append_slot(wire::Slot::inputs, out, item);
}

void LineMaker::append_pack(std::string& out, std::string_view custom_id, std::string_view inputs,
                            LineTexts& texts) const
{
  const auto begin = out.size();
  for (const auto& [text, slot] : m_pieces->frame) {
    out += text;
    if (slot == wire::Slot::custom_id) {
      out += custom_id;
      texts.body.begin = out.size() - begin + m_pieces->body_behind_id;
    }
    if (slot != wire::Slot::inputs) continue;
    texts.filled.assign(1, {out.size() - begin, inputs.size()});
    out += inputs;
  }
  end_line(out, begin, texts);
}

std::string LineMaker::custom_id(const input::Item& item) const
{
  std::string token;
  m_pieces->append_id(token, item);
  return *json::decode(token);
}

Tokens LineMaker::constant_tokens() const
{
  Tokens tokens;
  json::Document document;
  for (const auto& [name, value] : wire::body_options(m_pieces->spec))
    if (document.parse(value)) tokens += tokens_of_setting(name, document.root());
  return tokens;
}

void complete(RequestSpec& spec)
{
  if (spec.model.empty() && !spec.body.empty()) spec.model = model_of_body(spec.body);
  if (spec.endpoint.empty()) spec.endpoint = wire::endpoints().front().path;
  const auto* endpoint = wire::find_endpoint(spec.endpoint);
  const bool may_pack = endpoint && endpoint->packs() && spec.body.empty();
  if (spec.inputs_per_request > 1 && !may_pack) {
    throw Error{Fault::usage,
                spec.body.empty()
                    ? fmt::format("--inputs-per-request: the endpoint {} takes one input a request", spec.endpoint)
                    : "--inputs-per-request: a body template makes one request an item",
                "leave it out"};
  }
  if (may_pack && spec.inputs_per_request > endpoint->most_inputs_per_request) {
    throw Error{Fault::usage, fmt::format("--inputs-per-request {}: the API allows at most {}", spec.inputs_per_request,
                                          endpoint->most_inputs_per_request)};
  }
  if (spec.inputs_per_request == 0) spec.inputs_per_request = may_pack ? endpoint->inputs_per_request : 1;
}

} // namespace batchwright::requests
