// The hot path: pieces and fields appended to one string, nothing else allocated for an item.

#include <batchwright/json/json.hpp>
#include <batchwright/requests/requests.hpp>
#include <batchwright/requests/template.hpp>
#include <batchwright/wire/request.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace batchwright::requests {
namespace {

void demand(bool given, std::string_view what, std::string_view option)
{
  if (!given)
    throw Error{Fault::usage, fmt::format("making requests: no {} given", what), fmt::format("use {}", option)};
}

/// The value as one line. Line ends inside JSON text are always spaces between its parts.
std::string one_line(const std::string& name, const std::string& value)
{
  json::Document document;
  if (!document.parse(value)) {
    throw Error{
        Fault::usage,
        fmt::format("reading --set {}: not JSON at byte {}: {}", name, document.fault().byte, document.fault().what),
        fmt::format("a text needs its quotes: --set '{}=\"text\"'", name)};
  }
  std::string text{document.root().raw()};
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return text;
}

wire::ChatFrame frame_of(const RequestSpec& asked)
{
  auto spec = asked;
  demand(!spec.model.empty(), "model", "--model");
  demand(!spec.prompt.empty(), "prompt", "--prompt");
  if (!json::is_utf8(spec.model)) throw Error{Fault::usage, "making requests: the model's name is not UTF-8"};
  for (auto& [name, value] : spec.set)
    value = one_line(name, value);
  return wire::chat_frame(spec);
}

} // namespace

struct LineMaker::Pieces {
  explicit Pieces(const RequestSpec& spec)
      : frame(frame_of(spec)),
        id_column(spec.id_column),
        has_system(!spec.system.empty()),
        system("--system", spec.system),
        prompt("--prompt", spec.prompt)
  {
  }

  void append_id(std::string& out, const input::Item& item) const;

  wire::ChatFrame frame;
  std::string id_column;
  bool has_system;
  Template system;
  Template prompt;
};

void LineMaker::Pieces::append_id(std::string& out, const input::Item& item) const
{
  if (id_column.empty()) {
    out.append(default_custom_id(item.mark.ordinal));
    return;
  }
  const auto field = item.field(id_column);
  if (!field) throw unknown_column(item, "--id-column needs", id_column);
  const auto refuse = [&](std::string_view what) {
    throw input::fault_at(item, fmt::format("the id in column `{}` {}", id_column, what),
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

LineMaker::LineMaker(const RequestSpec& spec) : m_pieces(std::make_unique<Pieces>(spec)) {}
LineMaker::LineMaker(LineMaker&&) noexcept = default;
LineMaker& LineMaker::operator=(LineMaker&&) noexcept = default;
LineMaker::~LineMaker() = default;

LineTexts LineMaker::append(std::string& out, const input::Item& item) const
{
  const auto& p = *m_pieces;
  const auto begin = out.size();
  const auto since = [&](std::size_t from) { return LineTexts::Span{from - begin, out.size() - from}; };
  LineTexts texts;

  out.append(p.frame.before_id);
  auto from = out.size();
  p.append_id(out, item);
  texts.custom_id = since(from);

  if (p.has_system) {
    out.append(p.frame.before_system);
    from = out.size();
    p.system.append(out, item);
    texts.system = since(from);
  }

  out.append(p.frame.before_prompt);
  from = out.size();
  p.prompt.append(out, item);
  texts.prompt = since(from);

  out.append(p.frame.end);
  out += '\n';
  return texts;
}

std::string LineMaker::custom_id(const input::Item& item) const
{
  std::string token;
  m_pieces->append_id(token, item);
  return *json::decode(token);
}

} // namespace batchwright::requests
