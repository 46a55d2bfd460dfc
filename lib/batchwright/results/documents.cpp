#include <batchwright/results/documents.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace batchwright::results {
namespace {

constexpr std::size_t deepest_field = 10; // as deep as a strict schema may be

/// What an answer says, one JSON value for each choice.
std::vector<std::string_view> sayings(const wire::Answer& answer, json::Document& document)
{
  if (!answer.is_several) return {answer.output()};
  std::vector<std::string_view> all;
  if (!document.parse(answer.output())) return all;
  for (const auto& one : document.root().elements())
    all.push_back(one.raw());
  return all;
}

/// The text of a JSON string; nothing for other values, or where it cannot be decoded.
std::optional<std::string> text_of(std::string_view json)
{
  return json.starts_with('"') ? json::decode(json.substr(1, json.size() - 2)) : std::nullopt;
}

/// The fields of an object's schema, each with the path to it.
void collect(const json::Value& schema, std::vector<std::string>& path, std::vector<std::vector<std::string>>& found)
{
  const auto properties = schema.get("properties");
  if (!properties || path.size() >= deepest_field) return;
  for (const auto& property : properties->members()) {
    path.push_back(json::decode_lossy(property.key.token()));
    if (property.value.find("properties")) {
      collect(property.value, path, found);
    } else {
      found.push_back(path);
    }
    path.pop_back();
  }
}

} // namespace

Documents::Documents(const std::string& schema) : m_schema(schema)
{
  json::Document document;
  std::vector<std::string> path;
  if (document.parse(schema)) collect(document.root(), path, m_paths);
  for (const auto& one : m_paths)
    m_fields.push_back(fmt::format("{}", fmt::join(one, ".")));
}

std::optional<std::string> Documents::violation(const wire::Answer& answer) const
{
  json::Document choices;
  for (const auto saying : sayings(answer, choices)) {
    if (saying == "null" && !answer.calls.empty()) continue;
    const auto text = text_of(saying);
    if (!text) return "the answer is no text";
    if (auto why = m_schema.violation(*text)) return why;
  }
  return std::nullopt;
}

std::string_view Documents::output(const wire::Answer& answer)
{
  m_output.clear();
  json::Document choices;
  json::Document document;
  json::Writer w{m_output};
  const auto add = [&](std::string_view saying) {
    auto text = text_of(saying);
    if (!text || !document.parse(*text)) {
      w.raw(saying);
      return;
    }
    std::replace_if(
        text->begin(), text->end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    w.raw(*text);
  };
  const auto all = sayings(answer, choices);
  if (!answer.is_several) {
    add(all.front());
    return m_output;
  }
  w.begin_array();
  for (const auto saying : all)
    add(saying);
  w.end_array();
  return m_output;
}

std::optional<std::string_view> Documents::field(const json::Value& document, std::size_t nth) const
{
  auto value = std::optional{document};
  for (const auto& name : m_paths[nth])
    value = value ? value->find(name) : std::nullopt;
  return value ? std::optional{value->raw()} : std::nullopt;
}

} // namespace batchwright::results
