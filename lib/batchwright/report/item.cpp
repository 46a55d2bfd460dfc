#include <batchwright/json/json.hpp>
#include <batchwright/report/grid.hpp>
#include <batchwright/report/item.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace batchwright::report {
namespace {

constexpr int indent = 12;

/// A text for people: a string decoded, anything else as its JSON.
std::string words_of(const json::Value& value)
{
  return value.is(json::Kind::string) ? json::decode_lossy(value.token()) : std::string{value.raw()};
}

/// Lines "label  text" under an item's head; the text keeps its own lines.
class Paragraphs {
public:
  explicit Paragraphs(const Style& style) : m_style(style) {}

  void add(std::string_view label, std::string_view text, Tone tone = Tone::plain)
  {
    while (!text.empty() && text.back() == '\n')
      text.remove_suffix(1);
    auto head = fitted(harmless(label), indent - 3) + " ";
    for (bool more = true; more;) {
      const auto end = text.find('\n');
      more = end != std::string_view::npos;
      const auto line = wrapped(harmless(text.substr(0, end)), std::max(20, m_style.columns - indent), indent);
      m_text += fmt::format("\n  {}{}", painted(head, Tone::faint, m_style), painted(line, tone, m_style));
      head = std::string(indent - 2, ' ');
      if (more) text.remove_prefix(end + 1);
    }
  }
  const std::string& text() const { return m_text; }

private:
  const Style& m_style;
  std::string m_text = {};
};

/// What the model was given.
std::optional<json::Value> input_of(const json::Value& body)
{
  for (const auto* key : {"messages", "input", "prompt"}) {
    if (auto value = body.get(key)) return value;
  }
  return std::nullopt;
}

/// Its beginning, in whole characters.
std::string shortened(std::string text, std::size_t most)
{
  if (text.size() <= most) return text;
  auto size = most;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80)
    --size;
  const auto more = text.size() - size;
  text.resize(size);
  return fmt::format("{} ... ({} more)", text, bytes(more));
}

void add_prompt(Paragraphs& out, const json::Value& body, std::size_t most)
{
  const auto text_of = [most](const json::Value& value) { return shortened(words_of(value), most); };
  const auto input = input_of(body);
  if (!input || !input->is(json::Kind::array)) return out.add("input", text_of(input.value_or(body)));
  for (const auto& element : input->elements()) {
    const auto role = element.get("role");
    const auto content = element.get("content");
    out.add(role ? words_of(*role) : "input", text_of(content.value_or(element)));
  }
}

Tone tone_of(std::string_view status)
{
  if (status == "succeeded") return Tone::good;
  return status == "failed" ? Tone::trouble : Tone::moving;
}

std::string head_of(const json::Value& record, const Style& style)
{
  const auto id = record.get("custom_id");
  const auto status = record.get("status");
  const auto word = status ? words_of(*status) : std::string{};
  return fmt::format("{}  {}  {}", painted(fmt::format("#{}", record.find("index")->raw()), Tone::strong, style),
                     id ? harmless(words_of(*id)) : "-", painted(word, tone_of(word), style));
}

} // namespace

std::string item(std::string_view record_json, std::string_view request, const Style& style, std::size_t most_prompt)
{
  json::Document record_document;
  json::Document request_document;
  ensure(record_document.parse(record_json), "a record of ours is JSON");
  const auto record = record_document.root();
  Paragraphs out{style};
  if (!request.empty() && request_document.parse(request)) {
    add_prompt(out, request_document.root().get("body").value_or(request_document.root()), most_prompt);
  }
  if (const auto answer = record.get("output")) out.add("answer", words_of(*answer));
  if (const auto calls = record.get("tool_calls")) out.add("tool calls", calls->raw());
  if (const auto error = record.get("error")) {
    const auto code = error->get("code");
    const auto message = error->get("message");
    out.add(
        "error",
        fmt::format("{}: {}", code ? words_of(*code) : std::string{"?"}, message ? words_of(*message) : std::string{}),
        Tone::trouble);
  }
  return head_of(record, style) + out.text();
}

std::string item_json(std::string_view record, std::string_view request)
{
  ensure(record.ends_with('}'), "a record is an object");
  record.remove_suffix(1);
  json::Document document;
  std::string_view input = "null";
  if (!request.empty() && document.parse(request)) {
    const auto body = document.root().get("body").value_or(document.root());
    input = input_of(body).value_or(body).raw();
  }
  return fmt::format(R"({},"input":{}}})", record, input);
}

std::string failures(const std::map<std::string, std::uint64_t>& by_code)
{
  std::vector<std::pair<std::string, std::uint64_t>> codes{by_code.begin(), by_code.end()};
  std::stable_sort(codes.begin(), codes.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::uint64_t all = 0;
  std::string text;
  for (const auto& [code, n] : codes) {
    all += n;
    text += fmt::format("{}{} {}", text.empty() ? ": " : ", ", count(n), harmless(code));
  }
  return fmt::format("{} failed{}", count(all), text);
}

} // namespace batchwright::report
